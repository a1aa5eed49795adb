"""Convolution the other way round, which makes sizes larger."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.shapes import ImpossibleShape, InvalidSetting
from dlspec.dims import Dim
from dlspec.ir.types import TensorType
from dlspec.ops.base import OnnxBuilder, TorchContext
from dlspec.ops.convolution import Convolution, compact
from dlspec.ops.settings import per_axis
from dlspec.ops.window import Sizes, Window


class ConvTranspose(Convolution):
    """The transpose of a convolution, which makes sizes larger; W is [inputs, channels / groups,
    *kernel]. Zeiler et al. 2010.

    A size becomes ``(size - 1) stride - 2 pad + dilation (kernel - 1) + output_pad + 1``; with
    ``pad = "same"`` it becomes ``size * stride``.
    """

    name = "conv_transpose"
    output_pad: Sizes = 0
    samples = (
        ({"channels": 4, "kernel": 3}, {"x": ("N", 2, 4, 5)}),
        ({"channels": 4, "kernel": 4, "stride": 2, "pad": 1}, {"x": ("N", 2, 3, 4)}),
        (
            {"channels": 4, "kernel": 3, "stride": 2, "groups": 2, "output_pad": 1},
            {"x": ("N", 2, 4)},
        ),
        ({"channels": 1, "kernel": (2, 3), "dilation": 2, "bias": None}, {"x": ("N", 2, 3, 3)}),
        ({"channels": 3, "kernel": 3, "stride": 2, "pad": "same"}, {"x": ("N", 2, 3, 4)}),
        ({"channels": 3, "kernel": 2, "stride": 3, "pad": "same"}, {"x": ("N", 2, 4)}),
        ({"channels": 2, "kernel": 3, "stride": 2, "pad": ((0, 1), (2, 0))}, {"x": ("N", 2, 3, 3)}),
        ({"channels": 2, "kernel": 2, "stride": 2, "pad": 1}, {"x": ("N", 2, 3, 2, 3)}),
    )

    def filters(self, inputs: int) -> tuple[int, int]:
        """The first two sizes of the weight."""
        return inputs, self.channels // self.groups

    def room(
        self, kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
    ) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """What is cut off before and after each axis."""
        if self.pad != "same":
            return super().room(kernel, stride, dilation)
        window = Window(kernel, stride, (), (), dilation)
        over = [max(r - s, 0) for r, s in zip(window.reach, stride, strict=True)]
        return tuple(n // 2 for n in over), tuple(n - n // 2 for n in over)

    def extra(self, window: Window) -> tuple[int, ...]:
        """`output_pad`, one number a spatial axis."""
        extra = per_axis(self.name, "output_pad", self.output_pad, len(window.kernel), 0)
        sizes = zip(extra, window.stride, window.dilation, strict=True)
        if any(e >= max(s, d) for e, s, d in sizes):
            raise DlspecError(
                InvalidSetting(
                    None,
                    self.name,
                    setting="output_pad",
                    value=str(self.output_pad),
                    expected="less than the stride or the dilation",
                )
            )
        if self.pad == "same":
            short = [max(s - r, 0) for r, s in zip(window.reach, window.stride, strict=True)]
            return tuple(e + s for e, s in zip(extra, short, strict=True))
        return extra

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """[N, channels, *larger sizes]."""
        x = inputs[0]
        assert x is not None
        self._check(x)
        window = self.window(x.rank - 2)
        cut = (b + a for b, a in zip(window.before, window.after, strict=True))
        geometry = zip(
            x.shape[2:], window.stride, cut, window.reach, self.extra(window), strict=True
        )
        sizes: list[Dim] = []
        for size, s, p, r, e in geometry:
            sizes.append((size - 1) * s - p + r + e)
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
        rank, n = x.ndim - 2, x.shape[0]
        window, spatial = self.window(rank), x.shape[2:]
        stride, dilation = window.stride, window.dilation
        full = [
            (size - 1) * s + r + e
            for size, s, r, e in zip(spatial, stride, window.reach, self.extra(window), strict=True)
        ]
        y = np.zeros((n, self.channels, *full), dtype=x.dtype)
        part = x.reshape(n, self.groups, x.shape[1] // self.groups, -1)
        filters = weight.reshape(self.groups, part.shape[2], -1, *window.kernel).swapaxes(1, 2)
        for place in np.ndindex(*window.kernel):
            # what each element adds at one place of the window
            added = np.ascontiguousarray(filters[(..., *place)]) @ part
            spots = tuple(
                slice(d * at, d * at + (size - 1) * s + 1, s)
                for at, d, s, size in zip(place, dilation, stride, spatial, strict=True)
            )
            y[(slice(None), slice(None), *spots)] += added.reshape(n, -1, *spatial)
        ends = zip(window.before, window.after, full, strict=True)
        y = y[(..., *(slice(b, size - a) for b, a, size in ends))]
        return y if bias is None else y + bias.reshape(1, -1, *(1,) * rank)

    def _torch_options(self, window: Window) -> list[str]:
        options, extra = super()._torch_options(window), compact(self.extra(window))
        return options if extra == 0 else [*options, f"output_padding={extra}"]

    def torch(self, t: TorchContext, *inputs: str) -> str:
        kind = t.input_types[0]
        assert kind is not None
        window = self.window(kind.rank - 2)
        y = self._call(kind, window, *inputs)
        if window.is_even:
            return y
        return f"F.pad({y}, {tuple(-n for n in window.torch_pad())})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        kind = g.input_types[0]
        assert kind is not None
        window = self.window(kind.rank - 2)
        extra = list(self.extra(window))
        given = (i for i in inputs if i)
        return g.op(
            "ConvTranspose", *given, output_padding=extra, **window.onnx(), group=self.groups
        )
