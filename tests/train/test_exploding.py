"""The neuron of a thousand steps: its gradients are those of the formula, clipping tames them, and
the picture of it is drawn."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from dlspec.data import open_data
from dlspec.diagnostics import DlspecError
from dlspec.driver import open_spec
from dlspec.train import TrainOptions, TrainResult, train

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("exploding", ROOT / "examples" / "exploding.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_gradients_explode_and_vanish_as_the_formula_says(example: ModuleType) -> None:
    answer = example.compiled()
    for w in (0.99, 1.0, 1.01, 1.02):
        y, slope = answer(w)
        assert y == pytest.approx(w**999, rel=1e-3)
        assert slope == pytest.approx(999 * w**998, rel=1e-3)
    assert answer(1.01)[1] > 2e7 and answer(0.99)[1] < 0.05


def learnt(name: str, folder: Path, epochs: int) -> TrainResult:
    recipe = open_spec(ROOT / "specs" / "exploding.dl").recipe(name)
    assert recipe.data is not None
    splits = open_data(recipe.data, folder=ROOT / "specs")
    options = TrainOptions(run_dir=folder, quiet=True, threads=1, matmul="highest", epochs=epochs)
    return train(recipe, splits, options)


def test_clipped_gradients_find_the_weight_and_others_are_thrown_off(tmp_path: Path) -> None:
    result = learnt("clipped", tmp_path / "clipped", 8)
    assert abs(float(result.weights["chain"]["end.neuron.w"][0]) - 1) < 0.003
    first, last = result.history[0], result.history[-1]
    assert last["validation.loss"] < 1 < 1e4 < first["validation.loss"]
    with pytest.raises(DlspecError) as error:
        learnt("wild", tmp_path / "wild", 8)
    (told,) = error.value.diagnostics
    assert told.code == "DL693" and "clip = norm(1)" in told.helps[0]


@pytest.mark.slow
def test_the_picture_is_drawn(example: ModuleType, tmp_path: Path) -> None:
    example.draw(tmp_path / "cliff.png")
    assert (tmp_path / "cliff.png").read_bytes().startswith(b"\x89PNG")
