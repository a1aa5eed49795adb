"""From spec to ONNX and to verified engines, against PyTorch's exporters.

    python tests/bench/bench_compile.py [--pairs 9]

The exporters' `dynamo=True` needs onnxscript.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.bench.pairs import compare, process, save, seconds

ROOT = Path(__file__).resolve().parents[2]
SPEC = ROOT / "specs" / "lenet.dl"

EXPORT = """
import sys, torch, torch.nn as nn, torch.nn.functional as F
class LeNet(nn.Module):
    def __init__(s):
        super().__init__()
        s.c1 = nn.Conv2d(1, 6, 5, padding=2); s.c2 = nn.Conv2d(6, 16, 5)
        s.f1 = nn.Linear(400, 120); s.f2 = nn.Linear(120, 84); s.f3 = nn.Linear(84, 10)
    def forward(s, image):
        x = F.max_pool2d(F.relu(s.c1((image.float() / 255).unsqueeze(1))), 2)
        x = F.max_pool2d(F.relu(s.c2(x)), 2)
        logits = s.f3(F.relu(s.f2(F.relu(s.f1(x.flatten(1))))))
        return logits, logits.softmax(-1), logits.argmax(-1)
model, image = LeNet().eval(), torch.zeros(2, 28, 28, dtype=torch.uint8)
if sys.argv[1] == "dynamo":
    shapes = ({0: torch.export.Dim("N")},)
    torch.onnx.export(model, (image,), "peer.onnx", dynamo=True, dynamic_shapes=shapes)
else:
    torch.onnx.export(model, (image,), "peer.onnx", dynamo=False, input_names=["image"],
                      dynamic_axes={"image": {0: "N"}}, opset_version=18)
"""


def spec_to_onnx() -> bytes:
    """Spec text to a checked, serialised ONNX model."""
    import onnx

    from dlspec.driver.phases import Compilation
    from dlspec.randomness import initial_weights
    from dlspec.source import SourceFile
    from dlspec.targets.onnx import onnx_from_graph

    plan = Compilation(SourceFile("lenet.dl", SPEC.read_text()), ROOT / "specs").networks["lenet"]
    model = onnx_from_graph(plan.graph, initial_weights(plan.graph))
    onnx.checker.check_model(model)
    return model.SerializeToString()


def exporter(folder: Path) -> Any:
    """`torch.onnx.export(dynamo=True)` of the emitted module."""
    import torch

    from dlspec.driver import open_spec
    from dlspec.driver.emission import model_py
    from dlspec.targets.torch_source import load_module

    compilation = open_spec(SPEC)
    plan = compilation.networks["lenet"]
    module = load_module(model_py(plan, compilation.source), folder / "model.py")().eval()
    image = torch.zeros(2, 28, 28, dtype=torch.uint8)

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


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=9)
    pairs = parser.parse_args().pairs
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "export.py").write_text(EXPORT)
        dlspec = str(Path(sys.executable).with_name("dlspec"))
        python = sys.executable
        export = exporter(folder)
        rows.append(
            compare(
                "spec to checked ONNX / dynamo export, warm",
                lambda: seconds(spec_to_onnx),
                lambda: seconds(export),
                pairs=pairs,
                promise="<= 1/20",
            )
        )
        plain = [dlspec, "compile", str(SPEC), "--out", "plain", "--target", "onnxruntime"]
        full = [dlspec, "compile", str(SPEC), "--out", "full"]
        for title, ours, peer, promise in (
            (
                "check / import lark, numpy",
                [dlspec, "check", str(SPEC)],
                [python, "-c", "import lark, numpy"],
                "<= 4",
            ),
            (
                "compile, ONNX Runtime, no torch / export",
                [*plain, "--no-torch"],
                [python, "export.py", "script"],
                "<= 0.7",
            ),
            (
                "compile, torch, TensorRT-RTX / dynamo export",
                full,
                [python, "export.py", "dynamo"],
                "<= 0.8",
            ),
        ):
            rows.append(
                compare(
                    title,
                    lambda command=ours: process(command, folder),
                    lambda command=peer: process(command, folder),
                    pairs=pairs,
                    promise=promise,
                )
            )
    save("compile", rows)


if __name__ == "__main__":
    main()
