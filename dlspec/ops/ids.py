"""How many different ids an integer input may hold, as far as the graph tells."""

from __future__ import annotations

from collections.abc import Iterator

from dlspec.ir.graph import Graph, Input, Node, Value
from dlspec.ir.types import TensorType
from dlspec.ops.base import Op
from dlspec.ops.comparison import Cast
from dlspec.ops.ctc import Ctc
from dlspec.ops.embedding import Embed, OneHot
from dlspec.ops.lengths import Masked
from dlspec.ops.loss import Labelled
from dlspec.ops.moving import Shift, Tile
from dlspec.ops.selection import Gather
from dlspec.ops.sequence import LastStep, Reversed, RowsAsSteps, StepsAsRows
from dlspec.ops.shape import Reshape
from dlspec.ops.slicing import Crop, Pick

_MOVERS = (Masked, Shift, Tile, Reversed, LastStep, StepsAsRows, RowsAsSteps, Reshape, Crop, Cast)
"""Ops whose results hold elements of their first input, besides those that move ragged axes."""


def class_count(graph: Graph, value: Input) -> int | None:
    """How many different ids an integer input may hold: by its classes, or by what reads it, its
    parts, or it step by step: tables, scores, other tensors. None where nothing tells."""
    if value.classes is not None:
        return len(value.classes)
    if value.vocabulary is not None:
        return value.vocabulary.size
    return min(_limits(graph, {value}), default=None)


def _limits(graph: Graph, same: set[Value]) -> Iterator[int]:
    """What each reader of some ids allows."""
    for node in graph.nodes:
        places = [i for i, v in enumerate(node.inputs) if v in same]
        if not places:
            continue
        for place in places:
            limit = _allowed(node, place)
            if limit is not None:
                yield limit
        if 0 in places and _moves(node.op):
            same.update(node.outputs)
        body: Graph | None = getattr(node.op, "body", None)
        if body is not None:
            formal = (body.inputs[i] for i in places if i < len(body.inputs))
            yield from _limits(body, same | set(formal))


def _moves(op: Op) -> bool:
    return op.ragged == "move" or isinstance(op, (*_MOVERS, Gather))


def _allowed(node: Node, place: int) -> int | None:
    """How many ids an op takes at one of its inputs."""
    kind = node.inputs[0].type if node.inputs[0] is not None else None
    match node.op:
        case Embed(count=count) if place == 0:
            return count
        case OneHot(size=size, other=True):
            return 2 * size  # ids without a place of their own too
        case OneHot(size=size):
            return size
        case Labelled() if place == 1 and kind is not None:
            return node.op.class_count(kind).value
        case Gather(axis=axis) if place == 1 and kind is not None:
            return kind.shape[axis].value
        case Pick() if place == 1 and kind is not None:
            return kind.shape[-1].value
        case Ctc() if place == 1 and kind is not None:
            return _below_the_blank(kind)
        case _:
            return None


def _below_the_blank(scores: TensorType) -> int | None:
    classes = scores.shape[-1].value
    return None if classes is None else max(1, classes - 1)
