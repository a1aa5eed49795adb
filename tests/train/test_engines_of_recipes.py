"""An engine that is for a recipe is not built of what another recipe learnt."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dlspec.bundle import read_manifest
from dlspec.cli.main import main

SPEC = """
network n { input x: float[N, 4]; output y = x -> dense(3) }
data points { file = npz("p.npz"); output x: float[N, 4] = file.x; output t: float[N, 3] = file.t }
recipe first for n on points { minimize mse(y, t); optimizer = adam(0.01); steps = 2 }
recipe second for n on points { minimize mse(y, t); optimizer = adam(0.1); steps = 2 }
"""
ENGINES = """
engine a for first { targets = onnxruntime }
engine b for second { targets = onnxruntime }
engine c for n { targets = onnxruntime }
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    x, t = rng.standard_normal((40, 4)), rng.standard_normal((40, 3))
    np.savez(tmp_path / "p.npz", x=x.astype(np.float32), t=t.astype(np.float32))
    (tmp_path / "n.dl").write_text(SPEC + ENGINES)
    return tmp_path


def engines() -> list[str]:
    return [e.name for e in read_manifest("build/n").engines]


def test_each_recipe_has_its_own(place: Path) -> None:
    assert main(["train", "n.dl", "--recipe", "first", "--quiet", "--fast"]) == 0
    assert engines() == ["a", "c"]
    assert main(["compile", "n.dl", "--fast"]) == 0
    assert engines() == ["a", "c"], "the weights are still those of `first`"
    assert main(["train", "n.dl", "--recipe", "second", "--quiet", "--fast"]) == 0
    assert engines() == ["b", "c"]
    (place / "n.dl").write_text(SPEC + "engine a for first { targets = onnxruntime }")
    assert main(["train", "n.dl", "--recipe", "second", "--quiet", "--fast"]) == 0
    assert engines() == ["default"]


def test_fresh_weights_are_of_no_recipe(place: Path) -> None:
    assert main(["compile", "n.dl", "--fast"]) == 0
    assert engines() == ["a", "b", "c"]
