"""Operators that move elements."""

from __future__ import annotations

import numpy as np

from dlspec.ir.graph import Value
from tests.external.importer import Node, is_float, limit, maps


@maps("Reshape")
def reshape(n: Node) -> Value:
    return n.make("reshape", n.tensor(0), shape=tuple(_sizes(n)[1:]))


def _sizes(n: Node) -> list[int]:
    """The sizes after, all known."""
    before, given = n.shape(0), [int(s) for s in n.array(1)]
    if not n.attr("allowzero", 0):
        given = [before[i] if s == 0 else s for i, s in enumerate(given)]
    known = int(np.prod([s for s in given if s != -1]))
    return [int(np.prod(before)) // known if s == -1 else s for s in given]


limit(
    "Reshape",
    "a tensor of no elements is refused at the door",
    lambda n: 0 in n.shape(0),
)
limit("Reshape", "the first axis stays", lambda n: n.shape(0)[0] != _sizes(n)[0])


@maps("Flatten")
def flatten(n: Node) -> Value:
    return n.make("flatten", n.tensor(0))


limit(
    "Flatten",
    "the axes before stay as they are, they are not made one",
    lambda n: n.attr("axis", 1) % len(n.shape(0)) != 1,
)


@maps("Transpose")
def transpose(n: Node) -> Value:
    order = _order(n)
    moved = [i for i, axis in enumerate(order) if i != axis]
    if not moved:
        return n.tensor(0)
    return n.make("transpose", n.tensor(0), first=moved[0], second=moved[-1])


def _order(n: Node) -> list[int]:
    return n.attr("perm", list(range(len(n.shape(0))))[::-1])


limit(
    "Transpose",
    "two axes are exchanged, not three moved",
    lambda n: sum(i != axis for i, axis in enumerate(_order(n))) > 2,
)


@maps("Unsqueeze")
def unsqueeze(n: Node) -> Value:
    axes = n.ints(1, "axes") or []
    rank = len(n.shape(0)) + len(axes)
    value = n.tensor(0)
    for axis in sorted(a % rank for a in axes):
        value = n.make("unsqueeze", value, axis=axis)
    return value


@maps("Squeeze")
def squeeze(n: Node) -> Value:
    shape = n.shape(0)
    axes = n.ints(1, "axes") or [i for i, size in enumerate(shape) if size == 1]
    value = n.tensor(0)
    for axis in sorted((a % len(shape) for a in axes), reverse=True):
        value = n.make("squeeze", value, axis=axis)
    return value


@maps("Concat")
def concat(n: Node) -> Value:
    return n.make("concat", *n.tensors, axis=n.attr("axis", 1))


@maps("Slice")
def slice_(n: Node) -> Value:
    starts, stops = _cut(n)
    return n.make("slice", n.tensor(0), starts=tuple(starts), stops=tuple(stops))


def _cut(n: Node) -> tuple[list[int | None], list[int | None]]:
    """Starts and stops of every axis, as Python writes them."""
    shape = n.shape(0)
    begins, ends = n.ints(1, "starts") or [], n.ints(2, "ends") or []
    axes = n.ints(3, "axes") or list(range(len(begins)))
    starts: list[int | None] = [None] * len(shape)
    stops: list[int | None] = [None] * len(shape)
    for axis, start, stop in zip(axes, begins, ends, strict=True):
        starts[axis], stops[axis] = start, None if stop >= shape[axis] else stop
    return starts, stops


limit(
    "Slice",
    "a slice has no step",
    lambda n: n.has(4) and any(step != 1 for step in n.array(4)),
)
limit(
    "Slice",
    "a slice of which nothing is left is refused",
    lambda n: 0 in np.empty(n.shape(0))[tuple(map(slice, *_cut(n)))].shape,
)


@maps("OneHot")
def one_hot(n: Node) -> Value:
    """Ours is 1 and 0, and is stretched to the two values that are given."""
    axis, ids = n.attr("axis", -1), n.tensor(0)
    if ids.type.dtype.is_float:
        ids = n.make("cast", ids, dtype="int64")
    y = n.make("one_hot", ids, size=int(n.array(1).item()))
    off, on = (float(v) for v in n.array(2))
    y = n.make("add", n.make("mul", y, n.constant(on - off)), n.constant(off))
    if not is_float(n.array(2)):
        y = n.make("cast", y, dtype=n.array(2).dtype.name)
    rank = len(n.shape(0)) + 1
    for place in range(rank - 1, axis % rank, -1):
        y = n.make("transpose", y, first=place - 1, second=place)
    return y


@maps("Split")
def split(n: Node) -> tuple[Value, ...]:
    """A slice for each part."""
    axis, size = n.attr("axis", 0) % len(n.shape(0)), n.shape(0)[n.attr("axis", 0)]
    count = len(n.proto.output)
    sizes = n.ints(1, "split") or [-(-size // count)] * count
    parts: list[Value] = []
    start = 0
    for length in sizes:
        starts, stops = (None,) * axis + (start,), (None,) * axis + (min(start + length, size),)
        parts.append(n.make("slice", n.tensor(0), starts=starts, stops=stops))
        start += length
    return tuple(parts)


limit("Split", "a part of which nothing is left is refused", lambda n: n.has(1) and 0 in n.array(1))
