"""Room around a tensor."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.shapes import ImpossibleShape, InvalidSetting, RankMismatch
from dlspec.ir.types import TensorType
from dlspec.ops.base import OnnxBuilder, Op, TorchContext, refuse_lengths
from dlspec.ops.settings import axis_of, number, whole
from dlspec.ops.shape import ints

Pair = tuple[int, int]
MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
"""PyTorch's words for how room is filled, and NumPy's."""


class PadOp(Op):
    """Room made at both ends of axes, filled with ``value`` (``mode`` "constant"), the mirror image
    without the edge ("reflect"), the edge ("replicate") or the other end ("circular").

    ``amount`` is a number, or one for each axis, or pairs (before, after). ``axis`` is one axis or
    several; without it all after N and channels, or the last of two.
    """

    name = "pad"
    signature = "(x: any[*s]) -> (y: any[*y])"
    ragged = "move"
    amount: int | tuple[int | Pair, ...]
    mode: str = "constant"
    value: float = 0
    axis: int | tuple[int, ...] | None = None
    samples = (
        ({"amount": 1}, {"x": ("N", 2, 3, 4)}),
        ({"amount": ((0, 2), (1, 0)), "value": -1.5}, {"x": ("N", 2, 3, 4)}),
        ({"amount": 2, "value": 3}, {"x": ("int64", ("N", 4))}),
        ({"amount": ((1, 2),), "axis": 1}, {"x": ("N", 2, 3)}),
        ({"amount": 2, "mode": "reflect"}, {"x": ("N", 2, 4, 3)}),
        ({"amount": ((1, 0),), "mode": "reflect"}, {"x": ("N", 2, 4)}),
        ({"amount": ((3, 1), 2), "mode": "replicate"}, {"x": ("N", 2, 2, 3)}),
        ({"amount": 1, "mode": "replicate"}, {"x": ("N", 1, 2, 3, 2)}),
        ({"amount": ((2, 1), 1), "mode": "circular"}, {"x": ("N", 2, 2, 3)}),
        ({"amount": 2, "mode": "circular"}, {"x": ("N", 2, 3)}),
        ({"amount": 1, "mode": "reflect"}, {"x": ("N", 4)}),
        ({"amount": 1, "mode": "circular", "axis": 2}, {"x": ("N", 2, 2, 3)}),
    )

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            shown = ", ".join(f'"{m}"' for m in MODES)
            self._fail("mode", f'"{self.mode}"', f"one of {shown}")
        number(self.name, "value", self.value)
        for each in self.amount if isinstance(self.amount, tuple) else (self.amount,):
            pair = each if isinstance(each, tuple) else (each, each)
            if len(pair) != 2:
                self._fail("amount", str(each), "pairs (before, after)")
            for width in pair:
                whole(self.name, "amount", width, 0)

    def _fail(self, setting: str, value: str, expected: str) -> None:
        raise DlspecError(
            InvalidSetting(None, self.name, setting=setting, value=value, expected=expected)
        )

    def _widths(self, x: TensorType) -> dict[int, Pair]:
        """Room before and after each axis that gets some."""
        if self.axis is not None:
            given = self.axis if isinstance(self.axis, tuple) else (self.axis,)
            axes = [axis_of(self.name, a, x) for a in given]
        elif x.rank < 2:
            raise DlspecError(
                RankMismatch(
                    None, self.name, operand="x", actual=str(x), rank=x.rank, expected="at least 2"
                )
            )
        else:
            axes = list(range(2, x.rank)) if x.rank > 2 else [1]
        each = self.amount if isinstance(self.amount, tuple) else (self.amount,) * len(axes)
        if len(each) != len(axes) or len(set(axes)) != len(axes):
            shown = ", ".join(map(str, axes))
            self._fail("amount", str(self.amount), f"a number, or one for each of the axes {shown}")
        pairs = [p if isinstance(p, tuple) else (p, p) for p in each]
        return dict(zip(axes, pairs, strict=True))

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """Larger sizes."""
        x = inputs[0]
        assert x is not None
        widths = self._widths(x)
        refuse_lengths(self, inputs, widths)
        if self.mode != "constant":
            self._check_source(x, widths)
        elif not x.dtype.is_float and self.value != int(self.value):
            self._fail("value", str(self.value), f"a whole number for {x.dtype}")
        shape = list(x.shape)
        for axis, (before, after) in widths.items():
            shape[axis] = shape[axis] + before + after
        return (x.with_shape(shape, x.ragged),)

    def _check_source(self, x: TensorType, widths: dict[int, Pair]) -> None:
        """Refuse what there is not enough of to fill the room with."""
        first = 2 if 3 <= x.rank <= 5 else 1
        if not x.dtype.is_float or min(widths) < first or x.rank > 5:
            self._fail("mode", f'"{self.mode}"', '"constant", but for spatial axes of floats')
        for axis, pair in widths.items():
            size = x.shape[axis].value
            most = {"reflect": (size or 0) - 1, "circular": size or 0}.get(self.mode)
            if most is not None and max(pair) > most:
                raise DlspecError(
                    ImpossibleShape(
                        None,
                        self.name,
                        reason=f"{x.shape[axis]} elements are not enough for {max(pair)} more of "
                        f'"{self.mode}"',
                        actual=str(x),
                        advice="" if size is not None else "declare the size",
                    )
                )

    def reference(self, *inputs: Any) -> Any:
        x = inputs[0]
        widths = self._widths(TensorType.of("float", *x.shape))
        pairs = [widths.get(a, (0, 0)) for a in range(x.ndim)]
        if self.mode == "constant":
            return np.pad(x, pairs, constant_values=np.asarray(self.value, x.dtype))
        return np.pad(x, pairs, mode=MODES[self.mode])  # type: ignore[call-overload]

    def torch(self, t: TorchContext, *inputs: str) -> str:
        kind = t.input_types[0]
        assert kind is not None
        widths = self._widths(kind)
        last = min(widths) if self.mode == "constant" else min(2, kind.rank - 1)
        pairs = [widths.get(a, (0, 0)) for a in range(last, kind.rank)]
        arguments = [inputs[0], str(tuple(n for pair in reversed(pairs) for n in pair))]
        if self.mode != "constant":
            arguments.append(f'mode="{self.mode}"')
        elif self.value:
            arguments.append(f"value={self._value(kind)}")
        return f"F.pad({', '.join(arguments)})"

    def _value(self, kind: TensorType) -> float | int:
        return self.value if kind.dtype.is_float else int(self.value)

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        kind = g.input_types[0]
        assert kind is not None
        widths, x = self._widths(kind), inputs[0]
        if self.mode == "circular":  # not every engine knows it
            for axis, pair in widths.items():
                x = self._around(g, x, axis, pair, kind.shape[axis].value or 0)
            return x if x != inputs[0] else g.op("Identity", x)
        pairs = [widths.get(a, (0, 0)) for a in range(kind.rank)]
        room = g.constant(ints(*(b for b, _ in pairs), *(a for _, a in pairs)))
        if self.mode != "constant":
            return g.op("Pad", x, room, mode=MODES[self.mode])
        return g.op("Pad", x, room, g.constant(np.array(self._value(kind), kind.dtype.value)))

    def _around(self, g: OnnxBuilder, x: str, axis: int, pair: Pair, size: int) -> str:
        """One axis with the other end beyond each of its ends."""
        before, after = pair
        parts = [x]
        if before:
            parts.insert(0, self._part(g, x, axis, size - before, size))
        if after:
            parts.append(self._part(g, x, axis, 0, after))
        return g.op("Concat", *parts, axis=axis) if len(parts) > 1 else x

    def _part(self, g: OnnxBuilder, x: str, axis: int, start: int, stop: int) -> str:
        return g.op("Slice", x, *(g.constant(ints(n)) for n in (start, stop, axis)))
