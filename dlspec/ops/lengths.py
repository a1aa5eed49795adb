"""Lengths at work: what lies behind them is covered, and what has one start for every row is made.

Semantics puts these in; a spec does not call them. Every op that looks along a ragged axis sees it
covered with what leaves its result alone (0 in a sum, the lowest number in a maximum).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dlspec.dims import Dim
from dlspec.ir.types import DType, TensorType
from dlspec.ops.base import Array, OnnxBuilder, Op, TorchContext


class Masked(Op):
    """``y = x`` where the position along ``axis`` is below the row's length, else ``fill``.

    ``over`` are the axes of x that the lengths have. With ``keep`` the axis stays (or becomes)
    ragged, without it all of the axis counts from here on. ``settled`` says that x holds the fill
    there already: the op is then a change of type alone.
    """

    name = "masked"
    internal = True
    signature = "(x: any[*s], lengths: int32[*b]) -> (y: any[*s])"
    ragged = "reduce"
    axis: int = 1
    over: tuple[int, ...] = (0,)
    fill: float = 0.0
    keep: bool = True
    settled: bool = False
    samples = (
        ({}, {"x": ("N", 4), "lengths": ("int32", ("N",))}),
        ({"fill": -2.5, "keep": False}, {"x": ("N", 4, 2), "lengths": ("int32", ("N",))}),
        ({"axis": 2}, {"x": ("N", 2, 5), "lengths": ("int32", ("N",))}),
        (
            {"axis": 2, "over": (0, 1)},
            {"x": ("int64", ("N", 2, 3)), "lengths": ("int32", ("N", 2))},
        ),
        ({}, {"x": ("bool", ("N", 3)), "lengths": ("int32", ("N",))}),
        ({"fill": 1}, {"x": ("bool", ("N", 3)), "lengths": ("int32", ("N",))}),
    )

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """The type of x, with ``axis`` ragged or not."""
        x, _ = inputs
        assert x is not None
        ragged = x.ragged | {self.axis} if self.keep else x.ragged - {self.axis}
        return (TensorType(x.dtype, x.shape, frozenset(ragged)),)

    def _filler(self, kind: TensorType) -> Array:
        return np.asarray(self.fill, dtype=kind.dtype.value)

    def reference(self, *inputs: Any) -> Any:
        x, lengths = inputs
        position = np.arange(x.shape[self.axis])
        position = position.reshape([-1 if a == self.axis else 1 for a in range(x.ndim)])
        rows = [x.shape[a] if a in self.over else 1 for a in range(x.ndim)]
        return np.where(position < lengths.reshape(rows), x, np.asarray(self.fill, x.dtype))

    def torch(self, t: TorchContext, *inputs: str) -> str:
        kind = t.input_types[0]
        assert kind is not None
        x, lengths = t.tensor(0), inputs[1]
        if self.settled:
            return x
        behind = kind.rank - self.axis - 1
        steps = f"torch.arange({x}.shape[{self.axis}], device={x}.device)"
        if behind:
            steps += f"[:{', None' * behind}]"
        shown = ", ".join(":" if a in self.over else "None" for a in range(kind.rank))
        fill: Any = float(self.fill) if kind.dtype.is_float else self._filler(kind).item()
        return f"{x}.masked_fill({steps} >= {lengths}[{shown}], {fill!r})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        kind = g.input_types[0]
        assert kind is not None
        x, lengths = inputs
        if self.settled:
            return g.op("Identity", x)
        size = g.op("Gather", g.shape(x), g.constant(np.array(self.axis, np.int64)))
        ends = (g.constant(np.array(0, np.int64)), size, g.constant(np.array(1, np.int64)))
        steps = g.op("Cast", g.op("Range", *ends), to=int(_INT32))
        behind = [1 + i for i in range(kind.rank - self.axis - 1)]
        if behind:
            steps = g.op("Unsqueeze", steps, g.constant(np.array(behind, np.int64)))
        missing = [a for a in range(kind.rank) if a not in self.over]
        rows = g.op("Unsqueeze", lengths, g.constant(np.array(missing, np.int64)))
        valid = g.op("Less", steps, rows)
        if kind.dtype is DType.bool_:  # ONNX Runtime has no Where on booleans
            return g.op("Or", g.op("Not", valid), x) if self.fill else g.op("And", valid, x)
        return g.op("Where", valid, x, g.constant(self._filler(kind)))


_INT32 = 6
"""ONNX's number of int32."""


class Full(Op):
    """A tensor full of one value, with as many rows as x: the declared start of a state."""

    name = "full"
    internal = True
    signature = "(x: any[n, *s]) -> (y: any[*y])"
    ragged = "pointwise"
    dims: tuple[int | Dim, ...] = ()
    value: float = 0.0
    dtype: str = "float32"
    samples = (
        ({"dims": (3,)}, {"x": ("N", 4)}),
        ({"dims": (), "value": 7, "dtype": "int64"}, {"x": ("N", 4, 2)}),
        ({"dims": (2, 2), "value": 0.5}, {"x": ("int64", ("N",))}),
    )

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """[N, *dims]."""
        x = inputs[0]
        assert x is not None
        return (TensorType.of(DType(self.dtype), x.shape[0], *self.dims),)

    def reference(self, *inputs: Any) -> Any:
        x = inputs[0]
        real = x.dtype if x.dtype.kind == "f" and DType(self.dtype).is_float else self.dtype
        return np.full((len(x), *(Dim.of(d).evaluate({}) for d in self.dims)), self.value, real)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        dtype = DType(self.dtype)
        exact = dtype.is_float  # in a proof it starts as a float64, unrounded as in NumPy
        value: Any = float(self.value) if exact else np.asarray(self.value, dtype.value).item()
        sizes = "".join(f", {d}" for d in self.dims)
        kind = t.dtype(dtype)
        return (
            f"{inputs[0]}.new_full(({inputs[0]}.shape[0]{sizes or ','}), {value!r}, dtype={kind})"
        )

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        def ints(*values: int) -> str:
            return g.constant(np.array(values, np.int64))

        sizes = g.op("Slice", g.shape(inputs[0]), ints(0), ints(1))
        rest = [Dim.of(d).evaluate({}) for d in self.dims]
        if rest:
            sizes = g.op("Concat", sizes, ints(*rest), axis=0)
        return g.op("Expand", g.constant(np.array(self.value, DType(self.dtype).value)), sizes)
