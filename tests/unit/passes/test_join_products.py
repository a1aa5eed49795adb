"""Products in loops, joined and parted, mean the same; what hears only the input is no part of the
loop."""

from __future__ import annotations

import numpy as np
import pytest

from dlspec.diagnostics import Sink
from dlspec.interpreter import run
from dlspec.ir.graph import Graph
from dlspec.ops.control import Scan
from dlspec.passes.join_products import join_products
from dlspec.passes.lift import lift
from dlspec.randomness import structural_weights
from dlspec.sema.analyse import analyse
from dlspec.source import SourceFile

CELLS = {
    "gates": """
    z = concat(x, h)
    f = z -> dense(3) -> sigmoid
    o = z -> dense(3) -> sigmoid
    h' = f * h + (1 - f) * o * (z -> dense(3) -> tanh)""",
    "one of two": """
    h' = 0.5 * (concat(exp(x), x, h) -> dense(3) -> tanh)""",
    "no bias": """
    z = concat(x, h)
    h' = (z -> dense(3, bias = none) -> tanh) + (z -> dense(3, bias = none)) * (z -> dense(3))""",
    "state first": """
    z = concat(h, x)
    h' = (z -> dense(3) -> tanh) * (z -> dense(3) -> sigmoid)""",
    "in turn": """
    r = concat(x, h) -> dense(3) -> sigmoid
    h' = concat(x, r * h) -> dense(3) -> tanh
    """,
}
AFTER = {"gates": 1, "one of two": 1, "no bias": 2, "state first": 1, "in turn": 2}


def graph_of(body: str, reverse: str = "false") -> Graph:
    text = f"""cell c() {{
    input x: float[N, D]
    state h: float[N, 3] = 0.5{body}
    output h'
}}
network n {{
    input x: float[N, <=T, 2]
    output y = x -> scan(c, reverse = {reverse})
}}"""
    sink = Sink()
    spec = analyse(SourceFile("join.dl", text), sink)
    assert not sink.errors, sink.errors
    return spec.networks["n"].graph


def products(graph: Graph) -> int:
    """How many dense layers the loop has."""
    (loop,) = [n.op for n in graph.nodes if isinstance(n.op, Scan)]
    return sum(n.op.name == "dense" for n in loop.body.nodes)


@pytest.mark.parametrize("reverse", ["false", "true"])
@pytest.mark.parametrize("case", CELLS)
def test_it_means_the_same(case: str, reverse: str) -> None:
    graph = graph_of(CELLS[case], reverse)
    joined = lift(join_products(graph))
    assert products(joined) == AFTER[case] <= products(graph)
    weights = structural_weights(graph, 1)
    lengths = np.array([4, 1, 3], np.int32)
    x = np.random.default_rng(0).standard_normal((3, 4, 2))
    expected = run(graph, {"x": x, "T_lengths": lengths}, weights).outputs["y"]
    x[np.arange(4) >= lengths[:, None]] = np.nan
    found = run(joined, {"x": x, "T_lengths": lengths}, weights).outputs["y"]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_what_has_nothing_to_join_stays_itself() -> None:
    graph = graph_of("\n    h' = (x -> dense(3)) + (h -> dense(3))")
    assert join_products(graph) is graph
