"""A tensor parted along an axis; the parts are several results: `a, b = chunk(x, 2)`."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.shapes import ImpossibleShape, InvalidSetting
from dlspec.dims import Dim
from dlspec.ir.types import TensorType
from dlspec.ops.base import OnnxBuilder, Op, TorchContext, refuse_lengths
from dlspec.ops.settings import axis_of, whole
from dlspec.ops.shape import ints

MAX_PARTS = 10_000


class Parting(Op):
    """Base of ops that part a tensor along an axis (the last)."""

    signature = "(x: any[*s]) -> (y: any[*y])"
    ragged = "move"

    def place(self, x: TensorType) -> int:
        """The axis counted from 0."""
        return axis_of(self.name, getattr(self, "axis"), x)  # noqa: B009

    def sizes(self, x: TensorType) -> tuple[Dim, ...]:
        """The size of each part."""
        raise TypeError(f"op {self.name} does not say how it parts")

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """The same shape with the size of each part."""
        x = inputs[0]
        assert x is not None
        axis = self.place(x)
        refuse_lengths(self, inputs, (axis,))
        before, after = x.shape[:axis], x.shape[axis + 1 :]
        return tuple(x.with_shape((*before, s, *after), x.ragged) for s in self.sizes(x))

    def impossible(self, x: TensorType, reason: str, advice: str = "") -> DlspecError:
        """The diagnostic that it cannot be parted so."""
        return DlspecError(
            ImpossibleShape(None, self.name, reason=reason, actual=str(x), advice=advice)
        )

    def torch(self, t: TorchContext, *inputs: str) -> str:
        kind = t.input_types[0]
        assert kind is not None
        sizes = self.sizes(kind)
        parts = f"{inputs[0]}.split(({t.dims(*sizes)},), dim={self.place(kind)})"
        return f"{parts}[0]" if len(sizes) == 1 else parts

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str | tuple[str, ...]:
        kind = g.input_types[0]
        assert kind is not None
        axis, sizes = self.place(kind), self.sizes(kind)
        known = [s.value for s in sizes]
        if len(known) == 1:
            return g.op("Identity", inputs[0])
        fixed = [s for s in known if s is not None]
        if len(fixed) == len(known):
            return g.op("Split", inputs[0], g.constant(ints(*fixed)), outputs=len(known), axis=axis)
        # what is before the free one is counted from the start, what follows from the end
        free = known.index(None)
        ends = [sum(s or 0 for s in known[:i]) for i in range(len(known) + 1)]
        total, where = ends[-1], g.constant(ints(axis))
        parts: list[str] = []
        for i in range(len(known)):
            start = ends[i] if i <= free else ends[i] - total
            stop = ends[i + 1] if i < free else ends[i + 1] - total or np.iinfo(np.int64).max
            cut = (g.constant(ints(start)), g.constant(ints(int(stop))), where)
            parts.append(g.op("Slice", inputs[0], *cut))
        return tuple(parts)


class Split(Parting):
    """Parts of given ``sizes`` along an axis (the last), one of which may be -1 for the rest; a
    single number is how many equal parts there are (as in NumPy).
    """

    name = "split"
    sizes_: int | tuple[int | Dim, ...]
    axis: int = -1
    samples = (
        ({"sizes_": (2, 3)}, {"x": ("N", 5)}),
        ({"sizes_": 3}, {"x": ("N", 6)}),
        ({"sizes_": (1, -1, 2), "axis": 1}, {"x": ("int64", ("N", 5, 2))}),
        ({"sizes_": (4,), "axis": 1}, {"x": ("N", 4, 2)}),
    )

    def __post_init__(self) -> None:
        if isinstance(self.sizes_, tuple):
            plain = [s for s in self.sizes_ if not isinstance(s, Dim)]
            for size in plain:
                if size != -1:
                    whole(self.name, "sizes", size)
            if plain.count(-1) > 1 or not self.sizes_ or len(self.sizes_) > MAX_PARTS:
                shown = ", ".join(map(str, self.sizes_)) or "empty"
                expected = "sizes, at most one of them -1"
                raise DlspecError(
                    InvalidSetting(None, self.name, setting="sizes", value=shown, expected=expected)
                )
        elif whole(self.name, "sizes", self.sizes_) > MAX_PARTS:
            raise DlspecError(
                InvalidSetting(
                    None,
                    self.name,
                    setting="sizes",
                    value=str(self.sizes_),
                    expected=f"at most {MAX_PARTS:,} parts",
                )
            )

    def sizes(self, x: TensorType) -> tuple[Dim, ...]:
        """The sizes, with what -1 stands for."""
        size = x.shape[self.place(x)]
        if isinstance(self.sizes_, int):
            each = size.divided_by(self.sizes_)
            if each is None:
                raise self.impossible(
                    x,
                    f"{size} does not part into {self.sizes_} equal parts",
                    f"`chunk(x, {self.sizes_})` leaves the last part smaller",
                )
            return (each,) * self.sizes_
        given = [Dim.of(s) for s in self.sizes_]
        total = Dim.of(0)
        for part in given:
            total = total + (part if part != -1 else 0)
        rest = size - total
        if Dim.of(-1) in given:
            given = [rest if part == -1 else part for part in given]
            if rest.value is not None and rest.value < 1:
                raise self.impossible(x, f"the sizes leave nothing of {size}")
        elif rest != 0:
            raise self.impossible(x, f"the sizes add up to {total}, not {size}")
        if sum(part.value is None for part in given) > 1:
            raise self.impossible(x, "more than one size is not known before it runs")
        return tuple(given)

    def reference(self, *inputs: Any) -> Any:
        x = inputs[0]
        if isinstance(self.sizes_, int):
            parts = np.split(x, self.sizes_, axis=self.axis)
        else:
            given = [-1 if Dim.of(s).value is None else Dim.of(s).value or 0 for s in self.sizes_]
            rest = x.shape[self.axis] - sum(s for s in given if s != -1)
            ends = np.cumsum([rest if s == -1 else s for s in given])
            parts = np.split(x, ends[:-1], axis=self.axis)
        return tuple(parts) if len(parts) > 1 else parts[0]


class Chunk(Parting):
    """``count`` parts along an axis (the last), equal but for the last one, which may be smaller.

    Each has ceil(size / count) elements, so that there may be fewer (as in PyTorch)."""

    name = "chunk"
    count: int
    axis: int = -1
    samples = (
        ({"count": 2}, {"x": ("N", 5)}),
        ({"count": 3, "axis": 1}, {"x": ("N", 6, 2)}),
        ({"count": 4}, {"x": ("N", 5)}),
    )

    def __post_init__(self) -> None:
        if whole(self.name, "count", self.count) > MAX_PARTS:
            raise DlspecError(
                InvalidSetting(
                    None,
                    self.name,
                    setting="count",
                    value=str(self.count),
                    expected=f"at most {MAX_PARTS:,}",
                )
            )

    def sizes(self, x: TensorType) -> tuple[Dim, ...]:
        """ceil(size / count), as often as it fits, and the rest."""
        size = x.shape[self.place(x)]
        if size.value is None:
            each = size.divided_by(self.count)
            if each is None or self.count > 1:
                raise self.impossible(
                    x,
                    f"how many parts {size} has is not known before it runs",
                    "`split(x, [2, -1])` parts a free size",
                )
            return (each,)
        each = -(-size.value // self.count)
        return tuple(Dim.of(min(each, size.value - i)) for i in range(0, size.value, each))

    def reference(self, *inputs: Any) -> Any:
        x = inputs[0]
        size = x.shape[self.axis]
        each = -(-size // self.count)
        parts = np.split(x, range(each, size, each), axis=self.axis)
        return tuple(parts) if len(parts) > 1 else parts[0]
