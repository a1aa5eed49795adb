"""The weights of whole graphs."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlspec.dims import Shape
from dlspec.ir.graph import Buffer, Graph, Initializer, Node, Parameter
from dlspec.randomness.starts import filled, initial_value
from dlspec.randomness.streams import generator

Array = NDArray[Any]

MANY = 1 << 20
"""Numbers from which on threads are worth their start."""


def initial_weights(graph: Graph, seed: int = 0, prefix: str = "") -> dict[str, Array]:
    """What every parameter and buffer of a graph begins with, by name: each a function of its name
    and the seed.

    ``prefix`` is cut off the names for the streams, so that a network begins alike in every recipe.
    """
    siblings = _layers(graph)

    def start(weight: Parameter | Buffer) -> Array:
        sizes = _sizes(weight.type.shape)
        stream = weight.name.removeprefix(prefix)
        value = initial_value(stream, sizes, _with_fan_in(weight, siblings), seed)
        return value.astype(weight.type.dtype.value, copy=False)

    return _of_each(graph.weights, start)


def structural_weights(graph: Graph, seed: int = 0) -> dict[str, Array]:
    """Weights that show structure: all drawn, none 0 or 1, buffers positive (so that variances
    are).

    A lost bias, scale or running mean shows with these, as it would not with fresh weights. Sums
    over the fan-in keep their size, so that depth neither blows up nor vanishes.
    """

    def drawn(weight: Parameter | Buffer) -> Array:
        rng = generator(seed, f"structural\0{weight.name}")
        sizes = _sizes(weight.type.shape)
        if not weight.type.dtype.is_float:
            return rng.integers(2, 10, sizes).astype(weight.type.dtype.value)
        if isinstance(weight, Buffer):
            return filled(sizes, lambda n: rng.uniform(0.4, 0.9, n))
        size = 1.5 / math.sqrt(max(4, math.prod(sizes[1:]))) if len(sizes) >= 2 else 1.0

        def either(count: int) -> Array:
            part = rng.uniform(-0.5, 0.5, count)  # its sign is the value's
            return size * (part + np.copysign(0.4, part))

        return filled(sizes, either)

    return _of_each(graph.weights, drawn)


def _of_each(
    weights: Sequence[Parameter | Buffer], value: Callable[[Parameter | Buffer], Array]
) -> dict[str, Array]:
    """The value of each weight by name. Each has a stream of its own, and drawing lets go of
    Python's lock: the many numbers of a large network are drawn side by side."""
    count = sum(math.prod(_sizes(w.type.shape)) for w in weights)
    if count < MANY:
        return {w.name: value(w) for w in weights}
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return dict(zip((w.name for w in weights), pool.map(value, weights), strict=True))


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
