"""The shared shape of ops that work element by element, with NumPy's broadcasting."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np

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


FLOATS = tuple(d for d in DType if d.is_float)
"""What functions with fractions work on."""
NUMBERS = (*FLOATS, DType.int64, DType.int32)
"""What arithmetic works on; pixels (uint8) are cast before, since sums and differences would
wrap."""


def check_numbers(op: Op, kind: TensorType, *allowed: DType) -> None:
    """Refuse an element type that an op does not compute with."""
    if kind.dtype not in allowed:
        raise DlspecError(
            DTypeMismatch(
                None,
                op.name,
                operand=op.rule.tensors[0].name,
                actual=str(kind.dtype),
                expected={FLOATS: "a float", (DType.bool_,): "bool"}.get(allowed, "a number"),
                advice="a comparison, such as `x > 0`, gives bool"
                if allowed == (DType.bool_,)
                else "`cast` makes another element type of it",
            )
        )


class Binary(Op):
    """Base of ops on two tensors that broadcast; ``symbol`` is Python's operator, ``kind`` ONNX's
    op."""

    signature = "(a: any[*a], b: any[*b]) -> (y: any[*c])"
    promotion: ClassVar[Literal["none", "common", "float"]] = "common"
    ragged: ClassVar[Ragged] = "pointwise"
    result: ClassVar[DType | None] = None
    kinds: ClassVar[tuple[DType, ...]] = NUMBERS
    symbol: ClassVar[str] = ""
    kind: ClassVar[str] = ""

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """Broadcast the shapes; the element types are equal."""
        a, b = inputs
        assert a is not None and b is not None
        if a.dtype is not b.dtype:
            raise DlspecError(
                DTypeMismatch(
                    None, self.name, operand="b", actual=str(b.dtype), expected=str(a.dtype)
                )
            )
        check_numbers(self, a, *self.kinds)
        shape, ragged = broadcast(self.name, a, b)
        return (TensorType(self.result or a.dtype, shape, ragged),)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"({inputs[0]} {self.symbol} {inputs[1]})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        return g.op(self.kind, *inputs)


class Unary(Op):
    """Base of ops on one float tensor, element by element; ``word`` is PyTorch's method, ``kind``
    ONNX's op."""

    signature = "(x: any[*s]) -> (y: any[*s])"
    promotion: ClassVar[Literal["none", "common", "float"]] = "float"
    ragged: ClassVar[Ragged] = "pointwise"
    kinds: ClassVar[tuple[DType, ...]] = FLOATS
    word: ClassVar[str] = ""
    kind: ClassVar[str] = ""
    samples: ClassVar[Any] = (({}, {"x": ("N", 3)}), ({}, {"x": ()}))

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """The type of x."""
        assert inputs[0] is not None
        check_numbers(self, inputs[0], *self.kinds)
        return super().infer(*inputs)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"{inputs[0]}.{self.word}()"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        return g.op(self.kind, *inputs)


def scalar(g: OnnxBuilder, value: float) -> str:
    """A constant number of the element type of the op's (first) result, for its ONNX nodes."""
    return g.constant(np.array(value, dtype=g.output_types[0].dtype.value))
