"""Sums that run along an axis."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from dlspec.ir.types import DType, TensorType
from dlspec.ops.base import OnnxBuilder, Op, Ragged, TorchContext, refuse_lengths
from dlspec.ops.elementwise import FLOATS, check_numbers
from dlspec.ops.settings import axis_of, flag


class Cumsum(Op):
    """Sums up to each place along an axis (the last): ``y_i = x_0 + … + x_i``.

    ``exclusive`` leaves x_i itself out; ``reverse`` sums from the end.
    """

    name = "cumsum"
    signature = "(x: any[*s]) -> (y: any[*s])"
    ragged: ClassVar[Ragged] = "reduce"
    axis: int = -1
    exclusive: bool = False
    reverse: bool = False
    samples = (
        ({}, {"x": ("N", 5)}),
        ({"axis": 1, "exclusive": True}, {"x": ("N", 4, 2)}),
        ({"axis": 1, "reverse": True}, {"x": ("N", 4, 2)}),
        ({"exclusive": True, "reverse": True}, {"x": ("N", 4)}),
        ({"axis": 0}, {"x": ("int64", ("N",))}),
    )

    def __post_init__(self) -> None:
        flag(self.name, "exclusive", self.exclusive)
        flag(self.name, "reverse", self.reverse)

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """The type of x."""
        x = inputs[0]
        assert x is not None
        check_numbers(self, x, *FLOATS, DType.int64, DType.int32)
        refuse_lengths(self, inputs, (axis_of(self.name, self.axis, x),))
        return (x,)

    def reference(self, *inputs: Any) -> Any:
        x = np.flip(inputs[0], self.axis) if self.reverse else inputs[0]
        y = np.cumsum(x, axis=self.axis, dtype=x.dtype)
        if self.exclusive:
            y = np.roll(y, 1, axis=self.axis)
            y[(slice(None),) * (self.axis % x.ndim) + (slice(0, 1),)] = 0
        return np.flip(y, self.axis) if self.reverse else y

    def torch(self, t: TorchContext, *inputs: str) -> str:
        x, dim = inputs[0], self.axis
        kind = t.input_types[0]
        assert kind is not None
        dtype = f", dtype={t.dtype(kind.dtype)}" if kind.dtype is DType.int32 else ""
        y = f"{x}.flip({dim}).cumsum({dim}{dtype}).flip({dim})"
        if not self.reverse:
            y = f"{x}.cumsum({dim}{dtype})"
        if not self.exclusive:
            return y
        # a place earlier, or later: padded with 0 on one side, and cut on the other
        axis = self.axis % kind.rank
        before, after = (0, 1) if self.reverse else (1, 0)
        cut = "1:" if self.reverse else ":-1"
        pads = ", ".join(["0, 0"] * (kind.rank - axis - 1) + [f"{before}, {after}"])
        return f"F.pad({y}, ({pads}))[{', '.join([':'] * axis + [cut])}]"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        axis = g.constant(np.array(self.axis, dtype=np.int64))
        options = {"exclusive": int(self.exclusive), "reverse": int(self.reverse)}
        return g.op("CumSum", inputs[0], axis, **options)
