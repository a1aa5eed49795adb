"""The order of values along an axis: the smallest, the largest few, all of them sorted."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.shapes import ImpossibleShape
from dlspec.dims import Dim
from dlspec.ir.types import DType, TensorType
from dlspec.ops.base import Array, OnnxBuilder, Op, Ragged, TorchContext, refuse_lengths
from dlspec.ops.elementwise import NUMBERS, check_numbers
from dlspec.ops.settings import axis_of, flag, whole


class Argmin(Op):
    """The index of the smallest value along an axis (the last), the first of equal ones."""

    name = "argmin"
    signature = "(x: any[*s]) -> (y: int64[*y])"
    ragged: ClassVar[Ragged] = "reduce"
    axis: int = -1
    samples = (
        ({}, {"x": ("N", 5)}),
        ({"axis": 1}, {"x": ("N", 5, 2)}),
        ({}, {"x": ("int64", ("N", 4))}),
    )

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """The axis gone; int64."""
        x = inputs[0]
        assert x is not None
        axis = axis_of(self.name, self.axis, x)
        check_numbers(self, x, *NUMBERS)
        refuse_lengths(self, inputs, (axis,))
        kept = [i for i in range(x.rank) if i != axis]
        ragged = frozenset(kept.index(a) for a in x.ragged)
        return (TensorType(DType.int64, tuple(x.shape[i] for i in kept), ragged),)

    def reference(self, *inputs: Any) -> Any:
        return inputs[0].argmin(axis=self.axis)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"{inputs[0]}.argmin(dim={self.axis})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        return g.op("ArgMin", inputs[0], axis=self.axis, keepdims=0)


def _order(x: Array, axis: int, largest: bool) -> Array:
    """The places of the sorted values; of equal ones the first comes first, NaN counts as the
    largest."""
    if not largest:
        return np.argsort(x, axis=axis, kind="stable")
    # sorted backwards and read from its end: what is equal keeps its order
    flipped = np.flip(x, axis)
    places = np.flip(np.argsort(flipped, axis=axis, kind="stable"), axis)
    return x.shape[axis] - 1 - places


class TopK(Op):
    """The ``count`` largest values along an axis (the last) in descending order, and their places;
    with ``largest = false`` the smallest, in ascending order.

    Of equal values the first comes first; what NaN does is not told.
    """

    name = "top_k"
    signature = "(x: any[*s]) -> (values: any[*y], indices: int64[*y])"
    ragged: ClassVar[Ragged] = "reduce"
    count: int
    axis: int = -1
    largest: bool = True
    samples = (
        ({"count": 2}, {"x": ("N", 5)}),
        ({"count": 3, "axis": 1, "largest": False}, {"x": ("N", 4, 2)}),
        ({"count": 1}, {"x": ("int64", ("N", 3))}),
        ({"count": 5}, {"x": ("N", 5)}),
    )

    def __post_init__(self) -> None:
        whole(self.name, "count", self.count)
        flag(self.name, "largest", self.largest)

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """``count`` along the axis, twice: values, places."""
        x = inputs[0]
        assert x is not None
        axis = axis_of(self.name, self.axis, x)
        check_numbers(self, x, *NUMBERS)
        refuse_lengths(self, inputs, (axis,))
        size = x.shape[axis].value
        if size is None or size < self.count:
            raise DlspecError(
                ImpossibleShape(
                    None,
                    self.name,
                    reason=f"{self.count} of {x.shape[axis]} along axis {self.axis}",
                    actual=str(x),
                    advice="at least as many must be there, whatever the input"
                    if size is None
                    else f"`count` can be up to {size}",
                )
            )
        shape = (*x.shape[:axis], Dim.of(self.count), *x.shape[axis + 1 :])
        return tuple(TensorType(d, shape, x.ragged) for d in (x.dtype, DType.int64))

    def reference(self, *inputs: Any) -> Any:
        x = inputs[0]
        places = _order(x, self.axis, self.largest)
        places = np.take(places, np.arange(self.count), axis=self.axis)
        return np.take_along_axis(x, places, axis=self.axis), places

    def torch(self, t: TorchContext, *inputs: str) -> str:
        # by a stable sort: torch.topk does not say which of equal values it takes
        order = ", descending=True" if self.largest else ""
        kind = t.input_types[0]
        assert kind is not None
        axis = self.axis % kind.rank
        cut = f"[{', '.join([':'] * axis + [f':{self.count}'])}]"
        sort = f"{inputs[0]}.sort(dim={self.axis}{order}, stable=True)"
        return f"tuple(found{cut} for found in {sort})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> tuple[str, ...]:
        count = g.constant(np.array([self.count], dtype=np.int64))
        return g.op(
            "TopK", inputs[0], count, outputs=2, axis=self.axis, largest=int(self.largest), sorted=1
        )


class Argsort(Op):
    """The places of the values along an axis (the last) in ascending order, or ``descending``; of
    equal values the first comes first."""

    name = "argsort"
    signature = "(x: any[*s]) -> (y: int64[*y])"
    ragged: ClassVar[Ragged] = "reduce"
    axis: int = -1
    descending: bool = False
    word: ClassVar[str] = "indices"
    samples = (
        ({}, {"x": ("N", 5)}),
        ({"axis": 0}, {"x": ("N", 3)}),
        ({"axis": 1, "descending": True}, {"x": ("N", 4, 2)}),
    )

    def __post_init__(self) -> None:
        flag(self.name, "descending", self.descending)

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """The shape of x."""
        x = inputs[0]
        assert x is not None
        check_numbers(self, x, *NUMBERS)
        refuse_lengths(self, inputs, (axis_of(self.name, self.axis, x),))
        return (x.with_dtype(DType.int64) if self.word == "indices" else x,)

    def reference(self, *inputs: Any) -> Any:
        return _order(inputs[0], self.axis, self.descending)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        order = ", descending=True" if self.descending else ""
        return f"{inputs[0]}.sort(dim={self.axis}{order}, stable=True).{self.word}"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        kind = g.input_types[0]
        assert kind is not None
        axis = np.array([self.axis % kind.rank], dtype=np.int64)
        size = kind.shape[int(axis[0])].value
        if size is None:
            count = g.op("Gather", g.shape(inputs[0]), g.constant(axis))
        else:
            count = g.constant(np.array([size], dtype=np.int64))
        largest = int(self.descending)
        found = g.op("TopK", inputs[0], count, outputs=2, axis=self.axis, largest=largest, sorted=1)
        return found[self.word == "indices"]


class Sort(Argsort):
    """The values along an axis (the last) in ascending order, or ``descending``."""

    name = "sort"
    signature = "(x: any[*s]) -> (y: any[*y])"
    word = "values"

    def reference(self, *inputs: Any) -> Any:
        x = inputs[0]
        return np.take_along_axis(x, _order(x, self.axis, self.descending), axis=self.axis)
