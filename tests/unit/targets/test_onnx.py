"""The ONNX lowering's own promises: names, spans, exposure, external data, precision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from dlspec.diagnostics import DlspecError
from dlspec.ir.builder import GraphBuilder
from dlspec.ir.graph import Graph
from dlspec.ir.types import TensorType
from dlspec.ops.activation import Relu, Softmax
from dlspec.ops.arithmetic import Add, Div
from dlspec.ops.base import OnnxBuilder, Op
from dlspec.ops.comparison import Cast
from dlspec.ops.convolution import Conv
from dlspec.ops.linear import Dense
from dlspec.ops.pooling import MaxPool
from dlspec.ops.reduction import Argmax
from dlspec.ops.shape import Flatten, Reshape
from dlspec.source import SourceFile, Span
from dlspec.targets.onnx import Location, externalize, legalize, onnx_from_graph
from tests.graphs.catalogue import CATALOGUE, draw_inputs, draw_weights

SPEC = SourceFile("net.dl", "line one\nline two\n    conv here\n")


def picture_net() -> Graph:
    b = GraphBuilder("net")
    image = b.input("image", "uint8", "N", 12, 12)
    x = b.one(Div(), b.one(Cast("float32"), image, path="x.cast"), b.constant(255.0), path="x.div")
    x = b.one(Reshape((1, 12, 12)), x, path="x.reshape")
    x = b.one(Conv(4, kernel=3), x, path="maps", span=Span(SPEC, 22, 26))
    x = b.one(MaxPool(2), b.one(Relu(), x, path="x.relu"), path="x.pool")
    x = b.one(Dense(7), b.one(Flatten(), x, path="x.flatten"), path="x.dense", name="logits")
    p = b.one(Softmax(), x, path="softmax", name="probability")
    return b.finish(logits=x, probability=p, digit=b.one(Argmax(), x, path="digit"))


def session_run(model: onnx.ModelProto, inputs: dict[str, Any]) -> dict[str, Any]:
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))


def test_names_spans_and_dims() -> None:
    graph = picture_net()
    model = onnx_from_graph(graph, draw_weights(graph))
    onnx.checker.check_model(model, full_check=True)
    assert (model.opset_import[0].version, model.ir_version) == (21, 10)
    conv = next(n for n in model.graph.node if n.op_type == "Conv")
    assert (conv.name, list(conv.output)) == ("net.maps/Conv", ["maps"])
    assert {p.key: p.value for p in conv.metadata_props} == {"dl.src": "net.dl:3:5"}
    assert {w.name for w in graph.weights} <= {t.name for t in model.graph.initializer}
    assert [o.name for o in model.graph.output] == ["logits", "probability", "digit"]
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "N"
    assert len({n.name for n in model.graph.node}) == len(model.graph.node)
    described = {v.name for v in model.graph.value_info}
    assert {"maps", "x.relu"} <= described


def test_exposed_values_come_after_the_outputs() -> None:
    graph = picture_net()
    weights = draw_weights(graph)
    model = onnx_from_graph(graph, weights, expose=["maps"])
    assert [o.name for o in model.graph.output] == ["logits", "probability", "digit", "maps"]
    inputs = {"image": np.random.default_rng(0).integers(0, 256, (3, 12, 12)).astype("uint8")}
    plain = session_run(onnx_from_graph(graph, weights), inputs)
    every = session_run(onnx_from_graph(graph, weights, expose="all"), inputs)
    assert len(every) == sum(len(n.outputs) for n in graph.nodes)
    np.testing.assert_array_equal(every["logits"], plain["logits"])
    with pytest.raises(KeyError, match="nothing"):
        onnx_from_graph(graph, weights, expose=["nothing"])


def test_one_value_may_be_two_outputs_and_a_name_may_be_taken() -> None:
    b = GraphBuilder("g")
    x = b.input("x", "float", "N", 2)
    y = b.one(Relu(), x, path="y")
    model = onnx_from_graph(b.finish(y=y, again=y, copied=x), {})
    onnx.checker.check_model(model, full_check=True)
    made = session_run(model, {"x": np.array([[-1, 2]], "f4")})
    assert made["again"].tolist() == made["y"].tolist() == [[0, 2]]
    assert made["copied"].tolist() == [[-1, 2]]
    b.output("x", y)
    with pytest.raises(DlspecError, match="DL501"):
        onnx_from_graph(b.graph, {})


def test_an_inner_value_gives_way_to_an_output_of_its_name() -> None:
    b = GraphBuilder("g")
    x = b.input("x", "float", "N", 2)
    inner = b.one(Relu(), x, path="y")
    model = onnx_from_graph(b.finish(y=b.one(Add(), inner, inner, path="sum")), {})
    onnx.checker.check_model(model, full_check=True)
    assert session_run(model, {"x": np.array([[1, 2]], "f4")})["y"].tolist() == [[2, 4]]


@pytest.mark.parametrize("emitted_with_data", [True, False])
def test_weights_may_lie_in_a_file_beside(tmp_path: Path, emitted_with_data: bool) -> None:
    graph = picture_net()
    weights = draw_weights(graph)
    inputs = {"image": np.ones((2, 12, 12), "uint8")}
    expected = session_run(onnx_from_graph(graph, weights), inputs)
    blob, places = b"head", {}
    for name, value in weights.items():
        places[name] = Location("weights.bin", len(blob), value.nbytes)
        blob += value.tobytes()
    (tmp_path / "weights.bin").write_bytes(blob)
    model = externalize(onnx_from_graph(graph, weights if emitted_with_data else None), places)
    assert not any(t.raw_data for t in model.graph.initializer if t.name in weights)
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    session = ort.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    np.testing.assert_array_equal(session.run(["logits"], inputs)[0], expected["logits"])
    with pytest.raises(ValueError, match="bytes"):
        externalize(model, {"maps.weight": Location("weights.bin", 0, 4)})


@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
def test_precision_is_explicit(precision: str) -> None:
    graph = picture_net()
    weights = draw_weights(graph)
    model = onnx_from_graph(graph, weights)
    result = legalize(model, precision)
    onnx.checker.check_model(result.model, full_check=True)
    assert {"net.maps/Conv", "net.x.dense/Gemm", "net.x.relu/Relu"} <= set(result.narrow)
    assert "net.softmax/Softmax" in result.kept
    assert {"maps.weight", "maps.bias", "x.dense.weight"} <= set(result.weights)
    narrow = onnx.TensorProto.DataType.Value(precision.upper())
    stored = {t.name: t.data_type for t in result.model.graph.initializer}
    assert stored["maps.weight"] == narrow
    kinds = [o.type.tensor_type.elem_type for o in result.model.graph.output]
    assert kinds == [o.type.tensor_type.elem_type for o in model.graph.output]
    types = onnx.shape_inference.infer_shapes(result.model, strict_mode=True).graph.value_info
    assert {v.name: v.type.tensor_type.elem_type for v in types}["maps"] == narrow
    if precision == "float16":  # ONNX Runtime's CPU has no bfloat16 convolution
        inputs = {"image": np.random.default_rng(0).integers(0, 256, (3, 12, 12)).astype("uint8")}
        exact, rough = session_run(model, inputs), session_run(result.model, inputs)
        error = np.abs(exact["logits"] - rough["logits"]).max()
        assert 0 < error < 0.02 * np.abs(exact["logits"]).max()


def test_precision_float32_changes_nothing_and_others_are_refused() -> None:
    graph = picture_net()
    model = onnx_from_graph(graph, draw_weights(graph))
    assert legalize(model, "float32").model is model
    with pytest.raises(DlspecError, match="DL502"):
        legalize(model, "int3")


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_graph_survives_float16(name: str) -> None:
    case = CATALOGUE[name]
    graph = case.build()
    model = onnx_from_graph(graph, draw_weights(graph))
    result = legalize(model, "float16").model
    onnx.checker.check_model(result, full_check=True)
    inputs = draw_inputs(graph, case, case.sizes[-1])
    exact, rough = session_run(model, inputs), session_run(result, inputs)
    for output, value in exact.items():
        if value.dtype.kind == "f":
            np.testing.assert_allclose(rough[output], value, rtol=0.05, atol=0.05)


def test_float16_weights_saturate() -> None:
    b = GraphBuilder("g")
    graph = b.finish(y=b.one(Dense(1), b.input("x", "float", "N", 2), path="layer"))
    weights = {
        "layer.weight": np.array([[1e6, -1e6]], "f4"),
        "layer.bias": np.array([np.inf], "f4"),
    }
    model = legalize(onnx_from_graph(graph, weights), "float16").model
    stored = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
    assert stored["layer.weight"].tolist() == [[65504.0, -65504.0]]
    assert np.isinf(stored["layer.bias"]).all()


class Twice(Op):
    """Its one node as two results, its input as a third. Without a name it is not registered."""

    ragged = "pointwise"

    def parameter_types(self, *tensors: TensorType) -> dict[str, TensorType]:
        return {}

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        assert inputs[0] is not None
        return (inputs[0],) * 3

    def onnx(self, g: OnnxBuilder, *inputs: str) -> tuple[str, ...]:
        made = g.op("Relu", inputs[0])
        return made, made, inputs[0]


def test_an_op_may_pass_a_value_on_under_several_names() -> None:
    b = GraphBuilder("g")
    x = b.input("x", "float", "N", 2)
    first, second, third = b.apply(Twice(), x, path="twice", name=["a", "b", "c"])
    model = onnx_from_graph(b.finish(a=first, b=second, c=third), {})
    onnx.checker.check_model(model, full_check=True)
    made = session_run(model, {"x": np.array([[-1, 2]], "f4")})
    assert [made[n].tolist() for n in "abc"] == [[[0, 2]], [[0, 2]], [[-1, 2]]]
