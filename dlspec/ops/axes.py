"""Axes exchanged, added and left out."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.shapes import DimMismatch, InvalidSetting
from dlspec.dims import Dim
from dlspec.ir.types import TensorType
from dlspec.ops.base import OnnxBuilder, Op, TorchContext, refuse_lengths
from dlspec.ops.settings import axis_of
from dlspec.ops.shape import ints


class Transpose(Op):
    """Two axes exchanged, the last two if none are given."""

    name = "transpose"
    signature = "(x: any[*s]) -> (y: any[*y])"
    ragged = "move"
    first: int = -2
    second: int = -1
    samples = (({}, {"x": ("N", 3, 4)}), ({"first": 1, "second": 2}, {"x": ("N", 3, 4, 2)}))

    def _order(self, kind: TensorType) -> list[int]:
        a, b = (axis_of(self.name, axis, kind) for axis in (self.first, self.second))
        order = list(range(kind.rank))
        order[a], order[b] = order[b], order[a]
        return order

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """The same sizes with two exchanged."""
        x = inputs[0]
        assert x is not None
        return (ordered(self, x, self._order(x)),)

    def reference(self, *inputs: Any) -> Any:
        return np.swapaxes(inputs[0], self.first, self.second)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"{inputs[0]}.transpose({self.first}, {self.second})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        kind = g.input_types[0]
        assert kind is not None
        return g.op("Transpose", inputs[0], perm=self._order(kind))


class Permute(Op):
    """The axes after N in another order, counted from 1: `permute(3, 1, 2)` makes [N, H, W, C]
    [N, C, H, W]."""

    name = "permute"
    signature = "(x: any[*s]) -> (y: any[*y])"
    variadic = "order"
    ragged = "move"
    order: tuple[int, ...]
    samples = (
        ({"order": (3, 1, 2)}, {"x": ("N", 2, 3, 4)}),
        ({"order": (2, 1)}, {"x": ("int64", ("N", 3, 4))}),
        ({"order": (-1, 1)}, {"x": ("N", 3, 4)}),
    )

    def _order(self, kind: TensorType) -> list[int]:
        order = [0, *(axis_of(self.name, axis, kind) for axis in self.order)]
        if sorted(order) != list(range(kind.rank)):
            listed = ", ".join(map(str, range(1, kind.rank)))
            raise DlspecError(
                InvalidSetting(
                    None,
                    self.name,
                    setting="order",
                    value=", ".join(map(str, self.order)),
                    expected=f"each of {listed} once; N stays first",
                )
            )
        return order

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """The sizes in that order."""
        x = inputs[0]
        assert x is not None
        return (ordered(self, x, self._order(x)),)

    def reference(self, *inputs: Any) -> Any:
        return np.transpose(inputs[0], (0, *self.order))

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"{inputs[0]}.permute(0, {', '.join(map(str, self.order))})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        kind = g.input_types[0]
        assert kind is not None
        return g.op("Transpose", inputs[0], perm=self._order(kind))


def ordered(op: Op, x: TensorType, order: list[int]) -> TensorType:
    """The type with its axes in another order; examples that have lengths stay first."""
    if order[0] != 0:
        refuse_lengths(op, (x,), range(x.rank))
    return x.with_shape((x.shape[i] for i in order), (order.index(a) for a in x.ragged))


class Unsqueeze(Op):
    """A new axis of size 1 at a place."""

    name = "unsqueeze"
    signature = "(x: any[*s]) -> (y: any[*y])"
    ragged = "move"
    axis: int
    samples = (({"axis": 1}, {"x": ("N", 3)}), ({"axis": -1}, {"x": ("N", 3)}))

    def _place(self, kind: TensorType) -> int:
        return axis_of(self.name, self.axis, kind.with_shape((*kind.shape, 1)))

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """One axis more."""
        x = inputs[0]
        assert x is not None
        shape = list(x.shape)
        place = self._place(x)
        if place == 0:
            refuse_lengths(self, inputs, range(x.rank))
        shape.insert(place, Dim.of(1))
        return (x.with_shape(shape, (a + (a >= place) for a in x.ragged)),)

    def reference(self, *inputs: Any) -> Any:
        return np.expand_dims(inputs[0], self.axis)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"{inputs[0]}.unsqueeze({self.axis})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        return g.op("Unsqueeze", inputs[0], g.constant(ints(self.axis)))


class Squeeze(Op):
    """An axis of size 1 left out."""

    name = "squeeze"
    signature = "(x: any[*s]) -> (y: any[*y])"
    ragged = "move"
    axis: int
    samples = (({"axis": 1}, {"x": ("N", 1, 3)}), ({"axis": -1}, {"x": ("N", 1)}))

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """One axis less."""
        x = inputs[0]
        assert x is not None
        axis = axis_of(self.name, self.axis, x)
        if x.shape[axis] != 1:
            raise DlspecError(
                DimMismatch(
                    None,
                    self.name,
                    dim=f"axis {self.axis}",
                    operand="x",
                    actual=str(x.shape[axis]),
                    expected="1",
                )
            )
        kept = (*x.shape[:axis], *x.shape[axis + 1 :])
        return (x.with_shape(kept, (a - (a > axis) for a in x.ragged if a != axis)),)

    def reference(self, *inputs: Any) -> Any:
        return np.squeeze(inputs[0], self.axis)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"{inputs[0]}.squeeze({self.axis})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        return g.op("Squeeze", inputs[0], g.constant(ints(self.axis)))
