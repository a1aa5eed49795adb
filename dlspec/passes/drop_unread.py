"""Leave out what a loop that generates tells at each step and nobody reads."""

from __future__ import annotations

from dataclasses import replace

from dlspec.ir.builder import free_values
from dlspec.ir.graph import Graph, Node, Value
from dlspec.ops.beam import Beam
from dlspec.ops.generation import Generate
from dlspec.passes.eliminate_dead import eliminate_dead
from dlspec.passes.rewrite import rewritten


def drop_unread(graph: Graph) -> Graph:
    """The graph without results of its `generate`s that nobody reads. The scores of many words at
    every step are larger than all else that such a loop tells."""
    for path in [n.path for n in graph.nodes if isinstance(n.op, (Generate, Beam))]:
        at = next(i for i, n in enumerate(graph.nodes) if n.path == path)
        read = {v for n in graph.nodes for v in n.inputs}
        read |= {o.value for o in graph.outputs} | {v for _, v in graph.updates}
        node = graph.nodes[at]
        made, replaced = _without_unread(node, read)
        if made is not None:
            nodes = [*graph.nodes[:at], made, *graph.nodes[at + 1 :]]
            graph = rewritten(replace(graph, nodes=nodes), replaced)
    return graph


def _without_unread(node: Node, read: set[Value | None]) -> tuple[Node | None, dict[Value, Value]]:
    """The loop with fewer results, and what stands for those that are left; None where all are
    read."""
    loop = node.op
    assert isinstance(loop, (Generate, Beam))
    body, hidden = loop.body, int(not loop.shown)
    lead = 1 if loop.stop is None else 2
    told = body.outputs[loop.states + hidden :]
    results = node.outputs[lead : lead + len(told)]
    kept = [(o, v) for o, v in zip(told, results, strict=True) if v in read]
    if len(kept) == len(told):
        return None, {}
    scores = body.outputs[loop.states]
    outputs = [o for o, _ in kept if o is not scores]
    shown = len(outputs) < len(kept)
    left = replace(body, outputs=[*body.outputs[: loop.states], scores, *outputs])
    left = eliminate_dead(left)
    captures = free_values(left)
    op = replace(loop, body=left, captures=captures, shown=shown)
    others = node.inputs[: len(node.inputs) - len(loop.captures)]
    ends = node.outputs[lead + len(told) :]
    old = [*node.outputs[:lead], *(v for _, v in kept), *ends]
    now = tuple(Value(v.name, v.type, v.span) for v in old)
    made = Node(op, (*others, *captures), now, node.path, node.span)
    return made, dict(zip(old, now, strict=True))
