"""Passes that are wrong: they run after the right ones, or in their place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from dlspec.ir.graph import Constant, Graph, Node, Output, Value
from dlspec.passes import pipeline
from dlspec.passes.rewrite import rewritten
from tests.verify.faults.fault import Fault, replaced

Pass = Callable[[Graph], Graph]


def after(name: str, subject: str, nodes: tuple[str, ...], wrong: Pass) -> Fault:
    """A wrong pass that runs last."""
    passes = (*pipeline.PASSES, wrong)
    return Fault(
        name, subject, "pass", nodes=nodes, patch=lambda: replaced(pipeline, "PASSES", passes)
    )


def _constants(change: Callable[[np.ndarray], Any], which: Callable[[Constant], bool]) -> Pass:
    """Other values of some constants."""

    def wrong(graph: Graph) -> Graph:
        made: list[Constant] = []
        now: dict[Value, Value] = {}
        for constant in graph.constants:
            if which(constant):
                value = np.asarray(change(np.asarray(constant.value)), constant.value.dtype)
                now[constant] = fresh = Constant(constant.name, constant.type, value=value)
                made.append(fresh)
        assert made, "the fault does nothing"
        kept = replace(graph, constants=[c for c in graph.constants if c not in now])
        return rewritten(kept, now, constants=made)

    return wrong


def _without(path: str) -> Pass:
    """A node left out: those who read it read its first input."""

    def wrong(graph: Graph) -> Graph:
        node = _node(graph, path)
        assert node.inputs[0] is not None
        return rewritten(graph, {node.outputs[0]: node.inputs[0]}, without={node})

    return wrong


def _joined(gone: str, kept: str) -> Pass:
    """Two nodes that are not the same joined into the first."""

    def wrong(graph: Graph) -> Graph:
        second, first = _node(graph, gone), _node(graph, kept)
        return rewritten(graph, {second.outputs[0]: first.outputs[0]}, without={second})

    return wrong


def _instead(
    path: str, op: Callable[[Any], Any], inputs: Callable[..., Any] = lambda *i: i
) -> Pass:
    """Another op, or other inputs, in the place of a node."""

    def wrong(graph: Graph) -> Graph:
        old = _node(graph, path)
        outputs = tuple(Value(v.name, v.type, v.span) for v in old.outputs)
        new = Node(op(old.op), tuple(inputs(*old.inputs)), outputs, old.path, old.span)
        at = graph.nodes.index(old)
        changed = replace(graph, nodes=[*graph.nodes[:at], new, *graph.nodes[at + 1 :]])
        return rewritten(changed, dict(zip(old.outputs, outputs, strict=True)))

    return wrong


def _before_the_sum(graph: Graph) -> Graph:
    """relu(a + b) as relu(a) + b."""
    relu, add = _node(graph, "added.relu"), _node(graph, "added.add")
    a, b = add.inputs
    first = Value("early", relu.outputs[0].type)
    total = Value(relu.outputs[0].name, relu.outputs[0].type)
    early = Node(relu.op, (a,), (first,), "added.early", relu.span)
    late = Node(add.op, (first, b), (total,), "added.relu", relu.span)
    at = graph.nodes.index(add)
    nodes = [n for n in graph.nodes if n not in (relu, add)]
    changed = replace(graph, nodes=[*nodes[:at], early, late, *nodes[at:]])
    return rewritten(changed, {relu.outputs[0]: total})


def _outputs_exchanged(graph: Graph) -> Graph:
    values = {o.name: o.value for o in graph.outputs}
    values["first"], values["second"] = values["second"], values["first"]
    return replace(graph, outputs=[Output(o.name, values[o.name]) for o in graph.outputs])


def _node(graph: Graph, path: str) -> Node:
    return next(n for n in graph.nodes if n.path == path)


def _folded(constant: Constant) -> bool:
    return constant.name in ("warm.exp", "warm.sqrt")


_FOLDED = ("warm.exp", "warm.sqrt")
_THESE = "rewritten"

PASS_FAULTS: tuple[Fault, ...] = (
    after("folded in fp16", _THESE, _FOLDED, _constants(np.float16, _folded)),
    after("folded to whole numbers", _THESE, _FOLDED, _constants(np.floor, _folded)),
    after("a factor near one left out", _THESE, ("scaled.mul",), _without("scaled.mul")),
    after("joined whatever the slope", _THESE, ("steep.leaky_relu",),
          _joined("steep.leaky_relu", "gentle.leaky_relu")),
    after("joined whatever the weights", _THESE, ("other.dense",),
          _joined("other.dense", "one.dense")),
    after("subtraction commutes", _THESE, ("back.sub",), _joined("back.sub", "there.sub")),
    after("a clip left out", _THESE, ("held.clip",), _without("held.clip")),
    after("a rectifier before a pool left out", _THESE, ("maps.relu",), _without("maps.relu")),
    after("a rectifier before the sum", _THESE, ("added.add", "added.relu"), _before_the_sum),
    after("batch norm without epsilon", _THESE, ("maps.batch_norm",),
          _instead("maps.batch_norm", lambda op: replace(op, epsilon=1e-7))),
    after("batch norm of another mean", _THESE, ("maps.batch_norm",),
          _instead("maps.batch_norm", lambda op: op, lambda x, w, b, m, v: (x, w, b, b, v))),
    after("concat from the right", _THESE, ("all.concat2", "all.concat"),
          _instead("all.concat", lambda op: op, lambda a, b: (b, a))),
    after("a turn of a square left out", _THESE, ("turned.transpose",),
          _without("turned.transpose")),
    after("squared by joining", _THESE, ("again.mul", "again.sigmoid2"),
          _instead("again.mul", lambda op: op, lambda a, b: (a, _first_input(a)))),
    after("outputs exchanged", _THESE, ("there.sub", "back.sub"), _outputs_exchanged),
    after("gates of a recognised cell exchanged", "memory", ("before.written",),
          _instead("before.written.weight", lambda op: op, lambda r, z, n: (z, r, n))),
    after("a recognised cell that resets later", "memory", ("before.written",),
          _instead("before.written", lambda op: replace(op, reset_after=True))),
)  # fmt: skip


def _first_input(value: Value) -> Value:
    """What a value was made from."""
    assert value.producer is not None and value.producer.inputs[0] is not None
    return value.producer.inputs[0]
