"""Convolution over one to three spatial axes; layout is N, channels, spatial."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import numpy as np

from dlspec.diagnostics import Diagnostic, DlspecError
from dlspec.diagnostics.shapes import DTypeMismatch, ImpossibleShape, InvalidSetting
from dlspec.ir.graph import Initializer, Value
from dlspec.ir.types import DType, TensorType
from dlspec.ops.base import Array, OnnxBuilder, Op, TorchContext
from dlspec.ops.settings import per_axis, whole
from dlspec.ops.sums import sum_extent
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

CHUNK = 1 << 22
"""Elements of the columns that the reference of a convolution lays out at once: few enough to stay
near the processor, many enough for one large product."""


class Convolution(Op):
    """Base: ``kernel``, ``stride``, ``pad`` and ``dilation`` are one number, or one for each
    spatial axis; ``pad`` may have pairs (before, after), or be a word."""

    signature = "(x: float[n, c, *s]; weight: float[*w], bias?: float[channels]) -> (y: float[*y])"
    ragged = "window"
    init: ClassVar[Mapping[str, str | Initializer]] = {
        "weight": "fan_in_uniform",
        "bias": "fan_in_uniform",
    }
    words: ClassVar[tuple[str, ...]] = ("same",)
    channels: int
    kernel: Sizes
    stride: Sizes = 1
    pad: Pad = 0
    dilation: Sizes = 1
    groups: int = 1

    def __post_init__(self) -> None:
        whole(self.name, "channels", self.channels)
        whole(self.name, "groups", self.groups)
        sizes = {"kernel": self.kernel, "stride": self.stride, "dilation": self.dilation}
        check_sizes(self.name, **{name: (value, 1) for name, value in sizes.items()})
        check_pad(self.name, self.pad, self.words)

    def window(self, rank: int) -> Window:
        """The window over so many spatial axes."""
        kernel = per_axis(self.name, "kernel", self.kernel, rank)
        dilation = per_axis(self.name, "dilation", self.dilation, rank)
        stride = per_axis(self.name, "stride", self.stride, rank)
        before, after = self.room(kernel, stride, dilation)
        return Window(kernel, stride, before, after, dilation)

    def room(
        self, kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
    ) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Room before and after each axis."""
        return room(self.name, self.pad, kernel, dilation)

    def doubts(self, *tensors: Value) -> Iterable[Diagnostic]:
        """A picture that lacks its channel axis."""
        return doubts_of_axes(self.name, tensors[0], "kernel", self.kernel)

    def filters(self, inputs: int) -> tuple[int, int]:
        """The first two sizes of the weight."""
        return self.channels, inputs // self.groups

    def parameter_types(self, *tensors: TensorType) -> dict[str, TensorType]:
        """Filters and biases for the input's channels."""
        x = tensors[0]
        self._check(x)
        inputs = x.shape[1].value
        assert inputs is not None
        kernel = self.window(x.rank - 2).kernel
        return {
            "weight": x.with_shape((*self.filters(inputs), *kernel)),
            "bias": x.with_shape((self.channels,)),
        }

    def extent(self, result: Array, *types: TensorType | None) -> float | None:
        """What sums over the window and the channels of a group lose."""
        x = types[0]
        channels = x.shape[1].value if x is not None else None
        if x is None or channels is None:
            return None
        terms = channels // self.groups * math.prod(self.window(x.rank - 2).kernel)
        return sum_extent(result, terms)

    def _check(self, x: TensorType) -> None:
        check_rank(self.name, x, self.kernel)
        if not x.dtype.is_float:
            raise DlspecError(
                DTypeMismatch(
                    None,
                    self.name,
                    operand="x",
                    actual=str(x.dtype),
                    expected="a float",
                    advice="divide pixels by 255 first: `image / 255`"
                    if x.dtype is DType.uint8
                    else "",
                )
            )
        channels = x.shape[1].value
        if channels is None:
            raise DlspecError(
                ImpossibleShape(
                    None,
                    self.name,
                    reason=f"the number of channels, {x.shape[1]}, is not known",
                    actual=str(x),
                    advice="axis 1 holds the channels: [N, channels, spatial]",
                )
            )
        if channels % self.groups or self.channels % self.groups:
            raise DlspecError(
                InvalidSetting(
                    None,
                    self.name,
                    setting="groups",
                    value=str(self.groups),
                    expected=f"a divisor of {x.shape[1]} inputs and {self.channels} channels",
                )
            )

    def _torch_options(self, window: Window) -> list[str]:
        pad = compact(window.before) if window.is_even else 0
        options: list[str] = []
        for name, value, default in (
            ("stride", self.stride, 1),
            ("padding", pad, 0),
            ("dilation", self.dilation, 1),
            ("groups", self.groups, 1),
        ):
            if value != default:
                options.append(f"{name}={value}")
        return options

    def _call(self, kind: TensorType, window: Window, x: str, weight: str, bias: str) -> str:
        arguments = [x, weight, *([bias] if bias != "None" else []), *self._torch_options(window)]
        return f"F.{self.name}{kind.rank - 2}d({', '.join(arguments)})"

    def torch_module(self, *inputs: TensorType | None) -> str | None:
        """`nn.Conv2d(in, out, kernel_size=…)`, where the room is the same at both ends."""
        x, _, bias = inputs
        assert x is not None
        window = self.window(x.rank - 2)
        if not window.is_even:
            return None
        options = [f"kernel_size={self.kernel}", *self._torch_options(window)]
        if bias is None:
            options.append("bias=False")
        layer = "".join(part.capitalize() for part in self.name.split("_"))
        return f"nn.{layer}{x.rank - 2}d({x.shape[1]}, {self.channels}, {', '.join(options)})"


def compact(values: tuple[Any, ...]) -> Any:
    """One number where all are the same."""
    return values[0] if len(set(values)) == 1 else values


class Conv(Convolution):
    """Cross-correlation with learned filters; W is [channels, inputs / groups, *kernel]. LeCun et
    al. 1998.

    ``y[n, o, i] = bias[o] + sum over c, k of W[o, c, k] x[n, c, stride i + dilation k - pad]``.
    ``kernel``, ``stride``, ``pad`` and ``dilation`` are one number, or one for each spatial axis;
    with as many ``groups`` as channels it is depthwise. ``pad = "same"`` is ``dilation (kernel -
    1)`` in all, the odd one after, so that sizes become ceil(size / stride); ``"causal"`` has all
    of it before (one spatial axis: WaveNet, van den Oord et al. 2016).
    """

    name = "conv"
    words = ("same", "causal")
    samples = (
        ({"channels": 4, "kernel": 3}, {"x": ("N", 2, 7, 6)}),
        ({"channels": 4, "kernel": (3, 2), "stride": 2, "pad": 1}, {"x": ("N", 2, 7, 6)}),
        ({"channels": 4, "kernel": 3, "groups": 2, "dilation": 2}, {"x": ("N", 2, 7, 8)}),
        ({"channels": 3, "kernel": 3, "pad": 1, "bias": None}, {"x": ("N", 2, 9)}),
        ({"channels": 2, "kernel": 2}, {"x": ("N", 1, 3, 4, 5)}),
        ({"channels": 6, "kernel": 3, "groups": 3, "pad": 1}, {"x": ("N", 3, 5, 4)}),
        ({"channels": 3, "kernel": 1, "stride": 2}, {"x": ("N", 2, 5, 6)}),
        ({"channels": 2, "kernel": 4, "pad": "same"}, {"x": ("N", 2, 6, 5)}),
        ({"channels": 2, "kernel": 3, "stride": 2, "pad": "same"}, {"x": ("N", 2, 6, 5)}),
        ({"channels": 2, "kernel": 2, "dilation": 3, "pad": "causal"}, {"x": ("N", 2, 7)}),
        ({"channels": 2, "kernel": 3, "pad": ((2, 0), (0, 1))}, {"x": ("N", 1, 4, 5)}),
        ({"channels": 2, "kernel": 3, "pad": ((1, 1), (0, 2), (0, 0))}, {"x": ("N", 1, 3, 4, 3)}),
    )

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """[N, channels, *sizes after the window]."""
        x = inputs[0]
        assert x is not None
        self._check(x)
        sizes = self.window(x.rank - 2).sizes(self.name, x)
        return (x.with_shape((x.shape[0], self.channels, *sizes)),)

    def reference(self, *inputs: Any) -> Any:
        x, weight, bias = inputs
        window = self.window(x.ndim - 2)
        view = window.view(window.padded(x, 0.0))
        if self.groups == x.shape[1] == self.channels:
            y = _depthwise(view, weight)
        else:
            y = _grouped(view, weight, self.groups)
        if bias is not None:
            y += bias.reshape(-1, *(1,) * (x.ndim - 2))
        return y

    def torch(self, t: TorchContext, *inputs: str) -> str:
        kind = t.input_types[0]
        assert kind is not None
        window = self.window(kind.rank - 2)
        x, weight, bias = inputs
        if not window.is_even:
            x = f"F.pad({x}, {window.torch_pad()})"
        return self._call(kind, window, x, weight, bias)

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        kind = g.input_types[0]
        assert kind is not None
        window = self.window(kind.rank - 2)
        return g.op("Conv", *(i for i in inputs if i), **window.onnx(), group=self.groups)


def _depthwise(view: Array, weight: Array) -> Array:
    """Each channel with its own filter: one multiplication for each place in the window."""
    kernel = weight.shape[2:]
    spread = (-1, *(1,) * len(kernel))
    y, term = np.zeros((2, *view.shape[: 2 + len(kernel)]), view.dtype)
    for place in np.ndindex(*kernel):
        np.multiply(view[(..., *place)], weight[(slice(None), 0, *place)].reshape(spread), out=term)
        y += term
    return y


def _grouped(view: Array, weight: Array, groups: int) -> Array:
    """[outputs, inputs * kernel] @ [N, inputs * kernel, positions], a product for each group.

    Positions come last, so that elements are copied in whole rows and nothing is transposed
    afterwards.
    """
    kernel, rank = weight.shape[2:], weight.ndim - 2
    n, channels, *spatial = view.shape[: 2 + rank]
    each = channels // groups * math.prod(kernel)
    filters = weight.reshape(groups, -1, each)
    y = np.empty((n, groups, filters.shape[1], *spatial), view.dtype)
    places = view.transpose(0, 1, *range(2 + rank, 2 + 2 * rank), *range(2, 2 + rank))
    row = groups * each * math.prod(spatial[1:])  # elements of the columns of one row of positions
    examples, rows = max(1, CHUNK // (row * spatial[0])), max(1, CHUNK // row)
    for i in range(0, n, examples):
        for j in range(0, spatial[0], rows if examples == 1 else spatial[0]):
            here = slice(i, i + examples), slice(j, j + rows if examples == 1 else None)
            part = places[(here[0], *(slice(None),) * (1 + rank), here[1])]
            columns = part.reshape(part.shape[0], groups, each, -1)
            made = filters @ columns
            y[(here[0], slice(None), slice(None), here[1])] = made.reshape(
                *made.shape[:3], *part.shape[2 + rank :]
            )
    return y.reshape(n, -1, *spatial)
