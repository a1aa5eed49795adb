"""Leave out the 0 that is put behind lengths where only fused recurrent layers read it: given the
same lengths, their kernels never look there."""

from __future__ import annotations

from dlspec.ir.graph import Graph, Node, Value
from dlspec.ops.lengths import Masked
from dlspec.ops.recurrent import Recurrent
from dlspec.passes.rewrite import rewritten


def drop_covers(graph: Graph) -> Graph:
    """The graph without covers that nobody needs. Where gradients pass they are needed: 0 times
    what is behind the lengths is not 0 if that is infinite."""
    covers = [n for n in graph.nodes if isinstance(n.op, Masked) and not n.op.settled]
    if not covers:
        return graph
    users = graph.users()
    told = {o.value for o in graph.outputs} | {v for _, v in graph.updates}
    dropped = [n for n in covers if n.outputs[0] not in told and _is_unread(n, users)]
    if not dropped:
        return graph
    replaced = {n.outputs[0]: n.inputs[0] for n in dropped if n.inputs[0] is not None}
    return rewritten(graph, replaced, without=dropped)


def _is_unread(cover: Node, users: dict[Value, list[Node]]) -> bool:
    """Whether what a cover fills is read by nobody."""
    op = cover.op
    assert isinstance(op, Masked)
    if (op.axis, op.over) != (1, (0,)):
        return False
    made, lengths = cover.outputs[0], cover.inputs[1]
    return all(
        isinstance(user.op, Recurrent)
        and user.inputs[0] is made
        and user.inputs.count(made) == 1
        and user.inputs[1 + len(user.op.carries)] is lengths
        for user in users.get(made, [])
    )
