"""Randomness depends on (seed, stream, step), and has the distribution that it says."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from dlspec.ir.builder import GraphBuilder
from dlspec.ir.graph import Distribution, Graph, Initializer
from dlspec.ops import REGISTRY, literal
from dlspec.randomness import draw, initial_value, initial_weights, structural_weights

SHAPE = (300, 40)


def layers() -> Graph:
    """A convolution, a batch norm and a dense layer."""
    b = GraphBuilder("net")
    x = b.input("x", "float", "N", 3, 8, 8)
    h = b.one(REGISTRY["conv"](channels=4, kernel=5), x, path="conv")  # type: ignore[call-arg]
    h = b.one(REGISTRY["batch_norm"](), h, path="norm")
    h = b.one(REGISTRY["flatten"](), h)
    return b.finish(y=b.one(REGISTRY["dense"](units=7), h, path="dense"))  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("kind", "arguments", "mean", "std"),
    [
        ("zeros", {}, 0, 0),
        ("ones", {}, 1, 0),
        ("constant", {"value": -2.0}, -2, 0),
        ("normal", {"mean": 1.0, "std": 0.5}, 1, 0.5),
        ("uniform", {"low": -1.0, "high": 3.0}, 1, 4 / math.sqrt(12)),
        ("xavier_uniform", {}, 0, math.sqrt(2 / 340)),
        ("xavier_normal", {}, 0, math.sqrt(2 / 340)),
        ("kaiming_uniform", {}, 0, math.sqrt(2 / 40)),
        ("kaiming_normal", {}, 0, math.sqrt(2 / 40)),
        ("fan_in_uniform", {}, 0, math.sqrt(1 / 120)),
        ("fan_in_uniform", {"fan_in": 10.0}, 0, math.sqrt(1 / 30)),
    ],
)
def test_starts_have_their_moments(
    kind: str, arguments: dict[str, float], mean: float, std: float
) -> None:
    value = initial_value("w", SHAPE, Initializer(kind, arguments), 0)
    assert value.dtype == np.float32
    assert value.shape == SHAPE
    spread = std if std else 1e-6
    assert abs(value.mean() - mean) < 5 * spread / math.sqrt(value.size)
    assert abs(value.std() - std) < 0.03 * std + 1e-7


@pytest.mark.parametrize("kind", ["xavier_uniform", "kaiming_uniform"])
def test_bounds_are_those_of_pytorch(kind: str) -> None:
    theirs = torch.empty(64, 5, 3, 3)
    getattr(torch.nn.init, f"{kind}_")(theirs)
    ours = initial_value("w", (64, 5, 3, 3), Initializer(kind), 0)
    assert abs(float(theirs.abs().max()) / float(np.abs(ours).max()) - 1) < 0.01


def test_layers_start_as_in_pytorch() -> None:
    weights = initial_weights(layers(), 3)
    for name, theirs in (("conv", torch.nn.Conv2d(3, 4, 5)), ("dense", torch.nn.Linear(64, 7))):
        fan_in = math.prod(theirs.weight.shape[1:])
        for role in ("weight", "bias"):
            ours = np.abs(weights[f"{name}.{role}"])
            assert ours.max() <= 1 / math.sqrt(fan_in)
            assert ours.max() > 0.5 / math.sqrt(fan_in)
    assert (weights["norm.running_var"] == 1).all()
    assert (weights["norm.running_mean"] == 0).all()


def test_a_bias_alone_needs_its_fan_in() -> None:
    with pytest.raises(ValueError, match=r"head\.bias needs `fan_in`"):
        initial_value("head.bias", (3,), Initializer("fan_in_uniform"), 0)


def test_streams_depend_on_seed_name_and_step_alone() -> None:
    init = Initializer("normal")
    same = initial_value("a", (4, 4), init, 1)
    assert (initial_value("a", (4, 4), init, 1) == same).all()
    assert (initial_value("a", (4, 4), init, 2) != same).all()
    assert (initial_value("b", (4, 4), init, 1) != same).all()
    normal = Distribution("normal", (0.0, 1.0))
    steps = [draw(normal, "e", (50,), 1, step) for step in range(3)]
    assert (draw(normal, "e", (50,), 1, 2) == steps[2]).all()
    assert len({float(x) for s in steps for x in s}) == 150, "steps overlap"


def test_values_never_change() -> None:
    """A resumed run of an older version draws what that version drew."""
    first = draw(Distribution("uniform", (0.0, 1.0)), "e", (3,), 1, 2)
    assert first.tolist() == pytest.approx(UNIFORM, abs=1e-7)
    start = initial_value("w", (3, 1), Initializer("normal"), 5)
    assert start.ravel().tolist() == pytest.approx(NORMAL, abs=1e-6)


UNIFORM = [0.6379735, 0.5912884, 0.5883541]
NORMAL = [2.225889, 1.2359807, -0.7939785]


@pytest.mark.parametrize(
    ("kind", "arguments", "mean", "std"),
    [
        ("normal", (2.0, 3.0), 2, 3),
        ("normal", (), 0, 1),
        ("uniform", (-1.0, 1.0), 0, 2 / math.sqrt(12)),
        ("bernoulli", (0.3,), 0.3, math.sqrt(0.21)),
        ("categorical", (1.0, 0.0, 3.0), 1.5, math.sqrt(0.75)),
    ],
)
def test_draws_have_their_moments(
    kind: str, arguments: tuple[float, ...], mean: float, std: float
) -> None:
    value = draw(Distribution(kind, arguments), "e", (20000,), 0)
    assert value.dtype == (np.int64 if kind == "categorical" else np.float32)
    assert abs(value.mean() - mean) < 5 * std / math.sqrt(value.size)
    assert abs(value.std() - std) < 0.03 * std
    if kind == "categorical":
        assert set(value.tolist()) == {0, 2}


def test_literals_are_themselves() -> None:
    value = initial_value("w", (1, 2), literal([[1, -2]]), 0)
    assert value.tolist() == [[1, -2]]
    with pytest.raises(ValueError, match=r"the literal start of w is \(1, 2\), not \(2, 1\)"):
        initial_value("w", (2, 1), literal([[1, -2]]), 0)


def test_structural_weights_show_everything() -> None:
    graph = layers()
    weights = structural_weights(graph, 0)
    assert weights.keys() == {w.name for w in graph.weights}
    for array in weights.values():
        assert array.dtype == np.float32
        assert not np.isin(array, (0, 1)).any()
        assert len(np.unique(array)) == array.size
    assert (weights["norm.running_var"] > 0).all()


def test_a_prefix_leaves_a_network_as_it_is() -> None:
    graph = layers()
    alone = initial_weights(graph, 1)
    for weight in graph.weights:
        weight.name = f"net.{weight.name}"
    inside = initial_weights(graph, 1, prefix="net.")
    assert all((inside[f"net.{n}"] == a).all() for n, a in alone.items())
