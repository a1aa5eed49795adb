"""What a picture shows of items: boxes with rows of text, and edges between them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from dlspec.inspect.cost import graph_cost
from dlspec.inspect.families import PLAIN, family
from dlspec.inspect.fold import Group, Item, Run, nodes_of, result, runs
from dlspec.inspect.layout import has_cycle
from dlspec.inspect.wording import count_text, flops_text, op_text
from dlspec.ir.graph import Buffer, Constant, Node, Parameter, Value


@dataclass(frozen=True)
class Line:
    """One row of a box: a word in bold, its settings, a number at the right, what hovering says."""

    title: str
    detail: str
    side: str
    family: str
    tip: str


@dataclass(eq=False)
class Box:
    """Ops stacked on one another, a folded block (``count`` of them), or a pill for a value that
    goes in or out."""

    kind: str
    lines: list[Line]
    count: int = 1
    last: Value | None = None
    shape_in: str = ""


@dataclass(eq=False)
class Scene:
    """Boxes in the order of the graph; edges are pairs of positions with the value that flows."""

    boxes: list[Box] = field(default_factory=list[Box])
    edges: list[tuple[int, int, Value]] = field(default_factory=list[tuple[int, int, Value]])


Names = Sequence[tuple[str, Value]]


def scene_of(
    items: Sequence[Item], entries: Names, exits: Names, sizes: Mapping[str, int]
) -> Scene:
    """The scene of items.

    Args:
        items: nodes and groups; a group that cannot be one box (it reads what it has made by way
            of others) is opened.
        entries: what comes from outside, with a word for each ("" where the type will do).
        exits: what goes out.
        sizes: of the symbols, for the numbers.
    """
    opened = list(items)
    while True:
        folded = runs(opened, joins=_Chains(opened, {v for _, v in exits}))
        made = _Maker(entries, exits, sizes).scene(folded)
        stuck = has_cycle(len(made.boxes), [(a, b) for a, b, _ in made.edges])
        if not stuck:
            return made
        whole = [i for i in opened if isinstance(i, Group)]
        opened = [n for i in opened for n in (i.items if i in whole else [i])]


class _Maker:
    def __init__(self, entries: Names, exits: Names, sizes: Mapping[str, int]) -> None:
        self._sizes = sizes
        self._exits = exits
        self._leaving = {v for _, v in exits}
        self._scene = Scene()
        self._owner: dict[Value, int] = {}
        self._pending: list[tuple[Value, int]] = []
        for name, value in entries:
            self._owner[value] = self._add(_pill("input", name, value))

    def scene(self, folded: Sequence[Run]) -> Scene:
        users = _users(nodes_of(i for r in folded for i in r.items))
        for run in folded:
            first = run.first
            if isinstance(first, Node):
                self._node(first, users)
            else:
                self._folded(run, first)
        for name, value in self._exits:
            self._pending.append((value, self._add(_pill("output", name, value))))
        known: set[tuple[int, int, Value]] = set()
        for value, reader in self._pending:
            source = self._owner.get(value)
            if source is not None and source != reader and (source, reader, value) not in known:
                known.add((source, reader, value))
                self._scene.edges.append((source, reader, value))
        return self._scene

    def _add(self, box: Box) -> int:
        self._scene.boxes.append(box)
        return len(self._scene.boxes) - 1

    def _node(self, node: Node, users: Mapping[Value, int]) -> None:
        flows = flowing(node)
        below = self._owner.get(flows[0]) if len(flows) == 1 else None
        line = _op_line(node, self._sizes)
        if below is not None and self._sits_on(node, flows[0], self._scene.boxes[below], users):
            box, position = self._scene.boxes[below], below
            box.lines.append(line)
        else:
            box = Box("op", [line], shape_in=shape_text(flows[0]) if len(flows) == 1 else "")
            position = self._add(box)
            self._pending += [(v, position) for v in flows]
        box.last = node.outputs[0]
        for value in node.outputs:
            self._owner[value] = position

    def _sits_on(self, node: Node, value: Value, box: Box, users: Mapping[Value, int]) -> bool:
        """Whether a node is drawn as one more row of the box that makes its only input."""
        if box.kind != "op" or box.last is not value or users.get(value, 0) != 1:
            return False
        if value in self._leaving or node.outputs[0].type.shape != value.type.shape:
            return False
        return family(node.op) in ("act", "norm", "join") or node.op.name == "cast"

    def _folded(self, run: Run, first: Group) -> None:
        nodes = run.nodes
        cost = graph_cost(nodes, self._sizes)
        weights = {v for n in nodes for v in n.inputs if isinstance(v, Parameter)}
        count = sum(_size(p) for p in weights)
        told = [f"{count_text(count)} parameters"] if count else []
        told += [flops_text(cost.flops)] if cost.flops else []
        last = run.items[-1]
        names = first.name if len(run.items) == 1 else f"{first.name} … {_name(last)}"
        detail = " · ".join(told)
        tip = f"{names}\n{len(nodes)} nodes\n{detail}"
        lines = [Line(first.kind, "", _times(run), "block", tip)]
        lines += [Line("", detail, "", "block", tip)] if detail else []
        position = self._add(Box("group", lines, len(run.items), result(last)))
        inside = set(nodes)
        for node in nodes:
            for value in flowing(node):
                if value.producer not in inside:
                    self._pending.append((value, position))
            for value in node.outputs:
                self._owner[value] = position


def _times(run: Run) -> str:
    return f"× {len(run.items)}" if len(run.items) > 1 else ""


def _name(item: Item) -> str:
    return item.path if isinstance(item, Node) else item.name


def _size(value: Value) -> int:
    total = 1
    for dim in value.type.shape:
        total *= dim.value or 1
    return total


def flowing(node: Node) -> list[Value]:
    """The tensors that a node reads, once each: no weights, no constants."""
    stored = (Parameter, Buffer, Constant)
    return list(
        dict.fromkeys(v for v in node.inputs if v is not None and not isinstance(v, stored))
    )


class _Chains:
    """Whether a group hands all that it makes to the next alone, and the next reads nothing else:
    then a picture may show both as one."""

    def __init__(self, items: Sequence[Item], leaving: Collection[Value]) -> None:
        self._readers: dict[Value, list[Node]] = {}
        self._leaving = leaving
        for node in nodes_of(items):
            for value in flowing(node):
                self._readers.setdefault(value, []).append(node)

    def __call__(self, one: Group, other: Group) -> bool:
        inside, follow = set(one.nodes), other.nodes
        made = {v for n in inside for v in n.outputs}
        allowed = inside.union(follow)
        handed = all(r in allowed for v in made for r in self._readers.get(v, ()))
        return handed and not made & set(self._leaving) and made.issuperset(entering(follow))


def entering(nodes: Sequence[Node]) -> list[Value]:
    """What nodes read from outside themselves."""
    made = {v for n in nodes for v in n.outputs}
    return list(dict.fromkeys(v for n in nodes for v in flowing(n) if v not in made))


def leaving(nodes: Sequence[Node], read: Collection[Value]) -> list[Value]:
    """What of their results is ``read`` elsewhere; where nothing is, the last."""
    made = [v for n in nodes for v in n.outputs]
    return [v for v in made if v in read] or made[-1:]


def _users(nodes: Iterable[Node]) -> dict[Value, int]:
    found: dict[Value, int] = {}
    for node in nodes:
        for value in flowing(node):
            found[value] = found.get(value, 0) + 1
    return found


# --- words --------------------------------------------------------------------------------------


def shape_text(value: Value) -> str:
    """`N × 6 × 28 × 28`; `scalar` for no axes."""
    told = (f"({d})" if " " in str(d) else str(d) for d in value.type.shape)
    return " × ".join(told) or "scalar"


def _pill(kind: str, name: str, value: Value) -> Box:
    tip = f"{kind} {name or value.name}: {value.type}"
    detail = f"{value.type.dtype} · {shape_text(value)}" if name else shape_text(value)
    return Box(kind, [Line(name, detail, "", "io", tip)], last=value)


def _op_line(node: Node, sizes: Mapping[str, int]) -> Line:
    name, _, settings = op_text(node).partition("(")
    told = (t for t in settings.removesuffix(")").split(", ") if not t.endswith("= none"))
    detail = ", ".join(told).replace(" = ", " ")
    symbol = _with_number(node)
    if symbol is not None:
        name, detail = symbol, ""
    weights = sum(_size(v) for v in node.inputs if isinstance(v, Parameter))
    cost = graph_cost([node], sizes)
    facts = [str(node.outputs[0].type)]
    facts += [f"{weights:,} parameters"] if weights else []
    facts += [flops_text(cost.flops)] if cost.flops else []
    place = f", {node.span.source.name}:{node.span.line}" if node.span is not None else ""
    tip = f"{node.path}{place}\n{op_text(node)}\n{' · '.join(facts)}"
    kind = family(node.op)
    if symbol is not None:
        kind = PLAIN
    return Line(name, detail, count_text(weights) if weights else "", kind, tip)


_SIGNS = {"add": "+", "sub": "−", "mul": "×", "div": "/", "pow": "^"}


def _with_number(node: Node) -> str | None:
    """`/ 255` where one operand is a number."""
    sign = _SIGNS.get(node.op.name)
    numbers = [v for v in node.inputs if isinstance(v, Constant) and v.type.rank == 0]
    if sign is None or len(numbers) != 1 or len(node.inputs) != 2:
        return None
    number = f"{float(numbers[0].value):g}"
    return f"{sign} {number}" if node.inputs[1] is numbers[0] else f"{number} {sign}"
