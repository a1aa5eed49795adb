"""Pictures, volumes and signals at another size."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.shapes import ImpossibleShape, InvalidSetting
from dlspec.dims import Dim
from dlspec.ir.types import TensorType
from dlspec.ops.base import Array, OnnxBuilder, Op, TorchContext
from dlspec.ops.convolution import compact
from dlspec.ops.elementwise import FLOATS, check_numbers
from dlspec.ops.settings import flag, limited, number
from dlspec.ops.shape import ints
from dlspec.ops.window import check_rank

MAX_SIZE = 1 << 16
"""The largest size that is made."""
WORDS = {3: "linear", 4: "bilinear", 5: "trilinear"}
"""What PyTorch calls linear interpolation, by the number of axes."""


class Resize(Op):
    """The spatial axes at another ``size``, or ``scale`` times as large (rounded down).

    ``mode`` "nearest" takes the element at ``floor(i in / out)``; "linear" interpolates at
    ``(i + 1/2) in / out - 1/2``, or with ``align_corners`` at ``i (in - 1) / (out - 1)``, kept
    inside. PyTorch's `interpolate` (with the sizes, not the scale, deciding what ``in / out`` is).
    """

    name = "resize"
    signature = "(x: float[n, c, *s]) -> (y: float[*y])"
    variadic = "size"
    size: tuple[int, ...] | None = None
    scale: float | tuple[float, ...] | None = None
    mode: str = "nearest"
    align_corners: bool = False
    samples = (
        ({"size": (4,)}, {"x": ("N", 2, 2, 3)}),
        ({"size": (5, 2)}, {"x": ("N", 1, 3, 4)}),
        ({"size": (20,)}, {"x": ("N", 1, 14)}),
        ({"scale": 2}, {"x": ("N", 2, 3, 2)}),
        ({"scale": 3}, {"x": ("N", 1, "N")}),
        ({"scale": 0.5}, {"x": ("N", 1, 2, 3, 4)}),
        ({"size": (4, 6), "mode": "linear"}, {"x": ("N", 2, 2, 3)}),
        ({"size": (7,), "mode": "linear"}, {"x": ("N", 2, 3)}),
        ({"size": (2, 5), "mode": "linear"}, {"x": ("N", 1, 5, 3)}),
        ({"size": (1,), "mode": "linear"}, {"x": ("N", 1, 4, 3)}),
        ({"size": (7, 5), "mode": "linear", "align_corners": True}, {"x": ("N", 2, 3, 9)}),
        ({"size": (1, 3), "mode": "linear", "align_corners": True}, {"x": ("N", 2, 3, 1)}),
        ({"scale": 2, "mode": "linear"}, {"x": ("N", 1, 3, "N")}),
        ({"scale": 41}, {"x": ("N", 1, "N")}),
        ({"scale": (1.5, 2.5), "mode": "linear"}, {"x": ("N", 1, 3, 3)}),
        ({"size": (3, 4, 3), "mode": "linear"}, {"x": ("N", 1, 2, 2, 2)}),
    )

    def __post_init__(self) -> None:
        if (self.size is None) == (self.scale is None):
            self._fail("size", "none" if self.size is None else str(self.size), "a size or a scale")
        for size in self.size or ():
            limited(self.name, "size", size, MAX_SIZE)
        scales = self.scale if isinstance(self.scale, tuple) else (self.scale,)
        for scale in scales if self.scale is not None else ():
            if not 0 < number(self.name, "scale", scale) <= MAX_SIZE:
                self._fail("scale", str(scale), f"a number above 0, at most {MAX_SIZE:,}")
        if self.mode not in ("nearest", "linear"):
            self._fail("mode", f'"{self.mode}"', '"nearest" or "linear"')
        if flag(self.name, "align_corners", self.align_corners) and self.mode != "linear":
            self._fail("align_corners", "true", "false for any mode but linear")

    def _fail(self, setting: str, value: str, expected: str) -> None:
        raise DlspecError(
            InvalidSetting(None, self.name, setting=setting, value=value, expected=expected)
        )

    def _each(self, setting: str, rank: int) -> tuple[Any, ...]:
        """``size`` or ``scale``, one an axis."""
        given = getattr(self, setting)
        values = given if isinstance(given, tuple) else (given,)
        if len(values) == 1:
            return values * rank
        if len(values) != rank:
            shown = ", ".join(map(str, values))
            self._fail(setting, shown, f"one number, or {rank} for {rank} spatial axes")
        return values

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """[N, C, *new sizes]."""
        x = inputs[0]
        assert x is not None
        check_numbers(self, x, *FLOATS)
        check_rank(self.name, x, 1)
        if self.size is not None:
            sizes = [Dim.of(s) for s in self._each("size", x.rank - 2)]
            if any(d.value is None for d in x.shape[2:]):
                raise self._impossible(x, "a size that is not known becomes a given one")
        else:
            scales = self._each("scale", x.rank - 2)
            sizes = [self._scaled(d, s, x) for d, s in zip(x.shape[2:], scales, strict=True)]
            free = [d for d in x.shape[2:] if d.value is None]
            if free and any(exact(s).denominator != 1 for s in scales):
                raise self._impossible(x, f"{free[0]} is not known, and may have no such part")
        return (x.with_shape((*x.shape[:2], *sizes)),)

    def _scaled(self, size: Dim, scale: float, x: TensorType) -> Dim:
        if size.value is None:
            return size * int(exact(scale))
        made = int(size.value * exact(scale))
        if not 1 <= made <= MAX_SIZE:
            raise self._impossible(x, f"{size} at a scale of {scale:g} is {made}")
        return Dim.of(made)

    def _impossible(self, x: TensorType, reason: str) -> DlspecError:
        advice = "a free size can be scaled by a whole number; pooling makes it smaller"
        return DlspecError(
            ImpossibleShape(None, self.name, reason=reason, actual=str(x), advice=advice)
        )

    # --- coordinates ------------------------------------------------------------------------------

    def _ratios(self, before: tuple[int, ...], after: tuple[int, ...]) -> list[Fraction]:
        """Steps in x for one step in y, along each spatial axis."""
        if self.align_corners:
            pairs = zip(before, after, strict=True)
            return [Fraction(b - 1, a - 1) if a > 1 else Fraction(0) for b, a in pairs]
        return [Fraction(b, a) for b, a in zip(before, after, strict=True)]

    def reference(self, *inputs: Any) -> Any:
        y = inputs[0]
        before = y.shape[2:]
        if self.size is not None:
            after = self._each("size", len(before))
        else:
            scales = self._each("scale", len(before))
            after = tuple(int(b * exact(s)) for b, s in zip(before, scales, strict=True))
        for axis, (ratio, size) in enumerate(
            zip(self._ratios(before, after), after, strict=True), start=2
        ):
            y = self._along(y, axis, ratio, size)
        return y

    def _along(self, x: Array, axis: int, ratio: Fraction, size: int) -> Array:
        last = x.shape[axis] - 1
        if self.mode == "nearest":
            return x.take(nearest(last, ratio, size), axis)
        half = Fraction(0) if self.align_corners else Fraction(1, 2)
        start, step = half * ratio - half, ratio
        places = [min(max(start + i * step, Fraction(0)), Fraction(last)) for i in range(size)]
        low = np.array([int(p) for p in places])
        share = np.array([float(p - int(p)) for p in places], x.dtype)
        share = share.reshape(-1, *(1,) * (x.ndim - 1 - axis))
        below, above = x.take(low, axis), x.take(np.minimum(low + 1, last), axis)
        return below * (1 - share) + above * share

    def extent(self, result: Array, *types: TensorType | None) -> float | None:
        """What coordinates lose: an engine computes them in its own precision, which is exact only
        where steps are halves and doubles."""
        x = types[0]
        if self.mode == "nearest" or x is None:
            return None
        before = tuple(d.value or 0 for d in x.shape[2:])
        if all(before) and all(
            _is_power_of_two(r.denominator) for r in self._ratios(before, result.shape[2:])
        ):
            return None
        largest = max(*before, *result.shape[2:])
        return 2.0 * largest * float(np.max(np.abs(result), initial=0.0))

    # --- lowerings --------------------------------------------------------------------------------

    def _chosen(self, x: TensorType, y: TensorType) -> list[Array] | None:
        """Where each axis is taken from, if an engine's own rounding might choose others."""
        if self.mode != "nearest":
            return None
        before, after = (tuple(d.value for d in t.shape[2:]) for t in (x, y))
        if None in before or None in after:
            return None
        sizes = tuple(b or 0 for b in before), tuple(a or 0 for a in after)
        chosen: list[Array] = []
        safe = True
        for b, a, ratio in zip(*sizes, self._ratios(*sizes), strict=True):
            index = nearest(b - 1, ratio, a)
            chosen.append(index)
            for kind in (np.float32, np.float64):
                steps, r = np.arange(a).astype(kind), float(ratio)
                ways = (steps * kind(r), steps / kind(1 / r), steps / (kind(a) / kind(b)))
                safe &= all((np.minimum(np.floor(w), b - 1) == index).all() for w in ways)
        return None if safe else chosen

    def torch(self, t: TorchContext, *inputs: str) -> str:
        x, y = t.input_types[0], t.output_types[0]
        assert x is not None
        chosen, made = self._chosen(x, y), inputs[0]
        if chosen is not None:
            for axis, index in enumerate(chosen, start=2):
                if index.tolist() != list(range(len(index))) or x.shape[axis] != len(index):
                    made = f"{made}.index_select({axis}, {t.constant(index)})"
            return made
        if self.mode == "nearest" and any(d.value is None for d in x.shape[2:]):
            scales = [exact(s) for s in self._each("scale", x.rank - 2)]
            if not all(np.float32(1 / float(s)) >= 1 / s for s in scales):
                for axis, scale in enumerate(scales, start=2):
                    made = f"{made}.repeat_interleave({int(scale)}, {axis})"
                return made
        sizes = tuple(d.value for d in y.shape[2:])
        if None in sizes:
            target = f"scale_factor={compact(self._each('scale', x.rank - 2))}"
        else:
            target = f"size={compact(sizes)}"
        options = [made, target]
        if self.mode == "linear":
            options.append(f'mode="{WORDS[x.rank]}"')
        if self.align_corners:
            options.append("align_corners=True")
        return f"F.interpolate({', '.join(options)})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        x, y = g.input_types[0], g.output_types[0]
        assert x is not None
        chosen, made = self._chosen(x, y), inputs[0]
        if chosen is not None:
            for axis, index in enumerate(chosen, start=2):
                made = g.op("Gather", made, g.constant(index), axis=axis)
            return made
        words: dict[str, Any] = {"mode": self.mode, "coordinate_transformation_mode": "half_pixel"}
        if self.mode == "nearest":
            words |= {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        elif self.align_corners:
            words["coordinate_transformation_mode"] = "align_corners"
        sizes = [d.value for d in y.shape[2:]]
        if None in sizes:
            scales = np.array((1, 1, *self._each("scale", x.rank - 2)), np.float32)
            return g.op("Resize", made, "", g.constant(scales), **words)
        rows = g.op("Slice", g.shape(made), *(g.constant(ints(n)) for n in (0, 2, 0)))
        target = g.op("Concat", rows, g.constant(np.array(sizes, np.int64)), axis=0)
        return g.op("Resize", made, "", "", target, **words)


def exact(scale: float) -> Fraction:
    """A scale as it is written: 0.1 is a tenth."""
    return Fraction(str(scale))


def nearest(last: int, ratio: Fraction, size: int) -> Array:
    """``floor(i ratio)``, at most the last position."""
    n, d = ratio.numerator, ratio.denominator
    return np.minimum(np.arange(size, dtype=np.int64) * n // d, last)


def _is_power_of_two(n: int) -> bool:
    return n & (n - 1) == 0
