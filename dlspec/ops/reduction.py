"""Reductions over axes; the default is the last axis."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.shapes import InvalidSetting
from dlspec.dims import Dim
from dlspec.ir.types import DType, TensorType
from dlspec.ops.base import Array, OnnxBuilder, Op, TorchContext, refuse_lengths
from dlspec.ops.elementwise import FLOATS, NUMBERS, check_numbers
from dlspec.ops.settings import axis_of, flag


class Reduction(Op):
    """Base: ``axis`` is one axis, several, or none for all; ``keep`` leaves them in with size 1."""

    signature = "(x: any[*s]) -> (y: any[*y])"
    promotion = "float"
    ragged = "reduce"
    kinds: ClassVar[tuple[DType, ...]] = FLOATS
    kind: ClassVar[str] = ""
    word: ClassVar[str] = ""
    axis: int | tuple[int, ...] | None = -1
    keep: bool = False
    samples: ClassVar[Any] = (
        ({}, {"x": ("N", 3)}),
        ({"axis": (1, 2)}, {"x": ("N", 3, 4)}),
        ({"axis": 1, "keep": True}, {"x": ("N", 3, 4)}),
        ({"axis": (0, 1)}, {"x": ("N", 3)}),
        ({"axis": None}, {"x": ("N", 3)}),
    )

    def axes(self, kind: TensorType) -> tuple[int, ...]:
        """The axes counted from 0, in order."""
        given = self.axis
        if given is None:
            return tuple(range(kind.rank))
        wanted = given if isinstance(given, tuple) else (given,)
        axes = tuple(sorted(axis_of(self.name, a, kind) for a in wanted))
        if not axes or len(set(axes)) != len(axes):
            raise DlspecError(
                InvalidSetting(
                    None,
                    self.name,
                    setting="axis",
                    value=str(given),
                    expected="axes that differ" if axes else "at least one axis, or none for all",
                )
            )
        return axes

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """The axes gone, or of size 1."""
        x = inputs[0]
        assert x is not None
        flag(self.name, "keep", self.keep)
        check_numbers(self, x, *self.kinds)
        axes = self.axes(x)
        refuse_lengths(self, inputs, axes)
        dtype = self.result(x.dtype)
        if self.keep:
            shape = tuple(Dim.of(1) if i in axes else d for i, d in enumerate(x.shape))
            return (TensorType(dtype, shape, x.ragged),)
        kept = [i for i in range(x.rank) if i not in axes]
        ragged = frozenset(kept.index(a) for a in x.ragged)
        return (TensorType(dtype, tuple(x.shape[i] for i in kept), ragged),)

    def result(self, dtype: DType) -> DType:
        """The element type of the result."""
        return dtype

    def torch(self, t: TorchContext, *inputs: str) -> str:
        kind = t.input_types[0]
        assert kind is not None
        axes = self.axes(kind)
        if kind.rank == 0:
            return f"{inputs[0]}.{self.word}()"
        keep = ", keepdim=True" if self.keep else ""
        if not keep and len(axes) == kind.rank:
            return f"{inputs[0]}.{self.word}()"
        shown: Any = axes[0] if len(axes) == 1 else axes
        return f"{inputs[0]}.{self.word}(dim={shown}{keep})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        kind = g.input_types[0]
        assert kind is not None
        x = inputs[0]
        if g.output_types[0].dtype is not kind.dtype:
            x = g.op("Cast", x, to=7)
        if kind.rank == 0:
            return g.op("Identity", x)
        axes = g.constant(np.array(self.axes(kind), dtype=np.int64))
        return g.op(self.kind, x, axes, keepdims=int(self.keep))

    def sizes(self, x: Any) -> dict[str, Any]:
        """The axes, and whether they are kept, as NumPy's reductions take them."""
        kind = TensorType.of(DType.float32, *x.shape)
        return {"axis": self.axes(kind), "keepdims": self.keep}


class Sum(Reduction):
    """The sum over axes; of integers and booleans (a count) it is int64."""

    name = "sum"
    kind = "ReduceSum"
    word = "sum"
    promotion = "none"
    kinds = tuple(DType)
    samples = (
        *Reduction.samples,
        ({}, {"x": ("bool", ("N", 3))}),
        ({"axis": 0}, {"x": ("uint8", ("N", 3))}),
    )

    def result(self, dtype: DType) -> DType:
        """int64 of integers."""
        return dtype if dtype.is_float else DType.int64

    def reference(self, *inputs: Any) -> Any:
        return inputs[0].sum(dtype=_sum_type(inputs[0]), **self.sizes(inputs[0]))


class Mean(Reduction):
    """The mean over axes."""

    name = "mean"
    kind = "ReduceMean"
    word = "mean"

    def reference(self, *inputs: Any) -> Any:
        return inputs[0].mean(**self.sizes(inputs[0]))


class Extreme(Reduction):
    """Base of the largest and the smallest value."""

    promotion = "none"
    kinds = (*NUMBERS, DType.uint8, DType.int8)
    samples = (
        *Reduction.samples,
        ({}, {"x": ("int64", ("N", 3))}),
        ({}, {"x": ("uint8", ("N", 3))}),
    )

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        kind = g.input_types[0]
        assert kind is not None
        narrow = {DType.uint8: 2, DType.int8: 3}.get(kind.dtype)
        if narrow is None or not kind.rank:
            return super().onnx(g, *inputs)
        # not every engine compares bytes
        found = super().onnx(g, g.op("Cast", inputs[0], to=6))
        return g.op("Cast", found, to=narrow)


class Max(Extreme):
    """The largest value over axes."""

    name = "max"
    kind = "ReduceMax"
    word = "amax"

    def reference(self, *inputs: Any) -> Any:
        return inputs[0].max(**self.sizes(inputs[0]))


class Min(Extreme):
    """The smallest value over axes."""

    name = "min"
    kind = "ReduceMin"
    word = "amin"

    def reference(self, *inputs: Any) -> Any:
        return inputs[0].min(**self.sizes(inputs[0]))


def _sum_type(x: Array) -> Any:
    return x.dtype if x.dtype.kind == "f" else np.int64


class Argmax(Op):
    """The index of the largest value along an axis (the last), the first of equal ones."""

    name = "argmax"
    signature = "(x: any[*s]) -> (y: int64[*y])"
    ragged = "reduce"
    axis: int = -1
    samples = (
        ({}, {"x": ("N", 5)}),
        ({"axis": 1}, {"x": ("N", 5, 2)}),
        ({}, {"x": ("int64", ("N", 4))}),
    )

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """The axis gone; int64."""
        x = inputs[0]
        assert x is not None
        axis = axis_of(self.name, self.axis, x)
        check_numbers(self, x, *NUMBERS)
        refuse_lengths(self, inputs, (axis,))
        kept = [i for i in range(x.rank) if i != axis]
        ragged = frozenset(kept.index(a) for a in x.ragged)
        return (TensorType(DType.int64, tuple(x.shape[i] for i in kept), ragged),)

    def reference(self, *inputs: Any) -> Any:
        return inputs[0].argmax(axis=self.axis)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"{inputs[0]}.argmax(dim={self.axis})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        return g.op("ArgMax", inputs[0], axis=self.axis, keepdims=0)
