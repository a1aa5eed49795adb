"""Operators that take elements by their places."""

from __future__ import annotations

import numpy as np

from dlspec.ir.graph import Value
from tests.external.importer import Node, limit, maps


@maps("Gather")
def gather(n: Node) -> Value:
    """`embed` where x is a table of weights, else `gather`, whose index has an axis for each that
    is before the one that is taken from: ONNX's counts for all of them."""
    axis, before = n.attr("axis", 0) % len(n.shape(0)), n.shape(0)
    if axis == 0 and len(before) == 2 and n.importer.is_weight(n.proto.input[0]):
        weights = {"weight": n.weight(0)}
        return n.make("embed", n.tensor(1), weights=weights, count=before[0], size=before[1])
    if axis == 0:
        return n.make("gather", n.tensor(0), n.tensor(1), axis=0)
    index = np.broadcast_to(n.array(1), (*before[:axis], *n.shape(1)))
    return n.make("gather", n.tensor(0), n.feed(index), axis=axis)


@maps("GatherND")
def gather_nd(n: Node) -> Value:
    """`gather`, where each index is one number behind axes that index and x share."""
    axis = n.attr("batch_dims", 0)
    return n.make("gather", n.tensor(0), n.make("squeeze", n.tensor(1), axis=-1), axis=axis)


limit("GatherND", "an index is one number, not a tuple", lambda n: n.shape(1)[-1] != 1)


@maps("GatherElements")
def gather_elements(n: Node) -> Value:
    """`pick` for each column of the index."""
    last = len(n.shape(0)) - 1
    axis = n.attr("axis", 0) % (last + 1)

    def turned(value: Value) -> Value:
        return n.make("transpose", value, first=axis, second=last) if axis != last else value

    x, index = turned(n.tensor(0)), turned(n.tensor(1))
    columns: list[Value] = []
    for i in range(n.shape(1)[axis]):
        column = n.make(
            "slice", index, starts=(None,) * last + (i,), stops=(None,) * last + (i + 1,)
        )
        columns.append(n.make("pick", x, n.make("squeeze", column, axis=-1)))
    return turned(n.make("stack", *columns))


limit(
    "Gather GatherElements GatherND OneHot",
    "an index counts from 0",
    lambda n: (
        n.knows(1 if n.kind != "OneHot" else 0)
        and bool((n.array(1 if n.kind != "OneHot" else 0) < 0).any())
    ),
)


@maps("Trilu")
def trilu(n: Node) -> Value:
    name = "triu" if n.attr("upper", 1) else "tril"
    return n.make(name, n.tensor(0), diagonal=int(n.array(1).item()) if n.has(1) else 0)


limit("Trilu", "a tensor of no elements is refused at the door", lambda n: 0 in n.shape(0))
