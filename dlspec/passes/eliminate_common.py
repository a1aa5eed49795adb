"""Compute the same thing once."""

from __future__ import annotations

from collections.abc import Hashable

from dlspec.ir.graph import Constant, Graph, Node, Value
from dlspec.passes.rewrite import rewritten


def eliminate_common(graph: Graph) -> Graph:
    """The graph with nodes of an equal op on equal inputs joined into the first of them.

    A node that makes an output or a buffer's next value stays, and so does one that trains
    buffers: applied twice, it moves them twice.
    """
    kept_values = {o.value for o in graph.outputs} | {v for _, v in graph.updates}
    first: dict[Hashable, tuple[Value, ...]] = {}
    joined: dict[Value, Value] = {}
    gone: list[Node] = []
    for constant in graph.constants:
        known = first.setdefault(_number(constant), (constant,))
        if known[0] is not constant and constant not in kept_values:
            joined[constant] = known[0]
    for node in graph.nodes:
        key = _key(node, joined)
        if key is None:
            continue
        known = first.setdefault(key, node.outputs)
        if known is not node.outputs and not kept_values.intersection(node.outputs):
            joined.update(zip(node.outputs, known, strict=True))
            gone.append(node)
    return rewritten(graph, joined, without=set(gone)) if joined else graph


def _key(node: Node, joined: dict[Value, Value]) -> Hashable | None:
    if len(node.op.buffers) and len(node.outputs) > 1:
        return None
    try:
        hash(node.op)
    except TypeError:  # an attribute is a list or an array
        return None
    return (
        type(node.op),
        node.op,
        tuple(None if v is None else joined.get(v, v) for v in node.inputs),
    )


def _number(constant: Constant) -> Hashable:
    return constant.type, constant.value.dtype.str, constant.value.shape, constant.value.tobytes()
