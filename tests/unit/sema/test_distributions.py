"""What a noise is drawn from: by position or by name, and within what it may be."""

from __future__ import annotations

import pytest

from dlspec.diagnostics import Sink
from dlspec.ir.graph import Distribution
from dlspec.sema.analyse import analyse
from dlspec.source import SourceFile


def drawn(written: str) -> Distribution | list[str]:
    """The distribution, or the codes of what is wrong with it."""
    sink = Sink()
    text = f"network n {{ noise e: float[N, 2] ~ {written}; output y = 2 * e }}"
    spec = analyse(SourceFile("noise.dl", text), sink)
    if sink.errors:
        return [d.code for d in sink.errors]
    (found,) = [i.distribution for i in spec.networks["n"].graph.inputs]
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("normal(0, 2)", Distribution("normal", (0.0, 2.0))),
        ("normal(std = 2, mean = 0)", Distribution("normal", (0.0, 2.0))),
        ("normal(1, std = 2)", Distribution("normal", (1.0, 2.0))),
        ("uniform(high = 3, low = -1)", Distribution("uniform", (-1.0, 3.0))),
        ("bernoulli(p = 0.25)", Distribution("bernoulli", (0.25,))),
    ],
)
def test_by_position_or_by_name(written: str, expected: Distribution) -> None:
    assert drawn(written) == expected


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("normal(1)", "DL206"),
        ("normal(std = 1)", "DL206"),
        ("normal(0, 1, 2)", "DL207"),
        ("normal(0, mean = 1)", "DL208"),
        ("normal(0, sdt = 1)", "DL205"),
        ("normal(0, -1)", "DL443"),
        ("uniform(2, 1)", "DL443"),
        ("bernoulli(1.5)", "DL443"),
        ('bernoulli("a")', "DL211"),
        ("gauss(0, 1)", "DL211"),
        ("0.5", "DL211"),
    ],
)
def test_mistakes(written: str, code: str) -> None:
    assert drawn(written) == [code]
