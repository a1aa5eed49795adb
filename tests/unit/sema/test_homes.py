"""A definition's body reads the names of its own file, wherever it is applied."""

from __future__ import annotations

import pytest

from dlspec.diagnostics import Sink
from dlspec.sema.analyse import analyse
from dlspec.source import SourceFile

PARTS = """
const half = 0.5
cell inner(units) {
    input x: float[N, D]
    state s: float[N, units] = 1
    s' = half * s + (x -> dense(units) -> tanh)
    output s'
}
cell outer(units) {
    input x: float[N, D]
    state h: float[N, units] = 0
    h' = (x -> inner(units)) + half * h
    output h'
}
block halved(x) { return x * half }
block squashed(x) { return x -> tanh -> halved }
"""


@pytest.mark.parametrize(
    ("inputs", "body"),
    [
        ("float[N, <=T, 3]", "x -> bidirectional(outer(2))"),
        ("float[N, <=T, 3]", "x -> stacked(outer(3))"),
        ("float[N, 4]", "x -> highway(squashed)"),
    ],
)
def test_what_is_passed_to_the_library_keeps_its_names(inputs: str, body: str) -> None:
    sink = Sink()
    text = f"{PARTS}network n {{ input x: {inputs}; output y = {body} }}"
    spec = analyse(SourceFile("homes.dl", text), sink)
    assert not sink.errors, sink.errors
    assert spec.networks["n"].graph.outputs
