"""What a parameter or buffer begins with."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlspec.ir.graph import Initializer
from dlspec.randomness.streams import generator

Array = NDArray[Any]
Draw = Callable[[int], Array]

CHUNK = 1 << 16
"""Numbers drawn at a time: a chunk stays in the processor's cache until it is float32."""


def initial_value(name: str, shape: Sequence[int], init: Initializer, seed: int = 0) -> Array:
    """The value that a parameter or buffer begins with, float32.

    Kinds:
        ``zeros``, ``ones``, ``constant(value)``, ``literal``;
        ``normal(mean, std)``, ``uniform(low, high)``;
        ``truncated_normal(mean, std)``: what is beyond two ``std`` is drawn anew, so that the
            standard deviation is 0.88 of it;
        ``xavier_uniform(gain)``, ``xavier_normal(gain)``: std = gain sqrt(2 / (fan_in + fan_out)),
            Glorot & Bengio 2010;
        ``kaiming_uniform(slope)``, ``kaiming_normal(slope)``: std = sqrt(2 / (1 + slope²) / fan),
            He et al. 2015; the fan is fan_in, with ``fan_out`` = 1 fan_out;
        ``fan_in_uniform``: within 1 / sqrt(fan_in), PyTorch's start of linear and convolution
            layers;
        ``orthogonal(gain)``: rows or columns at right angles, Saxe et al. 2013;
        ``identity(gain)``: of a matrix (Le et al. 2015), of a convolution the one that passes each
            channel on.

    ``fan_in`` among the arguments replaces the one that the shape gives (PyTorch's rule: all axes
    but the first); a bias needs its layer's.
    """
    sizes, arguments = tuple(shape), init.arguments
    rng = generator(seed, f"init\0{name}")
    match init.kind:
        case "literal":
            return _literal(name, sizes, init)
        case "zeros":
            return np.zeros(sizes, np.float32)
        case "ones":
            return np.ones(sizes, np.float32)
        case "constant":
            return np.full(sizes, arguments["value"], np.float32)
        case "normal":
            mean, std = arguments.get("mean", 0.0), arguments.get("std", 1.0)
            return filled(sizes, lambda n: mean + std * rng.standard_normal(n))
        case "truncated_normal":
            mean, std = arguments.get("mean", 0.0), arguments.get("std", 1.0)
            return filled(sizes, lambda n: mean + std * _within_two(rng, n))
        case "uniform":
            low, high = arguments.get("low", 0.0), arguments.get("high", 1.0)
            return filled(sizes, lambda n: low + (high - low) * rng.random(n))
        case "xavier_uniform" | "xavier_normal":
            fans = _fan_in(name, sizes, arguments) + _fan_out(sizes)
            std = arguments.get("gain", 1.0) * math.sqrt(2.0 / fans)
            return filled(sizes, _spread(rng, std, init.kind))
        case "kaiming_uniform" | "kaiming_normal":
            gain = 2.0 / (1.0 + arguments.get("slope", 0.0) ** 2)
            out = arguments.get("fan_out", 0.0)
            fan = _fan_out(sizes) if out else _fan_in(name, sizes, arguments)
            return filled(sizes, _spread(rng, math.sqrt(gain / fan), init.kind))
        case "fan_in_uniform":
            bound = 1.0 / math.sqrt(_fan_in(name, sizes, arguments))
            return filled(sizes, lambda n: bound * (2.0 * rng.random(n) - 1.0))
        case "orthogonal":
            return arguments.get("gain", 1.0) * _orthogonal(rng, sizes)
        case "identity":
            return arguments.get("gain", 1.0) * _identity(sizes)
        case kind:
            raise ValueError(f"no initialiser is called {kind!r} (parameter {name})")


def filled(sizes: tuple[int, ...], draw: Draw) -> Array:
    """float32 numbers, drawn in order and a chunk at a time."""
    count = math.prod(sizes)
    made = np.empty(count, np.float32)
    for start in range(0, count, CHUNK):
        made[start : start + CHUNK] = draw(min(CHUNK, count - start))
    return made.reshape(sizes)


def _spread(rng: np.random.Generator, std: float, kind: str) -> Draw:
    if kind.endswith("_normal"):
        return lambda n: std * rng.standard_normal(n)
    return lambda n: std * math.sqrt(3.0) * (2.0 * rng.random(n) - 1.0)


def _within_two(rng: np.random.Generator, count: int) -> Array:
    """Standard normal numbers in [-2, 2]."""
    made = rng.standard_normal(count)
    while (outside := np.flatnonzero(np.abs(made) > 2.0)).size:
        made[outside] = rng.standard_normal(outside.size)
    return made


def _orthogonal(rng: np.random.Generator, sizes: tuple[int, ...]) -> Array:
    """The Q of a normal matrix, of rows (first axis) by all others, with R's diagonal positive: so
    it is uniform over all such matrices (Mezzadri 2007)."""
    rows, columns = sizes[0], math.prod(sizes[1:])
    q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
    q = q * np.where(np.diagonal(r) < 0, -1.0, 1.0)
    return np.asarray(q if rows >= columns else q.T, np.float32).reshape(sizes)


def _identity(sizes: tuple[int, ...]) -> Array:
    made = np.zeros(sizes, np.float32)
    each = np.arange(min(sizes[:2]))
    made[(each, each, *(k // 2 for k in sizes[2:]))] = 1.0
    return made


def _literal(name: str, sizes: tuple[int, ...], init: Initializer) -> Array:
    assert init.literal is not None, f"the literal start of {name} has no value"
    if init.literal.shape != sizes:
        raise ValueError(f"the literal start of {name} is {init.literal.shape}, not {sizes}")
    return np.array(init.literal)


def _fan_in(name: str, sizes: Sequence[int], arguments: Mapping[str, float]) -> float:
    given = arguments.get("fan_in")
    if given is None:
        if len(sizes) < 2:
            raise ValueError(
                f"the start of {name} needs `fan_in`: its shape {tuple(sizes)} has none"
            )
        given = math.prod(sizes[1:])
    return max(1.0, float(given))


def _fan_out(sizes: Sequence[int]) -> float:
    return float(sizes[0] * math.prod(sizes[2:])) if len(sizes) >= 2 else 1.0
