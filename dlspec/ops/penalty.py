"""Penalties on parameters, which a recipe adds to a loss."""

from __future__ import annotations

from typing import Any, ClassVar

from dlspec.ir.types import TensorType
from dlspec.ops.base import OnnxBuilder, Op, TorchContext
from dlspec.ops.elementwise import FLOATS, check_numbers


class Penalty(Op):
    """Base: one number of any number of tensors."""

    signature = "(x: float[*s]) -> (y: float[])"
    many = True
    promotion = "float"
    kind: ClassVar[str] = ""
    samples: ClassVar[Any] = (
        ({}, {"a": ("N", 3)}),
        ({}, {"a": (4, 3), "b": (4,), "c": ()}),
    )

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """A number."""
        kinds = [k for k in inputs if k is not None]
        for kind in kinds:
            check_numbers(self, kind, *FLOATS)
        return (TensorType(kinds[0].dtype, ()),)

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        parts: list[str] = []
        for text, kind in zip(inputs, g.input_types, strict=True):
            assert kind is not None
            if kind.rank:
                parts.append(g.op(self.kind, text, keepdims=0))
            elif self.kind == "ReduceL1":
                parts.append(g.op("Abs", text))
            else:
                parts.append(g.op("Mul", text, text))
        total = parts[0]
        for part in parts[1:]:
            total = g.op("Add", total, part)
        return total


class L1(Penalty):
    """The sum of all absolute values of the given tensors, ``l1(net["*.weight"])``. Tibshirani
    1996."""

    name = "l1"
    kind = "ReduceL1"

    def reference(self, *inputs: Any) -> Any:
        return sum(abs(x).sum() for x in inputs)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return " + ".join(f"{t.tensor(i)}.abs().sum()" for i in range(len(inputs)))


class L2(Penalty):
    """The sum of all squares of the given tensors, ``l2(net["*.weight"])``, not halved. Hoerl &
    Kennard 1970."""

    name = "l2"
    kind = "ReduceSumSquare"

    def reference(self, *inputs: Any) -> Any:
        return sum((x * x).sum() for x in inputs)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return " + ".join(f"{t.tensor(i)}.square().sum()" for i in range(len(inputs)))
