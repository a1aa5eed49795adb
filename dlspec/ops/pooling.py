"""Pooling over one to three spatial axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.shapes import InvalidSetting
from dlspec.ir.types import TensorType
from dlspec.ops.base import Array, OnnxBuilder, Op, TorchContext
from dlspec.ops.convolution import check_rank, window_sizes, windows
from dlspec.ops.elementwise import FLOATS, check_numbers
from dlspec.ops.settings import per_axis


class Pool(Op):
    """Base of pooling: windows of ``size`` are ``stride`` apart (their size, if not given)."""

    signature = "(x: float[n, c, *s]) -> (y: float[*y])"
    size: int | tuple[int, ...]
    stride: int | tuple[int, ...] | None = None
    pad: int | tuple[int, ...] = 0
    samples = (
        ({"size": 2}, {"x": ("N", 2, 6, 7)}),
        ({"size": 3, "stride": 2, "pad": 1}, {"x": ("N", 2, 6, 7)}),
        ({"size": 2}, {"x": ("N", 2, 6)}),
    )

    def __post_init__(self) -> None:
        for setting, least in (("size", 1), ("stride", 1), ("pad", 0)):
            value = getattr(self, setting)
            if value is not None:
                per_axis(
                    self.name, setting, value, len(value) if isinstance(value, tuple) else 1, least
                )
        biggest = max(self.pad) if isinstance(self.pad, tuple) else self.pad
        smallest = min(self.size) if isinstance(self.size, tuple) else self.size
        if 2 * biggest > smallest:
            raise DlspecError(
                InvalidSetting(
                    None,
                    self.name,
                    setting="pad",
                    value=str(self.pad),
                    expected="at most half of the window",
                )
            )

    def geometry(self, rank: int) -> tuple[tuple[int, ...], ...]:
        """Size, stride and pad, one number a spatial axis."""
        size = per_axis(self.name, "size", self.size, rank)
        stride = size if self.stride is None else per_axis(self.name, "stride", self.stride, rank)
        return size, stride, per_axis(self.name, "pad", self.pad, rank, 0)

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """Spatial sizes after the window; what does not fill one is left out."""
        x = inputs[0]
        assert x is not None
        check_numbers(self, x, *FLOATS)
        check_rank(self.name, x, self.size)
        size, stride, pad = self.geometry(x.rank - 2)
        sizes = window_sizes(self.name, x, size, stride, pad, (1,) * len(size))
        return (x.with_shape((x.shape[0], x.shape[1], *sizes)),)

    def parts(self, x: Array, fill: float) -> list[Array]:
        """For each place in the window the elements there, [N, C, *positions]: far fewer slices
        than there are windows."""
        size, stride, pad = self.geometry(x.ndim - 2)
        view = windows(x, size, stride, pad, (1,) * len(size), fill)
        return [view[(..., *place)] for place in np.ndindex(*size)]

    def torch(self, t: TorchContext, *inputs: str) -> str:
        kind = t.input_types[0]
        assert kind is not None
        options = [str(self.size)]
        if self.stride is not None and self.stride != self.size:
            options.append(f"stride={self.stride}")
        if self.pad != 0:
            options.append(f"padding={self.pad}")
        return f"F.{self.name}{kind.rank - 2}d({inputs[0]}, {', '.join(options)})"

    def window(self, g: OnnxBuilder) -> dict[str, Any]:
        """ONNX's attributes of the window."""
        kind = g.input_types[0]
        assert kind is not None
        size, stride, pad = self.geometry(kind.rank - 2)
        return {"kernel_shape": list(size), "strides": list(stride), "pads": [*pad, *pad]}


class MaxPool(Pool):
    """The largest value of each window; windows are ``stride`` apart (their ``size``, if not
    given)."""

    name = "max_pool"

    def reference(self, *inputs: Any) -> Any:
        return np.max(self.parts(inputs[0], -np.inf), axis=0)

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        return g.op("MaxPool", inputs[0], **self.window(g))


class AvgPool(Pool):
    """The mean of each window, padding counted as zeros; windows are ``stride`` apart (their
    ``size``, if not given)."""

    name = "avg_pool"

    def reference(self, *inputs: Any) -> Any:
        return np.mean(self.parts(inputs[0], 0.0), axis=0)

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        return g.op("AveragePool", inputs[0], count_include_pad=1, **self.window(g))
