"""How many ids an input may hold, by what reads it."""

from __future__ import annotations

import pytest

from dlspec.diagnostics import DlspecError, Sink
from dlspec.interpreter import run
from dlspec.ir.graph import Graph
from dlspec.ops.ids import class_count
from dlspec.randomness import initial_weights
from dlspec.sema.analyse import analyse
from dlspec.source import SourceFile
from dlspec.verify.inputs import draw_inputs

CELL = """
cell reads { input i: int[N]; state h: float[N, 2] = 0; h' = h + embed(i, 6, 2); output h' }
"""


def graph_of(body: str, before: str = "") -> Graph:
    text = f"{before}\nnetwork n {{ input x: float[N, 5, 4]; input i: int[N, 5]; {body} }}"
    sink = Sink()
    spec = analyse(SourceFile("ids.dl", text), sink)
    assert not sink.errors, [d.message for d in sink.errors]
    return spec.networks["n"].graph


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ("output y = embed(i, 7, 2)", 7),
        ("output y = embed(i[:, 1:3], 7, 2)", 7),
        ("output y = i -> reshape(5, 1) -> transpose -> embed(7, 2)", 7),
        ("output y = one_hot(i, 3)", 3),
        ("output y = one_hot(i, 3, other = true)", 6),
        ("output y = cross_entropy(x, i)", 4),
        ("output y = cross_entropy(x[:, 0], i[:, 0])", 4),
        ("output y = pick(x, i)", 4),
        ("output y = ctc(x, i)", 3),
        ("output y = gather(x, i, axis = 1)", 5),
        ("output y = scan(reads, i)", 6),
        ("output y = scan(reads, reverse(i))", 6),
        ("output y = cross_entropy(x, i) + sum(embed(i, 3, 2), axis = -1)", 3),
        ("output y = 2 * i", None),
        ("output y = i == 3", None),
    ],
)
def test_what_reads_them_tells(body: str, count: int | None) -> None:
    graph = graph_of(body, CELL)
    (value,) = [i for i in graph.inputs if i.name == "i"]
    assert class_count(graph, value) == count
    for seed in range(3):
        run(graph, draw_inputs(graph, {"N": 3}, seed=seed), initial_weights(graph, 0))


def test_an_id_without_a_place_is_told() -> None:
    graph = graph_of("output y = embed(i - 1, 7, 2)")
    with pytest.raises(DlspecError) as caught:
        run(graph, draw_inputs(graph, {"N": 3}), initial_weights(graph, 0))
    (told,) = caught.value.diagnostics
    assert told.code == "DL333" and told.span is not None
    assert told.span.text == "embed(i - 1, 7, 2)"
