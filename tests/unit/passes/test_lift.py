"""What a loop need not do at every step stands outside of it, and means the same there."""

from __future__ import annotations

import numpy as np
import pytest

from dlspec.diagnostics import Sink
from dlspec.interpreter import run
from dlspec.ir.graph import Graph
from dlspec.ops.control import Scan
from dlspec.ops.generation import Generate
from dlspec.passes.lift import lift
from dlspec.randomness import structural_weights
from dlspec.sema.analyse import analyse
from dlspec.source import SourceFile

LENGTHS = np.array([3, 1, 4, 2], np.int32)
SOURCE = np.array([2, 5, 1, 3], np.int32)

WRITER = """
cell writer(words, units) {
    input word: int[N]
    input memory: float[N, <=S, D]
    state h: float[N, units] = 0
    keys  = memory -> dense(units)
    focus = softmax(tanh(keys + unsqueeze(h -> dense(units), 1)) -> dense(1) -> squeeze(-1))
    seen  = einsum("ns,nsd->nd", focus, memory)
    fed   = word -> embed(words, 3) -> tanh
    h'    = concat(fed, seen, h) -> dense(units) -> tanh
    output scores = concat(h', seen, fed) -> dense(units) -> relu -> dense(words)
    output focus
}
network n {
    input memory: float[N, <=S, 4]
    input word: int[N, <=T]
    decoder = writer(6, 5)
    read = scan(decoder, word = word, memory = memory, reverse = REVERSE)
    output scores = read.scores
    output focus = read.focus
    output end = read.final.h
    said = generate(decoder, memory = memory, start = 1, stop = 2, at_most = 5)
    output words: int[N, <=L] = said.word
    output said = said.scores
}
"""
HELD = """
cell gated(units) {
    input x: float[N, D]
    input scale: float[N, D]
    state h: float[N, units] = 1
    state t: int[] = 0
    t' = t + 1
    h' = h * (x -> dense(units) -> sigmoid) + 0.1 * (exp(scale) -> dense(units))
    output y = concat(h, h') -> dense(3)
    output z = x -> dense(2) -> layer_norm
}
network n {
    input x: float[N, T, 4]
    input scale: float[N, 4]
    read = scan(gated(5), x, scale)
    output y = read.y
    output z = read.z
    output end = read.final.h
}
"""
CASES = {
    "attention": WRITER.replace("REVERSE", "false"),
    "from the end": WRITER.replace("REVERSE", "true"),
    "one length": HELD,
}


def graph_of(text: str) -> Graph:
    sink = Sink()
    spec = analyse(SourceFile("lift.dl", text), sink)
    assert not sink.errors, sink.errors
    return spec.networks["n"].graph


def drawn(graph: Graph, spoil: float = 0.0) -> dict[str, np.ndarray]:
    """Inputs of four examples, with ``spoil`` behind their lengths."""
    rng = np.random.default_rng(3)
    given: dict[str, np.ndarray] = {}
    for value in graph.inputs:
        if value.origin == "lengths":
            given[value.name] = LENGTHS if value.name == "T_lengths" else SOURCE
            continue
        sizes = {"N": 4, "T": 4, "S": 5}
        shape = tuple(d.evaluate(sizes) for d in value.type.shape)
        if not value.type.dtype.is_float:
            given[value.name] = rng.integers(0, 6, shape)
            continue
        given[value.name] = rng.standard_normal(shape)
        if value.type.ragged:
            given[value.name][np.arange(shape[1]) >= SOURCE[:, None]] = spoil
    return given


def inside(graph: Graph, kind: type) -> list[str]:
    """The ops that the loops of a kind carry out."""
    loops = [n.op for n in graph.nodes if isinstance(n.op, kind)]
    return [n.op.name for loop in loops for n in loop.body.nodes]


@pytest.mark.parametrize("case", CASES)
def test_what_is_lifted_means_the_same(case: str) -> None:
    graph = graph_of(CASES[case])
    lifted = lift(graph)
    weights = structural_weights(graph, 1)
    for spoil in (0.0, np.nan):
        expected = run(graph, drawn(graph), weights).outputs
        found = run(lifted, drawn(graph, spoil), weights).outputs
        assert list(found) == list(expected)
        for name, value in expected.items():
            np.testing.assert_allclose(found[name], value, rtol=1e-12, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("case", CASES)
def test_it_is_outside(case: str) -> None:
    graph = graph_of(CASES[case])
    before, after = inside(graph, Scan), inside(lift(graph), Scan)
    if case == "one length":
        assert before.count("dense") == 4
        assert after == ["add", "mul", "add", "concat"]  # h is all that it waits for
        return
    assert before.count("embed") == 1 and "embed" not in after
    assert before.count("dense") == 6 and after.count("dense") == 3
    spoken = inside(lift(graph), Generate)
    assert spoken.count("dense") == 5 and "embed" in spoken  # only the memory is known before
