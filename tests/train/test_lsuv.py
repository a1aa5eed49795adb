"""LSUV: every layer's output begins with variance 1, and what is deep and plain learns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dlspec.data import open_source
from dlspec.data.dataset import Splits
from dlspec.diagnostics import DlspecError, Sink
from dlspec.interpreter import run
from dlspec.ir.plan import RecipePlan
from dlspec.randomness import initial_weights
from dlspec.sema.analyse import analyse
from dlspec.source import SourceFile
from dlspec.train import TrainOptions, train
from dlspec.train.lsuv import rescaled
from dlspec.train.program import initial

DEEP = """
network deep(depth = 20) {
    input image: uint8[N, 28, 28]
    h = image / 255 -> reshape(1, 28, 28) -> conv(4, kernel = 5, stride = 3) -> relu -> flatten
    for i in 1..depth { h = h -> dense(24) -> relu }
    output logits = h -> dense(10, weight = orthogonal(0.5))
}
recipe learn for deep on mnist(labels = 2000) {
    minimize cross_entropy(logits, label)
    optimizer = adam(0.003); batch = 50; epochs = 6; INIT
    metrics = accuracy(logits, label)
}
"""


def recipe(text: str) -> RecipePlan:
    sink = Sink()
    spec = analyse(SourceFile("deep.dl", text), sink)
    sink.raise_if_errors()
    return spec.recipes["learn"]


@pytest.fixture(scope="module")
def digits() -> Splits:
    full = open_source("mnist", {"labels": 2000})
    assert full.validation is not None
    return Splits(full.train, full.validation.subset(range(500)), None)


def learned(plan: RecipePlan, digits: Splits, folder: Path) -> tuple[float, str]:
    options = TrainOptions(run_dir=folder, threads=1, matmul="highest", quiet=True)
    result = train(plan, digits, options)
    return result.metrics["validation.accuracy"], result.weight_hash


def test_variances_are_one(digits: Splits) -> None:
    plan = recipe(DEEP.replace("INIT", "init = lsuv"))
    graph = plan.steps[0].learn
    batch = {n: digits.train[n][:100] for n in ("image", "label")}
    begin = initial(plan, 0)
    made = rescaled(graph, begin, batch, 0, "deep.")
    assert len(made.deviations) == 21  # the last layer has a start of its own
    values = run(graph, batch, {**begin, **made.weights}, want="all").values
    layers = [n for n in graph.nodes if n.op.name in ("dense", "conv")]
    variances = [float(np.var(values[n.outputs[0].name])) for n in layers[:-1]]
    assert len(variances) == 21
    np.testing.assert_allclose(variances, 1.0, atol=0.1)
    before = run(graph, batch, begin, want="all").values
    differ = before[layers[-2].outputs[0].name].var(axis=0).mean()
    assert differ < 1e-6  # as ops begin, all examples have become one
    biases = [a for n, a in made.weights.items() if n.endswith(".bias")]
    assert len(biases) == 21 and not any(b.any() for b in biases)


def test_a_deep_plain_network_learns_with_it_only(digits: Splits, tmp_path: Path) -> None:
    declared, _ = learned(recipe(DEEP.replace("; INIT", "")), digits, tmp_path / "declared")
    scaled, one = learned(recipe(DEEP.replace("INIT", "init = lsuv")), digits, tmp_path / "one")
    _, two = learned(recipe(DEEP.replace("INIT", "init = lsuv")), digits, tmp_path / "two")
    assert declared < 0.2 < 0.5 < scaled
    assert one == two  # a function of recipe, seed and data
    assert "LSUV on 50 examples: 21 layers" in (tmp_path / "one" / "log").read_text()


def test_shared_weights_and_own_biases() -> None:
    text = """
network twice {
    input x: float[N, 8]
    f = dense(8)
    h = x -> f -> relu -> f
    output y = h -> dense(4, bias = 3)
}
recipe learn for twice on rows {
    minimize mean(y ** 2, axis = 1)
    optimizer = adam(0.01); init = lsuv
}
data rows { files = npz("a.npz"); output x: float[N, 8] = files.x }
"""
    plan = recipe(text)
    graph = plan.steps[0].learn
    x = np.random.default_rng(0).standard_normal((200, 8)).astype(np.float32)
    begin = initial_weights(graph, 0, "twice.")
    made = rescaled(graph, begin, {"x": x}, 0, "twice.")
    values = run(graph, {"x": x}, {**begin, **made.weights}, want="all").values
    first, second, last = [n.outputs[0].name for n in graph.nodes if n.op.name == "dense"]
    assert np.var(values[first]) == pytest.approx(1, abs=1e-3)  # the first use decides
    assert np.var(values[last]) == pytest.approx(1, abs=1e-3)
    assert np.var(values[second]) != pytest.approx(1, abs=1e-3)
    assert values[last].mean() == pytest.approx(3, abs=0.5)  # a bias that the spec gives stays


def test_another_word_is_refused() -> None:
    with pytest.raises(DlspecError, match=r"init"):
        recipe(DEEP.replace("INIT", "init = orthogonal"))
