"""Passes keep the meaning: what the spec says and what is lowered compute the same numbers.

Both lowerings and the reference are made from the graph after the passes, so a pass that is wrong
would be wrong on all sides alike. Here the graph as the spec says it is run beside the one that is
lowered, in float64, on structural weights; what differs is looked for value by value, and a value
that a pass has removed is looked for where it was read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlspec.ir.graph import Graph, Node, Value
from dlspec.ops.lengths import Masked
from dlspec.verify.bound import Reference, evaluate, reference
from dlspec.verify.local import NodeResult
from dlspec.verify.verdict import Verdict, compare

Array = NDArray[Any]


def is_untouched(meant: Graph, graph: Graph) -> bool:
    """Whether no pass has changed anything: the same nodes, constants and outputs."""
    return (
        meant.nodes == graph.nodes
        and meant.constants == graph.constants
        and [o.value for o in meant.outputs] == [o.value for o in graph.outputs]
        and meant.updates == graph.updates
    )


def prove_passes(
    meant: Graph,
    graph: Graph,
    weights: Mapping[str, Array],
    inputs: Mapping[str, Array],
    *,
    seed: int = 0,
) -> NodeResult | None:
    """The first node of the spec's graph whose result is another one after the passes; None where
    there is none.

    Args:
        meant: the graph as the spec says it.
        graph: the graph after the passes.
        weights, inputs: of both, by name.
        seed: of the probes.
    """
    if is_untouched(meant, graph):
        return None
    exact = evaluate(meant, inputs, weights, [v.name for v in meant.values()])
    found = evaluate(graph, inputs, weights, [v.name for v in graph.values()])
    bounds: Reference | None = None
    for value, now in _pairs(meant, graph):
        if _equal(exact[value.name], found[now.name]):
            continue
        if bounds is None:
            names = [v.name for node in meant.nodes for v in node.outputs]
            bounds = reference(meant, inputs, weights, names, precision="float64", seed=seed)
        verdict = compare(
            value.name, "passes", exact[value.name], found[now.name], bounds.bounds[value.name]
        )
        node = value.producer
        if verdict.status == "fail" and node is not None:
            return _result(node, verdict)
    return None


def _reads_alike(user: Node, now: Node) -> bool:
    """Whether the inputs of a node stand where they stood: another op reads other things, and so
    does a loop out of which something has been lifted."""
    before, after = (getattr(n.op, "body", None) for n in (user, now))
    if user.op.name != now.op.name or len(user.inputs) != len(now.inputs):
        return False
    if not isinstance(before, Graph) or not isinstance(after, Graph):
        return True
    return [i.name for i in before.inputs] == [i.name for i in after.inputs]


def _is_uncovered(node: Node, now: Value) -> bool:
    """Whether a pass has left out 0 behind the lengths: what stands for it is the same before them
    alone, and what is made of it tells whether that matters."""
    covered = node.inputs[0] if isinstance(node.op, Masked) else None
    return covered is not None and covered.name == now.name


def _result(node: Node, verdict: Verdict) -> NodeResult:
    return NodeResult(node.path, node.op.name, "fail", verdict.ratio, node.span, verdict)


def _equal(a: Array, b: Array) -> bool:
    return a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


def _pairs(meant: Graph, graph: Graph) -> Iterator[tuple[Value, Value]]:
    """Each result of the spec's graph with what stands for it: the value of that name, or what
    those who read it read now."""
    named = {v.name: v for v in graph.values()}
    nodes = {n.path: n for n in graph.nodes}
    outputs = {o.name: o.value for o in graph.outputs}
    users = meant.users()
    for node in meant.nodes:
        for value in node.outputs:
            if value.name in named:
                yield value, named[value.name]
                continue
            for user in users.get(value, []):
                now = nodes.get(user.path)
                if now is None or not _reads_alike(user, now):
                    continue
                for before, after in zip(user.inputs, now.inputs, strict=False):
                    if before is value and after is not None and not _is_uncovered(node, after):
                        yield value, after
    for output in meant.outputs:
        if output.name in outputs and output.value.producer is not None:
            yield output.value, outputs[output.name]
