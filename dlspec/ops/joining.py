"""Tensors put together."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.shapes import DimMismatch, RankMismatch
from dlspec.dims import Dim
from dlspec.ir.types import TensorType
from dlspec.ops.base import OnnxBuilder, Op, TorchContext, refuse_lengths
from dlspec.ops.settings import axis_of
from dlspec.ops.shape import ints


class Concat(Op):
    """Tensors one after the other along an axis (the last)."""

    name = "concat"
    signature = "(x: any[*s]) -> (y: any[*y])"
    many = True
    promotion = "common"
    ragged = "move"
    axis: int = -1
    samples = (
        ({}, {"a": ("N", 3), "b": ("N", 2)}),
        ({"axis": 1}, {"a": ("N", 3, 2), "b": ("N", 1, 2), "c": ("N", 2, 2)}),
    )

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """Sizes along the axis add up; the others are equal."""
        kinds = [k for k in inputs if k is not None]
        first = kinds[0]
        axis = axis_of(self.name, self.axis, first)
        for position, kind in enumerate(kinds[1:], start=2):
            if kind.rank != first.rank:
                raise DlspecError(
                    RankMismatch(
                        None,
                        self.name,
                        operand=f"tensor {position}",
                        actual=str(kind),
                        rank=kind.rank,
                        expected=str(first.rank),
                    )
                )
            for a, (size, wanted) in enumerate(zip(kind.shape, first.shape, strict=True)):
                if a != axis and size != wanted:
                    raise DlspecError(
                        DimMismatch(
                            None,
                            self.name,
                            dim=f"axis {a}",
                            operand=f"tensor {position}",
                            actual=str(size),
                            expected=str(wanted),
                            other="tensor 1",
                        )
                    )
        total = Dim.of(0)
        for kind in kinds:
            total = total + kind.shape[axis]
        refuse_lengths(self, inputs, (axis,))
        ragged = {a for kind in kinds for a in kind.ragged}
        return (first.with_shape((*first.shape[:axis], total, *first.shape[axis + 1 :]), ragged),)

    def reference(self, *inputs: Any) -> Any:
        return np.concatenate(inputs, axis=self.axis)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"torch.cat(({', '.join(inputs)}{',' if len(inputs) == 1 else ''}), dim={self.axis})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        return g.op("Concat", *inputs, axis=self.axis)


class Stack(Op):
    """Tensors of one shape beside each other along a new axis (the last)."""

    name = "stack"
    signature = "(x: any[*s]) -> (y: any[*y])"
    many = True
    promotion = "common"
    ragged = "move"
    axis: int = -1
    samples = (
        ({}, {"a": ("N", 3), "b": ("N", 3)}),
        ({"axis": 1}, {"a": ("N", 3), "b": ("N", 3), "c": ("N", 3)}),
    )

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """One axis more, as long as there are tensors."""
        kinds = [k for k in inputs if k is not None]
        first = kinds[0]
        shape = list(first.shape)
        place = axis_of(self.name, self.axis, first.with_shape((*shape, 1)))
        if place == 0:
            refuse_lengths(self, inputs, range(first.rank))
        shape.insert(place, Dim.of(len(kinds)))
        for position, kind in enumerate(kinds[1:], start=2):
            if kind.shape != first.shape:
                raise DlspecError(
                    DimMismatch(
                        None,
                        self.name,
                        dim="the shape",
                        operand=f"tensor {position}",
                        actual=str(kind),
                        expected=str(first),
                        other="tensor 1",
                    )
                )
        ragged = {a + (a >= place) for kind in kinds for a in kind.ragged}
        return (first.with_shape(shape, ragged),)

    def reference(self, *inputs: Any) -> Any:
        return np.stack(inputs, axis=self.axis)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return (
            f"torch.stack(({', '.join(inputs)}{',' if len(inputs) == 1 else ''}), dim={self.axis})"
        )

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        axis = g.constant(ints(self.axis))
        return g.op("Concat", *(g.op("Unsqueeze", i, axis) for i in inputs), axis=self.axis)
