"""Small real bundles for tests: a digit reader with a dense layer, made with onnx.helper."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from dlspec.bundle import (
    BundleWriter,
    EngineRecord,
    GoldenCase,
    InputSpec,
    Manifest,
    OutputSpec,
)

DIGITS = tuple("0123456789")


def weights() -> dict[str, Any]:
    """One dense layer's weight and bias."""
    random = np.random.default_rng(7)
    return {
        "dense.weight": random.standard_normal((784, 10)).astype(np.float32) / 28,
        "dense.bias": random.standard_normal(10).astype(np.float32),
    }


def model() -> onnx.ModelProto:
    """image: uint8[N, 28, 28] -> logits: float32[N, 10], digit: int64[N]."""
    node, info = helper.make_node, helper.make_tensor_value_info
    graph = helper.make_graph(
        [
            node("Cast", ["image"], ["f"], name="cast", to=TensorProto.FLOAT),
            node("Flatten", ["f"], ["flat"], name="flat"),
            node("MatMul", ["flat", "dense.weight"], ["m"], name="dense"),
            node("Add", ["m", "dense.bias"], ["logits"], name="bias"),
            node("ArgMax", ["logits"], ["digit"], name="digit", axis=1, keepdims=0),
        ],
        "reader",
        [info("image", TensorProto.UINT8, ["N", 28, 28])],
        [info("logits", TensorProto.FLOAT, ["N", 10]), info("digit", TensorProto.INT64, ["N"])],
        [numpy_helper.from_array(a, n) for n, a in weights().items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def answer(image: Any) -> dict[str, Any]:
    """The meaning in float64."""
    w = {n: a.astype(np.float64) for n, a in weights().items()}
    logits = image.reshape(len(image), -1).astype(np.float64) @ w["dense.weight"] + w["dense.bias"]
    return {"logits": logits, "digit": logits.argmax(1)}


def images(n: int) -> Any:
    """n random pictures."""
    return np.random.default_rng(3).integers(0, 256, (n, 28, 28), dtype=np.uint8)


def manifest(*engines: EngineRecord, **changes: Any) -> Manifest:
    """The sample's manifest."""
    edge = EngineRecord(
        "edge", "onnxruntime", "model.onnx", status="verified", bounds={"N": (1, 64)}
    )
    settings: dict[str, Any] = {"trained": True, "parameters": 7850, **changes}
    return Manifest(
        "reader",
        "0.1.0",
        inputs=(InputSpec("image", "uint8", ("N", "28", "28")),),
        outputs=(
            OutputSpec("logits", "float32", ("N", "10")),
            OutputSpec("digit", "int64", ("N",), DIGITS),
        ),
        engines=engines or (edge,),
        **settings,
    )


def publish(root: Path, *engines: EngineRecord, golden_offset: float = 0.0, **changes: Any) -> Path:
    """Publish the sample under ``root``; the version's folder."""
    image = images(3)
    expected = answer(image)
    expected["logits"] = expected["logits"] + golden_offset
    with BundleWriter(root, "reader") as bundle:
        bundle.add_bytes("model.onnx", model().SerializeToString())
        bundle.add_weights(weights())
        bundle.add_text("model.py", "# a module\n")
        bundle.add_text("report.html", "<!doctype html>\n")
        bundle.add_text("spec/reader.dl", "network reader {}\n")
        bundle.add_golden([GoldenCase({"image": image}, expected, {})])
        return bundle.publish(manifest(*engines, **changes))
