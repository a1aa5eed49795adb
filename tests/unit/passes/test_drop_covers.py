"""Kernels that are given lengths see nothing of what is behind them: it need not be covered."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest

from dlspec.driver.phases import Compilation
from dlspec.interpreter import run
from dlspec.ir.graph import Graph
from dlspec.ops.lengths import Masked
from dlspec.passes import optimized
from dlspec.randomness import structural_weights
from dlspec.source import SourceFile
from dlspec.targets.onnx import onnx_from_graph

CELLS = (
    "lstm(5)",
    "lstm(5, peephole = true)",
    "gru(5)",
    "rnn(5)",
    'rnn(5, activation = "relu")',
    "bidirectional(lstm(5))",
    "bidirectional(gru(5))",
)
LENGTHS = np.array([4, 1, 0, 6, 3], np.int32)


def graph_of(body: str) -> Graph:
    text = f"network n {{\n input x: float[N, <=T, 3]\n {body}\n}}"
    (plan,) = Compilation(SourceFile("covers.dl", text)).networks.values()
    return optimized(plan.graph)


def covers(graph: Graph) -> int:
    """How many there are of the input."""
    read = [n for n in graph.nodes if isinstance(n.op, Masked) and not n.op.settled]
    return sum(n.inputs[0] is graph.inputs[0] for n in read)


@pytest.mark.parametrize("reverse", ["", ", reverse = true"])
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.filterwarnings("ignore:invalid value encountered")
def test_what_is_behind_the_lengths_is_never_seen(cell: str, reverse: str) -> None:
    body = f"output y = x -> scan({cell}{reverse})\n output end = y -> last"
    if cell.startswith("bidirectional"):
        body = f"output y = x -> {cell}\n output end = y -> last"
    graph = graph_of(body)
    assert not covers(graph)
    weights = structural_weights(graph, 1)
    x = np.random.default_rng(0).standard_normal((5, 6, 3)).astype(np.float32)
    behind = np.arange(6) >= LENGTHS[:, None]
    x[behind] = 0
    expected = run(graph, {"x": x, "T_lengths": LENGTHS}, weights).outputs
    session = onnxruntime.InferenceSession(
        onnx_from_graph(graph, weights).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    for spoil in (np.nan, np.inf, -1e30):
        x[behind] = spoil
        feeds = {"x": x, "T_lengths": LENGTHS}
        again = run(graph, feeds, weights).outputs
        for name, found in zip(expected, session.run(None, feeds), strict=True):
            np.testing.assert_array_equal(again[name], expected[name])
            np.testing.assert_allclose(found, expected[name], atol=1e-5)


@pytest.mark.parametrize(
    "body",
    [
        "output y = x -> scan(lstm(5)); output m = x -> mean(axis = T)",
        "output y = x -> reverse -> scan(lstm(5)); output m = x -> dense(2)",
        "output y = x -> dense(3) -> scan(lstm(5))",
    ],
)
def test_others_need_it(body: str) -> None:
    assert covers(graph_of(body)) == 1
