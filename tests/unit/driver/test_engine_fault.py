"""A fault of the engine alone, in a real build: the message names the node where it begins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dlspec.diagnostics import DlspecError
from dlspec.driver import Compilation
from dlspec.driver.build import BuildOptions, build_network
from dlspec.randomness import initial_weights
from dlspec.runtime.ort import OrtEngine
from dlspec.source import SourceFile

SPEC = """network n {
    input x: float[N, 6]
    first = x -> dense(8) -> tanh
    middle = first -> dense(8) -> sigmoid
    output y = middle -> dense(3)
}
"""


def test_an_engine_that_goes_wrong_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = OrtEngine.run

    def wrong(self: OrtEngine, feeds: Any) -> dict[str, Any]:
        """What an optimiser that breaks the second layer would answer."""
        spoilt = ("middle", "y")
        answers = right(self, feeds)
        return {n: a + 0.02 if n.startswith(spoilt) else a for n, a in answers.items()}

    monkeypatch.setattr(OrtEngine, "run", wrong)
    source = SourceFile("n.dl", SPEC)
    plan = Compilation(source, tmp_path).spec.networks["n"]
    weights = initial_weights(plan.graph, 0)
    options = BuildOptions(tmp_path / "build", use_torch=False)
    with pytest.raises(DlspecError) as told:
        build_network(plan, weights, source, options)
    (found,) = (d for d in told.value.diagnostics if d.severity == "error")
    assert found.span is not None and found.span.line == 4
    assert "middle" in str(found.facts())
    assert not list((tmp_path / "build").rglob("*.onnx"))
