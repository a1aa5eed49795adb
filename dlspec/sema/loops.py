"""A loop under construction: the body's graph, what is stepped through it, and its states."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.names import MissingArgument, NotYet
from dlspec.diagnostics.time import NoNextState, NotAState, StateChanges
from dlspec.dims import Dim
from dlspec.ir.builder import GraphBuilder
from dlspec.ir.graph import Distribution, Input, Value
from dlspec.ir.types import DType, TensorType
from dlspec.ops.lengths import Full
from dlspec.sema.operands import cast
from dlspec.sema.tensors import as_tensor, constant, single
from dlspec.sema.types import declared_type
from dlspec.sema.values import Record, Tensor, describe, is_number
from dlspec.source import Span
from dlspec.syntax import ast

if TYPE_CHECKING:
    from dlspec.sema.context import Context, Frame
    from dlspec.sema.elaborate import Elaborator

Given = tuple[Any, Span]


@dataclass
class State:
    """One state: its value in this step, where it starts, and what comes next."""

    keys: tuple[str, ...]
    formal: Input
    start: Value
    span: Span
    following: Value | None = None


@dataclass
class Loop:
    """What a loop gathers while its body is elaborated.

    ``like`` is a tensor outside that has the loop's rows; ``time`` its steps; ``starts`` are the
    states' values that the caller gave, by name, those of cells within as records. ``fed`` is the
    input that a generation feeds with its own choices.
    """

    outer: GraphBuilder
    body: GraphBuilder
    path: str
    like: Value
    time: Dim
    starts: Mapping[str, Given] = field(default_factory=dict[str, Given])
    stepped: list[tuple[Input, Value]] = field(default_factory=list[tuple[Input, Value]])
    states: list[State] = field(default_factory=list[State])
    fed: str = ""
    fed_input: Input | None = None

    def step(self, name: str, actual: Value, span: Span | None) -> Input:
        """The value of one step of a tensor with time."""
        kind = actual.type
        formal = self.body.input(
            f"{self.path}.{name}",
            kind.dtype,
            kind.shape[0],
            *kind.shape[2:],
            ragged=sorted(a - 1 for a in kind.ragged if a > 1),
            origin="step",
            span=span,
        )
        self.stepped.append((formal, actual))
        return formal

    def noise(self, place: str, kind: TensorType, distribution: Distribution, span: Span) -> Input:
        """A noise drawn anew for each step: an input of the graph with the steps after N."""
        if self.fed:
            raise DlspecError(NotYet(span, "a `noise` in a cell that generates"))
        drawn = self.outer.root.input(
            place,
            kind.dtype,
            kind.shape[0],
            self.time,
            *kind.shape[1:],
            distribution=distribution,
            span=span,
        )
        return self.step(place.rpartition(".")[2], drawn, span)

    def final(self, values: Sequence[Value]) -> Record:
        """The states after the last step, by name."""
        names: dict[str, Any] = {}
        for state, value in zip(self.states, values, strict=True):
            inner = names
            for key in state.keys[:-1]:
                found = inner.setdefault(key, Record(key, {}))
                inner = found.names
            inner[state.keys[-1]] = Tensor(value)
        return Record("final", names, tuple(names))

    def close(self) -> None:
        """Put the body's inputs and outputs in the order that loops have: steps, then states."""
        order = [f for f, _ in self.stepped] + [s.formal for s in self.states]
        if self.fed_input is not None:
            order.insert(0, self.fed_input)
        graph = self.body.graph
        graph.inputs = order + [i for i in graph.inputs if i not in order]
        for state in self.states:
            if state.following is None:
                raise DlspecError(NoNextState(state.span, state.keys[-1]))


@contextmanager
def inside(
    context: Context, loop: Loop, within: Mapping[Dim, Value] | None = None
) -> Generator[None]:
    """Elaborate into the body of a loop; ``within`` are the lengths that a step has itself."""
    before = context.builder, context.loop, context.lengths
    context.builder, context.loop = loop.body, loop
    if within:
        context.lengths = {**context.lengths, **within}
    try:
        yield
    finally:
        context.builder, context.loop, context.lengths = before


@contextmanager
def around(context: Context, loop: Loop) -> Generator[None]:
    """Evaluate outside the open loop: where its states start."""
    builder, before = context.builder, context.loop
    context.builder, context.loop = loop.outer, None
    try:
        yield
    finally:
        context.builder, context.loop = builder, before


def declare_state(
    el: Elaborator, loop: Loop, name: str, kind: TensorType, value: Any, span: Span, frame: Frame
) -> Value:
    """`state h: float[N, units] = 0`: the value of this step."""
    keys = (*frame.within, name, *frame.rounds)
    given = _given(loop, frame.within, name, frame.rounds)
    if given is None:
        start = _declared_start(loop, el, kind, value, span, frame.place(name))
    else:
        start = as_tensor(loop.outer, given[0], given[1])
        if (start.type.dtype, start.type.shape) != (kind.dtype, kind.shape):
            raise DlspecError(
                StateChanges(given[1], name, "start", str(start.type), str(kind), span)
            )
    formal = loop.body.input(frame.place(name), kind.dtype, *kind.shape, origin="state", span=span)
    loop.states.append(State(keys, formal, start, span))
    return formal


def _given(loop: Loop, within: tuple[str, ...], name: str, rounds: tuple[str, ...]) -> Given | None:
    """The start that the caller gave a state, by name or in a record."""
    head, *rest = (*within, name, *rounds)
    found = loop.starts.get(head)
    for key in rest:
        if found is None:
            return None
        value, span = found
        names = value.names if isinstance(value, Record) else {}
        found = (names[key], span) if key in names else None
    return found


def _declared_start(
    loop: Loop, el: Elaborator, kind: TensorType, value: Any, span: Span, path: str
) -> Value:
    outer = loop.outer
    number = 0.0 if value is None else value
    if is_number(number) or isinstance(number, bool):
        if kind.rank == 0 or kind.shape[0] != loop.like.type.shape[0]:
            if kind.rank:
                raise DlspecError(NotYet(span, "a state whose first axis is not N"))
            return constant(outer, number, kind.dtype)
        op = Full(tuple(kind.shape[1:]), float(number), kind.dtype.value)
        return outer.one(op, loop.like, path=f"{path}.start", span=span)
    tensor = single(value)
    if tensor is None or tensor.type.dtype is not kind.dtype:
        raise DlspecError(StateChanges(span, path, "start", describe(value), str(kind), span))
    zero = outer.one(
        Full(tuple(kind.shape[1:]), 0.0, kind.dtype.value), loop.like, path=f"{path}.zero"
    )
    from dlspec.ops import REGISTRY

    start = outer.one(REGISTRY["add"](), zero, tensor, path=f"{path}.start", span=span)
    if start.type.shape != kind.shape:
        raise DlspecError(StateChanges(span, path, "start", str(tensor.type), str(kind), span))
    return start


def fed_input(el: Elaborator, statement: ast.Input, frame: Frame) -> Value:
    """The input of a cell that nothing is given for: what a generation chose."""
    loop = el.context.loop
    if loop is None or loop.fed != statement.name or frame.within:
        raise DlspecError(MissingArgument(statement.name_span, statement.name, frame.owner))
    frame.dims.setdefault("N", loop.like.type.shape[0])
    kind = declared_type(statement.type, frame, el.evaluate)
    loop.fed_input = loop.body.input(
        frame.place(statement.name),
        kind.dtype,
        *kind.shape,
        origin="step",
        span=statement.name_span,
    )
    return loop.fed_input


def next_state(el: Elaborator, name: str, value: Any, span: Span, frame: Frame) -> Value:
    """`h' = …`: the value of the next step."""
    loop = el.context.loop
    keys = (*frame.within, name, *frame.rounds)
    states = loop.states if loop is not None else []
    state = next((s for s in states if s.keys == keys), None)
    known = ", ".join(f"`{s.keys[-1]}`" for s in states if s.keys[:-1] == frame.within)
    if state is None:
        raise DlspecError(NotAState(span, name, "is the next value of no state", known or None))
    if state.following is not None:
        raise DlspecError(NotAState(span, name, "is given twice"))
    kind = state.formal.type
    literal = single(value) is None
    tensor = (
        constant(el.context.builder, value, kind.dtype)
        if literal and is_number(value)
        else as_tensor(el.context.builder, value, span)
    )
    if tensor.type.dtype is DType.uint8 and kind.dtype.is_float:
        tensor = cast(el, tensor, kind.dtype, span)
    if (tensor.type.dtype, tensor.type.shape) != (kind.dtype, kind.shape):
        raise DlspecError(
            StateChanges(span, name, "next value", str(tensor.type), str(kind), state.span)
        )
    state.following = tensor
    return tensor
