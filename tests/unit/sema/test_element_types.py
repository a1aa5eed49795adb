"""Which element type a result has, where numbers are written among tensors."""

from __future__ import annotations

import pytest

from dlspec.diagnostics import Sink
from dlspec.sema.analyse import analyse
from dlspec.source import SourceFile


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("where(x > 0, 1, 0)", "int64"),  # a condition says nothing of what is chosen
        ("where(x > 0, 1.5, 0)", "float32"),
        ("where(x > 0, true, false)", "bool"),
        ("where(x > 0, x > 1, x < -1)", "bool"),
        ("where(x > 0, x > 1, 0)", "bool"),
        ("where(x > 0, 1, x)", "float32"),
        ("where(x > 0, small, 0)", "uint8"),
        ("where(x > 0, small, 0.5)", "float32"),
        ("where(x > 0, small, whole)", "int64"),
        ("where(x > 0, x > 1, x)", "float32"),
        ("whole + 1", "int64"),
        ("whole + 0.5", "float32"),
        ("small * 2", "float32"),
        ("(x > 0) + whole", "int64"),
    ],
)
def test_of(expression: str, expected: str) -> None:
    sink = Sink()
    text = f"""network n {{
        input x: float[N, 4]
        input small: uint8[N, 4]
        input whole: int[N, 4]
        output y = {expression}
    }}"""
    spec = analyse(SourceFile("types.dl", text), sink)
    assert sink.errors == []
    (y,) = spec.networks["n"].graph.outputs
    assert y.value.type.dtype.value == expected
