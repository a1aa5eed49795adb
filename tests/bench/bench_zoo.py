"""The convolutional systems of `specs/` in their small settings, on emoji: one table.

    python -m tests.bench.bench_zoo [--out FOLDER] [SYSTEM …]

Each is trained by `dlspec train` on one thread (a minute or two of one core), verified and built.
Systems that FOLDER holds already are only listed. The table goes to `results/zoo.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from dlspec.bundle import current_bundle
from dlspec.data import open_source
from dlspec.diagnostics import Sink
from dlspec.driver.files import read_spec
from dlspec.inspect.cost import graph_cost
from dlspec.sema.analyse import analyse

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).parent / "results" / "zoo.json"

SYSTEMS: dict[str, tuple[str, dict[str, str]]] = {
    "alexnet": ("alexnet", {}),
    "vgg": ("vgg", {}),
    "googlenet": ("googlenet", {}),
    "resnet": ("resnet", {}),
    "densenet": ("densenet", {}),
    "rir": ("resnet_in_resnet", {}),
    "fractalnet": ("fractalnet", {}),
    "highway50": ("highway", {}),
    "plain50": ("highway", {"plain": "true"}),
}
"""By name: the spec, and settings from outside."""


def trained(name: str, folder: Path) -> dict[str, Any]:
    """Train a system, unless the folder has it; what the run says of itself."""
    record = folder / "row.json"
    if not record.exists():
        folder.mkdir(parents=True, exist_ok=True)
        spec, settings = SYSTEMS[name]
        given = [w for k, v in settings.items() for w in ("--set", f"{k}={v}")]
        command = [sys.executable, "-m", "dlspec.cli.main", "train", f"{ROOT}/specs/{spec}.dl"]
        command += [*given, "--threads", "1", "--quiet", "--runs", "runs", "--out", "build"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        one = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
        with (folder / "log").open("w") as log:
            subprocess.run(command, cwd=folder, env=one, stdout=log, stderr=log, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        record.write_text(json.dumps({"cpu_s": round(after.ru_utime - before.ru_utime)}))
    found: dict[str, Any] = json.loads(record.read_text())
    return found


def row(name: str, folder: Path) -> dict[str, Any]:
    """A line of the table: from the bundle, the spec and the run."""
    spec, settings = SYSTEMS[name]
    path = ROOT / "specs" / f"{spec}.dl"
    meaning = analyse(read_spec(path), Sink(), folder=path.parent, overrides=settings)
    (network,) = meaning.networks.values()
    manifest = json.loads(
        (current_bundle(folder / "build" / network.name) / "manifest.json").read_text()
    )
    statuses = {e["target"]: e["status"] for e in manifest["engines"]}
    return {
        "system": name,
        "test_accuracy": round(manifest["training"]["metrics"]["test.accuracy"], 4),
        "parameters": manifest["parameters"],
        "flops": graph_cost(network.graph.nodes, {"N": 1}).flops,
        "epochs": manifest["training"]["epochs"],
        **trained(name, folder),
        **statuses,
    }


def baselines() -> list[dict[str, Any]]:
    """The most frequent kind, and the kind of the nearest picture to learn from, on the same
    split."""
    splits = open_source("emoji")
    assert splits.test is not None
    known, asked = (
        p["image"].reshape(len(p), -1).astype(np.float32) / 255 for p in (splits.train, splits.test)
    )
    labels, truth = splits.train["label"], splits.test["label"]
    distance = (known**2).sum(axis=1)[None] - 2 * asked @ known.T
    answers = {
        "nearest neighbour": labels[distance.argmin(axis=1)],
        "most frequent kind": np.bincount(labels).argmax(),
    }
    return [
        {"system": name, "test_accuracy": round(float((answer == truth).mean()), 4)}
        for name, answer in answers.items()
    ]


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as Markdown, the best first."""
    lines = ["| | test accuracy | parameters | FLOPs | epochs | one core | ONNX Runtime |"]
    lines.append("|---|---|---|---|---|---|---|")
    for found in sorted(rows, key=lambda r: -r["test_accuracy"]):
        cells = [found["system"], f"{found['test_accuracy']:.3f}"]
        if "parameters" in found:
            cells += [f"{found['parameters']:,}", f"{found['flops'] / 1e6:.1f} M"]
            cells += [str(found["epochs"]), f"{found['cpu_s']} s", found["onnxruntime"]]
        else:
            cells += [""] * 5
        lines.append(f"| {' | '.join(cells)} |".replace("  ", " "))
    return "\n".join(lines)


def main() -> None:
    """Train what is missing; print and save the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("systems", nargs="*", metavar="SYSTEM", help=", ".join(SYSTEMS))
    parser.add_argument("--out", type=Path, default=Path("zoo"))
    args = parser.parse_args()
    unknown = [name for name in args.systems if name not in SYSTEMS]
    if unknown:
        parser.error(f"no system is called {unknown[0]}")
    rows = baselines()
    for name in args.systems or SYSTEMS:
        folder = args.out.absolute() / name
        trained(name, folder)
        rows.append(row(name, folder))
    print(table(rows))
    RESULTS.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
