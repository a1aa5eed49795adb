"""Ops along the steps of their tensors, which are told how many steps of each row count."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from dlspec.ir.types import TensorType
from dlspec.ops.base import Array, OnnxBuilder, Op, Ragged, refuse_lengths


class Measured(Op):
    """Base of ops on tensors (N, steps, ...) that look along axis 1.

    Inputs: the tensors of the signature, then for each of them its lengths int32[N], or nothing
    where all steps count. Semantics gives the lengths, and covers padding with 0 before; the
    tensors themselves count as full.

    Class attributes
        renewed: whether the first result has lengths of its own, which are the second result; its
            step axis is called by the attribute ``symbol``.
    """

    ragged: ClassVar[Ragged] = "reduce"
    renewed: ClassVar[bool] = False

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """By the signature; lengths that semantics has not taken off are refused."""
        tensors = inputs[: len(self.rule.tensors)]
        refuse_lengths(self, tensors, range(8))
        return super().infer(*tensors)

    def parameter_types(self, *tensors: TensorType) -> dict[str, TensorType]:
        """None."""
        return {}

    def lengths(self, position: int, inputs: tuple[Any, ...]) -> Any:
        """The lengths of a tensor; None where all its steps count."""
        at = len(self.rule.tensors) + position
        return inputs[at] if at < len(inputs) else None

    def counts(self, position: int, inputs: tuple[Any, ...]) -> Array:
        """How many steps of each row of a tensor count, in NumPy."""
        lengths, x = self.lengths(position, inputs), inputs[position]
        return np.full(len(x), x.shape[1]) if lengths is None else lengths.astype(np.int64)

    def torch_counts(self, position: int, inputs: tuple[str, ...]) -> str:
        """The same as a PyTorch expression, int32 or int64."""
        lengths, x = self.lengths(position, inputs), inputs[position]
        if lengths in (None, "None"):
            return f"torch.full(({x}.shape[0],), {x}.shape[1], device={x}.device)"
        return str(lengths)

    def onnx_counts(self, g: OnnxBuilder, position: int, inputs: tuple[str, ...]) -> str:
        """The same as an ONNX value, int64."""
        lengths, x = self.lengths(position, inputs), inputs[position]
        if lengths:
            return g.op("Cast", lengths, to=_INT64)
        return g.op("Expand", onnx_size(g, x, 1), g.op("Slice", g.shape(x), *_first(g)))


_INT64 = 7
"""ONNX's number of int64."""


def _first(g: OnnxBuilder) -> tuple[str, str]:
    return ints(g, 0), ints(g, 1)


def ints(g: OnnxBuilder, *values: int) -> str:
    """A vector of int64."""
    return g.constant(np.array(values, np.int64))


def whole(g: OnnxBuilder, value: int) -> str:
    """An int64 without axes."""
    return g.constant(np.array(value, np.int64))


def onnx_size(g: OnnxBuilder, x: str, axis: int) -> str:
    """How long an axis is, int64 without axes."""
    return g.op("Gather", g.shape(x), whole(g, axis))


def onnx_range(g: OnnxBuilder, size: str) -> str:
    """0, 1, … up to a size."""
    return g.op("Range", whole(g, 0), size, whole(g, 1))
