"""A graph with some values replaced by others, as a new graph."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from dlspec.ir.graph import Constant, Graph, Node, Value
from dlspec.ops.base import Op


def rewritten(
    graph: Graph,
    replaced: Mapping[Value, Value],
    *,
    without: Collection[Node] = (),
    constants: Sequence[Constant] = (),
) -> Graph:
    """A graph in which every use of a value reads its replacement.

    Nodes that read none of them are shared with the given graph; others are new, with new results
    of the same names. Bodies of loops are followed.

    Args:
        graph: stays as it is.
        replaced: value to value; the replacement is made before the use.
        without: nodes to leave out.
        constants: to add.
    """
    now = dict(replaced)
    nodes = [_node(node, now) for node in graph.nodes if node not in without]
    return Graph(
        graph.name,
        graph.kind,
        graph.inputs,
        graph.parameters,
        graph.buffers,
        [*(c for c in graph.constants if c not in constants), *constants],
        nodes,
        [replace(o, value=_latest(o.value, now)) for o in graph.outputs],
        [(b, _latest(v, now)) for b, v in graph.updates],
    )


def reading(op: Op, now: Mapping[Value, Value]) -> Op:
    """The op with what its body reads around itself replaced."""
    loop: Any = op
    body = getattr(loop, "body", None)
    if not isinstance(body, Graph):
        return op
    captures = tuple(_latest(v, now) for v in loop.captures)
    return replace(loop, body=rewritten(body, now), captures=captures)


def _latest(value: Value, now: Mapping[Value, Value]) -> Value:
    """What stands for a value; the replacement may have been made anew itself."""
    while value in now:
        value = now[value]
    return value


def _node(node: Node, now: dict[Value, Value]) -> Node:
    inputs = tuple(None if v is None else _latest(v, now) for v in node.inputs)
    if inputs == node.inputs:
        return node
    op = reading(node.op, now)
    outputs = tuple(Value(v.name, v.type, v.span) for v in node.outputs)
    for old, new in zip(node.outputs, outputs, strict=True):
        now.setdefault(old, new)  # what was to be replaced itself stays replaced
    return Node(op, inputs, outputs, node.path, node.span)
