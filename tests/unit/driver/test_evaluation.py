"""`evaluate` measures the deployed engine: the same loss and metrics that PyTorch gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dlspec.driver import open_spec
from dlspec.driver.build import BuildOptions, build_network
from dlspec.driver.evaluation import evaluate_engine
from dlspec.driver.training import open_splits
from dlspec.randomness import initial_weights
from dlspec.runtime import load
from dlspec.train import evaluate

SPEC = """
network small {
    input x: float[N, 6]
    output scores = x -> dense(8) -> relu -> dense(4)
    output best = argmax(scores)
}
recipe learn for small on points {
    minimize cross_entropy(scores, label)
    optimizer = adam(0.01); batch = 16; epochs = 1
    metrics = accuracy(scores, label)
}
data points {
    files = npz("points.npz")
    output x: float[N, 6] = files.x
    output label: int[N] = files.label
    split = random(50%, 20%, 30%)
}
engine e for learn { targets = onnxruntime; batch = 1..16 }
"""


@pytest.mark.filterwarnings("ignore:.*not trained")
def test_engine_and_pytorch_measure_alike(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(137, 6)).astype(np.float32)
    np.savez(tmp_path / "points.npz", x=x, label=rng.integers(0, 4, 137))
    (tmp_path / "small.dl").write_text(SPEC)
    compilation = open_spec(tmp_path / "small.dl")
    recipe, plan = compilation.recipe(), compilation.networks["small"]
    weights = initial_weights(plan.graph, 3)
    options = BuildOptions(tmp_path / "build", use_torch=False)
    built = build_network(plan, weights, compilation.source, options)
    test = open_splits(compilation, recipe).test
    assert test is not None and len(test) % 16  # the last batch is smaller, and must count less
    found = evaluate_engine(recipe, plan, load(built.folder), test)
    wanted = evaluate(recipe, {"small": weights}, test)
    assert found == pytest.approx(wanted, abs=1e-5)
    assert found.keys() == {"loss", "accuracy"}
