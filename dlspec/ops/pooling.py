"""Pooling over one to three spatial axes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import reduce
from typing import Any, ClassVar

import numpy as np

from dlspec.diagnostics import Diagnostic, DlspecError
from dlspec.diagnostics.shapes import InvalidSetting
from dlspec.ir.graph import Value
from dlspec.ir.types import TensorType
from dlspec.ops.base import Array, OnnxBuilder, Op, TorchContext
from dlspec.ops.convolution import compact
from dlspec.ops.elementwise import FLOATS, check_numbers
from dlspec.ops.settings import flag, limited, number, per_axis
from dlspec.ops.window import (
    Pad,
    Sizes,
    Window,
    check_pad,
    check_rank,
    check_sizes,
    doubts_of_axes,
    room,
)

MAX_DILATED = 1024
"""The largest window with holes, each place of which is a node."""


class Pool(Op):
    """Base of pooling: windows of ``size`` are ``stride`` apart (their size, if not given).

    With ``ceil`` a last window that does not fit is kept, if it starts inside (PyTorch's rule).
    That is a window over a little more room after: ``min(pad + stride, reach) - 1``, for every
    size, so that no engine's own rule is needed.
    """

    signature = "(x: float[n, c, *s]) -> (y: float[*y])"
    ragged = "window"
    fill: ClassVar[float] = 0.0
    size: Sizes
    stride: Sizes | None = None
    pad: Pad = 0
    ceil: bool = False
    samples = (
        ({"size": 2}, {"x": ("N", 2, 6, 7)}),
        ({"size": 3, "stride": 2, "pad": 1}, {"x": ("N", 2, 6, 7)}),
        ({"size": 2}, {"x": ("N", 2, 6)}),
        ({"size": 2, "stride": 1}, {"x": ("N", 1, 3, 3, 4)}),
        ({"size": 3, "stride": 2, "ceil": True}, {"x": ("N", 2, 6, 7)}),
        ({"size": 2, "stride": 3, "pad": 1, "ceil": True}, {"x": ("N", 2, 6, 5)}),
        ({"size": 1, "stride": 2, "ceil": True}, {"x": ("N", 2, 6, 5)}),
        ({"size": (2, 3), "stride": (1, 2), "pad": "same"}, {"x": ("N", 2, 5, 6)}),
    )

    def __post_init__(self) -> None:
        check_sizes(self.name, size=(self.size, 1))
        if self.stride is not None:
            check_sizes(self.name, stride=(self.stride, 1))
        check_pad(self.name, self.pad, ("same",))
        flag(self.name, "ceil", self.ceil)

    def _dilation(self) -> Sizes:
        return 1

    def window(self, rank: int) -> Window:
        """The window over so many spatial axes, without what ``ceil`` adds."""
        kernel = per_axis(self.name, "size", self.size, rank)
        stride = self.stride if self.stride is not None else self.size
        dilation = per_axis(self.name, "dilation", self._dilation(), rank)
        before, after = room(self.name, self.pad, kernel, dilation)
        window = Window(
            kernel, per_axis(self.name, "stride", stride, rank), before, after, dilation
        )
        most = zip((*before, *after), kernel * 2, strict=True)
        if self.pad != "same" and any(2 * p > k for p, k in most):
            raise DlspecError(
                InvalidSetting(
                    None,
                    self.name,
                    setting="pad",
                    value=str(self.pad),
                    expected="at most half of the window",
                )
            )
        return window

    def whole(self, rank: int) -> Window:
        """The window with the room that ``ceil`` adds."""
        window = self.window(rank)
        if not self.ceil:
            return window
        sizes = zip(window.after, window.stride, window.reach, strict=True)
        after = tuple(min(a + s, r) - 1 for a, s, r in sizes)
        return Window(window.kernel, window.stride, window.before, after, window.dilation)

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """Spatial sizes after the window; what does not fill one is left out, or kept by
        ``ceil``."""
        x = inputs[0]
        assert x is not None
        check_numbers(self, x, *FLOATS)
        check_rank(self.name, x, self.size)
        sizes = self.whole(x.rank - 2).sizes(self.name, x)
        return (x.with_shape((x.shape[0], x.shape[1], *sizes)),)

    def doubts(self, *tensors: Value) -> Iterable[Diagnostic]:
        """A picture that lacks its channel axis."""
        return doubts_of_axes(self.name, tensors[0], "size", self.size)

    def swept(self, x: Array, combine: Callable[..., Array]) -> Array:
        """All elements of each window combined, [N, C, *positions]: one axis after the other,
        since a window is a box."""
        window = self.whole(x.ndim - 2)
        y = window.padded(x, self.fill)
        for axis, (k, s, d, r) in enumerate(
            zip(window.kernel, window.stride, window.dilation, window.reach, strict=True), start=2
        ):
            last = (y.shape[axis] - r) // s * s + 1
            lead = (slice(None),) * axis
            y = reduce(combine, [y[(*lead, slice(d * i, d * i + last, s))] for i in range(k)])
        return y

    def torch_options(self, window: Window) -> list[str]:
        """The size, the stride and what else is not PyTorch's default."""
        options = [str(self.size)]
        if self.stride is not None and self.stride != self.size:
            options.append(f"stride={self.stride}")
        if self.torch_pads(window) and any(window.before):
            options.append(f"padding={compact(window.before)}")
        if self.ceil and self.torch_pads(window):
            options.append("ceil_mode=True")
        return options

    def torch_pads(self, window: Window) -> bool:
        """Whether PyTorch's pooling makes the room itself: as much before as after, and at most
        half of the window's elements."""
        sizes = zip(window.before, window.kernel, strict=True)
        return window.is_even and all(2 * p <= k for p, k in sizes)


class MaxPool(Pool):
    """The largest value of each window; windows are ``stride`` apart (their ``size``, if not
    given). Room around x never wins.

    ``pad``, ``dilation`` and ``ceil`` (keep a last window that starts inside x) are as in PyTorch.
    """

    name = "max_pool"
    fill = -np.inf
    dilation: Sizes = 1
    samples = (
        *Pool.samples,
        ({"size": 3, "stride": 1, "dilation": 2}, {"x": ("N", 2, 7, 6)}),
        ({"size": 2, "dilation": 3, "pad": 1, "ceil": True}, {"x": ("N", 2, 6, 5)}),
        ({"size": 2, "stride": 2, "pad": "same", "ceil": True}, {"x": ("N", 2, 5)}),
        ({"size": 3, "stride": 2, "dilation": 2, "pad": "same"}, {"x": ("N", 2, 5, 6)}),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_sizes(self.name, dilation=(self.dilation, 1))
        if self.dilation != 1:
            for size in self.size if isinstance(self.size, tuple) else (self.size,):
                limited(self.name, "size", size, MAX_DILATED)

    def _dilation(self) -> Sizes:
        return self.dilation

    def reference(self, *inputs: Any) -> Any:
        return self.swept(inputs[0], np.maximum)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        kind = t.input_types[0]
        assert kind is not None
        window, x = self.window(kind.rank - 2), inputs[0]
        options = self.torch_options(window)
        if not self.torch_pads(window):
            pad = self.whole(kind.rank - 2).torch_pad()
            x = f'F.pad({x}, {pad}, value=float("-inf"))'
        if self.dilation != 1:
            options.append(f"dilation={self.dilation}")
        return f"F.max_pool{kind.rank - 2}d({x}, {', '.join(options)})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        kind = g.input_types[0]
        assert kind is not None
        window, x = self.whole(kind.rank - 2), inputs[0]
        if any(d != 1 for d in window.dilation):
            return self._by_slices(g, x, window)
        return g.op("MaxPool", x, **window.onnx())

    def _by_slices(self, g: OnnxBuilder, x: str, window: Window) -> str:
        """The largest of the elements at each place in a window, one axis after the other: not
        every engine knows dilation here."""
        if any((*window.before, *window.after)):
            x = onnx_padded(g, x, window.before, window.after, -np.inf)
        sizes = zip(window.kernel, window.stride, window.dilation, window.reach, strict=True)
        for axis, (k, s, d, r) in enumerate(sizes, start=2):
            parts: list[str] = []
            for start in range(0, d * k, d):
                stop = start + 1 - r or np.iinfo(np.int64).max
                ends = (g.constant(np.array([n], np.int64)) for n in (start, stop, axis, s))
                parts.append(g.op("Slice", x, *ends))
            x = g.op("Max", *parts)
        return x


class AvgPool(Pool):
    """The mean of each window; windows are ``stride`` apart (their ``size``, if not given).

    Room that ``pad`` makes counts as zeros, unless ``count_include_pad = false``; what ``ceil``
    adds never counts. As in PyTorch.
    """

    name = "avg_pool"
    count_include_pad: bool = True
    samples = (
        *Pool.samples,
        ({"size": 3, "stride": 2, "pad": 1, "count_include_pad": False}, {"x": ("N", 2, 6, 7)}),
        (
            {"size": 3, "stride": 2, "pad": 1, "ceil": True, "count_include_pad": False},
            {"x": ("N", 2, 6, 5)},
        ),
        ({"size": 4, "stride": 3, "pad": 2, "ceil": True}, {"x": ("N", 2, 6, 8)}),
        (
            {"size": 2, "stride": 1, "pad": "same", "count_include_pad": False},
            {"x": ("N", 2, 4, 5)},
        ),
        ({"size": 2, "stride": 2, "pad": "same", "ceil": True}, {"x": ("N", 2, 5)}),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        flag(self.name, "count_include_pad", self.count_include_pad)

    def _counts(self, size: int, axis: int, rank: int) -> Array:
        """How many elements of each window count, along one axis."""
        window, whole = self.window(rank), self.whole(rank)
        k, s, b = window.kernel[axis], window.stride[axis], window.before[axis]
        low = 0 if self.count_include_pad else b
        high = size + b + (window.after[axis] if self.count_include_pad else 0)
        starts = np.arange(0, size + b + whole.after[axis] - k + 1, s)
        counts: Array = np.minimum(starts + k, high) - np.maximum(starts, low)
        return counts

    def reference(self, *inputs: Any) -> Any:
        x, rank = inputs[0], inputs[0].ndim - 2
        y = self.swept(x, np.add)
        for axis in range(rank):
            counts = self._counts(x.shape[2 + axis], axis, rank)
            y = y / counts.reshape(-1, *(1,) * (rank - 1 - axis)).astype(x.dtype)
        return y

    def torch(self, t: TorchContext, *inputs: str) -> str:
        kind = t.input_types[0]
        assert kind is not None
        rank, x = kind.rank - 2, inputs[0]
        window = self.window(rank)
        function, options = f"F.avg_pool{rank}d", self.torch_options(window)
        if window.is_even:
            if not self.count_include_pad and any(window.before):
                options.append("count_include_pad=False")
            return f"{function}({x}, {', '.join(options)})"
        if self.count_include_pad:
            if self.ceil:
                options.append("ceil_mode=True")
            return f"{function}(F.pad({x}, {window.torch_pad()}), {', '.join(options)})"
        # a mean over what is there: sums of x over sums of ones
        pad, rest = self.whole(rank).torch_pad(), ", ".join(options)
        ones = f"torch.ones_like({x}[:1, :1])"
        above = f"{function}(F.pad({x}, {pad}), {rest})"
        return f"({above} / {function}(F.pad({ones}, {pad}), {rest}))"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        kind = g.input_types[0]
        assert kind is not None
        x, rank = inputs[0], kind.rank - 2
        window, whole = self.window(rank), self.whole(rank)
        attributes = whole.onnx()
        del attributes["dilations"]
        include = self.count_include_pad
        if include and whole != window and any((*window.before, *window.after)):
            # zeros that count become part of x, so that those which `ceil` adds do not count
            x = onnx_padded(g, x, window.before, window.after, 0.0)
            added = [w - a for w, a in zip(whole.after, window.after, strict=True)]
            attributes["pads"] = [*(0,) * rank, *added]
        if whole != window:
            include = False
        return g.op("AveragePool", x, count_include_pad=int(include), **attributes)


class LpPool(Pool):
    """The p-norm of each window, ``(sum of |x| ** p) ** (1 / p)``; windows are ``stride`` apart
    (their ``size``, if not given). Sermanet et al. 2012.

    Room around x counts as zeros. PyTorch's `lp_pool2d` for even p.
    """

    name = "lp_pool"
    p: float = 2
    samples = (
        *Pool.samples,
        ({"size": 2, "p": 1}, {"x": ("N", 2, 6, 7)}),
        ({"size": 2, "p": 3, "stride": 1}, {"x": ("N", 2, 5, 4)}),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        number(self.name, "p", self.p, 1)

    def reference(self, *inputs: Any) -> Any:
        return self.swept(np.abs(inputs[0]) ** self.p, np.add) ** (1 / self.p)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        kind = t.input_types[0]
        assert kind is not None
        rank, x = kind.rank - 2, inputs[0]
        powers = f"{x}.square()" if self.p == 2 else x + ".abs()" + f" ** {self.p}"
        window = self.whole(rank)
        if any((*window.before, *window.after)):
            powers = f"F.pad({powers}, {window.torch_pad()})"
        options = [str(self.size)]
        if self.stride is not None and self.stride != self.size:
            options.append(f"stride={self.stride}")
        mean = f"F.avg_pool{rank}d({powers}, {', '.join(options)})"
        total = f"({mean} * {math.prod(window.kernel)})"
        return f"{total}.sqrt()" if self.p == 2 else f"{total} ** {1 / self.p!r}"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        kind = g.input_types[0]
        assert kind is not None
        rank = kind.rank - 2
        window = self.whole(rank)
        count = g.constant(np.array(math.prod(window.kernel), np.float32))
        x = g.op("Abs", inputs[0])
        powers = g.op("Pow", x, g.constant(np.array(self.p, np.float32)))
        attributes = window.onnx()
        del attributes["dilations"]
        mean = g.op("AveragePool", powers, count_include_pad=1, **attributes)
        root = g.constant(np.array(1 / self.p, np.float32))
        return g.op("Pow", g.op("Mul", mean, count), root)


def onnx_padded(
    g: OnnxBuilder, x: str, before: tuple[int, ...], after: tuple[int, ...], fill: float
) -> str:
    """ONNX's `Pad` of the spatial axes."""
    widths = g.constant(np.array([0, 0, *before, 0, 0, *after], np.int64))
    return g.op("Pad", x, widths, g.constant(np.array(fill, np.float32)))
