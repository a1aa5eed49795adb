"""Large networks: from spec to ONNX against PyTorch's exporter, checking, verifying.

    python -m tests.bench.bench_large [--pairs 3]

Ratios are to `torch.onnx.export(dynamo=True)` of the same ResNet-18 written by hand (it needs
onnxscript). Where there is no peer, a row has seconds, and seconds of the processor, which a shared
machine does not stretch: divided by the cores they are what a quiet machine would need at least.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import resource
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench.pairs import compare, save, seconds

ROOT = Path(__file__).resolve().parents[2]
SPECS = ROOT / "specs"
SIZES = {
    "resnet18": "layers = [2, 2, 2, 2], deep = false, width = 64, size = 32",
    "resnet152": "layers = [3, 8, 36, 3], deep = true, width = 64, size = 224",
}


def spec_text(name: str) -> str:
    """`specs/resnet.dl` with the settings of one of its sizes, and an engine."""
    text = (SPECS / "resnet.dl").read_text("utf-8")
    head = "network resnet(layers, deep = true, width = 64, size = 224"
    assert head in text
    network = text[: text.index("recipe ")].replace(head, f"network resnet({SIZES[name]}")
    return f"{network}engine edge for resnet {{ targets = onnxruntime; batch = 1..64 }}\n"


def plan_of(name: str) -> Any:
    """The network, from text."""
    from dlspec.driver.phases import Compilation
    from dlspec.source import SourceFile

    source = SourceFile(f"{name}.dl", spec_text(name))
    return Compilation(source, SPECS).networks["resnet"]


def spec_to_onnx(name: str, folder: Path) -> None:
    """Text, graph, passes, fresh weights, `model.onnx` and its weights in files, ONNX's checker."""
    from dlspec.bundle import BundleWriter
    from dlspec.driver.emission import write_model
    from dlspec.randomness import initial_weights

    plan = plan_of(name)
    weights = initial_weights(plan.graph)
    with BundleWriter(folder, name) as bundle:
        write_model(bundle, plan, weights)


def resnet18() -> Any:
    """ResNet-18 for pictures of 32 x 32, as one writes it in PyTorch."""
    import torch
    import torch.nn.functional as F
    from torch import nn

    class Block(nn.Module):
        def __init__(self, inputs: int, channels: int, stride: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(inputs, channels, 3, stride, 1, bias=False)
            self.norm1 = nn.BatchNorm2d(channels)
            self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
            self.norm2 = nn.BatchNorm2d(channels)
            self.short = (
                nn.Sequential(
                    nn.Conv2d(inputs, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
                )
                if stride != 1 or inputs != channels
                else nn.Identity()
            )

        def forward(self, x: Any) -> Any:
            y = F.relu(self.norm1(self.conv1(x)))
            return F.relu(self.norm2(self.conv2(y)) + self.short(x))

    class ResNet18(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 64, 3, 2, 1, bias=False)
            self.norm = nn.BatchNorm2d(64)
            blocks, inputs = [], 64
            for i in range(4):
                for j in range(2):
                    blocks.append(Block(inputs, 64 << i, 2 if i and not j else 1))
                    inputs = 64 << i
            self.blocks = nn.Sequential(*blocks)
            self.head = nn.Linear(512, 1000)

        def forward(self, image: Any) -> Any:
            h = F.relu(self.norm(self.conv(image.float() / 255)))
            logits = self.head(self.blocks(h).mean((2, 3)))
            return logits, logits.argmax(-1)

    torch.manual_seed(0)
    return ResNet18().eval()


def exporter(folder: Path) -> Callable[[], None]:
    """`torch.onnx.export(dynamo=True)` of it; the module is built beforehand."""
    import torch

    module, image = resnet18(), torch.zeros(2, 3, 32, 32, dtype=torch.uint8)

    def export() -> None:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            torch.onnx.export(
                module,
                (image,),
                str(folder / "peer.onnx"),
                dynamo=True,
                dynamic_shapes=({0: torch.export.Dim("N")},),
                verbose=False,
            )

    return export


def check_all() -> None:
    """What `dlspec check specs/` does with every spec, in one process."""
    from dlspec.diagnostics import Sink
    from dlspec.driver.files import read_spec, specs_in
    from dlspec.sema.analyse import analyse

    for path in specs_in([SPECS]):
        sink = Sink()
        analyse(read_spec(path), sink, folder=SPECS)
        sink.raise_if_errors()


def verifier(name: str) -> Callable[[], None]:
    """Full verification of ONNX Runtime without torch, its model built beforehand."""
    from dlspec.driver import open_spec
    from dlspec.randomness import initial_weights
    from dlspec.runtime.ort import OrtEngine
    from dlspec.targets.onnx import onnx_from_graph
    from dlspec.verify.engine import verify_network

    if name == "lenet":
        plan = open_spec(SPECS / "lenet.dl").networks["lenet"]
    else:
        plan = plan_of(name)
    weights = initial_weights(plan.graph)
    engine = OrtEngine(onnx_from_graph(plan.graph, weights).SerializeToString())
    bounds = plan.engines[0].bounds

    def verify() -> None:
        result = verify_network(plan, weights, engine.run, bounds=bounds, use_torch=False)
        assert result.status == "verified", result.summary()

    return verify


def measured(name: str, work: Callable[[], None], *, times: int, promise: str) -> dict[str, Any]:
    """The medians of several times, after one that is not measured."""
    work()
    rows = []
    for _ in range(times):
        begin, used = time.perf_counter(), _processor()
        work()
        rows.append((time.perf_counter() - begin, _processor() - used))
    row = {
        "name": name,
        "ours_s": round(statistics.median(r[0] for r in rows), 3),
        "low_s": round(min(r[0] for r in rows), 3),
        "processor_s": round(statistics.median(r[1] for r in rows), 3),
        "times": times,
        "promise": promise,
    }
    print(f"{name:<44} {row['ours_s']:>8} s, processor {row['processor_s']} s  promised {promise}")
    return row


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=9)
    pairs = parser.parse_args().pairs
    warnings.simplefilter("ignore")
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        times = max(1, pairs // 3)
        for name, promise in (("resnet152", "<= 2 s"), ("resnet18", "")):
            rows.append(
                measured(
                    f"{name}, spec to checked ONNX",
                    lambda name=name: spec_to_onnx(name, folder),
                    times=times,
                    promise=promise,
                )
            )
        rows.append(measured("check of all specs", check_all, times=times, promise="<= 5 s"))
        rows.append(
            measured(
                "lenet, verified without torch", verifier("lenet"), times=times, promise="<= 1.5 s"
            )
        )
        rows.append(
            measured(
                "resnet18 at 32 x 32, verified without torch",
                verifier("resnet18"),
                times=times,
                promise="<= 10 s",
            )
        )
        export = exporter(folder)
        rows.append(
            compare(
                "resnet18, spec to checked ONNX / dynamo export, warm",
                lambda: seconds(lambda: spec_to_onnx("resnet18", folder)),
                lambda: seconds(export),
                pairs=pairs,
                promise="<= 1/10",
            )
        )
    save("large", rows)


if __name__ == "__main__":
    main()
