"""Windows and batch statistics along ragged axes.

A window that slides over a ragged axis sees its padding covered with what leaves it alone, and its
result has the lengths that the size's own expression gives for each row. A batch norm's statistics
are those of what is really there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.shapes import RaggedRefused
from dlspec.ir.graph import Value
from dlspec.ops.arithmetic import Add, Div, Mul, Sqrt, Sub
from dlspec.ops.axes import Unsqueeze
from dlspec.ops.base import Op
from dlspec.ops.comparison import Cast
from dlspec.ops.normalization import BatchNorm, MovingStatistics
from dlspec.ops.pooling import AvgPool
from dlspec.ops.reduction import Mean, Sum
from dlspec.ops.sequence import RowsAsSteps
from dlspec.sema.ragged import LOWEST, covered, lengths_of, marked, mean_of_steps
from dlspec.sema.tensors import constant
from dlspec.source import Span

if TYPE_CHECKING:
    from dlspec.sema.context import Context

FIRST_SPATIAL = 2
"""Axes before it are N and the channels."""


# --- windows --------------------------------------------------------------------------------------


def opened(context: Context, op: Op, values: Sequence[Value]) -> list[Value]:
    """The operands of an op with a window, without lengths: padding is 0, or the lowest number for
    a maximum.

    Raises:
        DlspecError: DL308 where channels differ in number, or a mean counts what is in a window.
    """
    x, *rest = values
    counts = isinstance(op, AvgPool) and (op.ceil or not op.count_include_pad)
    if counts or any(a < FIRST_SPATIAL for a in x.type.ragged):
        raise DlspecError(RaggedRefused(None, op.name, operand="x", actual=str(x.type)))
    fill = LOWEST if op.name == "max_pool" else 0.0
    for axis in sorted(x.type.ragged):
        x = covered(context, x, axis, fill, keep=False)
    return [x, *rest]


def closed(context: Context, x: Value, y: Value) -> Value:
    """The result of a window, with the lengths that the size's expression makes of x's."""
    for axis in sorted(x.type.ragged):
        y = marked(context, y, axis)
    return y


# --- statistics of a batch ------------------------------------------------------------------------


def batch_norm(
    context: Context,
    op: BatchNorm,
    x: Value,
    parameters: Mapping[str, Value | None],
    path: str,
    span: Span,
) -> list[Value]:
    """A learning batch norm, written out: mean and variance of what is there, and what the running
    ones become."""
    b = context.builder
    behind = x.type.rank - FIRST_SPATIAL
    like = context.steps.get(x.type.shape[0])
    axes = tuple(a for a in range(x.type.rank + (like is not None)) if a != 1 + (like is not None))

    def there(rows: Value) -> Value:
        """Rows that are steps as steps again, with their lengths."""
        if like is None:
            return rows
        return marked(context, b.one(RowsAsSteps(), rows, like, path=f"{path}.steps"), 1)

    def node(made: Op, *operands: Value, name: str = "") -> Value:
        return b.one(made, *operands, path=f"{path}.{name or made.name}", span=span)

    def number(value: float) -> Value:
        return constant(b, value, x.type.dtype)

    def spatial(value: Value) -> Value:
        for _ in range(behind):
            value = node(Unsqueeze(-1), value, name="wide")
        return value

    mean = mean_of_steps(context, Mean(axes), there(x), f"{path}.mean", span)
    centred = node(Sub(), x, spatial(mean), name="centred")
    squares = node(Mul(), centred, centred, name="squares")
    variance = mean_of_steps(context, Mean(axes), there(squares), f"{path}.variance", span)
    deviation = node(Sqrt(), node(Add(), variance, number(op.epsilon)), name="deviation")
    y = node(Div(), centred, spatial(deviation), name="scaled")
    weight, bias = parameters["weight"], parameters["bias"]
    if weight is not None:
        y = node(Mul(), y, spatial(weight))
    if bias is not None:
        y = node(Add(), y, spatial(bias))
    count = _count(context, there(x), axes, path, span)
    given = (y, mean, variance, count, parameters["running_mean"], parameters["running_var"])
    return list(b.apply(MovingStatistics(op.momentum), *given, path=path, span=span))


def _count(context: Context, x: Value, axes: Sequence[int], path: str, span: Span) -> Value:
    """How many numbers of each channel are there, as a float."""
    b = context.builder
    ragged = sorted(x.type.ragged)
    lengths = lengths_of(context, x.type.shape[ragged[-1]], x.type)
    counted = (*lengths.type.shape, x.type.shape[ragged[-1]])
    sizes = [x.type.shape[a].value for a in axes if x.type.shape[a] not in counted]
    if len(ragged) > 1 or any(s is None for s in sizes):
        raise DlspecError(RaggedRefused(None, "batch_norm", operand="x", actual=str(x.type)))
    total = b.one(Sum(axis=None), lengths, path=f"{path}.there", span=span)
    total = b.one(Cast(x.type.dtype.value), total, path=f"{path}.count", span=span)
    each = constant(b, float(math.prod(s for s in sizes if s is not None)), x.type.dtype)
    return b.one(Mul(), total, each, path=f"{path}.count", span=span)
