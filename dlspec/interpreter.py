"""The meaning of a graph: NumPy, in float64 (or float32), one op's `reference` after the other.

Verification takes this as the exact answer; it depends on no engine and not on PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from dlspec.diagnostics import DlspecError, did_you_mean
from dlspec.diagnostics.feeds import FeedMisfit, IdOutOfRange, MissingFeed, UnknownFeed
from dlspec.ir.graph import Graph, Node, Value
from dlspec.ir.types import TensorType

Array = NDArray[Any]
OnValue = Callable[[Value, Array], Array]


@dataclass
class Result:
    """What a run gives: outputs by their names, wanted values by theirs, and the next value of each
    buffer that changes."""

    outputs: dict[str, Array]
    values: dict[str, Array] = field(default_factory=dict[str, Array])
    updates: dict[str, Array] = field(default_factory=dict[str, Array])


@dataclass
class Cuts:
    """The states from which truncated loops went on. A first run keeps them; `again` gives them
    back, so that what changes does so within the stretches alone, as gradients do."""

    kept: list[list[Array]] = field(default_factory=list[list[Array]])
    given: Iterator[list[Array]] | None = None

    def again(self) -> Cuts:
        """Gives what was kept, in order."""
        return Cuts(self.kept, iter(self.kept))

    def __call__(self, states: list[Array]) -> list[Array]:
        if self.given is not None:
            return next(self.given)
        self.kept.append(states)
        return states


def run(
    graph: Graph,
    inputs: Mapping[str, ArrayLike],
    weights: Mapping[str, ArrayLike],
    *,
    dtype: DTypeLike = np.float64,
    on_value: OnValue | None = None,
    want: Literal["outputs", "all"] | Collection[str] = "outputs",
    cuts: Cuts | None = None,
) -> Result:
    """Run a graph.

    Args:
        graph: any graph; bodies of loops are run by their ops.
        inputs: every input by name, noise and lengths too.
        weights: every parameter and buffer by name; further ones are ignored.
        dtype: float64 or float32: what all floats are computed in.
        on_value: may replace a value as it comes to be (a float input, weight or constant, and
            every node's result, those in bodies too).
        want: which values to keep in `Result.values`: `all`, or names; outputs are always there.
        cuts: keeps or gives the states where loops truncate their gradients.

    Raises:
        DlspecError: an input or weight is missing, unknown, or has another shape or element type
            than declared, or two inputs give one symbol different sizes (DL330 to DL332); an id
            has no place in what it selects from (DL333).
    """
    machine = _Machine(np.dtype(dtype), on_value, cuts)
    machine.feed(graph, inputs, weights)
    machine.execute(graph, machine.values, _names(want))
    values = machine.values
    kept: dict[str, Array] = {}
    if want != "outputs":
        names = _names(want)
        kept = {v.name: a for v, a in values.items() if names is None or v.name in names}
    return Result(
        {o.name: values[o.value] for o in graph.outputs},
        kept,
        {b.name: values[v] for b, v in graph.updates},
    )


def _names(want: Literal["outputs", "all"] | Collection[str]) -> set[str] | None:
    """What to keep besides the outputs; None for everything."""
    if want == "all":
        return None
    return set() if want == "outputs" else set(want)


def _last_uses(graph: Graph, kept: Collection[str]) -> dict[Node, list[Value]]:
    """What nobody reads after each node."""
    held = {o.value for o in graph.outputs} | {v for _, v in graph.updates}
    last: dict[Value, Node] = {}
    for node in graph.nodes:
        for value in (*node.outputs, *node.inputs):
            if value is not None and value.name not in kept and value not in held:
                last[value] = node
    found: dict[Node, list[Value]] = {}
    for value, node in last.items():
        found.setdefault(node, []).append(value)
    return found


class _Machine:
    """One run; it is the environment in which ops run their bodies
    (`dlspec.ops.base.Environment`)."""

    def __init__(
        self, dtype: np.dtype[Any], on_value: OnValue | None, cuts: Cuts | None = None
    ) -> None:
        self._cuts = cuts
        self.dtype = dtype
        self.values: dict[Value, Array] = {}
        self.symbols: dict[str, int] = {}
        self._on_value = on_value

    # --- what goes in -----------------------------------------------------------------------------

    def feed(
        self, graph: Graph, inputs: Mapping[str, ArrayLike], weights: Mapping[str, ArrayLike]
    ) -> None:
        """Take inputs, weights and constants."""
        known = [i.name for i in graph.inputs]
        for name in inputs:
            if name not in known:
                guess = did_you_mean(name, known)
                raise DlspecError(
                    UnknownFeed(None, graph.name, name, ", ".join(known) or "nothing", guess)
                )
        given = [("input", v, inputs) for v in graph.inputs]
        given += [("weight", v, weights) for v in graph.weights]
        for what, value, source in given:
            if value.name not in source:
                raise DlspecError(
                    MissingFeed(value.span, graph.name, what, value.name, str(value.type))
                )
            array = self._taken(what, value, np.asarray(source[value.name]))
            self.values[value] = self._seen(value, array)
        self._check_sizes(graph)
        for constant in graph.constants:
            self.values[constant] = self._seen(constant, self._cast(constant.value, constant.type))

    def _taken(self, what: str, value: Value, array: Array) -> Array:
        kind = value.type
        if array.ndim != kind.rank:
            raise self._misfit(what, value, array, f"{kind.rank} axes")
        if not kind.dtype.is_float and array.dtype.kind == "f":
            raise self._misfit(what, value, array, f"{kind.dtype} numbers")
        for axis, dim in enumerate(kind.shape):
            name = dim.symbol
            expected = (
                dim.value if name is None else self.symbols.setdefault(name, array.shape[axis])
            )
            if expected is not None and array.shape[axis] != expected:
                meaning = f" ({name} of another input)" if name else ""
                raise self._misfit(what, value, array, f"{expected}{meaning} on axis {axis}")
        return self._cast(array, kind)

    def _check_sizes(self, graph: Graph) -> None:
        """Sizes that are expressions, once all symbols are known."""
        for value in graph.inputs:
            for axis, dim in enumerate(value.type.shape):
                if dim.symbols <= self.symbols.keys():
                    array, expected = self.values[value], dim.evaluate(self.symbols)
                    if array.shape[axis] != expected:
                        raise self._misfit(
                            "input", value, array, f"{expected} ({dim}) on axis {axis}"
                        )

    def _misfit(self, what: str, value: Value, array: Array, expected: str) -> DlspecError:
        actual = f"{array.dtype}{list(array.shape)}"
        return DlspecError(
            FeedMisfit(value.span, what, value.name, str(value.type), actual, expected)
        )

    # --- nodes ------------------------------------------------------------------------------------

    def execute(
        self, graph: Graph, values: dict[Value, Array], kept: Collection[str] | None = None
    ) -> None:
        """Run the nodes of a graph in order; ``values`` has what they read, and gets what they
        make. Of that it keeps outputs and what has one of the ``kept`` names (all without them):
        the rest is let go after its last use."""
        dead = {} if kept is None else _last_uses(graph, kept)
        for node in graph.nodes:
            arguments = [None if v is None else values[v] for v in node.inputs]
            try:
                with np.errstate(all="ignore"):  # NaN and Inf are answers too, as in the engines
                    made = node.op.run(self, *arguments)
            except IndexError as error:
                raise DlspecError(IdOutOfRange(node.span, node.path, str(error))) from error
            results = made if isinstance(made, tuple) else (made,)
            for value, result in zip(node.outputs, results, strict=True):
                values[value] = self._seen(value, self._checked(node, value, result))
            for value in dead.get(node, ()):
                del values[value]

    def body(
        self, graph: Graph, inputs: Sequence[Array], captures: Mapping[Value, Array]
    ) -> list[Array]:
        """The outputs of a loop's body (`dlspec.ops.base.Environment.body`)."""
        values: dict[Value, Array] = dict(captures)
        values.update(
            (v, self._cast(np.asarray(a), v.type))
            for v, a in zip(graph.inputs, inputs, strict=True)
        )
        values.update((c, self._cast(c.value, c.type)) for c in graph.constants)
        self.execute(graph, values)
        return [values[o.value] for o in graph.outputs]

    def cut(self, states: list[Array]) -> list[Array]:
        """What a truncated loop goes on from (`dlspec.ops.base.Environment.cut`)."""
        return states if self._cuts is None else self._cuts(states)

    def _checked(self, node: Node, value: Value, result: Any) -> Array:
        array = self._cast(np.asarray(result), value.type)
        shape = value.type.shape
        if array.ndim != len(shape) or any(
            d.value is not None and d.value != s for d, s in zip(shape, array.shape, strict=True)
        ):
            raise ValueError(f"{node.path}: {value} came out as {list(array.shape)}")
        return array

    def _cast(self, array: Array, kind: TensorType) -> Array:
        return array.astype(self.dtype if kind.dtype.is_float else kind.dtype.value, copy=False)

    def _seen(self, value: Value, array: Array) -> Array:
        if self._on_value is None or (value.producer is None and not value.type.dtype.is_float):
            return array
        return self._on_value(value, array)
