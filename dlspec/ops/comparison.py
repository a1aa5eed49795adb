"""Comparison, choice and conversion, element by element."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.shapes import DTypeMismatch, InvalidSetting
from dlspec.ir.types import SPELLINGS, DType, TensorType
from dlspec.ops.base import OnnxBuilder, Op, Ragged, TorchContext
from dlspec.ops.elementwise import Binary, Unary, broadcast

_PAIR = (
    ({}, {"a": ("N", 3), "b": ("N", 3)}),
    ({}, {"a": ("int64", ("N", 3)), "b": ("int64", ())}),
    ({}, {"a": ("uint8", ("N", 3)), "b": ("uint8", ("N", 3))}),
)


def as_numbers(g: OnnxBuilder, inputs: Sequence[str]) -> list[str]:
    """Operands in an element type that ONNX Runtime compares: of small integers and booleans,
    int32."""
    narrow = (DType.uint8, DType.int8, DType.bool_)
    return [
        g.op("Cast", i, to=6) if kind is not None and kind.dtype in narrow else i
        for i, kind in zip(inputs, g.input_types, strict=True)
    ]


class Comparison(Binary):
    """Base of comparisons: booleans."""

    result = DType.bool_
    kinds = tuple(DType)
    samples = _PAIR

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        return g.op(self.kind, *as_numbers(g, inputs))


class Equal(Comparison):
    """``a == b``."""

    name = "equal"
    symbol = "=="
    kind = "Equal"

    def reference(self, *inputs: Any) -> Any:
        return inputs[0] == inputs[1]


class NotEqual(Comparison):
    """``a != b``."""

    name = "not_equal"
    symbol = "!="
    kind = "Equal"

    def reference(self, *inputs: Any) -> Any:
        return inputs[0] != inputs[1]

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        return g.op("Not", g.op("Equal", *as_numbers(g, inputs)))


class Less(Comparison):
    """``a < b``."""

    name = "less"
    symbol = "<"
    kind = "Less"

    def reference(self, *inputs: Any) -> Any:
        return inputs[0] < inputs[1]


class LessEqual(Comparison):
    """``a <= b``."""

    name = "less_equal"
    symbol = "<="
    kind = "LessOrEqual"

    def reference(self, *inputs: Any) -> Any:
        return inputs[0] <= inputs[1]


class Greater(Comparison):
    """``a > b``."""

    name = "greater"
    symbol = ">"
    kind = "Greater"

    def reference(self, *inputs: Any) -> Any:
        return inputs[0] > inputs[1]


class GreaterEqual(Comparison):
    """``a >= b``."""

    name = "greater_equal"
    symbol = ">="
    kind = "GreaterOrEqual"

    def reference(self, *inputs: Any) -> Any:
        return inputs[0] >= inputs[1]


class Logical(Binary):
    """Base of ops on two booleans."""

    kinds = (DType.bool_,)
    promotion = "none"
    samples = (
        ({}, {"a": ("bool", ("N", 3)), "b": ("bool", ("N", 3))}),
        ({}, {"a": ("bool", ("N", 3)), "b": ("bool", ())}),
    )


class LogicalAnd(Logical):
    """Whether both hold."""

    name = "logical_and"
    symbol = "&"
    kind = "And"

    def reference(self, *inputs: Any) -> Any:
        return inputs[0] & inputs[1]


class LogicalOr(Logical):
    """Whether at least one holds."""

    name = "logical_or"
    symbol = "|"
    kind = "Or"

    def reference(self, *inputs: Any) -> Any:
        return inputs[0] | inputs[1]


class LogicalXor(Logical):
    """Whether exactly one holds."""

    name = "logical_xor"
    symbol = "^"
    kind = "Xor"

    def reference(self, *inputs: Any) -> Any:
        return inputs[0] ^ inputs[1]


class LogicalNot(Unary):
    """Whether it does not hold."""

    name = "logical_not"
    kind = "Not"
    kinds = (DType.bool_,)
    promotion = "none"
    samples = (({}, {"x": ("bool", ("N", 3))}),)

    def reference(self, *inputs: Any) -> Any:
        return ~inputs[0]

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"(~{inputs[0]})"


class Question(Unary):
    """Base of questions to each number: booleans."""

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """The shape of x, booleans."""
        (y,) = super().infer(*inputs)
        return (y.with_dtype(DType.bool_),)


class IsNan(Question):
    """Whether it is NaN, not a number."""

    name = "isnan"
    word = "isnan"
    kind = "IsNaN"

    def reference(self, *inputs: Any) -> Any:
        return np.isnan(inputs[0])


class IsInf(Question):
    """Whether it is infinite, of either sign."""

    name = "isinf"
    word = "isinf"
    kind = "IsInf"

    def reference(self, *inputs: Any) -> Any:
        return np.isinf(inputs[0])


def chosen(g: OnnxBuilder, condition: str, a: str, b: str, kind: TensorType) -> str:
    """Where the condition holds a, else b, as an ONNX value; both are of ``kind``."""
    if kind.dtype is not DType.bool_:
        return g.op("Where", condition, a, b)
    other = g.op("And", g.op("Not", condition), b)  # ONNX Runtime has no Where on booleans
    return g.op("Or", g.op("And", condition, a), other)


class Where(Op):
    """``y = a`` where the condition holds, else ``b``, broadcasting."""

    name = "where"
    signature = "(condition: bool[*c], a: any[*a], b: any[*b]) -> (y: any[*y])"
    promotion = "common"
    ragged: ClassVar[Ragged] = "pointwise"
    samples = (
        ({}, {"condition": ("bool", ("N", 3)), "a": ("N", 3), "b": ()}),
        ({}, {"condition": ("bool", ("N", 1)), "a": ("int64", (3,)), "b": ("int64", ())}),
        ({}, {"condition": ("bool", ("N", 1)), "a": ("bool", (3,)), "b": ("bool", ())}),
    )

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """Broadcast all three."""
        condition, a, b = inputs
        assert condition is not None and a is not None and b is not None
        if condition.dtype is not DType.bool_:
            raise DlspecError(
                DTypeMismatch(
                    None,
                    self.name,
                    operand="condition",
                    actual=str(condition.dtype),
                    expected="bool",
                )
            )
        if a.dtype is not b.dtype:
            raise DlspecError(
                DTypeMismatch(
                    None, self.name, operand="b", actual=str(b.dtype), expected=str(a.dtype)
                )
            )
        shape, ragged = broadcast(self.name, condition, a, b)
        return (TensorType(a.dtype, shape, ragged),)

    def reference(self, *inputs: Any) -> Any:
        return np.where(*inputs)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"torch.where({inputs[0]}, {t.tensor(1)}, {t.tensor(2)})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        return chosen(g, *inputs, kind=g.output_types[0])


class Cast(Op):
    """The same numbers in another element type; fractions are cut off towards zero."""

    name = "cast"
    signature = "(x: any[*s]) -> (y: any[*y])"
    ragged: ClassVar[Ragged] = "pointwise"
    dtype: str
    samples = (
        ({"dtype": "float32"}, {"x": ("uint8", ("N", 3))}),
        ({"dtype": "int64"}, {"x": ("N", 3)}),
        ({"dtype": "float"}, {"x": ("bool", ("N", 3))}),
        ({"dtype": "bool"}, {"x": ("int64", ("N", 3))}),
    )

    def __post_init__(self) -> None:
        if self.dtype not in SPELLINGS:
            raise DlspecError(
                InvalidSetting(
                    None,
                    self.name,
                    setting="dtype",
                    value=self.dtype,
                    expected=", ".join(SPELLINGS),
                )
            )

    @property
    def target(self) -> DType:
        """The element type of the result."""
        return SPELLINGS[self.dtype]

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """The same shape."""
        x = inputs[0]
        assert x is not None
        return (x.with_dtype(self.target),)

    def reference(self, *inputs: Any) -> Any:
        x = inputs[0]
        if self.target.is_float:
            # the interpreter's precision is its floats'; integers join it
            return x if x.dtype.kind == "f" else x.astype(np.float64)
        return x.astype(self.target.value)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        if self.target is DType.float32 and t.dtype(DType.float32) == "torch.float32":
            return f"{inputs[0]}.float()"
        return f"{inputs[0]}.to({t.dtype(self.target)})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        codes = {
            DType.float32: 1,
            DType.uint8: 2,
            DType.int8: 3,
            DType.int32: 6,
            DType.int64: 7,
            DType.bool_: 9,
            DType.float16: 10,
            DType.float64: 11,
            DType.bfloat16: 16,
        }
        return g.op("Cast", inputs[0], to=codes[self.target])
