"""Ids as vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.shapes import DTypeMismatch
from dlspec.ir.graph import Initializer
from dlspec.ir.types import DType, TensorType
from dlspec.ops.base import OnnxBuilder, Op, TorchContext
from dlspec.ops.settings import flag, whole


class Embed(Op):
    """A row of a learned table for each id; ids run from 0 to ``count`` - 1."""

    name = "embed"
    signature = "(ids: int[*s]; weight: float[count, size]) -> (y: float[*s, size])"
    init: ClassVar[Mapping[str, str | Initializer]] = {
        "weight": Initializer("normal", {"mean": 0.0, "std": 1.0})
    }
    ragged = "pointwise"
    count: int
    size: int
    samples = (
        ({"count": 7, "size": 3}, {"ids": ("int64", ("N", 4))}),
        ({"count": 7, "size": 3}, {"ids": ("uint8", ("N",))}),
    )

    def __post_init__(self) -> None:
        whole(self.name, "count", self.count)
        whole(self.name, "size", self.size)

    def _check(self, ids: TensorType) -> None:
        if not ids.dtype.is_integer:
            raise DlspecError(
                DTypeMismatch(
                    None,
                    self.name,
                    operand="ids",
                    actual=str(ids.dtype),
                    expected="int",
                    advice="ids are whole numbers: declare the input as `int[…]`",
                )
            )

    def parameter_types(self, *tensors: TensorType) -> dict[str, TensorType]:
        """The table."""
        self._check(tensors[0])
        return {"weight": TensorType.of(DType.float32, self.count, self.size)}

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """[*s, size]."""
        ids, weight = inputs
        assert ids is not None and weight is not None
        self._check(ids)
        return (TensorType(weight.dtype, (*ids.shape, *weight.shape[1:]), ids.ragged),)

    def reference(self, *inputs: Any) -> Any:
        return inputs[1][inputs[0]]

    def torch(self, t: TorchContext, *inputs: str) -> str:
        ids = inputs[0] if self._wide(t.input_types) else f"{inputs[0]}.long()"
        return f"F.embedding({ids}, {inputs[1]})"

    def _wide(self, types: Sequence[TensorType | None]) -> bool:
        """Whether ids are of an element type that engines take as an index."""
        return types[0] is not None and types[0].dtype in (DType.int64, DType.int32)

    def torch_module(self, *inputs: TensorType | None) -> str | None:
        """`nn.Embedding(count, size)`."""
        return f"nn.Embedding({self.count}, {self.size})" if self._wide(inputs) else None

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        ids = inputs[0] if self._wide(g.input_types) else g.op("Cast", inputs[0], to=7)
        return g.op("Gather", inputs[1], ids, axis=0)


class OneHot(Op):
    """1 at the place of each id, 0 elsewhere, along a new last axis of ``size``; with ``other``,
    the last place is that of every id which has none."""

    name = "one_hot"
    signature = "(ids: int[*s]) -> (y: float32[*s, size])"
    ragged = "pointwise"
    size: int
    other: bool = False
    samples = (
        ({"size": 5}, {"ids": ("int64", ("N", 2))}),
        ({"size": 3, "other": True}, {"ids": ("int64", ("N", 4))}),
        ({"size": 3, "other": True}, {"ids": ("uint8", ("N",))}),
    )

    def __post_init__(self) -> None:
        whole(self.name, "size", self.size)
        flag(self.name, "other", self.other)

    def reference(self, *inputs: Any) -> Any:
        ids = inputs[0].astype(np.int64)
        if self.other:
            ids = np.where((ids >= 0) & (ids < self.size), ids, self.size - 1)
        return (ids[..., None] == np.arange(self.size)).astype(np.float64)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        ids = f"{inputs[0]}.long()"
        if self.other:
            last = self.size - 1
            ids = f"torch.where({inputs[0]} < 0, {last}, {ids}).clamp(max={last})"
        return f"F.one_hot({ids}, {self.size}).to({t.dtype(DType.float32)})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        # by comparison, which all engines have: an id out of range gives zeros, as in the reference
        last = g.constant(np.array([-1], dtype=np.int64))
        whole = g.op("Cast", inputs[0], to=7)
        if self.other:
            end = g.constant(np.array(self.size - 1, dtype=np.int64))
            none = g.op("Less", whole, g.constant(np.array(0, dtype=np.int64)))
            whole = g.op("Where", none, end, g.op("Min", whole, end))
        ids = g.op("Unsqueeze", whole, last)
        return g.op(
            "Cast", g.op("Equal", ids, g.constant(np.arange(self.size, dtype=np.int64))), to=1
        )
