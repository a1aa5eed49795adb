"""Parts of a tensor by position."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.shapes import ImpossibleShape, InvalidSetting, RankMismatch
from dlspec.dims import Dim
from dlspec.ir.types import DType, TensorType
from dlspec.ops.base import OnnxBuilder, Op, TorchContext, refuse_lengths
from dlspec.ops.settings import per_axis
from dlspec.ops.shape import ints
from dlspec.ops.window import check_rank, check_sizes


class Pick(Op):
    """``y = x[index]`` along the last axis, one element for each index."""

    name = "pick"
    signature = "(x: any[*b, n], index: int[*b]) -> (y: any[*b])"
    samples = (
        ({}, {"x": ("N", 5), "index": ("int64", ("N",))}),
        ({}, {"x": ("N", 2, 5), "index": ("uint8", ("N", 2))}),
    )

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """The last axis gone."""
        x, index = inputs
        assert x is not None and index is not None
        super().infer(x, index)
        return (x.with_shape(x.shape[:-1]),)

    def reference(self, *inputs: Any) -> Any:
        x, index = inputs
        return np.take_along_axis(x, index[..., None].astype(np.int64), axis=-1)[..., 0]

    def torch(self, t: TorchContext, *inputs: str) -> str:
        kind = t.input_types[1]
        index = (
            inputs[1] if kind is not None and kind.dtype is DType.int64 else f"{inputs[1]}.long()"
        )
        return f"{inputs[0]}.gather(-1, {index}.unsqueeze(-1)).squeeze(-1)"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        last = g.constant(ints(-1))
        index = g.op("Unsqueeze", g.op("Cast", inputs[1], to=7), last)
        return g.op("Squeeze", g.op("GatherElements", inputs[0], index, axis=-1), last)


End = int | None


class Slice(Op):
    """A part of a tensor, `x[:, 1:3]`: from ``starts`` to before ``stops`` by ``steps`` on each
    axis, as in NumPy. None stands for an open end; a negative step goes backwards.

    Of an axis whose size is not known before it runs, all after a number of elements, all but the
    last ones, the last one, or every one backwards can be taken.
    """

    name = "slice"
    signature = "(x: any[*s]) -> (y: any[*y])"
    ragged = "move"
    starts: tuple[End, ...]
    stops: tuple[End, ...]
    steps: tuple[End, ...] = ()
    samples = (
        ({"starts": (None, 1), "stops": (None, 3)}, {"x": ("N", 5)}),
        ({"starts": (None, -2), "stops": (None, None)}, {"x": ("N", 5)}),
        ({"starts": (None, 0), "stops": (None, None), "steps": (None, 2)}, {"x": ("N", 5)}),
        ({"starts": (None, -1), "stops": (None, 0), "steps": (1, -2)}, {"x": ("N", 6)}),
        ({"starts": (None, None), "stops": (None, None), "steps": (1, -1)}, {"x": ("N", 5)}),
        ({"starts": (None, -9), "stops": (None, 9)}, {"x": ("int64", ("N", 5))}),
        ({"starts": (None, 1, 0), "stops": (None, -1, 1)}, {"x": ("int64", ("N", 4, 3))}),
        ({"starts": (-1,), "stops": (None,)}, {"x": ("N", 3)}),
    )

    def __post_init__(self) -> None:
        for setting in ("starts", "stops", "steps"):
            places: Any = getattr(self, setting)
            if not isinstance(places, tuple):
                self._fail(setting, places, "a list with one entry for each axis")
        given = [len(t) for t in (self.starts, self.stops) if t] + [len(self.steps or self.starts)]
        if len(set(given)) > 1:
            self._fail("starts", self.starts, "as many as there are stops and steps")
        for setting in ("starts", "stops", "steps"):
            for end in getattr(self, setting):
                if end is not None and (not isinstance(end, int) or isinstance(end, bool)):
                    self._fail(setting, end, "a whole number, or none")
                if end == 0 and setting == "steps":
                    self._fail(setting, end, "a step that goes on")

    def _fail(self, setting: str, value: Any, expected: str) -> None:
        raise DlspecError(
            InvalidSetting(None, self.name, setting=setting, value=str(value), expected=expected)
        )

    def _cuts(self) -> list[tuple[int, slice]]:
        """The axes that are cut, and how."""
        steps = self.steps or (None,) * len(self.starts)
        parts = zip(self.starts, self.stops, steps, strict=True)
        cuts = [(axis, slice(a, b, None if s == 1 else s)) for axis, (a, b, s) in enumerate(parts)]
        return [(axis, cut) for axis, cut in cuts if cut != slice(None)]

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """The sizes that are left."""
        x = inputs[0]
        assert x is not None
        if len(self.starts) > x.rank:
            raise DlspecError(
                RankMismatch(
                    None,
                    self.name,
                    operand="x",
                    actual=str(x),
                    rank=x.rank,
                    expected=f"at least {len(self.starts)}",
                )
            )
        shape = list(x.shape)
        refuse_lengths(self, inputs, [axis for axis, _ in self._cuts()])
        for axis, cut in self._cuts():
            size = shape[axis].value
            if size is None:
                shape[axis] = self._left_of(shape[axis], axis, cut, x)
                continue
            left = len(range(size)[cut])
            if left == 0:
                raise DlspecError(
                    ImpossibleShape(
                        None, self.name, reason=f"nothing of axis {axis} is left", actual=str(x)
                    )
                )
            shape[axis] = Dim.of(left)
        return (x.with_shape(shape, x.ragged),)

    def _left_of(self, size: Dim, axis: int, cut: slice, x: TensorType) -> Dim:
        start, stop, step = cut.start or 0, cut.stop, cut.step or 1
        if step == -1 and (cut.start, cut.stop) == (None, None):
            return size
        if start == -1 and stop is None and step > 0:
            return Dim.of(1)
        if start >= 0 and (stop is None or stop < 0) and step > 0:
            return (size - start + (stop or 0) + step - 1) // step
        raise DlspecError(
            ImpossibleShape(
                None,
                self.name,
                reason=f"axis {axis} has the free size {size}",
                actual=str(x),
                advice="of a free size, `a:`, `a:-b`, `-1:` and `-1` can be taken",
            )
        )

    def _index(self) -> tuple[slice, ...]:
        cuts = dict(self._cuts())
        return tuple(cuts.get(axis, slice(None)) for axis in range(len(self.starts)))

    def reference(self, *inputs: Any) -> Any:
        return inputs[0][self._index()]

    def torch(self, t: TorchContext, *inputs: str) -> str:
        x, parts, back = inputs[0], [":"] * len(self.starts), []
        for axis, cut in self._cuts():
            start, stop, step = cut.start, cut.stop, cut.step or 1
            if step < 0:  # PyTorch has no negative steps: from behind, in the other direction
                back.append(axis)
                start = None if start is None else -start - 1
                stop = None if stop is None else -stop - 1
            words = ["" if n is None else str(n) for n in (start, stop)]
            parts[axis] = ":".join(words) + (f":{abs(step)}" if abs(step) != 1 else "")
        if back:
            x = f"{x}.flip({', '.join(map(str, back))})"
        return x if set(parts) <= {":"} else f"{x}[{', '.join(parts)}]"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        rows = [(axis, *_onnx_ends(cut)) for axis, cut in self._cuts()]
        if not rows:
            return g.op("Identity", inputs[0])
        axes, starts, stops, steps = zip(*rows, strict=True)
        given = [starts, stops, axes, *([steps] if set(steps) != {1} else [])]
        return g.op("Slice", inputs[0], *(g.constant(ints(*column)) for column in given))


def _onnx_ends(cut: slice) -> tuple[int, int, int]:
    """Start, stop and step with numbers for open ends."""
    step: int = cut.step or 1
    far = np.iinfo(np.int64)
    first, last = (0, far.max) if step > 0 else (far.max, far.min)
    start = int(first) if cut.start is None else cut.start
    return start, int(last) if cut.stop is None else cut.stop, step


class Crop(Op):
    """The middle of the spatial axes (all after N and channels): `crop(224)` makes [N, C, 256, 256]
    [N, C, 224, 224]. ``size`` is one number, or one for each; an odd rest is cut off at the end.
    """

    name = "crop"
    signature = "(x: any[n, c, *s]) -> (y: any[*y])"
    size: int | tuple[int, ...]
    samples = (
        ({"size": 2}, {"x": ("N", 2, 4, 5)}),
        ({"size": (3, 1)}, {"x": ("int64", ("N", 1, 3, 4))}),
        ({"size": 3}, {"x": ("N", 2, 6)}),
    )

    def __post_init__(self) -> None:
        check_sizes(self.name, size=(self.size, 1))

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """[N, C, *size]."""
        x = inputs[0]
        assert x is not None
        check_rank(self.name, x, self.size)
        wanted = per_axis(self.name, "size", self.size, x.rank - 2)
        for size, left in zip(x.shape[2:], wanted, strict=True):
            if size.value is None or size.value < left:
                raise DlspecError(
                    ImpossibleShape(
                        None,
                        self.name,
                        reason=f"the middle {left} of {size}",
                        actual=str(x),
                        advice="" if size.value is None else "`pad` makes a size larger",
                    )
                )
        return (x.with_shape((*x.shape[:2], *wanted)),)

    def _ends(self, sizes: tuple[int, ...]) -> list[tuple[int, int]]:
        wanted = per_axis(self.name, "size", self.size, len(sizes))
        starts = [(s - w) // 2 for s, w in zip(sizes, wanted, strict=True)]
        return [(b, b + w) for b, w in zip(starts, wanted, strict=True)]

    def _of(self, kind: TensorType | None) -> list[tuple[int, int]]:
        assert kind is not None
        return self._ends(tuple(d.value or 0 for d in kind.shape[2:]))

    def reference(self, *inputs: Any) -> Any:
        x = inputs[0]
        return x[(..., *(slice(*ends) for ends in self._ends(x.shape[2:])))]

    def torch(self, t: TorchContext, *inputs: str) -> str:
        parts = (f"{a}:{b}" for a, b in self._of(t.input_types[0]))
        return f"{inputs[0]}[:, :, {', '.join(parts)}]"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        ends = self._of(g.input_types[0])
        starts, stops = (ints(*column) for column in zip(*ends, strict=True))
        axes = ints(*range(2, 2 + len(ends)))
        return g.op("Slice", inputs[0], *(g.constant(c) for c in (starts, stops, axes)))
