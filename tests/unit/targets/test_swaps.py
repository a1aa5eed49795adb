"""What is computed for all steps before a loop goes into it in the loop's own order."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from dlspec.driver.phases import Compilation
from dlspec.interpreter import run
from dlspec.ir.graph import Graph
from dlspec.ops.control import Scan
from dlspec.passes import optimized
from dlspec.randomness import structural_weights
from dlspec.source import SourceFile
from dlspec.targets.onnx import onnx_from_graph

RESIDUAL = """
cell residual(units) {
    input x: float[N, D]
    state h: float[N, units] = 0
    h' = tanh((x -> dense(units)) + (h -> dense(units))) + x
    output h'
}
network net {
    input x: float[N, TIME, 6]
    output y = x -> scan(residual(6), reverse = REVERSE)
}
"""
LENGTHS = np.array([5, 1, 3], np.int32)


def graph_of(time: str, reverse: str) -> Graph:
    text = RESIDUAL.replace("TIME", time).replace("REVERSE", reverse)
    (plan,) = Compilation(SourceFile("swaps.dl", text)).networks.values()
    return optimized(plan.graph)


def scan_of(model: onnx.ModelProto) -> dict[str, Any]:
    (loop,) = (n for n in model.graph.node if n.op_type == "Scan")
    return {a.name: onnx.helper.get_attribute_value(a) for a in loop.attribute}


def answer(model: onnx.ModelProto, wanted: str, feeds: dict[str, np.ndarray]) -> np.ndarray:
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return np.asarray(session.run([wanted], feeds)[0])


@pytest.mark.parametrize("time", ["T", "<=T"])
@pytest.mark.parametrize("reverse", ["false", "true"])
def test_a_loop_reads_steps_in_its_own_order(time: str, reverse: str) -> None:
    graph = graph_of(time, reverse)
    weights = structural_weights(graph, 1)
    x = np.random.default_rng(0).standard_normal((3, 5, 6)).astype(np.float32)
    feeds = {"x": x, "T_lengths": LENGTHS} if time == "<=T" else {"x": x}
    expected = run(graph, feeds, weights).outputs["y"]

    model = onnx_from_graph(graph, weights)
    onnx.checker.check_model(model, full_check=True)
    found = answer(model, "y", feeds)
    np.testing.assert_allclose(found, expected, atol=1e-5)

    kinds = [n.op_type for n in model.graph.node]
    axes = scan_of(model)["scan_input_axes"]
    # x itself stays as it is where the cell reads what is not covered behind the lengths
    assert (kinds.count("Transpose"), axes) == ((1, [0, 0]) if time == "T" else (1, [1, 0, 0]))


def test_values_in_the_order_of_the_spec_are_there_for_whoever_asks() -> None:
    graph = graph_of("T", "false")
    (loop,) = (n for n in graph.nodes if isinstance(n.op, Scan))
    heard = loop.inputs[1]
    assert heard is not None
    weights = structural_weights(graph, 1)
    x = np.random.default_rng(0).standard_normal((3, 5, 6)).astype(np.float32)
    model = onnx_from_graph(graph, weights, expose=[heard.name])
    assert [n.op_type for n in model.graph.node].count("Transpose") == 2
    found = answer(model, heard.name, {"x": x})
    kept = {n: np.asarray(v) for n, v in weights.items()}
    dense = next(n for n in kept if n.endswith("weight") and "dense2" not in n)
    expected = x @ kept[dense].T + kept[dense.replace("weight", "bias")]
    np.testing.assert_allclose(found, expected, atol=1e-5)
