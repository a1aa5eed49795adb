"""Reductions beside sum, mean, maximum and minimum."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.shapes import InvalidSetting
from dlspec.dims import product
from dlspec.ir.types import DType, TensorType
from dlspec.ops.base import Array, OnnxBuilder, TorchContext
from dlspec.ops.elementwise import scalar
from dlspec.ops.reduction import Reduction
from dlspec.ops.settings import flag, number


class Prod(Reduction):
    """The product over axes; of integers and booleans it is int64."""

    name = "prod"
    kind = "ReduceProd"
    promotion = "none"
    kinds = tuple(DType)
    samples = (*Reduction.samples, ({}, {"x": ("int64", ("N", 3))}))

    def result(self, dtype: DType) -> DType:
        """int64 of integers."""
        return dtype if dtype.is_float else DType.int64

    def reference(self, *inputs: Any) -> Any:
        x = inputs[0]
        kind = x.dtype if x.dtype.kind == "f" else np.int64
        return x.prod(dtype=kind, **self.sizes(x))

    def torch(self, t: TorchContext, *inputs: str) -> str:
        # PyTorch takes one axis at a time
        kind = t.input_types[0]
        assert kind is not None
        axes = self.axes(kind)
        if len(axes) == kind.rank and not self.keep:
            return f"{inputs[0]}.prod()"
        text = inputs[0]
        for axis in reversed(axes):
            text += f".prod(dim={axis}{', keepdim=True' if self.keep else ''})"
        return text


class Truth(Reduction):
    """Base of reductions of booleans."""

    promotion = "none"
    kinds = (DType.bool_,)
    samples = (
        ({}, {"x": ("bool", ("N", 3))}),
        ({"axis": 1, "keep": True}, {"x": ("bool", ("N", 3, 4))}),
        ({"axis": (0, 1)}, {"x": ("bool", ("N", 3))}),
        ({"axis": None}, {"x": ("bool", ("N", 3))}),
        ({"axis": None}, {"x": ("bool", ())}),
    )

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        kind = g.input_types[0]
        assert kind is not None
        if kind.rank == 0:
            return g.op("Identity", inputs[0])
        axes = g.constant(np.array(self.axes(kind), dtype=np.int64))
        numbers = g.op("Cast", inputs[0], to=6)
        found = g.op(self.kind, numbers, axes, keepdims=int(self.keep))
        return g.op("Cast", found, to=9)


class Any_(Truth):
    """Whether any of them holds, over axes."""

    name = "any"
    kind = "ReduceMax"
    word = "any"

    def reference(self, *inputs: Any) -> Any:
        return inputs[0].any(**self.sizes(inputs[0]))


class All(Truth):
    """Whether all of them hold, over axes."""

    name = "all"
    kind = "ReduceMin"
    word = "all"

    def reference(self, *inputs: Any) -> Any:
        return inputs[0].all(**self.sizes(inputs[0]))


class Logsumexp(Reduction):
    """``y = log(sum(e ** x))`` over axes; nothing overflows."""

    name = "logsumexp"
    kind = "ReduceLogSumExp"

    def reference(self, *inputs: Any) -> Any:
        x = inputs[0]
        axes = self.axes(TensorType.of(DType.float32, *x.shape))
        top = x.max(axis=axes, keepdims=True)
        top = np.where(np.isfinite(top), top, 0)  # of infinities the sum itself is the answer
        y = np.log(np.exp(x - top).sum(axis=axes, keepdims=True)) + top
        return y if self.keep else y.squeeze(axis=axes)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        kind = t.input_types[0]
        assert kind is not None
        axes = self.axes(kind)
        shown: Any = axes[0] if len(axes) == 1 else axes
        return f"{inputs[0]}.logsumexp(dim={shown}{', keepdim=True' if self.keep else ''})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        # written out: engines' own ReduceLogSumExp need not guard against overflow
        kind = g.input_types[0]
        assert kind is not None
        x = inputs[0]
        if kind.rank == 0:
            return g.op("Identity", x)
        axes = g.constant(np.array(self.axes(kind), dtype=np.int64))
        # within the finite floats, so that no infinity is taken from itself
        ends = (scalar(g, float(np.finfo(np.float32).min)), scalar(g, _LARGEST))
        top = g.op("Clip", g.op("ReduceMax", x, axes, keepdims=1), *ends)
        total = g.op("ReduceSum", g.op("Exp", g.op("Sub", x, top)), axes, keepdims=1)
        y = g.op("Add", g.op("Log", total), top)
        return y if self.keep else g.op("Squeeze", y, axes)


_LARGEST = float(np.finfo(np.float32).max)


class Variance(Reduction):
    """``y = sum((x - mean) ** 2) / (count - 1)`` over axes, the unbiased estimate, as in PyTorch;
    with ``unbiased = false`` the divisor is the count."""

    name = "var"
    word = "var"
    unbiased: bool = True
    samples: ClassVar[Any] = (
        ({}, {"x": ("N", 3)}),
        ({"axis": (1, 2), "unbiased": False}, {"x": ("N", 3, 4)}),
        ({"axis": 1, "keep": True}, {"x": ("N", 3, 4)}),
        ({"axis": (0, 1)}, {"x": ("N", 3)}),
        ({"axis": None, "unbiased": False}, {"x": ("N", 3)}),
    )

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """The axes gone, or of size 1; one number has no unbiased variance."""
        flag(self.name, "unbiased", self.unbiased)
        result = super().infer(*inputs)
        x = inputs[0]
        assert x is not None
        if self.unbiased and product(x.shape[a] for a in self.axes(x)) == 1:
            raise DlspecError(
                InvalidSetting(
                    None,
                    self.name,
                    setting="unbiased",
                    value="true",
                    expected="false where one number is all there is",
                )
            )
        return result

    def squares(self, x: Array) -> Any:
        """The variance in NumPy."""
        sizes = self.sizes(x)
        centred = x - x.mean(axis=sizes["axis"], keepdims=True)
        total = (centred * centred).sum(**sizes)
        count = x.size // max(1, np.size(total))
        with np.errstate(invalid="ignore", divide="ignore"):  # of one number there is none
            return total / np.float64(count - int(self.unbiased)).astype(x.dtype)

    def reference(self, *inputs: Any) -> Any:
        return self.squares(inputs[0])

    def torch(self, t: TorchContext, *inputs: str) -> str:
        kind = t.input_types[0]
        assert kind is not None
        axes = self.axes(kind)
        shown: Any = axes[0] if len(axes) == 1 else axes
        if len(axes) == kind.rank and not self.keep:
            shown = None
        options = [f"dim={shown}"] * (shown is not None)
        options += ["unbiased=False"] * (not self.unbiased) + ["keepdim=True"] * self.keep
        return f"{inputs[0]}.{self.word}({', '.join(options)})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        kind = g.input_types[0]
        assert kind is not None
        x = inputs[0]
        axes = g.constant(np.array(self.axes(kind), dtype=np.int64))
        centred = g.op("Sub", x, g.op("ReduceMean", x, axes, keepdims=1))
        square = g.op("Mul", centred, centred)
        if not self.unbiased:
            return g.op("ReduceMean", square, axes, keepdims=int(self.keep))
        total = g.op("ReduceSum", square, axes, keepdims=int(self.keep))
        count = product(kind.shape[a] for a in self.axes(kind)).value
        if count is not None:
            return g.op("Div", total, scalar(g, count - 1))
        sizes = g.op("Gather", g.shape(x), axes)
        number = g.op("Cast", g.op("ReduceProd", sizes, keepdims=0), to=kind.dtype)
        return g.op("Div", total, g.op("Sub", number, scalar(g, 1)))


class Std(Variance):
    """The square root of the variance `var` over axes, unbiased unless ``unbiased = false``."""

    name = "std"
    word = "std"

    def reference(self, *inputs: Any) -> Any:
        return np.sqrt(self.squares(inputs[0]))

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        return g.op("Sqrt", super().onnx(g, *inputs))


class Norm(Reduction):
    """``y = sum(|x| ** p) ** (1 / p)`` over axes: the Euclidean length (p = 2), the sum of absolute
    values (p = 1), or with another p > 0.

    Its slope at 0 is taken to be 0.
    """

    name = "norm"
    p: float = 2.0
    samples = (
        ({}, {"x": ("N", 3)}),
        ({"p": 1}, {"x": ("N", 3)}),
        ({"p": 3.5, "axis": 1, "keep": True}, {"x": ("N", 3, 4)}),
        ({"axis": (1, 2)}, {"x": ("N", 3, 4)}),
        ({"axis": None}, {"x": ("N", 3)}),
    )

    def __post_init__(self) -> None:
        if number(self.name, "p", self.p) <= 0 or self.p == float("inf"):
            raise DlspecError(
                InvalidSetting(
                    None, self.name, setting="p", value=str(self.p), expected="a number above 0"
                )
            )

    def reference(self, *inputs: Any) -> Any:
        x = np.abs(inputs[0])
        if self.p == 1:
            return x.sum(**self.sizes(x))
        if self.p == 2:
            return np.sqrt((x * x).sum(**self.sizes(x)))
        return (x**self.p).sum(**self.sizes(x)) ** (1 / self.p)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        kind = t.input_types[0]
        assert kind is not None
        axes = self.axes(kind)
        shown: Any = axes[0] if len(axes) == 1 else axes
        power = int(self.p) if float(self.p).is_integer() else self.p
        options = [str(power)] * (power != 2)
        options += ([f"dim={shown}"] if axes else []) + ["keepdim=True"] * self.keep
        return f"torch.linalg.vector_norm({', '.join([inputs[0], *options])})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        kind = g.input_types[0]
        assert kind is not None
        x, axes = inputs[0], g.constant(np.array(self.axes(kind), dtype=np.int64))
        keep = int(self.keep)
        if kind.rank == 0:
            return g.op("Abs", x)
        if self.p == 1:
            return g.op("ReduceL1", x, axes, keepdims=keep)
        if self.p == 2:
            return g.op("ReduceL2", x, axes, keepdims=keep)
        power = g.op("Pow", g.op("Abs", x), scalar(g, self.p))
        total = g.op("ReduceSum", power, axes, keepdims=keep)
        return g.op("Pow", total, scalar(g, 1 / self.p))
