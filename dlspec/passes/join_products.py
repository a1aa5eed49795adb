"""Products of a loop's body made fewer and smaller: dense layers of one input are one wide layer,
and what a layer of `concat(x, h)` makes of x is parted from what it makes of h, so that `lift` may
do it for all steps at once.

The parameters keep their names and shapes. They are joined and cut before the loop, by nodes that
training differentiates and an engine computes once, when it is built.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from dlspec.dims import Dim
from dlspec.ir.builder import free_values
from dlspec.ir.graph import Graph, Node, Value
from dlspec.ops.arithmetic import Add
from dlspec.ops.base import Op
from dlspec.ops.control import Scan
from dlspec.ops.joining import Concat
from dlspec.ops.linear import Dense
from dlspec.ops.parting import Split
from dlspec.ops.slicing import Slice
from dlspec.passes.eliminate_dead import eliminate_dead
from dlspec.passes.naming import Naming, naming_of
from dlspec.passes.rewrite import rewritten


def join_products(graph: Graph) -> Graph:
    """The graph with the dense layers of each `scan`'s body joined and parted."""
    paths = [n.path for n in graph.nodes if isinstance(n.op, Scan)]
    naming = naming_of(graph) if paths else None
    for path in paths:
        assert naming is not None
        at = next(i for i, n in enumerate(graph.nodes) if n.path == path)
        graph = _Loop(graph.nodes[at], naming).into(graph, at)
    return graph


@dataclass
class _Loop:
    """A loop whose body is written anew; ``before`` makes the weights that it reads."""

    node: Node
    naming: Naming
    before: list[Node] = field(default_factory=list[Node])
    nodes: list[Node] = field(default_factory=list[Node])
    replaced: dict[Value, Value] = field(default_factory=dict[Value, Value])

    def into(self, graph: Graph, at: int) -> Graph:
        """The graph with the loop in its place, or as it is where nothing is gained."""
        loop = self.node.op
        assert isinstance(loop, Scan)
        body = loop.body
        groups: dict[tuple[Value | None, bool], list[Node]] = {}
        for node in body.nodes:
            if _is_layer(node, body):
                groups.setdefault((node.inputs[0], _bias(node) is not None), []).append(node)
        known = _known(body, loop.stepped)
        first = {group[0]: group for group in groups.values()}
        joined = {n for group in groups.values() for n in group[1:]}
        for node in body.nodes:
            if node in first:
                self._join(first[node], known)
            elif node not in joined:
                self.nodes.append(node)
        if not self.replaced:
            return graph
        body = eliminate_dead(rewritten(replace(body, nodes=self.nodes), self.replaced))
        captures = free_values(body)
        others = self.node.inputs[: len(self.node.inputs) - len(loop.captures)]
        op = replace(loop, body=body, captures=captures)
        outputs = tuple(Value(v.name, v.type, v.span) for v in self.node.outputs)
        made = Node(op, (*others, *captures), outputs, self.node.path, self.node.span)
        nodes = [*graph.nodes[:at], *self.before, made, *graph.nodes[at + 1 :]]
        ends = dict(zip(self.node.outputs, outputs, strict=True))
        return rewritten(replace(graph, nodes=nodes), ends)

    def _join(self, group: Sequence[Node], known: set[Value]) -> None:
        """One product for layers that read the same, in the place of the first."""
        first = group[0]
        x = first.inputs[0]
        assert x is not None
        early, late = _parts(x, known)
        if len(group) == 1 and not early:
            self.nodes.append(first)
            return
        weights = [w for n in group if (w := n.inputs[1]) is not None]
        biases = [b for n in group if (b := _bias(n)) is not None]
        weight = self._stacked(weights, first, "weight")
        bias = self._stacked(biases, first, "bias") if biases else None
        if early:
            width = sum(_size(v) for v in early)
            wide = self._apply(first, "heard", self._together(early, first), weight, bias, width)
            rest = self._apply(first, "recalled", self._together(late, first), weight, None, -width)
            y = self._make(self.nodes, Add(), first, "sum", wide, rest)
        else:
            y = self._apply(first, "joined", x, weight, bias, 0)
        if len(group) == 1:
            self.replaced[first.outputs[0]] = y
            return
        sizes = tuple(_size(n.outputs[0]) for n in group)
        parts = self._split(first, y, sizes)
        self.replaced.update(zip((n.outputs[0] for n in group), parts, strict=True))

    def _stacked(self, values: Sequence[Value], like: Node, name: str) -> Value:
        """Weights below one another."""
        if len(values) == 1:
            return values[0]
        return self._make(self.before, Concat(axis=0), like, name, *values)

    def _together(self, parts: Sequence[Value], like: Node) -> Value:
        if len(parts) == 1:
            return parts[0]
        return self._make(self.nodes, Concat(), like, "together", *parts)

    def _apply(
        self, like: Node, name: str, x: Value, weight: Value, bias: Value | None, columns: int
    ) -> Value:
        """A product with the first so many columns of the weights, without them (negative) or with
        all (0)."""
        if columns:
            cut = (None, None if columns > 0 else -columns), (None, max(columns, 0) or None)
            weight = self._make(self.before, Slice(*cut), like, f"{name}.weight", weight)
        units = weight.type.shape[0].value
        assert units is not None
        return self._make(self.nodes, Dense(units=units), like, name, x, weight, bias)

    def _make(
        self, nodes: list[Node], op: Op, like: Node, name: str, *inputs: Value | None
    ) -> Value:
        (kind,) = op.infer(*(None if v is None else v.type for v in inputs))
        path = self.naming(f"{like.path}.{name}")
        value = Value(path, kind, like.span)
        nodes.append(Node(op, inputs, (value,), path, like.span))
        return value

    def _split(self, like: Node, y: Value, sizes: tuple[int, ...]) -> tuple[Value, ...]:
        op = Split(sizes_=sizes)
        path = self.naming(f"{like.path}.split")
        kinds = op.infer(y.type)
        parts = tuple(
            Value(self.naming(f"{path}{i}"), kind, like.span) for i, kind in enumerate(kinds)
        )
        self.nodes.append(Node(op, (y,), parts, path, like.span))
        return parts


def _is_layer(node: Node, body: Graph) -> bool:
    """Whether a node is a dense layer whose weights stand outside of the body."""
    if not isinstance(node.op, Dense) or node.outputs[0].type.shape[-1].value is None:
        return False
    made = {v for n in body.nodes for v in n.outputs}
    return all(v is None or v not in made for v in node.inputs[1:])


def _bias(node: Node) -> Value | None:
    return node.inputs[2]


def _known(body: Graph, stepped: int) -> set[Value]:
    """What is known of each step before the loop: its inputs, and what they alone decide."""
    known: set[Value] = {*body.inputs[:stepped]}
    inside = {*body.inputs, *(v for n in body.nodes for v in n.outputs)}
    for node in body.nodes:
        own = [v for v in node.inputs if v in inside]
        if own and not node.op.buffers and all(v in known for v in own):
            known.update(node.outputs)
    return known


def _parts(x: Value, known: set[Value]) -> tuple[list[Value], list[Value]]:
    """What stands first in a `concat` along the last axis and is known, and what stands behind it;
    nothing known where the two are mixed."""
    node, rank = x.producer, x.type.rank
    if node is None or not isinstance(node.op, Concat) or node.op.axis % rank != rank - 1:
        return [], [x]
    parts = [v for v in node.inputs if v is not None]
    told = [v in known for v in parts]
    number = told.index(False) if False in told else len(told)
    if not number or number == len(parts) or any(told[number:]) or not _sized(parts):
        return [], [x]
    return parts[:number], parts[number:]


def _sized(values: Sequence[Value]) -> bool:
    return all(v.type.shape[-1].value is not None for v in values)


def _size(value: Value) -> int:
    size: Dim = value.type.shape[-1]
    assert size.value is not None
    return size.value
