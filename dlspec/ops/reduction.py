"""Reductions over axes; the default is the last axis."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.shapes import InvalidSetting
from dlspec.ir.types import DType, TensorType
from dlspec.ops.base import OnnxBuilder, Op, TorchContext
from dlspec.ops.settings import axis_of


class Reduction(Op):
    """Base: ``axis`` is one axis or several, ``keep`` leaves them in with size 1."""

    signature = "(x: float[*s]) -> (y: float[*y])"
    promotion = "float"
    kind: ClassVar[str] = ""
    word: ClassVar[str] = ""
    samples: ClassVar[Any] = (
        ({}, {"x": ("N", 3)}),
        ({"axis": (1, 2)}, {"x": ("N", 3, 4)}),
        ({"axis": 1, "keep": True}, {"x": ("N", 3, 4)}),
        ({"axis": (0, 1)}, {"x": ("N", 3)}),
    )

    def axes(self, kind: TensorType) -> tuple[int, ...]:
        """The axes counted from 0, in order."""
        given: Any = self.axis  # type: ignore[attr-defined]
        wanted = given if isinstance(given, tuple) else (given,)
        axes = tuple(sorted(axis_of(self.name, a, kind) for a in wanted))
        if len(set(axes)) != len(axes):
            raise DlspecError(
                InvalidSetting(None, self.name, setting="axis", value=str(given), expected="axes that differ")
            )
        return axes

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """The axes gone, or of size 1."""
        x = inputs[0]
        assert x is not None
        axes = self.axes(x)
        if self.keep:  # type: ignore[attr-defined]
            return (x.with_shape(1 if i in axes else d for i, d in enumerate(x.shape)),)
        return (x.with_shape(d for i, d in enumerate(x.shape) if i not in axes),)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        kind = t.input_types[0]
        assert kind is not None
        axes = self.axes(kind)
        keep = ", keepdim=True" if self.keep else ""  # type: ignore[attr-defined]
        if not keep and len(axes) == kind.rank:
            return f"{inputs[0]}.{self.word}()"
        shown: Any = axes[0] if len(axes) == 1 else axes
        return f"{inputs[0]}.{self.word}(dim={shown}{keep})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        kind = g.input_types[0]
        assert kind is not None
        axes = g.constant(np.array(self.axes(kind), dtype=np.int64))
        return g.op(self.kind, inputs[0], axes, keepdims=int(self.keep))  # type: ignore[attr-defined]

    def _numpy(self, x: Any) -> dict[str, Any]:
        kind = TensorType.of(DType.float32, *x.shape)
        return {"axis": self.axes(kind), "keepdims": self.keep}  # type: ignore[attr-defined]


class Sum(Reduction):
    """The sum over axes."""

    name = "sum"
    kind = "ReduceSum"
    word = "sum"
    axis: int | tuple[int, ...] = -1
    keep: bool = False

    def reference(self, *inputs: Any) -> Any:
        return inputs[0].sum(**self._numpy(inputs[0]))


class Mean(Reduction):
    """The mean over axes."""

    name = "mean"
    kind = "ReduceMean"
    word = "mean"
    axis: int | tuple[int, ...] = -1
    keep: bool = False

    def reference(self, *inputs: Any) -> Any:
        return inputs[0].mean(**self._numpy(inputs[0]))


class Max(Reduction):
    """The largest value over axes."""

    name = "max"
    kind = "ReduceMax"
    word = "amax"
    axis: int | tuple[int, ...] = -1
    keep: bool = False

    def reference(self, *inputs: Any) -> Any:
        return inputs[0].max(**self._numpy(inputs[0]))


class Min(Reduction):
    """The smallest value over axes."""

    name = "min"
    kind = "ReduceMin"
    word = "amin"
    axis: int | tuple[int, ...] = -1
    keep: bool = False

    def reference(self, *inputs: Any) -> Any:
        return inputs[0].min(**self._numpy(inputs[0]))


class Argmax(Op):
    """The index of the largest value along an axis (the last), the first of equal ones."""

    name = "argmax"
    signature = "(x: any[*s]) -> (y: int64[*y])"
    axis: int = -1
    samples = (({}, {"x": ("N", 5)}), ({"axis": 1}, {"x": ("N", 5, 2)}))

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """The axis gone; int64."""
        x = inputs[0]
        assert x is not None
        axis = axis_of(self.name, self.axis, x)
        return (TensorType(DType.int64, (*x.shape[:axis], *x.shape[axis + 1 :])),)

    def reference(self, *inputs: Any) -> Any:
        return inputs[0].argmax(axis=self.axis)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"{inputs[0]}.argmax(dim={self.axis})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        return g.op("ArgMax", inputs[0], axis=self.axis, keepdims=0)
