"""Compute at compile time what depends on constants only."""

from __future__ import annotations

import numpy as np

from dlspec.ir.graph import Constant, Graph, Node, Value
from dlspec.passes.rewrite import rewritten

LARGEST = 64
"""Elements of the largest tensor that is folded: folding is for arithmetic on numbers, not for
making files big."""


def fold_constants(graph: Graph) -> Graph:
    """The graph with small nodes of constants replaced by constants. Weights are no constants.

    Floats are kept in float64, in which they were computed; a lowering rounds them once. An output
    stays a node.
    """
    results = {o.value for o in graph.outputs} | {v for _, v in graph.updates}
    folded: dict[Value, Value] = {}
    gone: list[Node] = []
    made: list[Constant] = []
    for node in graph.nodes:
        inputs = [None if v is None else folded.get(v, v) for v in node.inputs]
        if (
            not inputs
            or len(node.outputs) != 1
            or node.outputs[0] in results
            or hasattr(node.op, "body")
        ):
            continue
        constants = [v for v in inputs if isinstance(v, Constant)]
        if len(constants) != len(inputs) or any(c.value.size > LARGEST for c in constants):
            continue
        (output,) = node.outputs
        value = np.asarray(node.op.reference(*(_widened(c) for c in constants)))
        if value.size > LARGEST:
            continue
        kept = value.astype(np.float64 if output.type.dtype.is_float else output.type.dtype.value)
        constant = Constant(output.name, output.type, output.span, value=kept)
        folded[output] = constant
        made.append(constant)
        gone.append(node)
    return rewritten(graph, folded, without=set(gone), constants=made) if gone else graph


def _widened(constant: Constant) -> np.ndarray:
    dtype = np.float64 if constant.type.dtype.is_float else constant.type.dtype.value
    return np.asarray(constant.value).astype(dtype)
