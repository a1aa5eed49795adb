"""Convolution over one to three spatial axes; layout is N, channels, spatial."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.shapes import DTypeMismatch, ImpossibleShape, InvalidSetting, RankMismatch
from dlspec.dims import Dim
from dlspec.ir.graph import Initializer
from dlspec.ir.types import DType, TensorType
from dlspec.ops.base import Array, OnnxBuilder, Op, TorchContext
from dlspec.ops.settings import per_axis, whole


def window_sizes(
    op: str,
    x: TensorType,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    pad: tuple[int, ...],
    dilation: tuple[int, ...],
) -> tuple[Dim, ...]:
    """Spatial sizes after a window has passed: ``(size + 2 pad - dilation (kernel - 1) - 1) //
    stride + 1``."""
    sizes: list[Dim] = []
    for size, k, s, p, d in zip(x.shape[2:], kernel, stride, pad, dilation, strict=True):
        reach = d * (k - 1) + 1
        room = size + 2 * p
        if room.value is not None and room.value < reach:
            needed = (reach - (size.value or 0) + 1) // 2
            raise DlspecError(
                ImpossibleShape(
                    None,
                    op,
                    reason=f"a window of {reach} does not fit into {room.value}",
                    actual=str(x),
                    advice="a smaller window fits"
                    if op.endswith("pool")
                    else f"`pad = {needed}` makes room",
                )
            )
        sizes.append((room - reach) // s + 1)
    return tuple(sizes)


def windows(
    x: Array,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    pad: tuple[int, ...],
    dilation: tuple[int, ...],
    fill: float,
) -> Array:
    """All windows of an array [N, C, *spatial]: [N, C, *positions, *kernel]."""
    padded = x
    if any(pad):
        sizes = [size + 2 * p for size, p in zip(x.shape[2:], pad, strict=True)]
        padded = np.full((*x.shape[:2], *sizes), fill, x.dtype)
        inner = (slice(p, p + size) for size, p in zip(x.shape[2:], pad, strict=True))
        padded[(slice(None), slice(None), *inner)] = x
    reach = tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))
    axes = tuple(range(2, x.ndim))
    view = np.lib.stride_tricks.sliding_window_view(padded, reach, axis=axes)  # type: ignore[call-overload]
    steps = (slice(None), slice(None), *(slice(None, None, s) for s in stride))
    inside = tuple(slice(None, None, d) for d in dilation)
    return view[steps + inside]


def check_rank(op: str, x: TensorType, window: int | tuple[int, ...]) -> None:
    """Refuse a tensor that is not N, channels and one to three spatial axes, as many of them as a
    window has that names each."""
    given = len(window) if isinstance(window, tuple) else None
    lacks_channels = x.rank < 3 or given == x.rank - 1
    if 3 <= x.rank <= 5 and not lacks_channels:
        return
    inner = ", ".join(str(d) if d.value is not None else "-1" for d in x.shape[1:])
    if sum(d.value is None for d in x.shape[1:]) > 1:
        inner = "…"
    raise DlspecError(
        RankMismatch(
            None,
            op,
            operand="x",
            actual=str(x),
            rank=x.rank,
            expected="N, channels, and one to three spatial"
            if given is None
            else f"N, channels, and {given} spatial",
            advice=f"add a channel axis: `reshape(1, {inner or '…'})`" if lacks_channels else "",
        )
    )


class Convolution(Op):
    """Base: ``kernel``, ``stride``, ``pad`` and ``dilation`` are one number, or one for each
    spatial axis."""

    signature = "(x: float[n, c, *s]; weight: float[*w], bias?: float[channels]) -> (y: float[*y])"
    init: ClassVar[Mapping[str, str | Initializer]] = {
        "weight": "fan_in_uniform",
        "bias": "fan_in_uniform",
    }
    channels: int
    kernel: int | tuple[int, ...]
    stride: int | tuple[int, ...] = 1
    pad: int | tuple[int, ...] = 0
    dilation: int | tuple[int, ...] = 1
    groups: int = 1

    def __post_init__(self) -> None:
        whole(self.name, "channels", self.channels)
        whole(self.name, "groups", self.groups)
        for setting, least in (("kernel", 1), ("stride", 1), ("pad", 0), ("dilation", 1)):
            value = getattr(self, setting)
            per_axis(
                self.name, setting, value, len(value) if isinstance(value, tuple) else 1, least
            )

    def geometry(self, rank: int) -> tuple[tuple[int, ...], ...]:
        """Kernel, stride, pad and dilation, one number a spatial axis."""
        return (
            per_axis(self.name, "kernel", self.kernel, rank),
            per_axis(self.name, "stride", self.stride, rank),
            per_axis(self.name, "pad", self.pad, rank, 0),
            per_axis(self.name, "dilation", self.dilation, rank),
        )

    def filters(self, inputs: int) -> tuple[int, int]:
        """The first two sizes of the weight."""
        return self.channels, inputs // self.groups

    def parameter_types(self, *tensors: TensorType) -> dict[str, TensorType]:
        """Filters and biases for the input's channels."""
        x = tensors[0]
        self._check(x)
        inputs = x.shape[1].value
        assert inputs is not None
        kernel = self.geometry(x.rank - 2)[0]
        return {
            "weight": x.with_shape((*self.filters(inputs), *kernel)),
            "bias": x.with_shape((self.channels,)),
        }

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

    def _torch_options(self, stride: str, pad: str) -> list[str]:
        options = []
        for name, value, default in (
            (stride, self.stride, 1),
            (pad, self.pad, 0),
            ("dilation", self.dilation, 1),
            ("groups", self.groups, 1),
        ):
            if value != default:
                options.append(f"{name}={value}")
        return options

    def torch(self, t: TorchContext, *inputs: str) -> str:
        kind = t.input_types[0]
        assert kind is not None
        x, weight, bias = inputs
        arguments = [
            x,
            weight,
            *([bias] if bias != "None" else []),
            *self._torch_options("stride", "padding"),
        ]
        return f"F.{self._function(kind)}({', '.join(arguments)})"

    def torch_module(self, *inputs: TensorType | None) -> str | None:
        """`nn.Conv2d(in, out, kernel_size=…)`."""
        x, _, bias = inputs
        assert x is not None
        options = [f"kernel_size={self.kernel}", *self._torch_options("stride", "padding")]
        if bias is None:
            options.append("bias=False")
        return f"nn.{self._layer(x)}({x.shape[1]}, {self.channels}, {', '.join(options)})"

    def _function(self, x: TensorType) -> str:
        return f"conv{x.rank - 2}d"

    def _layer(self, x: TensorType) -> str:
        return f"Conv{x.rank - 2}d"

    def window(self, g: OnnxBuilder) -> dict[str, Any]:
        """ONNX's attributes of the window."""
        kind = g.input_types[0]
        assert kind is not None
        kernel, stride, pad, dilation = self.geometry(kind.rank - 2)
        return {
            "kernel_shape": list(kernel),
            "strides": list(stride),
            "pads": [*pad, *pad],
            "dilations": list(dilation),
            "group": self.groups,
        }


class Conv(Convolution):
    """Cross-correlation with learned filters; W is [channels, inputs / groups, *kernel]. LeCun et
    al. 1998.

    ``kernel``, ``stride``, ``pad`` and ``dilation`` are one number, or one for each spatial axis.
    """

    name = "conv"
    samples = (
        ({"channels": 4, "kernel": 3}, {"x": ("N", 2, 7, 6)}),
        ({"channels": 4, "kernel": (3, 2), "stride": 2, "pad": 1}, {"x": ("N", 2, 7, 6)}),
        ({"channels": 4, "kernel": 3, "groups": 2, "dilation": 2}, {"x": ("N", 2, 7, 8)}),
        ({"channels": 3, "kernel": 3, "pad": 1, "bias": None}, {"x": ("N", 2, 9)}),
        ({"channels": 2, "kernel": 2}, {"x": ("N", 1, 3, 4, 5)}),
    )

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """[N, channels, *sizes after the window]."""
        x = inputs[0]
        assert x is not None
        self._check(x)
        sizes = window_sizes(self.name, x, *self.geometry(x.rank - 2))
        return (x.with_shape((x.shape[0], self.channels, *sizes)),)

    def reference(self, *inputs: Any) -> Any:
        x, weight, bias = inputs
        kernel, stride, pad, dilation = self.geometry(x.ndim - 2)
        view = windows(x, kernel, stride, pad, dilation, 0.0)
        n, rank = x.shape[0], len(kernel)
        spatial = view.shape[2 : 2 + rank]
        inputs_each, outputs_each = x.shape[1] // self.groups, self.channels // self.groups
        # [outputs, C * kernel] @ [N, C * kernel, positions]: positions last, so that elements are
        # copied in whole rows and nothing is transposed afterwards
        places = view.transpose(0, 1, *range(2 + rank, 2 + 2 * rank), *range(2, 2 + rank))
        parts = []
        for g in range(self.groups):
            part = places[:, g * inputs_each : (g + 1) * inputs_each]
            columns = part.reshape(n, inputs_each * math.prod(kernel), math.prod(spatial))
            filters = weight[g * outputs_each : (g + 1) * outputs_each].reshape(outputs_each, -1)
            parts.append(filters @ columns)
        y = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
        y = y if bias is None else y + bias[:, None]
        return y.reshape(n, self.channels, *spatial)

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        return g.op("Conv", *(i for i in inputs if i), **self.window(g))


class ConvTranspose(Convolution):
    """The transpose of a convolution, which makes sizes larger; W is [inputs, channels / groups,
    *kernel]. Zeiler et al. 2010.

    A size becomes ``(size - 1) stride - 2 pad + dilation (kernel - 1) + output_pad + 1``.
    """

    name = "conv_transpose"
    output_pad: int | tuple[int, ...] = 0
    samples = (
        ({"channels": 4, "kernel": 3}, {"x": ("N", 2, 4, 5)}),
        ({"channels": 4, "kernel": 4, "stride": 2, "pad": 1}, {"x": ("N", 2, 3, 4)}),
        (
            {"channels": 4, "kernel": 3, "stride": 2, "groups": 2, "output_pad": 1},
            {"x": ("N", 2, 4)},
        ),
        ({"channels": 1, "kernel": (2, 3), "dilation": 2, "bias": None}, {"x": ("N", 2, 3, 3)}),
    )

    def filters(self, inputs: int) -> tuple[int, int]:
        """The first two sizes of the weight."""
        return inputs, self.channels // self.groups

    def _extra(self, rank: int) -> tuple[int, ...]:
        extra = per_axis(self.name, "output_pad", self.output_pad, rank, 0)
        _, stride, _, dilation = self.geometry(rank)
        if any(e >= max(s, d) for e, s, d in zip(extra, stride, dilation, strict=True)):
            raise DlspecError(
                InvalidSetting(
                    None,
                    self.name,
                    setting="output_pad",
                    value=str(self.output_pad),
                    expected="less than the stride or the dilation",
                )
            )
        return extra

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """[N, channels, *larger sizes]."""
        x = inputs[0]
        assert x is not None
        self._check(x)
        geometry = (*self.geometry(x.rank - 2), self._extra(x.rank - 2))
        sizes: list[Dim] = []
        for size, k, s, p, d, e in zip(x.shape[2:], *geometry, strict=True):
            sizes.append((size - 1) * s - 2 * p + d * (k - 1) + e + 1)
            value = sizes[-1].value
            if value is not None and value < 1:
                raise DlspecError(
                    ImpossibleShape(
                        None,
                        self.name,
                        reason=f"a size of {size} becomes {value}",
                        actual=str(x),
                        advice="a smaller `pad` leaves more",
                    )
                )
        return (x.with_shape((x.shape[0], self.channels, *sizes)),)

    def reference(self, *inputs: Any) -> Any:
        x, weight, bias = inputs
        rank = x.ndim - 2
        kernel, stride, pad, dilation = self.geometry(rank)
        extra = self._extra(rank)
        full = [
            (size - 1) * s + d * (k - 1) + 1 + e
            for size, s, d, k, e in zip(x.shape[2:], stride, dilation, kernel, extra, strict=True)
        ]
        y = np.zeros((x.shape[0], self.channels, *full), dtype=x.dtype)
        inputs_each, outputs_each = x.shape[1] // self.groups, self.channels // self.groups
        for g in range(self.groups):
            part = x[:, g * inputs_each : (g + 1) * inputs_each]
            filters = weight[g * inputs_each : (g + 1) * inputs_each]
            outputs = slice(g * outputs_each, (g + 1) * outputs_each)
            for place in np.ndindex(*kernel):
                # what each element adds at one place of the window
                added = np.moveaxis(np.tensordot(part, filters[(..., *place)], axes=(1, 0)), -1, 1)
                spots = tuple(
                    slice(d * at, d * at + (size - 1) * s + 1, s)
                    for at, d, s, size in zip(place, dilation, stride, x.shape[2:], strict=True)
                )
                y[(slice(None), outputs, *spots)] += added
        y = y[(..., *(slice(p, size - p) for p, size in zip(pad, full, strict=True)))]
        return y if bias is None else y + bias.reshape(1, -1, *(1,) * rank)

    def _torch_options(self, stride: str, pad: str) -> list[str]:
        options = super()._torch_options(stride, pad)
        return options if self.output_pad == 0 else [*options, f"output_padding={self.output_pad}"]

    def _function(self, x: TensorType) -> str:
        return f"conv_transpose{x.rank - 2}d"

    def _layer(self, x: TensorType) -> str:
        return f"ConvTranspose{x.rank - 2}d"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        kind = g.input_types[0]
        assert kind is not None
        extra = list(self._extra(kind.rank - 2))
        return g.op(
            "ConvTranspose", *(i for i in inputs if i), output_padding=extra, **self.window(g)
        )
