"""The meaning of a graph: carried out in NumPy, in float64 unless asked otherwise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dlspec.dims import Dim
from dlspec.ir.graph import Graph, Node, Value
from dlspec.ir.types import TensorType

Array = NDArray[Any]
OnValue = Callable[[Value, Array], Array]


class FeedError(ValueError):
    """An input is missing, unknown, or has a shape that its type does not allow."""


@dataclass
class Result:
    """What a run gives: outputs by name, every value by name where asked for, next values of buffers by name."""

    outputs: dict[str, Array]
    values: dict[str, Array] = field(default_factory=dict[str, Array])
    updates: dict[str, Array] = field(default_factory=dict[str, Array])


class Environment:
    """The values known so far; ops that hold a body run it in a child of theirs."""

    def __init__(
        self,
        dtype: np.dtype[Any],
        on_value: OnValue | None = None,
        parent: Environment | None = None,
        symbols: dict[str, int] | None = None,
    ) -> None:
        self.dtype = dtype
        self.on_value = on_value
        self.parent = parent
        self.known: dict[Value, Array] = {}
        self.symbols: dict[str, int] = parent.symbols if parent else (symbols or {})

    def child(self) -> Environment:
        """An environment inside this one: it sees what is known here."""
        return Environment(self.dtype, self.on_value, self)

    def get(self, value: Value) -> Array:
        """The array of a value, also of one around a loop's body."""
        env: Environment | None = self
        while env is not None:
            if value in env.known:
                return env.known[value]
            env = env.parent
        raise KeyError(value.name)

    def set(self, value: Value, array: Array) -> None:
        """Keep a value in the run's precision; ``on_value`` may put another in its place."""
        array = np.asarray(array)
        if array.dtype.kind == "f" and array.dtype != self.dtype:
            array = array.astype(self.dtype)
        if self.on_value is not None:
            array = self.on_value(value, array)
        self.known[value] = array

    def run(self, graph: Graph) -> None:
        """Carry out the nodes of a graph whose inputs are known."""
        for constant in graph.constants:
            value = constant.value
            if constant.type.dtype.is_float:
                value = value.astype(self.dtype)
            self.known[constant] = value
        for node in graph.nodes:
            self.step(node)

    def step(self, node: Node) -> None:
        """Carry out one node."""
        inputs = [None if v is None else self.get(v) for v in node.inputs]
        with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
            result = node.op.run(self, *inputs)
        results = result if isinstance(result, tuple) else (result,)
        for value, array in zip(node.outputs, results, strict=True):
            self.set(value, array)


def run(
    graph: Graph,
    inputs: Mapping[str, Array],
    weights: Mapping[str, Array],
    *,
    dtype: Any = np.float64,
    on_value: OnValue | None = None,
    want: Literal["outputs", "all"] = "outputs",
) -> Result:
    """Carry out a graph.

    Args:
        graph: any graph.
        inputs: an array for each input (noise and lengths too), by name.
        weights: an array for each parameter and buffer, by name.
        dtype: the precision of all floats, float64 or float32.
        on_value: sees each input, weight and node result as it comes, and returns what counts in its place.
        want: "all" also gives every value by name.

    Raises:
        FeedError: if an input or weight is missing, unknown, or does not fit its type.
    """
    env = Environment(np.dtype(dtype), on_value)
    known = {i.name for i in graph.inputs}
    for name in inputs:
        if name not in known:
            raise FeedError(f"`{graph.name}` has no input `{name}`; it has {', '.join(sorted(known))}")
    for value in graph.inputs:
        if value.name not in inputs:
            raise FeedError(f"input `{value.name}` of `{graph.name}` is missing")
        array = np.asarray(inputs[value.name])
        bind_symbols(value.name, value.type, array.shape, env.symbols)
        if value.type.dtype.is_float and array.dtype.kind != "f":
            array = array.astype(env.dtype)
        env.set(value, array)
    for weight in graph.weights:
        if weight.name not in weights:
            raise FeedError(f"weight `{weight.name}` of `{graph.name}` is missing")
        array = np.asarray(weights[weight.name])
        bind_symbols(weight.name, weight.type, array.shape, env.symbols)
        env.set(weight, array)
    env.run(graph)
    result = Result({o.name: env.get(o.value) for o in graph.outputs})
    result.updates = {b.name: env.get(v) for b, v in graph.updates}
    if want == "all":
        result.values = {v.name: a for v, a in env.known.items()}
    return result


def bind_symbols(name: str, kind: TensorType, shape: tuple[int, ...], symbols: dict[str, int]) -> None:
    """Check a shape against a type; free symbols are bound, known ones must agree.

    Raises:
        FeedError: if the shape does not fit.
    """
    if len(shape) != kind.rank:
        raise FeedError(f"`{name}` is {kind}, but was given shape {list(shape)}")
    for dim, size in zip(kind.shape, shape, strict=True):
        symbol = dim.symbol
        if symbol is not None:
            wanted = symbols.setdefault(symbol, size)
        else:
            wanted = size if not dim.symbols <= set(symbols) else Dim.of(dim).evaluate(symbols)
        if wanted != size:
            raise FeedError(f"`{name}` is {kind}, but was given shape {list(shape)}: {dim} is {wanted}")
