"""Settings of ops as a spec writes them."""

from __future__ import annotations

import pytest

from dlspec.diagnostics import Sink
from dlspec.ops.activation import Gelu
from dlspec.sema.analyse import analyse
from dlspec.source import SourceFile


@pytest.mark.parametrize("written", ['"none"', "none", '"tanh"', "tanh"])
def test_a_word_with_or_without_quotes(written: str) -> None:
    text = f"network n {{ input x: float[N, 4]; output y = gelu(x, approximate = {written}) }}"
    sink = Sink()
    spec = analyse(SourceFile("words.dl", text), sink)
    assert not sink.diagnostics
    (op,) = [n.op for n in spec.networks["n"].graph.nodes if isinstance(n.op, Gelu)]
    assert op.approximate == written.strip('"')
