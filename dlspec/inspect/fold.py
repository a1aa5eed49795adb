"""How the nodes of a network fold: blocks and the rounds of loops, read from the stable paths.

`h.3.bottleneck.y.conv` is inside an application of the block `bottleneck` in the third round of a
loop. A piece of a path stands for a block where it is a block's name, or where what is made below
it is written in another definition than what is around it (`x -> inception(…) as low`). Names of
bindings stand for nothing: what is bound in a network is shown op by op.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from dlspec.diagnostics import Sink
from dlspec.inspect.wording import op_text
from dlspec.ir.graph import Node, Value
from dlspec.source import SourceFile, Span
from dlspec.syntax import parse
from dlspec.syntax.ast import Definition

ROUND = "round"
"""The kind of a group that is one round of a loop."""


@dataclass(eq=False)
class Group:
    """Nodes that one block, or one round of a loop, has made; ``kind`` is the block's name."""

    name: str
    kind: str
    items: list[Item] = field(default_factory=list["Item"])

    @property
    def nodes(self) -> list[Node]:
        """All nodes, also those of groups inside."""
        return list(nodes_of(self.items))


Item = Node | Group


@dataclass(eq=False)
class Run:
    """Items of the same form after one another; one is shown for all."""

    items: list[Item]

    @property
    def first(self) -> Item:
        """The one that stands for them."""
        return self.items[0]

    @property
    def nodes(self) -> list[Node]:
        """The nodes of all."""
        return list(nodes_of(self.items))


def nodes_of(items: Iterable[Item]) -> Iterator[Node]:
    """Every node of items, in order."""
    for item in items:
        if isinstance(item, Node):
            yield item
        else:
            yield from nodes_of(item.items)


def groups_of(items: Iterable[Item]) -> list[Group]:
    """All groups, those inside others too."""
    found: list[Group] = []
    for item in items:
        if isinstance(item, Group):
            found += [item, *groups_of(item.items)]
    return found


class Definitions:
    """Which definition each place of the spec (and of the library) is in."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self._found: dict[SourceFile, list[Definition]] = {}
        for span in spans:
            if span.source not in self._found:
                read = parse(span.source, Sink()).items
                self._found[span.source] = [d for d in read if isinstance(d, Definition)]

    @property
    def blocks(self) -> set[str]:
        """The names of all blocks and cells."""
        every = (d for listed in self._found.values() for d in listed)
        return {d.name for d in every if d.kind != "network"}

    def at(self, span: Span | None) -> str | None:
        """The block that a place is in; None in a network."""
        for definition in self._found.get(span.source, ()) if span is not None else ():
            inside = definition.span.start <= span.start < definition.span.end if span else False
            if inside and definition.kind != "network":
                return definition.name
        return None


def outline(nodes: Sequence[Node]) -> list[Item]:
    """The nodes of a network, those of blocks and rounds in groups."""
    definitions = Definitions(n.span for n in nodes if n.span is not None)
    return _Outline(definitions).level(list(enumerate(nodes)), 0, None)


class _Outline:
    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._blocks = definitions.blocks

    def level(self, nodes: list[tuple[int, Node]], depth: int, inside: str | None) -> list[Item]:
        return [item for _, item in sorted(self._level(nodes, depth, inside), key=lambda p: p[0])]

    def _level(
        self, nodes: list[tuple[int, Node]], depth: int, inside: str | None
    ) -> list[tuple[int, Item]]:
        found: list[tuple[int, Item]] = []
        clusters: dict[str, list[tuple[int, Node]]] = {}
        for position, node in nodes:
            pieces = node.path.split(".")
            if depth >= len(pieces) - 1:
                found.append((position, node))
            else:
                clusters.setdefault(pieces[depth], []).append((position, node))
        for piece, members in clusters.items():
            kind = self._kind(piece, members, depth, inside)
            if kind is None:
                found += self._level(members, depth + 1, inside)
                continue
            around = inside if kind == ROUND else kind
            inner = self.level(members, depth + 1, around)
            name = ".".join(members[0][1].path.split(".")[: depth + 1])
            found += self._group(members[0][0], Group(name, kind, inner), len(clusters))
        return found

    def _kind(
        self, piece: str, members: list[tuple[int, Node]], depth: int, inside: str | None
    ) -> str | None:
        base = piece.rstrip("0123456789") if not piece.isdigit() else piece
        if base in self._blocks or piece in self._blocks:
            return piece if piece in self._blocks else base
        if piece.isdigit():
            return ROUND
        direct = [n for _, n in members if n.path.count(".") == depth + 1]
        homes = {self._definitions.at(n.span) for n in direct}
        home = next(iter(homes)) if len(homes) == 1 else None
        return home if home is not None and home != inside else None

    @staticmethod
    def _group(position: int, group: Group, siblings: int) -> list[tuple[int, Item]]:
        only = group.items[0] if len(group.items) == 1 else None
        if isinstance(only, Group):  # `h.3` holds one bottleneck: it is that bottleneck
            return [(position, Group(group.name, only.kind, only.items))]
        if group.kind == ROUND and (only or any(isinstance(i, Group) for i in group.items)):
            return [(position, item) for item in group.items]
        return [(position, group)]


# --- what repeats -------------------------------------------------------------------------------


def form(item: Item) -> object:
    """What an item is, without its name: equal for those that are built alike."""
    if isinstance(item, Node):
        return op_text(item), tuple(str(v.type) for v in item.outputs)
    return item.kind, tuple(form(i) for i in item.items)


def result(item: Item) -> Value:
    """What an item makes: of a group, its last node's result."""
    node = item if isinstance(item, Node) else item.nodes[-1]
    return node.outputs[0]


def runs(
    items: Sequence[Item],
    *,
    alike: bool = False,
    joins: Callable[[Group, Group], bool] = lambda one, other: True,
) -> list[Run]:
    """Groups of one kind after one another that make the same shape, as one; with ``alike`` only
    those that are built alike, and only where ``joins`` agrees. Nodes stay alone."""
    found: list[Run] = []
    for item in items:
        last = found[-1].items[-1] if found else None
        if isinstance(item, Group) and isinstance(last, Group) and item.kind == last.kind:
            same = form(item) == form(last) if alike else _shape(item) == _shape(last)
            if same and joins(last, item):
                found[-1].items.append(item)
                continue
        found.append(Run([item]))
    return found


def _shape(group: Group) -> str:
    return str(result(group).type)
