"""A network in numbers: a row a node or folded block, and the totals."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from dlspec.dims import text_of
from dlspec.inspect.cost import VIEWS, Cost, elements, graph_cost, node_cost
from dlspec.inspect.fold import Group, Item, Run, outline, result, runs
from dlspec.inspect.wording import op_text
from dlspec.ir.graph import Buffer, Constant, Graph, Node, Parameter, Value
from dlspec.ir.plan import NetworkPlan
from dlspec.ir.types import DType


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        name: the path of the node, or of what folds.
        op: the op with its settings, `input uint8`, or `36 × bottleneck`.
        shape: what it makes, with symbols.
        parameters: trained numbers; shared ones count where they are first used.
        macs, flops: for one example.
        level: how deep inside opened blocks.
        count: how many this row stands for.
        line: of the spec; None for what folds.
    """

    name: str
    op: str
    shape: str
    parameters: int = 0
    macs: int = 0
    flops: int = 0
    level: int = 0
    count: int = 1
    line: int | None = None


@dataclass(frozen=True)
class Totals:
    """Sums over a network; bytes are those of the element types."""

    parameters: int
    buffers: int
    weight_bytes: int
    macs: int
    flops: int
    activation_bytes: int
    peak_bytes: int
    nodes: int


@dataclass(frozen=True)
class Summary:
    """All of the table. ``sizes`` are those at which dimensions were evaluated."""

    network: str
    settings: Mapping[str, str]
    sizes: Mapping[str, int]
    rows: tuple[Row, ...]
    totals: Totals

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def symbol_sizes(plan: NetworkPlan, at: Mapping[str, int] | None = None) -> dict[str, int]:
    """The size of each symbol: as given, 1 for the batch (the first axis of the inputs), else the
    largest that an engine is declared for, else 1."""
    graph = plan.graph
    batch = {v.type.shape[0].symbol for v in graph.data_inputs if v.type.rank}
    most = {name: high for engine in plan.engines for name, (_, high) in engine.bounds.items()}
    made = {
        name: int(getattr(node.op, "at_most", 1))
        for node in graph.nodes
        for value in node.outputs
        for dim in value.type.shape
        for name in dim.symbols
    }
    found = {name: 1 if name in batch else most.get(name, 1) for name in graph.symbols}
    found = {**made, **found}
    return {**found, **{k: v for k, v in (at or {}).items() if k in found}}


def summarize(plan: NetworkPlan, *, depth: int = 1, at: Mapping[str, int] | None = None) -> Summary:
    """The table of a network.

    Args:
        plan: the network.
        depth: 1 shows blocks folded, 2 opens them, 3 opens what is in them, and so on.
        at: sizes of symbols that are not the usual ones.
    """
    graph = plan.graph
    sizes = symbol_sizes(plan, at)
    prepared = prepared_for(graph)
    shown = [n for n in graph.nodes if n not in prepared]
    maker = _Rows(sizes, prepared)
    inputs = [
        Row(v.name, f"{_origin(v.origin)}{v.type.dtype}", text_of(v.type.shape))
        for v in graph.inputs
    ]
    rows = (*inputs, *maker.of(outline(shown), depth))
    return Summary(plan.name, plan.settings, sizes, rows, totals(graph, sizes))


def _origin(origin: str) -> str:
    return "input " if origin == "data" else f"{origin} "


def prepared_for(graph: Graph) -> dict[Node, Node]:
    """The nodes that only put together what a fused cell reads, most of all its weights, and the
    cell that each is for: they are shown with it."""
    found: dict[Node, Node] = {}
    for node in graph.nodes:
        if not node.op.carries:
            continue
        waiting = [v.producer for v in node.inputs if v is not None]
        while waiting:
            maker = waiting.pop()
            if maker is not None and maker.path.startswith(f"{node.path}."):
                found[maker] = node
                waiting += [v.producer for v in maker.inputs if v is not None]
    return found


class _Rows:
    def __init__(self, sizes: Mapping[str, int], prepared: Mapping[Node, Node]) -> None:
        self._sizes = sizes
        self._prepared = prepared
        self._seen: set[Value] = set()

    def of(self, items: Sequence[Item], depth: int, level: int = 0, inside: str = "") -> list[Row]:
        """The rows of items; names lose what is said by the row above."""
        found: list[Row] = []
        for run in runs(items, alike=depth > 1):
            first = run.first
            if isinstance(first, Node):
                found.append(self._node(first, level, inside))
                continue
            head = self._folded(run, first, level, inside)
            found.append(replace(head, op=f"{head.op}, each:") if depth > 1 < head.count else head)
            if depth > 1:
                here = f"{first.name}."
                kind = f"{here}{first.kind}."
                within = kind if all(n.path.startswith(kind) for n in first.nodes) else here
                opened = _Rows(self._sizes, self._prepared)
                found += opened.of(first.items, depth - 1, level + 1, within)
        return found

    def _node(self, node: Node, level: int, inside: str) -> Row:
        cost = node_cost(node, self._sizes)
        return Row(
            node.path.removeprefix(inside),
            op_text(node),
            text_of(node.outputs[0].type.shape),
            self._parameters([node]),
            cost.macs,
            cost.flops,
            level,
            1,
            node.span.line if node.span is not None else None,
        )

    def _folded(self, run: Run, first: Group, level: int, inside: str) -> Row:
        nodes = run.nodes
        cost = graph_cost(nodes, self._sizes)
        name, last = first.name.removeprefix(inside), run.items[-1]
        count = len(run.items)
        if isinstance(last, Group) and count > 1:
            name += f" … {_tail(first.name, last.name)}"
        return Row(
            name,
            f"{count} × {first.kind}" if count > 1 else first.kind,
            text_of(result(last).type.shape),
            self._parameters(nodes),
            cost.macs,
            cost.flops,
            level,
            count,
        )

    def _parameters(self, nodes: Iterable[Node]) -> int:
        total = 0
        given = list(nodes)
        given += [part for part, whole in self._prepared.items() if whole in given]
        for value in (v for n in given for v in n.inputs if isinstance(v, Parameter)):
            if value not in self._seen:
                self._seen.add(value)
                total += elements(value, self._sizes)
        return total


def _tail(first: str, last: str) -> str:
    """`3` for `h.1` and `h.3`: what is new in the last name."""
    ahead, _, end = last.rpartition(".")
    return end if ahead and first.rpartition(".")[0] == ahead else last


# --- totals -------------------------------------------------------------------------------------


def totals(graph: Graph, sizes: Mapping[str, int]) -> Totals:
    """The sums of a graph at given sizes of its symbols."""
    cost: Cost = graph_cost(graph.nodes, sizes)
    kept, peak = activation_bytes(graph, sizes)
    return Totals(
        sum(elements(p, sizes) for p in graph.parameters),
        sum(elements(b, sizes) for b in graph.buffers),
        sum(_bytes(w, sizes) for w in graph.weights),
        cost.macs,
        cost.flops,
        kept,
        peak,
        len(graph.nodes),
    )


def activation_bytes(graph: Graph, sizes: Mapping[str, int]) -> tuple[int, int]:
    """Bytes of all results together (what training keeps), and of those alive at once at worst
    (what answering needs, one node after another). A reshaped tensor is the same memory."""
    base: dict[Value, Value] = {}
    last: dict[Value, int] = {}
    for position, node in enumerate(graph.nodes):
        read = [base.get(v, v) for v in node.inputs if v is not None and not _stored(v)]
        for value in read:
            last[value] = position
        if node.op.name in VIEWS and read:
            base[node.outputs[0]] = read[0]
    for output in graph.outputs:
        last[base.get(output.value, output.value)] = len(graph.nodes)
    alive: dict[Value, int] = {i: _bytes(i, sizes) for i in graph.inputs}
    kept = 0
    peak = sum(alive.values())
    for position, node in enumerate(graph.nodes):
        made = {v: _bytes(v, sizes) for v in node.outputs if v not in base}
        kept += sum(made.values())
        alive |= made
        peak = max(peak, sum(alive.values()))
        alive = {v: size for v, size in alive.items() if last.get(v, -1) > position}
    return kept, peak


def _stored(value: Value) -> bool:
    return isinstance(value, (Parameter, Buffer, Constant))


def _bytes(value: Value, sizes: Mapping[str, int]) -> int:
    dtype = value.type.dtype
    width = 2 if dtype is DType.bfloat16 else np.dtype(dtype.value).itemsize
    return math.prod(d.evaluate(sizes) for d in value.type.shape) * width
