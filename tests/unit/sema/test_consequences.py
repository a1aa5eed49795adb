"""A mistake is told once: what only follows from it is not."""

from __future__ import annotations

from dlspec.diagnostics import Sink
from dlspec.sema.analyse import analyse
from dlspec.source import SourceFile


def codes(text: str, **overrides: str) -> list[str]:
    sink = Sink()
    analyse(SourceFile("n.dl", text), sink, overrides=overrides)
    return [d.code for d in sink.errors]


BROKEN = """
network n {
    input x: float[N, <=T, 4]
    input g: float[N, <=S, 3]
    output y = x -> dense(3) -> mean(axis = T)
    z = g -> dnse(4)
    output z = z -> mean(axis = 1)
}
engine e for n { targets = onnxruntime; S = 1..9; T = 1..4; U = 2..3 }
"""


def test_an_engine_of_a_network_with_mistakes() -> None:
    """Which dimensions it has is not known."""
    assert codes(BROKEN) == ["DL201"]
    assert codes(BROKEN.replace("dnse", "dense")) == ["DL205"]  # there is no U


SETTING = """
network n(units = 3) { input x: float[N, 4]; output y = x -> dense(units) }
recipe r(rate = 0.1) for n on points { minimize mse(y, y); optimizer = adam(rate); epochs = BAD }
data points { f = npz("p.npz"); output x: float[N, 4] = f.x }
"""


def test_a_setting_that_was_not_reached() -> None:
    broken = SETTING.replace("BAD", "rate -> nothing")
    assert "DL205" not in codes(broken, rate="0.2")
    assert "DL205" in codes(broken, rat="0.2")
    assert codes("network n { input x: float[N]; output y = x }", epochs="3") == ["DL205"]


PARENTHESES = """
cell c(x; units) { state h: float[N, units] = 0; output h' = tanh(x) }
network n { input x: float[N, <=T, 3]; output y = x -> scan(c(3)) }
engine e for n { batch = 1..4 }
"""


def test_a_definition_that_is_wrong_as_a_whole() -> None:
    assert codes(PARENTHESES) == ["DL123"]
    assert codes(PARENTHESES.replace("scan(c(3))", "scan(d(3))")) == ["DL123", "DL201"]
