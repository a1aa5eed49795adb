"""Noise is a function of seed, stream, name and step."""

from __future__ import annotations

import pytest
import torch

from dlspec.ir.builder import GraphBuilder
from dlspec.train.noise import NoiseSource, key_at, sizes_of

CPU = torch.device("cpu")


def source(
    kind: str, arguments: tuple[float, ...], *, name: str = "e", seed: int = 0
) -> NoiseSource:
    b = GraphBuilder("g")
    dtype = "int" if kind == "categorical" else "float"
    return NoiseSource(b.noise(name, kind, arguments, dtype, "N", 50), seed, "learn", CPU)


def test_every_part_of_the_key_counts() -> None:
    first = source("normal", (0, 1))(3, {"N": 4})
    assert torch.equal(first, source("normal", (0, 1))(3, {"N": 4}))
    others = [
        source("normal", (0, 1))(4, {"N": 4}),
        source("normal", (0, 1), seed=1)(3, {"N": 4}),
        source("normal", (0, 1), name="f")(3, {"N": 4}),
    ]
    assert not any(torch.equal(first, o) for o in others)
    assert len({key_at(7, step) for step in range(10_000)}) == 10_000


@pytest.mark.parametrize(
    ("kind", "arguments", "mean", "std"),
    [
        ("normal", (2.0, 3.0), 2.0, 3.0),
        ("uniform", (-1.0, 2.0), 0.5, 3 / 12**0.5),
        ("bernoulli", (0.3,), 0.3, 0.21**0.5),
        ("categorical", (1.0, 1.0, 2.0), 1.25, 0.6875**0.5),
    ],
)
def test_distributions(kind: str, arguments: tuple[float, ...], mean: float, std: float) -> None:
    drawn = source(kind, arguments)(0, {"N": 2000}).double()
    assert drawn.shape == (2000, 50)
    assert drawn.mean().item() == pytest.approx(mean, abs=0.02 * max(1.0, std))
    assert drawn.std().item() == pytest.approx(std, rel=0.02)


def test_sizes_come_from_the_batch() -> None:
    b = GraphBuilder("g")
    x = b.input("x", "float", "N", "T", 3)
    assert sizes_of({"x": x}, {"x": torch.zeros(2, 5, 3)}) == {"N": 2, "T": 5}
