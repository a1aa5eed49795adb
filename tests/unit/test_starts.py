"""Starts that speak of inputs and outputs, and how a spec writes them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from dlspec.diagnostics import Sink
from dlspec.ir.graph import Initializer
from dlspec.randomness import initial_value, initial_weights
from dlspec.sema.analyse import analyse
from dlspec.source import SourceFile


def begun(kind: str, shape: tuple[int, ...], **arguments: float) -> Any:
    """A start, and what is drawn a second time is the same."""
    value = initial_value("w", shape, Initializer(kind, arguments), 3)
    again = initial_value("w", shape, Initializer(kind, arguments), 3)
    assert value.dtype == np.float32 and value.shape == shape
    assert (value == again).all()
    return value


CONV = (60, 20, 3, 3)


@pytest.mark.parametrize(
    ("kind", "arguments", "std"),
    [
        ("xavier_normal", {"gain": 2.0}, 2 * math.sqrt(2 / (180 + 540))),
        ("xavier_uniform", {"gain": 0.5}, 0.5 * math.sqrt(2 / (180 + 540))),
        ("kaiming_normal", {}, math.sqrt(2 / 180)),
        ("kaiming_normal", {"fan_out": 1.0}, math.sqrt(2 / 540)),
        ("kaiming_uniform", {"slope": 0.5}, math.sqrt(2 / 1.25 / 180)),
        ("truncated_normal", {"std": 0.1}, 0.1 * 0.8796),
        ("truncated_normal", {"mean": 3.0, "std": 1.0}, 0.8796),
    ],
)
def test_spread(kind: str, arguments: dict[str, float], std: float) -> None:
    value = begun(kind, CONV, **arguments)
    mean = arguments.get("mean", 0.0)
    assert abs(value.mean() - mean) < 5 * std / math.sqrt(value.size)
    assert value.std() == pytest.approx(std, rel=0.03)
    if kind == "truncated_normal":
        bound = 2 * arguments["std"]
        assert 0.98 * bound < np.abs(value - mean).max() <= bound * (1 + 1e-6)
        kurtosis = ((value - mean) ** 4).mean() / value.std() ** 4
        assert kurtosis == pytest.approx(2.37, abs=0.1), "cut, not squeezed"


@pytest.mark.parametrize("name", ["kaiming_normal", "xavier_normal", "kaiming_uniform"])
def test_spread_is_that_of_pytorch(name: str) -> None:
    theirs = torch.empty(CONV)
    torch.manual_seed(0)
    getattr(torch.nn.init, f"{name}_")(theirs)
    assert begun(name, CONV).std() == pytest.approx(float(theirs.std()), rel=0.03)


@pytest.mark.parametrize("shape", [(7, 7), (12, 5), (5, 12), (4, 3, 3, 3), (40, 2, 3)])
def test_orthogonal(shape: tuple[int, ...]) -> None:
    value = begun("orthogonal", shape, gain=1.5).reshape(shape[0], -1) / 1.5
    gram = value @ value.T if value.shape[0] <= value.shape[1] else value.T @ value
    np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-5)
    assert begun("orthogonal", shape).std() > 0, "no corner of the identity"


def test_orthogonal_favours_no_sign() -> None:
    """A Q as LAPACK gives it has its signs from Householder, which the correction undoes."""
    traces = [
        np.trace(initial_value(f"w{i}", (3, 3), Initializer("orthogonal"), 0)) for i in range(300)
    ]
    assert abs(np.mean(traces)) < 0.25, "uniform: the mean trace is 0, with deviation 1"
    assert np.std(traces) == pytest.approx(1, abs=0.15)


def test_identity() -> None:
    assert (begun("identity", (3, 5), gain=2.0) == 2 * np.eye(3, 5)).all()
    x = torch.randn(2, 3, 6, 5, generator=torch.Generator().manual_seed(1))
    weight = torch.from_numpy(begun("identity", (4, 3, 3, 3)))
    y = torch.nn.functional.conv2d(x, weight, padding=1)
    assert (y[:, :3] == x).all() and (y[:, 3] == 0).all()


def test_chunks_are_one_stream() -> None:
    """How many numbers are drawn at a time is no part of the result."""
    long = begun("uniform", (200_001,))
    assert (begun("uniform", (70_000,)) == long[:70_000]).all()
    assert np.unique(long).size > 199_000


def start_of(text: str, parameter: str = "y.dense.weight") -> tuple[Any, list[str]]:
    """What a spec's start draws, and what is told."""
    source = f"network n {{ input x: float[N, 8]; output y = x -> dense(6, {text}) }}"
    sink = Sink()
    spec = analyse(SourceFile("n.dl", source), sink)
    if sink.diagnostics:
        return None, [d.code + " " + d.message + " " + " ".join(d.helps) for d in sink.diagnostics]
    return initial_weights(spec.networks["n"].graph)[parameter], []


@pytest.mark.parametrize(
    ("text", "norm"),
    [
        ("weight = orthogonal(1.4), bias = 0", 1.4 * math.sqrt(6)),
        ("weight = identity", math.sqrt(6)),
        ("weight = identity(gain = 3)", 3 * math.sqrt(6)),
        ("weight = constant(2)", 2 * math.sqrt(48)),
        ("weight = normal(std = 0)", 0),
        ("weight = truncated(5, 0)", 5 * math.sqrt(48)),
        ("weight = zeros, bias = ones", 0),
        ("weight = 0.5", 0.5 * math.sqrt(48)),
    ],
)
def test_a_spec_says_how_weights_begin(text: str, norm: float) -> None:
    value, told = start_of(text)
    assert told == []
    assert np.linalg.norm(value) == pytest.approx(norm, rel=1e-5)


def test_norms_begin_as_a_spec_says() -> None:
    source = "network n { input x: float[N, 3]; output y = x -> batch_norm(weight = 0, bias = 2) }"
    graph = analyse(SourceFile("n.dl", source), Sink()).networks["n"].graph
    weights = {n.rpartition(".")[2]: a.tolist() for n, a in initial_weights(graph).items()}
    assert weights == {
        "weight": [0, 0, 0],
        "bias": [2, 2, 2],
        "running_mean": [0, 0, 0],
        "running_var": [1, 1, 1],
    }


def test_fans_and_slopes() -> None:
    for text, bound in [
        ("kaiming", math.sqrt(6 / 8)),
        ('kaiming(fan = "out")', math.sqrt(6 / 6)),
        ("kaiming(slope = 1)", math.sqrt(3 / 8)),
        ("xavier(2)", 2 * math.sqrt(6 / 14)),
    ]:
        value, told = start_of(f"weight = {text}")
        assert told == []
        assert 0.85 * bound < np.abs(value).max() <= bound


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("weight = orthogonal(gian = 2)", "DL205 `orthogonal` has no setting `gian`"),
        ("weight = orthogonal(gian = 2)", "did you mean `gain`?"),
        ("weight = normal(0.1)", "`normal` takes numbers: mean, std, or one by its name"),
        ("weight = normal(0, -1)", "a `std` that is not negative"),
        ("weight = uniform(1, -1)", "a `low` that is not above `high`"),
        ("weight = constant", "`constant` takes a number"),
        ("weight = xavier(1, 2)", "`xavier` takes numbers: gain"),
        ('weight = kaiming(fan = "both")', '`fan = "in"` or `fan = "out"`'),
        ('weight = orthogonal("a")', "`orthogonal` takes numbers: gain"),
        ("bias = kaiming", "DL442 `bias` cannot be kaiming_uniform for float32[6]"),
        ("bias = orthogonal", "a vector begins with a number"),
    ],
)
def test_starts_that_cannot_be(text: str, shown: str) -> None:
    _, told = start_of(text)
    assert len(told) == 1
    assert shown in told[0]
