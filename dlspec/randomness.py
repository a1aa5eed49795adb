"""Randomness as a function of (seed, stream, step): nothing else decides a starting weight or a
drawn noise.

A stream is a name. NumPy's Philox is a counter-based generator (Salmon et al. 2011, "Parallel
random numbers: as easy as 1, 2, 3"): its key is a hash of the seed and the stream's name, and the
step stands in the high words of its counter, so that any step can be drawn without those before it,
and resuming needs no generator state.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlspec.dims import Shape
from dlspec.ir.graph import Buffer, Distribution, Graph, Initializer, Node, Parameter

Array = NDArray[Any]


def generator(seed: int, stream: str, step: int = 0) -> np.random.Generator:
    """The generator of one stream at one step."""
    digest = hashlib.blake2b(f"{int(seed)}\0{stream}".encode(), digest_size=16).digest()
    key = np.frombuffer(digest, dtype="<u8")
    counter = np.array([0, 0, step, 0], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(counter=counter, key=key))


# --- noise ----------------------------------------------------------------------------------------


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


# --- starting values ------------------------------------------------------------------------------


def initial_value(name: str, shape: Sequence[int], init: Initializer, seed: int = 0) -> Array:
    """The value that a parameter or buffer begins with, float32.

    Kinds: ``zeros``, ``ones``, ``constant(value)``, ``normal(mean, std)``, ``uniform(low, high)``,
        ``xavier_uniform``, ``xavier_normal``
    (Glorot & Bengio 2010), ``kaiming_uniform``, ``kaiming_normal`` (He et al. 2015, for
    rectifiers), ``fan_in_uniform`` (uniform within 1/sqrt(fan_in): PyTorch's start of linear and
    convolution layers) and ``literal``. ``fan_in`` among the arguments replaces the one that the
    shape gives (PyTorch's rule: all axes but the first); a bias needs its layer's.
    """
    sizes = tuple(shape)
    arguments = init.arguments
    rng = generator(seed, f"init\0{name}")
    match init.kind:
        case "literal":
            return _literal(name, sizes, init)
        case "zeros":
            drawn: Array = np.zeros(sizes)
        case "ones":
            drawn = np.ones(sizes)
        case "constant":
            drawn = np.full(sizes, arguments["value"])
        case "normal":
            mean, std = arguments.get("mean", 0.0), arguments.get("std", 1.0)
            drawn = mean + std * rng.standard_normal(sizes)
        case "uniform":
            low, high = arguments.get("low", 0.0), arguments.get("high", 1.0)
            drawn = low + (high - low) * rng.random(sizes)
        case "xavier_uniform" | "xavier_normal":
            fans = _fan_in(name, sizes, arguments) + _fan_out(sizes)
            drawn = _spread(rng, sizes, math.sqrt(2.0 / fans), init.kind)
        case "kaiming_uniform" | "kaiming_normal":
            std = math.sqrt(2.0 / _fan_in(name, sizes, arguments))
            drawn = _spread(rng, sizes, std, init.kind)
        case "fan_in_uniform":
            bound = 1.0 / math.sqrt(_fan_in(name, sizes, arguments))
            drawn = bound * (2.0 * rng.random(sizes) - 1.0)
        case kind:
            raise ValueError(f"no initialiser is called {kind!r} (parameter {name})")
    return np.asarray(drawn, dtype=np.float32)


def _spread(rng: np.random.Generator, sizes: tuple[int, ...], std: float, kind: str) -> Array:
    if kind.endswith("_normal"):
        return std * rng.standard_normal(sizes)
    return std * math.sqrt(3.0) * (2.0 * rng.random(sizes) - 1.0)


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


# --- whole graphs ---------------------------------------------------------------------------------


def initial_weights(graph: Graph, seed: int = 0, prefix: str = "") -> dict[str, Array]:
    """What every parameter and buffer of a graph begins with, by name: each a function of its name
    and the seed.

    ``prefix`` is cut off the names for the streams, so that a network begins alike in every recipe.
    """
    siblings = _layers(graph)
    found: dict[str, Array] = {}
    for weight in graph.weights:
        sizes = _sizes(weight.type.shape)
        stream = weight.name.removeprefix(prefix)
        value = initial_value(stream, sizes, _with_fan_in(weight, siblings), seed)
        found[weight.name] = value.astype(weight.type.dtype.value)
    return found


def structural_weights(graph: Graph, seed: int = 0) -> dict[str, Array]:
    """Weights that show structure: all drawn, none 0 or 1, buffers positive (so that variances
    are).

    A lost bias, scale or running mean shows with these, as it would not with fresh weights. Sums
    over the fan-in keep their size, so that depth neither blows up nor vanishes.
    """
    found: dict[str, Array] = {}
    for weight in graph.weights:
        rng = generator(seed, f"structural\0{weight.name}")
        sizes = _sizes(weight.type.shape)
        if not weight.type.dtype.is_float:
            found[weight.name] = rng.integers(2, 10, sizes).astype(weight.type.dtype.value)
            continue
        value = rng.uniform(0.4, 0.9, sizes)
        if not isinstance(weight, Buffer):
            value *= rng.choice((-1.0, 1.0), sizes)
            if len(sizes) >= 2:
                value *= 1.5 / math.sqrt(max(4, math.prod(sizes[1:])))
        found[weight.name] = np.asarray(value, dtype=np.float32)
    return found


def _sizes(shape: Shape) -> tuple[int, ...]:
    sizes = tuple(d.value for d in shape)
    if any(s is None for s in sizes):
        raise ValueError(f"a weight has sizes that are not known: {[str(d) for d in shape]}")
    return tuple(s for s in sizes if s is not None)


def _layers(graph: Graph) -> dict[Parameter | Buffer, Node]:
    """The first node that reads each weight as a parameter, in this graph or in the body of a
    loop."""
    found: dict[Parameter | Buffer, Node] = {}
    for node in graph.nodes:
        for value in node.inputs:
            if isinstance(value, (Parameter, Buffer)):
                found.setdefault(value, node)
        body = getattr(node.op, "body", None)
        if isinstance(body, Graph):
            inner = _layers(body)
            found.update({v: n for v, n in inner.items() if v not in found or n.op.rule.parameters})
    return found


def _with_fan_in(
    weight: Parameter | Buffer, layers: Mapping[Parameter | Buffer, Node]
) -> Initializer:
    """The initialiser, with a bias's fan-in taken from the weight of its layer."""
    init = weight.init
    if init.kind != "fan_in_uniform" or "fan_in" in init.arguments or weight.type.rank >= 2:
        return init
    node = layers.get(weight)
    if node is None:
        return init
    for value in node.inputs:
        if isinstance(value, (Parameter, Buffer)) and value.type.rank >= 2:
            fan_in = math.prod(_sizes(value.type.shape[1:]))
            return Initializer(init.kind, {**init.arguments, "fan_in": fan_in})
    return init
