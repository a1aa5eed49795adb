"""Noise that the caller left out, drawn from (seed, name of the input) and nothing else."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from dlspec.bundle.manifest import InputSpec
from dlspec.ir.graph import Distribution
from dlspec.randomness import draw


def drawn(spec: InputSpec, shape: tuple[int, ...], seed: int) -> NDArray[Any]:
    """An array of the input's type and the given shape."""
    noise = spec.noise
    assert noise is not None, f"{spec.name} has no distribution"
    return draw(Distribution(noise.kind, noise.arguments), spec.name, shape, seed).astype(
        spec.dtype
    )
