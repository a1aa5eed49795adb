"""A loop over a cell that is one of the standard ones becomes the fused op over the sequence."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from dlspec.ir.graph import Graph, Node, Value
from dlspec.ir.types import DType
from dlspec.ops.base import Op
from dlspec.ops.control import Scan
from dlspec.ops.joining import Concat
from dlspec.ops.lengths import Full
from dlspec.ops.recurrent import Gru, Lstm, Recurrent, Rnn
from dlspec.ops.steps import Step
from dlspec.passes.cell_algebra import Reading
from dlspec.passes.cell_patterns import Cell, find_cell
from dlspec.passes.cell_weights import Packer
from dlspec.passes.naming import Naming, naming_of
from dlspec.passes.rewrite import rewritten


def fuse_cells(graph: Graph) -> Graph:
    """The graph with every `scan` of an rnn, gru or lstm, however it is written, in one op.

    The cell's formulas are compared as polynomials (`cell_algebra`), so that the order of terms and
    factors does not matter, nor whether the gates are dense layers of their own, parts of a wide
    one, of `concat(x, h)` or sums of two. Reversed time, lengths, initial and final states are the
    op's own. A cell that computes anything else, shows more of itself than its hidden state, or
    whose gates do not all hear x and h, stays a loop; so does one whose gradients are truncated.
    """
    loops = [n.path for n in graph.nodes if isinstance(n.op, Scan) and not n.op.truncate]
    naming = naming_of(graph) if loops else None
    for path in loops:
        assert naming is not None
        node = next(n for n in graph.nodes if n.path == path)
        graph = _fused(graph, node, naming) or graph
    return graph


def _fused(graph: Graph, node: Node, naming: Naming) -> Graph | None:
    """The graph with one loop replaced; None where it is no standard cell."""
    loop = node.op
    assert isinstance(loop, Scan)
    stepped = node.inputs[: loop.stepped]
    formal = loop.body.inputs[: loop.stepped]
    packer = Packer(naming, node.path, node.span)
    found = _step_of(loop) or _cell_of(loop, packer)
    if found is None:
        return None
    op, roles, weights, heard = found
    states: list[Value] = [*loop.body.inputs[loop.stepped :]]
    following = dict(zip(states, loop.body.outputs[: loop.states], strict=True))
    hidden: Value = following[roles[0]].value
    shown = list(zip(loop.body.outputs[loop.states :], node.outputs, strict=False))
    read = _read(graph)
    if any(o.value is not hidden and v in read for o, v in shown):
        return None
    starts = dict(zip(states, node.inputs[loop.stepped : loop.stepped + loop.states], strict=True))
    lengths = node.inputs[loop.stepped + loop.states] if loop.lengths else None
    sources = [v for f, v in zip(formal, stepped, strict=True) if f in heard and v is not None]
    if any(v.type.rank != 3 or v.type.dtype is not DType.float32 for v in sources):
        return None
    x = _together(sources, packer, naming, node)
    made = dataclasses.replace(op, reverse=loop.reverse)
    inputs = (x, *(_start(starts[s]) for s in roles), lengths, *weights)
    kinds = made.infer(*(None if v is None else v.type for v in inputs))
    ends = dict(zip(states, node.outputs[len(shown) :], strict=True))
    y = next((v for o, v in shown if o.value is hidden), None)
    if y is None:  # the cell shows something else, which nobody reads
        y = Value(naming(f"{node.path}.hidden"), kinds[0], node.span)
    named = (y, *(ends[s] for s in roles))
    outputs = tuple(Value(v.name, k, v.span) for v, k in zip(named, kinds, strict=True))
    fused = Node(made, inputs, outputs, node.path, node.span)
    replaced: dict[Value, Value] = {v: outputs[0] for o, v in shown if o.value is hidden}
    replaced |= {ends[s]: v for s, v in zip(roles, outputs[1:], strict=True)}
    at = graph.nodes.index(node)
    nodes = [*graph.nodes[:at], *packer.nodes, fused, *graph.nodes[at + 1 :]]
    wider = dataclasses.replace(graph, nodes=nodes, constants=[*graph.constants, *packer.constants])
    return rewritten(wider, replaced)


Found = tuple[Recurrent, Sequence[Value], Sequence[Value | None], Sequence[Value]]
"""The op, the states in its order, its weights, and which of the step's inputs it hears."""


def _cell_of(loop: Scan, packer: Packer) -> Found | None:
    """The op of a cell that is written out, and its weights."""
    body = loop.body
    reading = Reading(body)
    states: list[tuple[Value, int, Any]] = []
    for state, after in zip(body.inputs[loop.stepped :], body.outputs, strict=False):
        poly = reading.of(after.value)
        wide = state.type.shape[1].value if state.type.rank == 2 else None
        if poly is None or wide is None:
            return None
        states.append((state, wide, poly))
    cell = find_cell(states)
    if cell is None:
        return None
    units = states[0][1]
    heard = {v for gate in cell.gates for v, _ in gate.heard}
    inputs = [v for v in body.inputs[: loop.stepped] if v in heard]
    if any({v for v, _ in gate.heard} != heard for gate in cell.gates):
        return None
    weights: list[Value | None] = [
        packer.heard(cell.gates, inputs, "weight_ih"),
        packer.recalled(cell.gates, "weight_hh"),
        *packer.biases(cell.gates, units, ("bias_ih", "bias_hh")),
    ]
    if cell.kind == "lstm":
        looks = cell.peepholes or (None, None, None)
        peepholes = zip(looks, "ifo", strict=True)
        weights += [
            packer.vector(v, units, f"peephole_{g}") if cell.peepholes else None
            for v, g in peepholes
        ]
    return _operation(cell, units), cell.states, weights, inputs


def _operation(cell: Cell, units: int) -> Recurrent:
    match cell.kind:
        case "rnn":
            return Rnn(units=units, activation=cell.activation)
        case "gru":
            return Gru(units=units, reset_after=cell.reset_after)
        case "lstm":
            return Lstm(units=units, peephole=bool(cell.peepholes))


def _step_of(loop: Scan) -> Found | None:
    """The op of a cell that does nothing but step a standard one."""
    body = loop.body
    if len(body.nodes) != 1 or not isinstance(body.nodes[0].op, Step):
        return None
    (node,) = body.nodes
    count = len(node.outputs)
    x, states, weights = node.inputs[0], node.inputs[1 : 1 + count], node.inputs[1 + count :]
    formal: list[Value] = [*body.inputs[loop.stepped :]]
    after = [o.value for o in body.outputs[: loop.states]]
    if x is None or loop.states != count or x not in body.inputs[: loop.stepped]:
        return None
    kept: list[Value] = [v for v in states if v is not None]
    if len(kept) < count or any(v not in formal for v in kept):
        return None
    if [after[formal.index(v)] for v in kept] != list(node.outputs):
        return None
    step: Any = node.op
    settings = {f: getattr(step, f) for f in step.attributes()}
    whole: Op = {"rnn_step": Rnn, "gru_step": Gru, "lstm_step": Lstm}[step.name](**settings)
    assert isinstance(whole, Recurrent)
    return whole, kept, weights, [x]


def _read(graph: Graph) -> set[Value]:
    """What some node, an output or an update needs."""
    read = {v for n in graph.nodes for v in n.inputs if v is not None}
    return read | {o.value for o in graph.outputs} | {v for _, v in graph.updates}


def _start(value: Value | None) -> Value | None:
    """Where a state starts; None for zeros, which is where the op starts by itself."""
    made = None if value is None or value.producer is None else value.producer.op
    return None if isinstance(made, Full) and made.value == 0 else value


def _together(sources: Sequence[Value], packer: Packer, naming: Naming, node: Node) -> Value:
    """All that is heard, as one tensor."""
    if len(sources) == 1:
        return sources[0]
    op = Concat(axis=2)
    (kind,) = op.infer(*(v.type for v in sources))
    path = naming(f"{node.path}.heard")
    value = Value(path, kind, node.span)
    packer.nodes.append(Node(op, tuple(sources), (value,), path, node.span))
    return value
