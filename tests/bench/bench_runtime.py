"""What the runtime costs on top of onnxruntime itself.

python tests/bench/bench_runtime.py [--pairs 9]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.pairs import compare, process, save

ROOT = Path(__file__).resolve().parents[2]

OURS = """
import dlspec, numpy, warnings
warnings.simplefilter("ignore")
print(dlspec.load("build/lenet")(image=numpy.zeros((1, 28, 28), "uint8")).digit)
"""
RAW = """
import numpy, onnxruntime
options = onnxruntime.SessionOptions()
session = onnxruntime.InferenceSession("MODEL", options, providers=["CPUExecutionProvider"])
print(session.run(None, {"image": numpy.zeros((1, 28, 28), "uint8")})[2])
"""


def per_call(call: Any, seconds: float = 0.2) -> float:
    """Seconds a call, the least of several short stretches."""
    best = float("inf")
    for _ in range(5):
        count, start = 0, time.perf_counter()
        while time.perf_counter() - start < seconds / 5:
            call()
            count += 1
        best = min(best, (time.perf_counter() - start) / count)
    return best


def main() -> None:
    from dlspec import compile, load
    from dlspec.bundle import current_bundle

    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=9)
    pairs = parser.parse_args().pairs
    rows: list[dict[str, Any]] = []
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        compile(ROOT / "specs" / "lenet.dl", folder / "build")
        file = current_bundle(folder / "build" / "lenet") / "engines/edge/onnxruntime/model.onnx"
        (folder / "ours.py").write_text(OURS)
        (folder / "raw.py").write_text(RAW.replace("MODEL", str(file)))
        rows.append(
            compare(
                "load and first answer / onnxruntime script",
                lambda: process([sys.executable, "ours.py"], folder),
                lambda: process([sys.executable, "raw.py"], folder),
                pairs=pairs,
                promise="<= 1.3",
            )
        )
        model = load(folder / "build" / "lenet")
        run = model.engine._session.run
        for batch, promise in ((1, "<= 15 us on top"), (64, "<= 1.05")):
            image = np.random.default_rng(0).integers(0, 256, (batch, 28, 28)).astype(np.uint8)
            feeds = {"image": image}
            row = compare(
                f"call at batch {batch} / session.run",
                lambda image=image: per_call(lambda: model(image=image)),
                lambda feeds=feeds: per_call(lambda: run(None, feeds)),
                pairs=pairs,
                promise=promise,
            )
            row["on_top_us"] = round((row["ours_s"] - row["peer_s"]) * 1e6, 2)
            print(f"{'':<44} {row['on_top_us']} us on top")
            rows.append(row)
    save("runtime", rows)


if __name__ == "__main__":
    main()
