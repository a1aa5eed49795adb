"""The interpreter: precision, what it checks, what it shows, and bodies of loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dlspec.diagnostics import DlspecError
from dlspec.interpreter import run
from dlspec.ir.builder import GraphBuilder
from dlspec.ir.graph import Graph, Value
from dlspec.ops import REGISTRY

Array = NDArray[Any]
X = np.array([[1, -1]], dtype=np.float32)
W = {
    "hidden.weight": np.array([[1, -2], [-1, 1]], dtype=np.float32),
    "hidden.bias": np.array([1, 0], dtype=np.float32),
}


def op(name: str, **settings: Any) -> Any:
    """An op by name."""
    return REGISTRY[name](**settings)


def tiny() -> Graph:
    """The first layer of the lecture's example, doubled."""
    b = GraphBuilder("tiny")
    x = b.input("x", "float", "N", 2)
    h = b.one(op("dense", units=2), x, path="hidden", name="h")
    y = b.one(op("sigmoid"), h, name="y", path="y")
    return b.finish(y=b.one(op("mul"), y, b.constant(2.0, name="two"), name="double"))


def code_of(graph: Graph, inputs: dict[str, Any], weights: dict[str, Any] = W) -> tuple[str, str]:
    """The diagnostic that a run ends with."""
    with pytest.raises(DlspecError) as caught:
        run(graph, inputs, weights)
    (diagnostic,) = caught.value.diagnostics
    return diagnostic.code, diagnostic.message


def test_the_lectures_example() -> None:
    result = run(tiny(), {"x": X}, W)
    expected = 2 / (1 + np.exp(-np.array([[4.0, -2.0]])))
    np.testing.assert_allclose(result.outputs["y"], expected, rtol=1e-15)
    assert result.outputs["y"].dtype == np.float64
    assert run(tiny(), {"x": X}, W, dtype=np.float32).outputs["y"].dtype == np.float32


def test_float64_all_the_way_from_bytes() -> None:
    b = GraphBuilder("pixels")
    x = b.input("x", "uint8", "N")
    third = b.one(op("div"), b.one(op("cast", dtype="float"), x), b.constant(3.0))
    result = run(b.finish(y=third), {"x": np.array([1], np.uint8)}, {})
    assert result.outputs["y"][0] == 1 / 3


def test_wanted_values() -> None:
    graph = tiny()
    assert run(graph, {"x": X}, W).values == {}
    assert run(graph, {"x": X}, W, want="all").values.keys() == {v.name for v in graph.values()}
    assert run(graph, {"x": X}, W, want=["h"]).values.keys() == {"h"}


def test_on_value_sees_and_replaces() -> None:
    seen: list[str] = []

    def watch(value: Value, array: Array) -> Array:
        seen.append(value.name)
        return array * 0 if value.name == "h" else array

    result = run(tiny(), {"x": X}, W, on_value=watch)
    assert seen == ["x", "hidden.weight", "hidden.bias", "two", "h", "y", "double"]
    np.testing.assert_array_equal(result.outputs["y"], [[1, 1]])


def test_feeds_are_checked() -> None:
    graph = tiny()
    assert code_of(graph, {}) == ("DL330", "`tiny` was given no input `x`")
    assert code_of(graph, {"x": X}, {}) == ("DL330", "`tiny` was given no weight `hidden.weight`")
    assert code_of(graph, {"x": X, "z": X}) == ("DL331", "`tiny` has no input `z`")
    shown = "input `x` is float32[1, 3], expected 2 on axis 1"
    assert code_of(graph, {"x": np.zeros((1, 3), np.float32)}) == ("DL332", shown)
    shown = "input `x` is float32[2], expected 2 axes"
    assert code_of(graph, {"x": np.zeros(2, np.float32)}) == ("DL332", shown)


def test_one_symbol_has_one_size() -> None:
    b = GraphBuilder("pair")
    x, y = b.input("x", "float", "N", "T"), b.input("y", "float", "N", "T")
    graph = b.finish(z=b.one(op("add"), x, y))
    _, message = code_of(graph, {"x": np.zeros((2, 3)), "y": np.zeros((2, 4))}, {})
    assert message == "input `y` is float64[2, 4], expected 3 (T of another input) on axis 1"


def test_expressions_over_symbols_are_checked() -> None:
    from dlspec.dims import Dim

    b = GraphBuilder("strided")
    y = b.input("y", "float", "N", Dim.of("T") // 2)
    x = b.input("x", "float", "N", "T")
    graph = b.finish(y=y, x=x)
    run(graph, {"x": np.zeros((1, 5)), "y": np.zeros((1, 2))}, {})
    code, message = code_of(graph, {"x": np.zeros((1, 5)), "y": np.zeros((1, 3))}, {})
    assert code == "DL332"
    assert "expected 2 (T//2) on axis 1" in message


def test_integers_take_no_fractions() -> None:
    b = GraphBuilder("ids")
    x = b.input("x", "int", "N")
    graph = b.finish(y=x)
    assert code_of(graph, {"x": np.zeros(2)}, {})[0] == "DL332"
    assert run(graph, {"x": np.zeros(2, np.uint8)}, {}).outputs["y"].dtype == np.int64


def test_nothing_is_told_of_infinities() -> None:
    b = GraphBuilder("logs")
    graph = b.finish(y=b.one(op("log"), b.input("x", "float", "N")))
    y = run(graph, {"x": np.array([0.0, -1.0, np.nan])}, {}).outputs["y"]
    assert y[0] == -np.inf
    assert np.isnan(y[1:]).all()


def test_updates_are_the_next_buffers() -> None:
    b = GraphBuilder("norm", "training")
    x = b.input("x", "float", "N", 1)
    y, mean, variance = b.apply(op("batch_norm", training=True), x, path="n")
    b.update(b.graph.buffers[0], mean)
    b.update(b.graph.buffers[1], variance)
    weights = {
        "n.weight": np.ones(1),
        "n.bias": np.zeros(1),
        "n.running_mean": np.zeros(1),
        "n.running_var": np.ones(1),
    }
    result = run(b.finish(y=y), {"x": np.array([[1.0], [3.0]])}, weights)
    np.testing.assert_allclose(result.updates["n.running_mean"], [0.2])
    np.testing.assert_allclose(result.updates["n.running_var"], [0.9 + 0.1 * 2])
    np.testing.assert_allclose(result.outputs["y"], [[-1], [1]], atol=1e-5)
