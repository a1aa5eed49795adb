"""A loop under construction: the body's graph, what is stepped through it, and its states."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.names import NotYet
from dlspec.diagnostics.time import NoNextState
from dlspec.dims import Dim
from dlspec.ir.builder import GraphBuilder
from dlspec.ir.graph import Distribution, Input, Value
from dlspec.ir.types import TensorType
from dlspec.sema.values import Record, Tensor
from dlspec.source import Span

if TYPE_CHECKING:
    from dlspec.sema.context import Context

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
