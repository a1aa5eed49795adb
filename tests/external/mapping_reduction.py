"""Operators that reduce axes."""

from __future__ import annotations

from typing import Any

from dlspec.ir.graph import Value
from tests.external.importer import Node, limit, maps

REDUCTIONS = {"ReduceMax": "max", "ReduceMean": "mean", "ReduceMin": "min", "ReduceSum": "sum"}


@maps(*REDUCTIONS)
def reduction(n: Node) -> Value:
    axes = n.ints(1, "axes")
    axis: Any = None if axes is None or not axes else tuple(axes)
    return n.make(REDUCTIONS[n.kind], n.tensor(0), axis=axis, keep=bool(n.attr("keepdims", 1)))


limit(
    " ".join(REDUCTIONS),
    "a reduction over no axes does nothing",
    lambda n: n.attr("noop_with_empty_axes", 0) == 1 and not n.ints(1, "axes"),
)
limit(
    " ".join(REDUCTIONS),
    "a tensor of no elements is refused at the door",
    lambda n: 0 in n.shape(0),
)
limit(
    "ReduceMax ReduceMin",
    "`any` and `all` are said of booleans, not the largest",
    lambda n: n.dtype(0).kind == "b",
)


@maps("ArgMax")
def argmax(n: Node) -> Value:
    axis = n.attr("axis", 0)
    found = n.make("argmax", n.tensor(0), axis=axis)
    return n.make("unsqueeze", found, axis=axis) if n.attr("keepdims", 1) else found


limit(
    "ArgMax",
    "the first of equal ones is taken",
    lambda n: n.attr("select_last_index", 0) == 1,
)
