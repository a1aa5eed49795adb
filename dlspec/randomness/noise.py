"""Noise as a graph declares it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlspec.ir.graph import Distribution
from dlspec.randomness.streams import generator

Array = NDArray[Any]


def draw(
    distribution: Distribution, name: str, shape: Sequence[int], seed: int = 0, step: int = 0
) -> Array:
    """Noise of a distribution.

    Args:
        distribution: `normal(mean=0, std=1)`, `uniform(low=0, high=1)`, `bernoulli(p=0.5)`,
            `categorical(weights…)`.
        name: of the noise input; it names the stream.
        shape: sizes of the result.
        seed, step: the rest of what the result depends on.

    Returns:
        float32 of the shape; int64 ids for `categorical`.
    """
    rng = generator(seed, f"noise\0{name}", step)
    given = distribution.arguments
    sizes = tuple(shape)
    match distribution.kind:
        case "normal":
            mean, std = _defaults(given, (0.0, 1.0))
            drawn = mean + std * rng.standard_normal(sizes)
        case "uniform":
            low, high = _defaults(given, (0.0, 1.0))
            drawn = low + (high - low) * rng.random(sizes)
        case "bernoulli":
            (p,) = _defaults(given, (0.5,))
            drawn = rng.random(sizes) < p
        case "categorical":
            limits = np.cumsum(np.asarray(given, dtype=np.float64))
            chosen = np.searchsorted(limits, rng.random(sizes) * limits[-1], side="right")
            return np.minimum(chosen, len(limits) - 1).astype(np.int64)
        case kind:
            raise ValueError(f"no distribution is called {kind!r}")
    return np.asarray(drawn, dtype=np.float32)


def _defaults(given: Sequence[float], defaults: tuple[float, ...]) -> tuple[float, ...]:
    return (*given, *defaults[len(given) :])
