"""Operators that reduce axes."""

from __future__ import annotations

from typing import Any

from dlspec.ir.graph import Value
from tests.external.importer import Node, limit, maps

REDUCTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "ReduceL1": ("norm", {"p": 1}),
    "ReduceL2": ("norm", {"p": 2}),
    "ReduceLogSum": ("sum", {}),
    "ReduceLogSumExp": ("logsumexp", {}),
    "ReduceMax": ("max", {}),
    "ReduceMean": ("mean", {}),
    "ReduceMin": ("min", {}),
    "ReduceProd": ("prod", {}),
    "ReduceSum": ("sum", {}),
    "ReduceSumSquare": ("sum", {}),
}


@maps(*REDUCTIONS)
def reduction(n: Node) -> Value:
    axes = n.ints(1, "axes")
    name, settings = REDUCTIONS[n.kind]
    if n.dtype(0).kind == "b":  # the largest of booleans
        name = {"max": "any", "min": "all"}[name]
    axis: Any = None if not axes else tuple(axes)
    x = n.tensor(0)
    if n.kind == "ReduceSumSquare":
        if axis is None and n.attr("keepdims", 1):
            return keep_all(n, n.make("l2", x))
        x = n.make("square", x)
    y = n.make(name, x, axis=axis, keep=bool(n.attr("keepdims", 1)), **settings)
    return n.make("log", y) if n.kind == "ReduceLogSum" else y


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


def keep_all(n: Node, value: Value) -> Value:
    """A number as a tensor of as many axes as the input has."""
    for _ in n.shape(0):
        value = n.make("unsqueeze", value, axis=0)
    return value


@maps("ArgMax", "ArgMin")
def arg_extreme(n: Node) -> Value:
    axis = n.attr("axis", 0)
    found = n.make(n.kind.lower(), n.tensor(0), axis=axis)
    return n.make("unsqueeze", found, axis=axis) if n.attr("keepdims", 1) else found


limit(
    "ArgMax ArgMin",
    "the first of equal ones is taken",
    lambda n: n.attr("select_last_index", 0) == 1,
)


@maps("CumSum")
def cumsum(n: Node) -> Value:
    return n.make(
        "cumsum",
        n.tensor(0),
        axis=int(n.array(1).item()),
        exclusive=bool(n.attr("exclusive", 0)),
        reverse=bool(n.attr("reverse", 0)),
    )


@maps("TopK")
def top_k(n: Node) -> tuple[Value, ...]:
    return n.all(
        "top_k",
        n.tensor(0),
        count=int(n.array(1).item()),
        axis=n.attr("axis", -1),
        largest=bool(n.attr("largest", 1)),
    )
