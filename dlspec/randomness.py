"""Randomness as a function of (seed, stream, step), in NumPy: the same on every machine, with no generator state to keep.

A stream is a name (a parameter's key, a noise's path). Its generator is Philox (Salmon et al. 2011, counter-based), keyed by
BLAKE2b of the seed and the name; the step is the counter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from math import prod, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from dlspec.ir.graph import Distribution, Graph, Initializer

Array = NDArray[Any]


def key_of(seed: int, name: str) -> int:
    """A 128-bit key for a stream."""
    return int.from_bytes(blake2b(f"{seed}/{name}".encode(), digest_size=16).digest(), "little")


def generator(seed: int, name: str, step: int = 0) -> np.random.Generator:
    """The generator of a stream at a step; steps are 2⁶⁴ draws apart."""
    counter = np.array([0, step, 0, 0], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key_of(seed, name), counter=counter))


def fans(shape: Sequence[int]) -> tuple[int, int]:
    """Fan-in and fan-out of a weight [out, in, *kernel]."""
    if len(shape) < 2:
        return (shape[0], shape[0]) if shape else (1, 1)
    field = prod(shape[2:])
    return shape[1] * field, shape[0] * field


def initial_value(name: str, shape: Sequence[int], init: Initializer, seed: int = 0) -> NDArray[np.float32]:
    """The first value of a parameter or buffer, float32.

    ``fan_in_uniform`` is uniform within ± 1/√fan_in (PyTorch's for linear and convolution; a bias has its layer's
    ``fan_in`` as an argument); ``kaiming_*`` He et al. 2015, arXiv:1502.01852; ``xavier_*`` Glorot & Bengio 2010.

    Raises:
        ValueError: for an unknown kind, or a literal of another shape.
    """
    shape = tuple(shape)
    a = init.arguments
    fan_in, fan_out = fans(shape)
    g = generator(seed, name)

    def uniform(bound: float) -> Array:
        return g.uniform(-bound, bound, shape)

    match init.kind:
        case "literal":
            assert init.literal is not None
            if init.literal.shape != shape:
                raise ValueError(f"the literal of `{name}` has shape {init.literal.shape}, not {shape}")
            value: Array = init.literal
        case "zeros":
            value = np.zeros(shape)
        case "ones":
            value = np.ones(shape)
        case "constant":
            value = np.full(shape, a.get("value", 0.0))
        case "normal":
            value = g.normal(a.get("mean", 0.0), a.get("std", 1.0), shape)
        case "uniform":
            value = g.uniform(a.get("low", 0.0), a.get("high", 1.0), shape)
        case "fan_in_uniform":
            value = uniform(1 / sqrt(max(a.get("fan_in", fan_in), 1)))
        case "kaiming_uniform":
            value = uniform(sqrt(6 / max(fan_in, 1)))
        case "kaiming_normal":
            value = g.normal(0, sqrt(2 / max(fan_in, 1)), shape)
        case "xavier_uniform":
            value = uniform(sqrt(6 / (fan_in + fan_out)))
        case "xavier_normal":
            value = g.normal(0, sqrt(2 / (fan_in + fan_out)), shape)
        case _:
            raise ValueError(f"unknown initialiser `{init.kind}`")
    return np.ascontiguousarray(value, dtype=np.float32)


def draw(distribution: Distribution, name: str, shape: Sequence[int], seed: int, step: int = 0) -> Array:
    """A draw of a noise: float32, int64 for ``categorical``.

    Raises:
        ValueError: for an unknown distribution.
    """
    g = generator(seed, name, step)
    a = distribution.arguments
    match distribution.kind:
        case "normal":
            value: Array = g.normal(a[0], a[1], shape)
        case "uniform":
            value = g.uniform(a[0], a[1], shape)
        case "bernoulli":
            value = g.random(shape) < a[0]
        case "categorical":
            weights = np.asarray(a, dtype=np.float64)
            return g.choice(len(weights), size=tuple(shape), p=weights / weights.sum()).astype(np.int64)
        case _:
            raise ValueError(f"unknown distribution `{distribution.kind}`")
    return value.astype(np.float32)


def _shape(value: Any) -> tuple[int, ...]:
    return tuple(d.evaluate({}) for d in value.type.shape)


def initial_weights(graph: Graph, seed: int = 0, prefix: str = "") -> dict[str, Array]:
    """The first values of all parameters and buffers of a graph, by name.

    ``prefix`` is cut off the names for the streams, so that a network begins alike in every recipe.
    """
    return {
        w.name: initial_value(w.name.removeprefix(prefix), _shape(w), w.init, seed) for w in graph.weights
    }


def structural_weights(graph: Graph, seed: int = 0) -> Mapping[str, Array]:
    """Random values for all weights, none at 0 or 1 and variances positive, so that a part that is lost shows.

    Matrices keep the size of activations (standard deviation 1/√fan_in).
    """
    found: dict[str, Array] = {}
    for w in graph.weights:
        g = generator(seed, f"structural/{w.name}")
        shape = _shape(w)
        if w.name.endswith("running_var"):
            value: Array = g.uniform(0.5, 1.5, shape)
        elif len(shape) >= 2:
            value = g.normal(0, 1 / sqrt(max(fans(shape)[0], 1)), shape)
        else:
            value = g.uniform(0.2, 0.9, shape) * g.choice([-1.0, 1.0], shape)
        found[w.name] = np.asarray(value, dtype=np.float32)
    return found
