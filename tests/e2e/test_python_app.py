"""The example application, in an environment with dlspec, NumPy and ONNX Runtime, and nothing that
compiles or trains."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from dlspec.bundle import BundleWriter, EngineRecord, InputSpec, Manifest, OutputSpec

REPO = Path(__file__).parents[2]
APP = REPO / "examples" / "python_app" / "read_digit.py"
NEEDED = ("numpy", "onnxruntime", "onnxruntime-gpu", "flatbuffers", "protobuf", "packaging")


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty environment with only the files of the distributions that an application needs,
    linked, not downloaded."""
    home = tmp_path_factory.mktemp("app") / "venv"
    venv.create(home, with_pip=False, symlinks=os.name != "nt")
    site = next(home.glob("lib/python*/site-packages"), home / "Lib" / "site-packages")
    for name in NEEDED:
        try:
            found = distribution(name)
        except ModuleNotFoundError:
            continue  # one of the two distributions of ONNX Runtime, or what only older ones need
        folders = {file.parts[0] for file in found.files or () if file.parts[0] not in ("..", ".")}
        for folder in folders:
            (site / folder).symlink_to(Path(str(found.locate_file(folder))))
    (site / "dlspec").symlink_to(REPO / "dlspec")
    return home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reader that sees a digit d in a picture whose row d is bright."""
    node, info = helper.make_node, helper.make_tensor_value_info
    weight = np.zeros((28, 10), np.float32)
    weight[np.arange(10), np.arange(10)] = 1 / 255
    graph = helper.make_graph(
        [
            node("Cast", ["image"], ["f"], to=TensorProto.FLOAT),
            node("ReduceMean", ["f", "axis"], ["rows"], keepdims=0),
            node("MatMul", ["rows", "dense.weight"], ["mean"]),
            node("Mul", ["mean", "ten"], ["logits"]),
            node("Softmax", ["logits"], ["probability"], axis=-1),
            node("ArgMax", ["logits"], ["digit"], axis=1, keepdims=0),
        ],
        "rows",
        [info("image", TensorProto.UINT8, ["N", 28, 28])],
        [
            info("probability", TensorProto.FLOAT, ["N", 10]),
            info("digit", TensorProto.INT64, ["N"]),
        ],
        [
            numpy_helper.from_array(weight, "dense.weight"),
            numpy_helper.from_array(np.array([2]), "axis"),
            numpy_helper.from_array(np.float32(10), "ten"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    manifest = Manifest(
        "rows",
        "0.1.0",
        inputs=(InputSpec("image", "uint8", ("N", "28", "28")),),
        outputs=(
            OutputSpec("probability", "float32", ("N", "10")),
            OutputSpec("digit", "int64", ("N",), tuple("0123456789")),
        ),
        engines=(EngineRecord("edge", "onnxruntime", "model.onnx", status="verified"),),
        trained=True,
    )
    root = tmp_path_factory.mktemp("build")
    with BundleWriter(root, "rows") as writer:
        writer.add_bytes("model.onnx", model.SerializeToString())
        writer.publish(manifest)
    return root / "rows"


def _run(python: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    environment["PYTHONIOENCODING"] = "utf-8"
    return subprocess.run(
        [str(python), "-W", "error", *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=environment,
        check=False,
    )


def test_nothing_that_compiles_or_trains_is_there(python: Path) -> None:
    assert python.resolve() == Path(sys.executable).resolve() or os.name == "nt"
    for module in ("torch", "onnx", "lark", "matplotlib", "pytest"):
        done = _run(python, "-c", f"import {module}")
        assert f"No module named '{module}'" in done.stderr


def test_the_application_reads_a_digit(python: Path, bundle: Path, tmp_path: Path) -> None:
    for digit in (0, 7):
        image = np.zeros((28, 28), np.uint8)
        image[digit] = 255
        np.save(tmp_path / "picture.npy", image)
        done = _run(python, APP, bundle, tmp_path / "picture.npy")
        assert done.returncode == 0, done.stderr
        first, *lines = done.stdout.splitlines()
        assert first == f"picture.npy shows a {digit}"
        assert len(lines) == 10 and lines[digit].endswith("←")


def test_mistakes_are_told_without_a_traceback(python: Path, bundle: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "picture.npy", np.zeros((14, 14), np.uint8))
    done = _run(python, APP, bundle, tmp_path / "picture.npy")
    assert done.returncode == 1 and "axis 1 must be 28" in done.stderr
    done = _run(python, APP, tmp_path / "nowhere", tmp_path / "picture.npy")
    assert done.returncode == 1 and "DL630" in done.stderr
    assert "Traceback" not in done.stderr
