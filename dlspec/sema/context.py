"""What elaboration carries with it: the mode, the graph under construction, scopes and stable
names.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dlspec.diagnostics import CallSite, DlspecError, Sink
from dlspec.diagnostics.meaning import TooDeep, TooLarge, TooManyMistakes
from dlspec.dims import Dim, product
from dlspec.ir.builder import GraphBuilder
from dlspec.ir.graph import Value
from dlspec.sema.bindings import bound_places
from dlspec.sema.call_sites import CallSites
from dlspec.sema.program import Program
from dlspec.source import Span
from dlspec.syntax import ast

if TYPE_CHECKING:
    from dlspec.sema.loops import Loop

MAX_DEPTH = 64
MAX_NODES = 10_000
MAX_PARAMETERS = 10**11
MAX_ROUNDS = 20_000
MAX_WORK = 500_000
"""Expressions evaluated in one elaboration; what copies lists and what fails costs more than one.
"""
MAX_LITERALS = 10_000_000
"""Elements of all compile-time arrays together."""
MAX_SIZE = 10**15
MAX_TERMS = 32
MAX_MISTAKES = 100


class Exhausted(DlspecError):
    """A limit is passed: nothing more of this definition is elaborated."""


@dataclass(frozen=True)
class Mode:
    """One of the three graphs of a text: learn (both true), evaluate (``training``), engine
    (neither).
    """

    training: bool
    learning: bool

    def __str__(self) -> str:
        if self.learning:
            return "while learning"
        return "while evaluating" if self.training else "in the engine"


LEARN, EVALUATE, ENGINE = Mode(True, True), Mode(True, False), Mode(False, False)


class Sites:
    """Stable names of the places where unnamed layers are applied.

    A place is a syntax node within a scope; its name is the op's, with an ordinal from the second
    of a kind on. The modes of one text share the names, so that what is `when training` in one does
    not shift the others.
    """

    def __init__(self) -> None:
        self._paths: dict[tuple[str, int], str] = {}
        self._counts: dict[tuple[str, str], int] = {}

    def path(self, scope: str, kind: str, node: ast.Node) -> str:
        """The path of a place; ``node`` is what applies, held by the syntax tree for as long as
        this lives.
        """
        key = (scope, id(node))
        found = self._paths.get(key)
        if found is None:
            count = self._counts.get((scope, kind), 0) + 1
            self._counts[scope, kind] = count
            found = join(scope, kind if count == 1 else f"{kind}{count}")
            self._paths[key] = found
        return found


def join(*parts: str) -> str:
    """Parts of a path with dots between, empty ones left out."""
    return ".".join(p for p in parts if p)


@dataclass
class Frame:
    """One application of a definition: its names and where they are in the graph."""

    owner: str
    kind: str
    scope: str
    program: Program
    names: dict[str, Any] = field(default_factory=dict[str, Any])
    bound: dict[str, Span] = field(default_factory=dict[str, Span])
    absent: dict[str, Span] = field(default_factory=dict[str, Span])
    dims: dict[str, Dim] = field(default_factory=dict[str, Dim])
    rounds: tuple[str, ...] = ()
    families: dict[str, dict[tuple[str, ...], Any]] = field(
        default_factory=dict[str, dict[tuple[str, ...], Any]]
    )
    target: str = ""
    aliases: set[str] = field(default_factory=set[str])
    outputs: list[str] = field(default_factory=list[str])
    result: Any = None
    returned: bool = False
    read: set[str] = field(default_factory=set[str])
    given: dict[str, tuple[Any, Span]] = field(default_factory=dict[str, tuple[Any, Span]])
    within: tuple[str, ...] = ()
    put_out: dict[str, Any] = field(default_factory=dict[str, Any])
    later: Mapping[str, Span] = field(default_factory=dict[str, Span])

    @property
    def prefix(self) -> str:
        """Where the layers of the current statement are: scope, bound name, rounds."""
        return join(self.scope, self.target, *self.rounds)

    def place(self, name: str) -> str:
        """The path of a value or layer bound to a name here."""
        return join(self.scope, name, *self.rounds)


class Context:
    """One elaboration: a mode, a graph, and the limits that keep a stranger's spec harmless."""

    def __init__(
        self, program: Program, sink: Sink, mode: Mode, builder: GraphBuilder, sites: Sites
    ) -> None:
        self.program = program
        self.sites_open = CallSites(sink)
        self.sink: Sink = self.sites_open
        self.mode = mode
        self.builder = builder
        self.sites = sites
        self.weights: dict[str, Value] = {}
        self.lengths: dict[Dim, Value] = {}
        self.steps: dict[Dim, Value] = {}
        """What the rows of a layer within `each` are the steps of, by their number, N * T."""
        self.loop: Loop | None = None
        self.frozen: tuple[str, ...] = ()
        self.depth = 0
        self.rounds = 0
        self.work = 0
        self.literals = 0
        self.places: dict[int, Mapping[str, Span]] = {}
        self.elements = Dim.of(0)

    def places_of(self, definition: ast.Definition) -> Mapping[str, Span]:
        """Where the names of a definition are first bound, worked out once."""
        found = self.places.get(id(definition))
        if found is None:
            found = self.places[id(definition)] = bound_places(definition.body)
        return found

    def learning_at(self, scope: str) -> bool:
        """Whether weights change here: a layer that no goal is over runs as in the engine, and so
        does what a cell says when it is fed with its own choices."""
        if self.loop is not None and self.loop.fed:
            return False
        return self.mode.learning and not any(
            scope == f or scope.startswith(f + ".") for f in self.frozen
        )

    @contextmanager
    def deeper(self, name: str, span: Span) -> Generator[None]:
        """Guards an application inside an application."""
        if self.depth >= MAX_DEPTH:
            raise Exhausted(TooDeep(span, name, MAX_DEPTH))
        self.depth += 1
        self.sites_open.open.append(CallSite(name, span))
        try:
            yield
        finally:
            self.sites_open.open.pop()
            self.depth -= 1

    def count_round(self, span: Span) -> None:
        """Guards the rounds of all loops together."""
        self.rounds += 1
        if self.rounds > MAX_ROUNDS:
            raise Exhausted(TooLarge(span, what=f"more than {MAX_ROUNDS:,} rounds of loops"))

    def spend(self, work: int, span: Span) -> None:
        """Guards what all statements together cost."""
        self.work += work
        if self.work > MAX_WORK:
            raise Exhausted(TooLarge(span, what=f"more than {MAX_WORK:,} steps to work out"))

    def count_literal(self, elements: int, span: Span) -> None:
        """Guards the memory of compile-time arrays."""
        self.literals += elements
        if self.literals > MAX_LITERALS:
            raise Exhausted(
                TooLarge(span, what=f"more than {MAX_LITERALS:,} numbers known at compile time")
            )

    def count_mistake(self, span: Span) -> None:
        """Guards the number of mistakes that are told; each costs, as a loop may repeat it."""
        self.spend(1000, span)
        if len(self.sink.diagnostics) >= MAX_MISTAKES:
            raise Exhausted(TooManyMistakes(span, MAX_MISTAKES))

    def count_nodes(self, outputs: Iterable[Value], span: Span) -> None:
        """Guards the size of the graph, and the sizes in it."""
        if len(self.builder.graph.nodes) > MAX_NODES:
            raise Exhausted(TooLarge(span, what=f"a graph of more than {MAX_NODES:,} nodes"))
        for value in outputs:
            for dim in value.type.shape:
                if len(dim.terms) > MAX_TERMS or any(abs(c) > MAX_SIZE for _, c in dim.terms):
                    raise Exhausted(TooLarge(span, what=f"an axis beyond {MAX_SIZE:.0e}"))

    def count_parameter(self, shape: tuple[Dim, ...], span: Span) -> None:
        """Guards the number of parameters."""
        self.elements = self.elements + product(shape)
        total = self.elements.value
        if total is not None and total > MAX_PARAMETERS:
            raise Exhausted(TooLarge(span, what=f"{total:.1e} parameters"))
