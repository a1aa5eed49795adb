"""Noise inputs, drawn on the device as a function of seed, name and step.

Each draw seeds a `torch.Generator` with 64 bits that SHA-256 and SplitMix64 make of (seed, stream,
name, step), so a resumed run needs no generator state. What the generator makes of its seed
depends on the kind of device and on PyTorch's version; the checkpoint's environment records both.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from dlspec.ir.graph import Distribution, Input

if TYPE_CHECKING:
    import torch

_MASK = (1 << 64) - 1


def key_at(base: int, step: int) -> int:
    """The key of a step: SplitMix64 of (base + step) (Steele, Lea & Flood 2014,
    doi:10.1145/2714064.2660195)."""
    z = (base + 0x9E3779B97F4A7C15 * (step + 1)) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


class NoiseSource:
    """Draws one noise input."""

    def __init__(self, noise: Input, seed: int, stream: str, device: torch.device) -> None:
        import torch

        name = f"{seed}/{stream}/{noise.name}"
        self.name = noise.name
        self._base = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
        self._dims = noise.type.shape
        self._fixed = all(d.value is not None for d in noise.type.shape)
        self._dtype: torch.dtype = getattr(torch, noise.type.dtype.value)
        self._device = device
        self._generator = torch.Generator(device=device)
        assert noise.distribution is not None
        self._draw = _sampler(noise.distribution)

    def __call__(self, step: int, sizes: Mapping[str, int]) -> torch.Tensor:
        """The noise of a step, for given values of the symbolic dimensions."""
        import torch

        shape = [d.evaluate(sizes) for d in self._dims]
        self._generator.manual_seed(key_at(self._base, step))
        drawn = self._draw(torch.empty(shape, device=self._device), self._generator)
        return drawn.to(self._dtype)


def _sampler(distribution: Distribution) -> Callable[[torch.Tensor, Any], torch.Tensor]:
    arguments = distribution.arguments
    if distribution.kind == "normal":
        mean, std = arguments or (0.0, 1.0)
        return lambda empty, g: empty.normal_(mean, std, generator=g)
    if distribution.kind == "uniform":
        low, high = arguments or (0.0, 1.0)
        return lambda empty, g: empty.uniform_(low, high, generator=g)
    if distribution.kind == "bernoulli":
        (p,) = arguments
        return lambda empty, g: empty.uniform_(generator=g).lt_(
            p
        )  # five times as fast as bernoulli_ on a CPU
    if distribution.kind == "categorical":
        return lambda empty, g: _categorical(empty, arguments, g)
    raise ValueError(f"no distribution {distribution.kind}")


def _categorical(empty: torch.Tensor, weights: tuple[float, ...], generator: Any) -> torch.Tensor:
    """Ids by the inverse of the cumulated weights."""
    import torch

    edges = torch.cumsum(torch.tensor(weights, dtype=torch.float64), 0)
    edges = (edges / edges[-1])[:-1].to(empty)
    return torch.searchsorted(edges, empty.uniform_(generator=generator), right=True)


def sizes_of(inputs: Mapping[str, Input], batch: Mapping[str, torch.Tensor]) -> dict[str, int]:
    """The values of symbolic dimensions in a batch."""
    found: dict[str, int] = {}
    for name, value in inputs.items():
        for dim, size in zip(value.type.shape, batch[name].shape, strict=True):
            if dim.symbol is not None:
                found[dim.symbol] = size
    return found
