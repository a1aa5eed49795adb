"""Operators that move elements."""

from __future__ import annotations

import numpy as np

from dlspec.ir.graph import Value
from tests.external.importer import Node, is_float, limit, maps


@maps("Reshape")
def reshape(n: Node) -> Value:
    before, given = n.shape(0), n.ints(1, "shape") or []
    if not n.attr("allowzero", 0):
        given = [before[i] if s == 0 else s for i, s in enumerate(given)]
    if given[:1] == [before[0]]:
        return n.make("reshape", n.tensor(0), shape=tuple(given[1:]))
    return n.rowed("reshape", n.tensor(0), shape=tuple(given))


limit("Reshape", "a tensor of no elements is refused at the door", lambda n: 0 in n.shape(0))


@maps("Flatten")
def flatten(n: Node) -> Value:
    """ONNX makes the axes before one, too."""
    shape = n.shape(0)
    axis = n.attr("axis", 1) % len(shape) if len(shape) else 0
    if axis == 1:
        return n.make("flatten", n.tensor(0))
    return n.rowed("reshape", n.tensor(0), shape=(int(np.prod(shape[:axis])), -1))


@maps("Transpose")
def transpose(n: Node) -> Value:
    order = n.attr("perm", list(range(len(n.shape(0))))[::-1])
    moved = [i for i, axis in enumerate(order) if i != axis]
    if len(moved) == 2:
        return n.make("transpose", n.tensor(0), first=moved[0], second=moved[1])
    if order[0] == 0:
        return n.make("permute", n.tensor(0), order=tuple(order[1:]))
    return n.rowed("permute", n.tensor(0), order=tuple(axis + 1 for axis in order))


@maps("Expand")
def expand(n: Node) -> Value:
    before, given = n.shape(0), n.ints(1) or []
    wanted = np.broadcast_shapes(before, tuple(given))
    x = n.tensor(0)
    for _ in range(len(wanted) - len(before)):
        x = n.make("unsqueeze", x, axis=0)
    return n.rowed("expand", x, shape=tuple(wanted))


@maps("Tile")
def tile(n: Node) -> Value:
    return n.rowed("tile", n.tensor(0), counts=tuple(n.ints(1) or []))


@maps("Pad")
def pad(n: Node) -> Value:
    rank = len(n.shape(0))
    axes = n.ints(3) or list(range(rank))
    pads = n.ints(1, "pads") or []
    pairs = tuple(zip(pads[: len(axes)], pads[len(axes) :], strict=True))
    given = n.attr("value", n.array(2).item() if n.has(2) else 0)
    mode = PAD_MODES[n.attr("mode", "constant")]
    x = n.tensor(0)
    whole = mode != "constant" and not x.type.dtype.is_float
    some = {a: p for a, p in zip(axes, pairs, strict=True) if p != (0, 0)}
    y = n.make(
        "pad",
        n.floats(x) if whole else x,
        amount=tuple(some.values()),
        axis=tuple(a % rank for a in some),
        mode=mode,
        value=given if mode == "constant" else 0,
    )
    return n.make("cast", y, dtype=x.type.dtype.value) if whole else y


PAD_MODES = {"constant": "constant", "edge": "replicate", "reflect": "reflect", "wrap": "circular"}


@maps("DepthToSpace")
def depth_to_space(n: Node) -> Value:
    """Ours takes the channels in PyTorch's order, ONNX's CRD; the other is brought into it."""
    block, x = n.attr("blocksize"), n.tensor(0)
    if n.attr("mode", "DCR") == "DCR":
        x = channels_turned(n, x, (block * block, -1))
    return n.make("depth_to_space", x, block=block)


@maps("SpaceToDepth")
def space_to_depth(n: Node) -> Value:
    block = n.attr("blocksize")
    y = n.make("space_to_depth", n.tensor(0), block=block)
    return channels_turned(n, y, (-1, block * block)) if n.attr("mode", "DCR") == "DCR" else y


def channels_turned(n: Node, x: Value, parts: tuple[int, int]) -> Value:
    """Channels, seen as two axes, in the other order."""
    sizes = [d.evaluate({}) for d in x.type.shape[2:]]
    apart = n.make("reshape", x, shape=(*parts, *sizes))
    return n.make("reshape", n.make("transpose", apart, first=1, second=2), shape=(-1, *sizes))


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
    parts = _cut(n)
    return n.make(
        "slice",
        n.tensor(0),
        starts=tuple(p.start for p in parts),
        stops=tuple(p.stop for p in parts),
        steps=tuple(p.step for p in parts),
    )


def _cut(n: Node) -> list[slice]:
    """What is taken of every axis, as Python writes it; an end beyond the axis is an open one."""
    shape = n.shape(0)
    begins, ends = n.ints(1, "starts") or [], n.ints(2, "ends") or []
    axes = n.ints(3, "axes") or list(range(len(begins)))
    steps = n.ints(4) or [1] * len(begins)
    parts = [slice(None, None, 1)] * len(shape)
    for axis, begin, end, step in zip(axes, begins, ends, steps, strict=True):
        size = shape[axis]
        start = None if step < 0 and begin >= size - 1 else begin
        parts[axis] = slice(start, end if -size <= end < size else None, step)
    return parts


limit(
    "Slice",
    "a slice of which nothing is left is refused",
    lambda n: 0 in np.empty(n.shape(0))[tuple(_cut(n))].shape,
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
    axis = n.attr("axis", 0)
    sizes = n.ints(1, "split")
    if sizes is None:
        return n.all("chunk", n.tensor(0), count=len(n.proto.output), axis=axis)
    return n.all("split", n.tensor(0), sizes_=tuple(sizes), axis=axis)


limit("Split", "a part of which nothing is left is refused", lambda n: n.has(1) and 0 in n.array(1))
