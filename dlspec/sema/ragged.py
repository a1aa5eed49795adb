"""Lengths travel with tensors: what they are along any ragged axis, and ops that never see padding.

A graph's ragged inputs are covered with 0 at the door; from there on padding is whatever ops make
of it, until one looks along the axis. Such an op gets the tensor covered with what leaves its
result alone, and a mean divides by what is really there. So both lowerings and the reference read
the same few nodes, and no op but `masked` and the loops knows of lengths.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.names import NotYet
from dlspec.diagnostics.shapes import LengthsWithoutAxes, RaggedRefused
from dlspec.dims import Dim, FloorDiv, Symbol
from dlspec.ir.builder import GraphBuilder
from dlspec.ir.graph import Input, Value
from dlspec.ir.types import DType, TensorType
from dlspec.ops import REGISTRY
from dlspec.ops.arithmetic import Clip, Div
from dlspec.ops.axes import Unsqueeze
from dlspec.ops.base import Op
from dlspec.ops.comparison import Cast
from dlspec.ops.control import Scan
from dlspec.ops.joining import Concat
from dlspec.ops.lengths import Masked
from dlspec.ops.recurrent import Recurrent
from dlspec.ops.reduction import Mean, Reduction, Sum
from dlspec.ops.regression_loss import Difference
from dlspec.sema.tensors import constant
from dlspec.source import Span

if TYPE_CHECKING:
    from dlspec.sema.context import Context

LOWEST = float(np.finfo(np.float32).min)
"""Covers padding in a maximum and a softmax; finite, so that a row without any step gives no NaN
gradient."""
_COVERED_BY = {
    "sum": 0.0,
    "prod": 1.0,
    "any": 0.0,
    "all": 1.0,
    "norm": 0.0,
    "max": LOWEST,
    "min": -LOWEST,
    "logsumexp": LOWEST,
    "argmax": LOWEST,
    "argmin": -LOWEST,
}
"""What leaves a reduction's result alone."""
_ZERO_OF_NOTHING = ("max", "min", "logsumexp")
"""Reductions that have no value where there is nothing; as a mean, they give 0 there."""
_KEEP_THE_AXIS = {"softmax": LOWEST, "log_softmax": LOWEST, "cumsum": 0.0, "softmin": -LOWEST}
"""Ops along an axis whose result has it."""
_CONTRACTIONS = ("matmul", "einsum")


# --- what the lengths are -------------------------------------------------------------------------


def opened(context: Context, value: Value, span: Span | None) -> Value:
    """A ragged input of the graph: its lengths are inputs too, and its padding is 0 from here."""
    for axis in sorted(value.type.ragged):
        dim = value.type.shape[axis]
        if dim in context.lengths:
            continue
        symbol = dim.symbol
        if symbol is None:
            raise DlspecError(NotYet(span or value.span, f"an input whose lengths are `{dim}`"))  # type: ignore[arg-type]
        lengths: Value = context.builder.lengths(symbol, *value.type.shape[:axis])
        for outer in range(1, axis):
            if outer in value.type.ragged:
                lengths = _covered(context, lengths, outer, 0.0, False, value.type)
        context.lengths[dim] = lengths
    for axis in sorted(value.type.ragged):
        value = covered(context, value, axis, 0.0, keep=True)
    return value


def lengths_of(context: Context, dim: Dim, kind: TensorType) -> Value:
    """The lengths of a ragged dimension; those of `(T - 400) // 160 + 1` follow T's."""
    known = context.lengths.get(dim)
    if known is not None:
        return known
    sources = [d for d in context.lengths if d.symbol is not None and d.symbol in dim.symbols]
    if len(sources) != 1 or len(dim.symbols) != 1:
        raise DlspecError(RaggedRefused(None, "this", operand=str(dim), actual=str(kind)))
    source = context.lengths[sources[0]]
    stepped = isinstance(source, Input) and source.origin == "step"
    builder = context.builder if stepped else context.builder.root
    maker = _Lengths(builder, sources[0], source)
    none = constant(maker.builder, 0, DType.int32)
    made = maker.node("maximum", maker.of(dim), none)
    context.lengths[dim] = made
    return made


class _Lengths:
    """Works a dimension's expression out on lengths instead of sizes."""

    def __init__(self, builder: GraphBuilder, source: Dim, lengths: Value) -> None:
        self.builder = builder
        self.source = source
        self.lengths = lengths

    def node(self, op: str, a: Value, b: Value) -> Value:
        return self.builder.one(REGISTRY[op](), a, b, path=f"{self.lengths.name}.{op}")

    def of(self, dim: Dim) -> Value:
        total: Value | None = None
        for monomial, coefficient in dim.terms:
            part: Value | None = None
            for atom in monomial:
                factor = self.lengths if isinstance(atom, Symbol) else self._floor(atom)
                part = factor if part is None else self.node("mul", part, factor)
            number = constant(self.builder, coefficient, DType.int32)
            if part is None:
                part = number
            elif coefficient != 1:
                part = self.node("mul", part, number)
            total = part if total is None else self.node("add", total, part)
        assert total is not None
        return total

    def _floor(self, atom: FloorDiv) -> Value:
        divisor = constant(self.builder, atom.divisor, DType.int32)
        return self.node("floor_div", self.of(atom.numerator), divisor)


# --- padding covered ------------------------------------------------------------------------------


def covered(context: Context, value: Value, axis: int, fill: float, *, keep: bool) -> Value:
    """The tensor with its padding along a ragged axis covered; without ``keep`` the axis counts as
    a full one from here."""
    return _covered(context, value, axis, fill, keep, value.type)


def marked(context: Context, value: Value, axis: int) -> Value:
    """The tensor with an axis made ragged again, its padding 0."""
    return _covered(context, value, axis, 0.0, True, value.type)


def _covered(
    context: Context, value: Value, axis: int, fill: float, keep: bool, kind: TensorType
) -> Value:
    lengths = lengths_of(context, kind.shape[axis], kind)
    over = _rows(lengths, kind, axis)
    own = value.producer.op if value.producer is not None else None
    settled = fill == 0 and axis in value.type.ragged and _is_zero_behind(own, axis)
    if keep and settled:
        return value
    if not value.type.dtype.is_float:
        info = None if value.type.dtype is DType.bool_ else np.iinfo(value.type.dtype.value)
        fill = fill if info is None else float(max(info.min, min(info.max, fill)))
    op = Masked(axis, over, fill, keep, settled)
    return context.builder.one(op, value, lengths, path=f"{value.name}.masked", span=value.span)


def _is_zero_behind(op: Op | None, axis: int) -> bool:
    """Whether an op leaves 0 in its result's padding."""
    if isinstance(op, Masked):
        return op.axis == axis and op.keep and op.fill == 0
    return axis == 1 and (isinstance(op, Recurrent) or (isinstance(op, Scan) and op.lengths))


def _rows(lengths: Value, kind: TensorType, axis: int) -> tuple[int, ...]:
    """The axes of a tensor that its lengths have."""
    found: list[int] = []
    for dim in lengths.type.shape:
        places = [a for a, d in enumerate(kind.shape) if d == dim and a != axis and a not in found]
        if not places:
            axes = f"[{', '.join(map(str, lengths.type.shape))}]"
            dim = str(kind.shape[axis])
            raise DlspecError(LengthsWithoutAxes(None, "", dim=dim, axes=axes, actual=str(kind)))
        found.append(places[0])
    return tuple(found)


# --- ops that look along a ragged axis ------------------------------------------------------------


def lowered(
    context: Context, op: Op, values: Sequence[Value], path: str, span: Span
) -> Value | list[Value] | None:
    """An op without parameters along ragged axes, as nodes that never see padding, or its operands
    made fit for it; None where the op may do as it always does.
    """
    if not any(v.type.ragged for v in values):
        return None
    x = values[0]
    if isinstance(op, Reduction) or op.name in ("argmax", "argmin"):
        axes = _axes(op, x.type)
        ragged = [a for a in axes if a in x.type.ragged]
        if not ragged:
            return None
        if op.name == "mean":
            assert isinstance(op, Reduction)
            return mean_of_steps(context, op, x, path, span)
        if op.name in _ZERO_OF_NOTHING:
            assert isinstance(op, Reduction)
            return _zero_of_nothing(context, op, x, path, span)
        if op.name in _COVERED_BY:
            return [_full(context, x, ragged, _COVERED_BY[op.name]), *values[1:]]
    elif op.name in _KEEP_THE_AXIS:
        axis = op.axis % x.type.rank  # type: ignore[attr-defined]
        if axis in x.type.ragged:
            full = _full(context, x, [axis], _KEEP_THE_AXIS[op.name])
            y = context.builder.one(op, full, path=path, span=span)
            return marked(context, y, axis)
    elif op.name in _CONTRACTIONS:
        return _contracted(context, op, values, path, span)
    elif isinstance(op, Concat):
        return _behind(context, op, values, path, span)
    elif op.ragged == "window":
        from dlspec.sema import windows

        return windows.opened(context, op, values)
    return None


def _axes(op: Op, kind: TensorType) -> tuple[int, ...]:
    if isinstance(op, Reduction):
        return op.axes(kind)
    return (op.axis % kind.rank,)  # type: ignore[attr-defined]


def _full(context: Context, x: Value, axes: Sequence[int], fill: float) -> Value:
    for axis in axes:
        x = covered(context, x, axis, fill, keep=False)
    return x


def _behind(
    context: Context, op: Concat, values: Sequence[Value], path: str, span: Span
) -> Value | None:
    """Tensors of known sizes along an axis, and one with lengths behind them: each of its rows is
    so much longer. (One before others would leave its padding between them.)"""
    *before, last = values
    axis = op.axis % last.type.rank
    known = all(v.type.rank > axis and v.type.shape[axis].value is not None for v in before)
    if axis not in last.type.ragged or not known:
        return None
    full = covered(context, last, axis, 0.0, keep=False)
    y = context.builder.one(op, *before, full, path=path, span=span)
    return marked(context, y, axis)


def _contracted(context: Context, op: Op, values: Sequence[Value], path: str, span: Span) -> Value:
    """A product that sums over axes: padding adds 0; axes that stay are ragged as before."""
    dims = {v.type.shape[a] for v in values for a in v.type.ragged}
    full = [_full(context, v, sorted(v.type.ragged), 0.0) for v in values]
    y = context.builder.one(op, *full, path=path, span=span)
    for axis, dim in enumerate(y.type.shape):
        if dim in dims:
            y = marked(context, y, axis)
    return y


def mean_of_steps(context: Context, op: Reduction, x: Value, path: str, span: Span) -> Value:
    """A mean along ragged axes: the sum over what is there by how much is there; 0 of nothing."""
    axes = op.axes(x.type)
    ragged = [a for a in axes if a in x.type.ragged]
    b = context.builder
    full = _full(context, x, ragged, 0.0)
    even = tuple(a for a in axes if a not in ragged and a not in _rows_of(context, x, ragged[-1]))
    if even:
        full = b.one(Mean(even, True), full, path=f"{path}.mean", span=span)
    total = b.one(Sum(tuple(axes), op.keep), full, path=f"{path}.sum", span=span)
    count = _count(context, op, x, path, span)
    count = b.one(Cast(x.type.dtype.value), count, path=f"{path}.count", span=span)
    count = b.one(Clip(low=1.0), count, path=f"{path}.some", span=span)
    return b.one(Div(), total, count, path=path, span=span)


def _zero_of_nothing(context: Context, op: Reduction, x: Value, path: str, span: Span) -> Value:
    """A reduction along ragged axes over what is there; 0 where nothing is."""
    b = context.builder
    ragged = [a for a in op.axes(x.type) if a in x.type.ragged]
    full = _full(context, x, ragged, _COVERED_BY[op.name])
    found = b.one(op, full, path=f"{path}.found", span=span)
    count = _count(context, op, x, path, span)
    none = constant(b, 0, count.type.dtype)
    some = b.one(REGISTRY["greater"](), count, none, path=f"{path}.some", span=span)
    zero = constant(b, 0, found.type.dtype)
    return b.one(REGISTRY["where"](), some, found, zero, path=path, span=span)


def _rows_of(context: Context, x: Value, axis: int) -> tuple[int, ...]:
    """The axes of a tensor along which the lengths of an axis differ."""
    return _rows(lengths_of(context, x.type.shape[axis], x.type), x.type, axis)


def _count(context: Context, op: Reduction, x: Value, path: str, span: Span) -> Value:
    """How many steps a reduction along ragged axes has: integers, with 1 on the axes of its result
    that the lengths do not have."""
    axes = op.axes(x.type)
    innermost = [a for a in axes if a in x.type.ragged][-1]
    rows = _rows_of(context, x, innermost)
    b = context.builder
    count = lengths_of(context, x.type.shape[innermost], x.type)
    gone = tuple(i for i, a in enumerate(rows) if a in axes)
    if gone:
        count = b.one(Sum(gone, False), count, path=f"{path}.steps", span=span)
    shown = [a for a in range(x.type.rank) if op.keep or a not in axes]
    for place, axis in enumerate(shown):
        if axis not in rows or axis in axes:
            count = b.one(Unsqueeze(place), count, path=f"{path}.wide", span=span)
    return count


def with_axis(op: Op, values: Sequence[Value]) -> Op:
    """The op with an axis that was given as a dimension (`axis = T`) as a number, and a loss that
    keeps the steps of its examples."""
    if isinstance(op, Difference):
        steps = {a for v in values for a in v.type.ragged}
        op.check_kept()
        return dataclasses.replace(op, kept=tuple(sorted({*op.kept, *steps}))) if steps else op
    given: Any = getattr(op, "axis", None)
    if isinstance(given, Dim):
        return dataclasses.replace(op, axis=_place(op, given, values[0].type))  # type: ignore[call-arg]
    if isinstance(given, tuple) and any(isinstance(a, Dim) for a in given):  # type: ignore[reportUnknownVariableType]
        kind = values[0].type
        axes = tuple(_place(op, a, kind) if isinstance(a, Dim) else a for a in given)  # type: ignore[reportUnknownVariableType]
        return dataclasses.replace(op, axis=axes)  # type: ignore[call-arg]
    return op


def _place(op: Op, dim: Dim, kind: TensorType) -> int:
    from dlspec.diagnostics.shapes import InvalidSetting

    places = [a for a, d in enumerate(kind.shape) if d == dim]
    if len(places) == 1:
        return places[0]
    expected = f"a dimension of {kind}" if not places else f"a number: {dim} stands in {kind} twice"
    raise DlspecError(
        InvalidSetting(None, op.name, setting="axis", value=str(dim), expected=expected)
    )
