"""Arithmetic, element by element."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np

from dlspec.ops.base import OnnxBuilder, TorchContext
from dlspec.ops.elementwise import Binary, Unary

_PAIR = (
    ({}, {"a": ("N", 3), "b": ("N", 3)}),
    ({}, {"a": ("N", 1, 4), "b": (2, 1)}),
    ({}, {"a": ("N", 3), "b": ()}),
)


class Add(Binary):
    """``y = a + b``, broadcasting."""

    name = "add"
    symbol = "+"
    kind = "Add"
    samples = _PAIR

    def reference(self, *inputs: Any) -> Any:
        return inputs[0] + inputs[1]


class Sub(Binary):
    """``y = a - b``, broadcasting."""

    name = "sub"
    symbol = "-"
    kind = "Sub"
    samples = _PAIR

    def reference(self, *inputs: Any) -> Any:
        return inputs[0] - inputs[1]


class Mul(Binary):
    """``y = a * b``, broadcasting."""

    name = "mul"
    symbol = "*"
    kind = "Mul"
    samples = _PAIR

    def reference(self, *inputs: Any) -> Any:
        return inputs[0] * inputs[1]


class Div(Binary):
    """``y = a / b``, broadcasting; integers give floats."""

    name = "div"
    symbol = "/"
    kind = "Div"
    promotion: ClassVar[Literal["none", "common", "float"]] = "float"
    samples = _PAIR

    def reference(self, *inputs: Any) -> Any:
        return inputs[0] / inputs[1]


class Pow(Binary):
    """``y = a ** b``, broadcasting."""

    name = "pow"
    symbol = "**"
    kind = "Pow"
    promotion: ClassVar[Literal["none", "common", "float"]] = "float"
    samples = (({}, {"a": ("N", 3), "b": ()}),)

    def reference(self, *inputs: Any) -> Any:
        return inputs[0] ** inputs[1]


class Maximum(Binary):
    """The larger of two, element by element, broadcasting."""

    name = "maximum"
    kind = "Max"
    samples = (({}, {"a": ("N", 3), "b": ("N", 3)}),)

    def reference(self, *inputs: Any) -> Any:
        return np.maximum(inputs[0], inputs[1])

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"torch.maximum({inputs[0]}, {inputs[1]})"


class Minimum(Binary):
    """The smaller of two, element by element, broadcasting."""

    name = "minimum"
    kind = "Min"
    samples = (({}, {"a": ("N", 3), "b": ("N", 3)}),)

    def reference(self, *inputs: Any) -> Any:
        return np.minimum(inputs[0], inputs[1])

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"torch.minimum({inputs[0]}, {inputs[1]})"


class Neg(Unary):
    """``y = -x``."""

    name = "neg"
    kind = "Neg"
    promotion: ClassVar[Literal["none", "common", "float"]] = "common"

    def reference(self, *inputs: Any) -> Any:
        return -inputs[0]

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"(-{inputs[0]})"


class Exp(Unary):
    """``y = e ** x``."""

    name = "exp"
    kind = "Exp"

    def reference(self, *inputs: Any) -> Any:
        return np.exp(inputs[0])

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"{inputs[0]}.exp()"


class Log(Unary):
    """The natural logarithm; ``-inf`` at 0."""

    name = "log"
    kind = "Log"

    def reference(self, *inputs: Any) -> Any:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log(inputs[0])

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"{inputs[0]}.log()"


class Sqrt(Unary):
    """The square root."""

    name = "sqrt"
    kind = "Sqrt"

    def reference(self, *inputs: Any) -> Any:
        with np.errstate(invalid="ignore"):
            return np.sqrt(inputs[0])

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"{inputs[0]}.sqrt()"


class Abs(Unary):
    """``y = |x|``."""

    name = "abs"
    kind = "Abs"

    def reference(self, *inputs: Any) -> Any:
        return np.abs(inputs[0])

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"{inputs[0]}.abs()"
