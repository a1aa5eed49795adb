"""Elements moved along axes, and repeated."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.shapes import ImpossibleShape, InvalidSetting, RankMismatch
from dlspec.dims import Dim
from dlspec.ir.types import TensorType
from dlspec.ops.base import OnnxBuilder, Op, TorchContext, refuse_lengths
from dlspec.ops.settings import axis_of, number, whole
from dlspec.ops.shape import ints

FAR = int(np.iinfo(np.int64).max)


class Mirror(Op):
    """Elements in reverse order along ``axis``, one or several (the last): the mirror image."""

    name = "mirror"
    signature = "(x: any[*s]) -> (y: any[*s])"
    ragged = "move"
    axis: int | tuple[int, ...] = -1
    samples = (
        ({}, {"x": ("N", 4)}),
        ({"axis": 1}, {"x": ("int64", ("N", 3, 2))}),
        ({"axis": (1, -1)}, {"x": ("N", 3, 2)}),
    )

    def _axes(self, x: TensorType) -> tuple[int, ...]:
        given = self.axis if isinstance(self.axis, tuple) else (self.axis,)
        axes = tuple(axis_of(self.name, a, x) for a in given)
        if not axes or len(set(axes)) != len(axes):
            raise DlspecError(
                InvalidSetting(
                    None, self.name, setting="axis", value=str(given), expected="axes that differ"
                )
            )
        return axes

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """The type of x."""
        x = inputs[0]
        assert x is not None
        refuse_lengths(self, inputs, self._axes(x))
        return (x,)

    def reference(self, *inputs: Any) -> Any:
        return np.flip(inputs[0], self.axis)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        axes = self.axis if isinstance(self.axis, tuple) else (self.axis,)
        return f"{inputs[0]}.flip({', '.join(map(str, axes))})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        kind = g.input_types[0]
        assert kind is not None
        axes = self._axes(kind)
        ends = ((FAR, -FAR - 1, a, -1) for a in axes)
        starts, stops, places, steps = (ints(*c) for c in zip(*ends, strict=True))
        return g.op("Slice", inputs[0], *(g.constant(c) for c in (starts, stops, places, steps)))


class Roll(Op):
    """Elements moved on by ``by`` places along an axis (the last); what leaves at the end comes in
    at the start."""

    name = "roll"
    signature = "(x: any[*s]) -> (y: any[*s])"
    ragged = "move"
    by: int
    axis: int = -1
    samples = (
        ({"by": 1}, {"x": ("N", 4)}),
        ({"by": -2, "axis": 1}, {"x": ("int64", ("N", 5, 2))}),
        ({"by": 8}, {"x": ("N", 4)}),
        ({"by": 7}, {"x": ("N", 4)}),
    )

    def __post_init__(self) -> None:
        whole(self.name, "by", self.by, None)

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """The type of x."""
        x = inputs[0]
        assert x is not None
        axis = axis_of(self.name, self.axis, x)
        refuse_lengths(self, inputs, (axis,))
        if x.shape[axis].value is None and abs(self.by) > 1:
            raise DlspecError(
                ImpossibleShape(
                    None,
                    self.name,
                    reason=f"{x.shape[axis]} may be less than {abs(self.by)}",
                    actual=str(x),
                    advice="declare the size, or roll by 1",
                )
            )
        return (x,)

    def reference(self, *inputs: Any) -> Any:
        return np.roll(inputs[0], self.by, self.axis)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"{inputs[0]}.roll({self.by}, {self.axis})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        kind = g.input_types[0]
        assert kind is not None
        size = kind.shape[self.axis].value
        by = self.by % size if size is not None else self.by
        if by == 0:
            return g.op("Identity", inputs[0])
        axis, zero, cut, end = (g.constant(ints(n)) for n in (self.axis, 0, -by, FAR))
        back = g.op("Slice", inputs[0], cut, end, axis)
        front = g.op("Slice", inputs[0], zero, cut, axis)
        return g.op("Concat", back, front, axis=self.axis)


class Shift(Op):
    """Elements moved on by ``by`` places along an axis (the first after N): ``value`` comes in at
    the start, the last ones leave. `shift(target, 0)` is what a decoder has seen before each step.
    """

    name = "shift"
    signature = "(x: any[*s]) -> (y: any[*s])"
    ragged = "pointwise"  # what comes from behind a row's length stays behind it
    value: float = 0
    by: int = 1
    axis: int = 1
    samples = (
        ({}, {"x": ("N", 4)}),
        ({"value": 7, "by": 2}, {"x": ("int64", ("N", 5))}),
        ({"value": -0.5, "axis": 2}, {"x": ("N", 2, 3)}),
        ({"by": 3}, {"x": ("N", 3, 2)}),
    )

    def __post_init__(self) -> None:
        number(self.name, "value", self.value)
        whole(self.name, "by", self.by)

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """The type of x."""
        x = inputs[0]
        assert x is not None
        size = x.shape[axis_of(self.name, self.axis, x)]
        if (1 if size.value is None else size.value) < self.by:
            raise DlspecError(
                ImpossibleShape(
                    None,
                    self.name,
                    reason=f"{size} may be less than {self.by} places",
                    actual=str(x),
                )
            )
        if not x.dtype.is_float and self.value != int(self.value):
            raise DlspecError(
                InvalidSetting(
                    None,
                    self.name,
                    setting="value",
                    value=str(self.value),
                    expected=f"a whole number for {x.dtype}",
                )
            )
        return (x,)

    def reference(self, *inputs: Any) -> Any:
        x = inputs[0]
        y = np.roll(x, self.by, self.axis)
        y[(slice(None),) * (self.axis % x.ndim) + (slice(0, self.by),)] = self.value
        return y

    def _value(self, kind: TensorType) -> float | int:
        return self.value if kind.dtype.is_float else int(self.value)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        kind = t.input_types[0]
        assert kind is not None
        axis = self.axis % kind.rank
        pad = (0, 0) * (kind.rank - 1 - axis) + (self.by, 0)
        kept = f"{inputs[0]}[{':, ' * axis}:-{self.by}]"
        value = f", value={self._value(kind)}" if self.value else ""
        return f"F.pad({kept}, {pad}{value})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        kind = g.input_types[0]
        assert kind is not None
        axis = self.axis % kind.rank
        widths = [self.by if i == axis else 0 for i in range(2 * kind.rank)]
        value = g.constant(np.array(self._value(kind), kind.dtype.value))
        longer = g.op("Pad", inputs[0], g.constant(ints(*widths)), value)
        ends = (g.constant(ints(n)) for n in (0, -self.by, axis))
        return g.op("Slice", longer, *ends)


class Tile(Op):
    """The whole tensor beside itself, so often along each axis after N: `tile(2, 1)` makes
    [N, 3, 4] [N, 6, 4]. PyTorch's `repeat`."""

    name = "tile"
    signature = "(x: any[*s]) -> (y: any[*y])"
    variadic = "counts"
    counts: tuple[int, ...]
    samples = (
        ({"counts": (2,)}, {"x": ("N", 3)}),
        ({"counts": (1, 3)}, {"x": ("int64", ("N", 2, 2))}),
        ({"counts": (2, 1, 2)}, {"x": ("N", 1, 2, 3)}),
    )

    def __post_init__(self) -> None:
        for count in self.counts:
            whole(self.name, "counts", count)

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """Each size times its count."""
        x = inputs[0]
        assert x is not None
        if x.rank != len(self.counts) + 1:
            raise DlspecError(
                RankMismatch(
                    None,
                    self.name,
                    operand="x",
                    actual=str(x),
                    rank=x.rank,
                    expected=str(len(self.counts) + 1),
                    advice="give a count for each axis after N",
                )
            )
        sizes = (d * c for d, c in zip(x.shape[1:], self.counts, strict=True))
        return (x.with_shape((x.shape[0], *sizes)),)

    def reference(self, *inputs: Any) -> Any:
        return np.tile(inputs[0], (1, *self.counts))

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"{inputs[0]}.repeat(1, {', '.join(map(str, self.counts))})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        return g.op("Tile", inputs[0], g.constant(ints(1, *self.counts)))


class RepeatInterleave(Op):
    """Each element ``count`` times along an axis (the last): [a, b] is [a, a, b, b]."""

    name = "repeat_interleave"
    signature = "(x: any[*s]) -> (y: any[*y])"
    ragged = "move"
    count: int
    axis: int = -1
    samples = (
        ({"count": 2}, {"x": ("N", 3)}),
        ({"count": 3, "axis": 1}, {"x": ("int64", ("N", 2, 2))}),
        ({"count": 1}, {"x": ("N", 2)}),
    )

    def __post_init__(self) -> None:
        whole(self.name, "count", self.count)

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """The axis ``count`` times as long."""
        x = inputs[0]
        assert x is not None
        axis = axis_of(self.name, self.axis, x)
        refuse_lengths(self, inputs, (axis,))
        shape = list(x.shape)
        shape[axis] = Dim.of(self.count) * shape[axis]
        return (x.with_shape(shape, x.ragged),)

    def reference(self, *inputs: Any) -> Any:
        return np.repeat(inputs[0], self.count, self.axis)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"{inputs[0]}.repeat_interleave({self.count}, {self.axis})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        kind = g.input_types[0]
        assert kind is not None
        axis = self.axis % kind.rank
        wide = g.op("Unsqueeze", inputs[0], g.constant(ints(axis + 1)))
        counts = [self.count if i == axis + 1 else 1 for i in range(kind.rank + 1)]
        apart = [g.op("Tile", wide, g.constant(ints(*counts)))]
        sizes = [d.value for d in g.output_types[0].shape]
        if sum(s is None for s in sizes) <= 1:
            shape = g.constant(ints(*(-1 if s is None else s for s in sizes)))
        else:
            counts = g.constant(ints(*(self.count if i == axis else 1 for i in range(kind.rank))))
            shape = g.op("Mul", g.shape(inputs[0]), counts)
        return g.op("Reshape", *apart, shape)
