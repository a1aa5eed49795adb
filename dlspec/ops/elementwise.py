"""The shared shape of ops that work element by element, with NumPy's broadcasting."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.shapes import BroadcastMismatch, DTypeMismatch
from dlspec.dims import Dim
from dlspec.ir.types import DType, TensorType
from dlspec.ops.base import OnnxBuilder, Op, Ragged, TorchContext


def broadcast(op: str, *types: TensorType) -> tuple[tuple[Dim, ...], frozenset[int]]:
    """The common shape of tensors, and which of its axes are ragged."""
    rank = max(t.rank for t in types)
    shape: list[Dim] = []
    ragged: set[int] = set()
    for back in range(1, rank + 1):
        size, holder = Dim.of(1), types[0]
        for kind in types:
            if back > kind.rank:
                continue
            here = kind.shape[-back]
            if kind.rank - back in kind.ragged:
                ragged.add(rank - back)
            if size == 1:
                size, holder = here, kind
            elif here != 1 and here != size:
                raise DlspecError(
                    BroadcastMismatch(
                        None,
                        op,
                        left=str(holder),
                        right=str(kind),
                        axis=-back,
                        left_dim=str(size),
                        right_dim=str(here),
                    )
                )
        shape.append(size)
    return tuple(reversed(shape)), frozenset(ragged)


class Binary(Op):
    """Base of ops on two tensors that broadcast; ``symbol`` is Python's operator, ``kind`` ONNX's op."""

    signature = "(a: any[*a], b: any[*b]) -> (y: any[*c])"
    promotion: ClassVar[Literal["none", "common", "float"]] = "common"
    ragged: ClassVar[Ragged] = "pointwise"
    result: ClassVar[DType | None] = None
    symbol: ClassVar[str] = ""
    kind: ClassVar[str] = ""

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """Broadcast the shapes; the element types are equal."""
        a, b = inputs
        assert a is not None and b is not None
        if a.dtype is not b.dtype:
            raise DlspecError(
                DTypeMismatch(None, self.name, operand="b", actual=str(b.dtype), expected=str(a.dtype))
            )
        shape, ragged = broadcast(self.name, a, b)
        return (TensorType(self.result or a.dtype, shape, ragged),)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"({inputs[0]} {self.symbol} {inputs[1]})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        return g.op(self.kind, *inputs)


class Unary(Op):
    """Base of ops on one float tensor, element by element."""

    signature = "(x: float[*s]) -> (y: float[*s])"
    promotion: ClassVar[Literal["none", "common", "float"]] = "float"
    ragged: ClassVar[Ragged] = "pointwise"
    kind: ClassVar[str] = ""
    samples: ClassVar[Any] = (({}, {"x": ("N", 3)}), ({}, {"x": ()}))

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        return g.op(self.kind, *inputs)
