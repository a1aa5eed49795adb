"""Arithmetic, element by element."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.shapes import InvalidSetting
from dlspec.ir.types import TensorType
from dlspec.ops.base import OnnxBuilder, TorchContext
from dlspec.ops.elementwise import FLOATS, NUMBERS, Binary, Unary
from dlspec.ops.settings import number

_PAIR = (
    ({}, {"a": ("N", 3), "b": ("N", 3)}),
    ({}, {"a": ("N", 1, 4), "b": (2, 1)}),
    ({}, {"a": ("N", 3), "b": ()}),
    ({}, {"a": ("int64", ("N", 3)), "b": ("int64", (3,))}),
)
_FLOAT_PAIR = _PAIR[:3]
_ONE = (({}, {"x": ("N", 3)}), ({}, {"x": ("int64", ("N",))}))


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
    kinds = FLOATS
    promotion: ClassVar[Literal["none", "common", "float"]] = "float"
    samples = _FLOAT_PAIR

    def reference(self, *inputs: Any) -> Any:
        return inputs[0] / inputs[1]


class Mod(Binary):
    """The remainder of ``a // b``; it has the sign of b, as in Python."""

    name = "mod"
    symbol = "%"
    samples = _PAIR

    def reference(self, *inputs: Any) -> Any:
        return np.mod(inputs[0], inputs[1])

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        a, b = inputs
        if not g.output_types[0].dtype.is_float:
            return g.op("Mod", a, b, fmod=0)
        rest, wrong = _c_remainder(g, a, b)
        return g.op("Where", wrong, g.op("Add", rest, b), rest)


class FloorDiv(Binary):
    """``y = floor(a / b)``, broadcasting; integers stay integers."""

    name = "floor_div"
    symbol = "//"
    samples = _PAIR

    def reference(self, *inputs: Any) -> Any:
        return np.floor_divide(inputs[0], inputs[1])

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        a, b = inputs
        dtype = g.output_types[0].dtype
        if not dtype.is_float:
            # ONNX cuts off towards zero; without its remainder the division leaves none to cut
            return g.op("Div", g.op("Sub", a, g.op("Mod", a, b, fmod=0)), b)
        # as Python does: what C's remainder leaves divides without one, and is one too large where
        # signs differ; a quotient by an infinity stays finite, and one by zero is that of `/`
        rest, wrong = _c_remainder(g, a, b)
        zero, one = (g.constant(np.array(n, dtype=dtype.value)) for n in (0, 1))
        whole = g.op("Round", g.op("Div", g.op("Sub", a, rest), b))
        floor = g.op("Where", wrong, g.op("Sub", whole, one), whole)
        return g.op("Where", g.op("Equal", b, zero), g.op("Div", a, b), floor)


def _c_remainder(g: OnnxBuilder, a: str, b: str) -> tuple[str, str]:
    """C's fmod of floats, the only one that ONNX knows, and where its sign, which is a's, is not
    b's."""
    zero = g.constant(np.zeros((), dtype=g.output_types[0].dtype.value))
    rest = g.op("Mod", a, b, fmod=1)
    differ = g.op("Xor", g.op("Less", rest, zero), g.op("Less", b, zero))
    return rest, g.op("And", differ, g.op("Not", g.op("Equal", rest, zero)))


class Pow(Binary):
    """``y = a ** b``, broadcasting."""

    name = "pow"
    symbol = "**"
    kind = "Pow"
    kinds = FLOATS
    promotion: ClassVar[Literal["none", "common", "float"]] = "float"
    samples = (({}, {"a": ("N", 3), "b": ()}),)

    def reference(self, *inputs: Any) -> Any:
        return inputs[0] ** inputs[1]


class Maximum(Binary):
    """The larger of two, element by element, broadcasting."""

    name = "maximum"
    kind = "Max"
    samples = _PAIR

    def reference(self, *inputs: Any) -> Any:
        return np.maximum(inputs[0], inputs[1])

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"torch.maximum({inputs[0]}, {inputs[1]})"


class Minimum(Binary):
    """The smaller of two, element by element, broadcasting."""

    name = "minimum"
    kind = "Min"
    samples = _PAIR

    def reference(self, *inputs: Any) -> Any:
        return np.minimum(inputs[0], inputs[1])

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"torch.minimum({inputs[0]}, {inputs[1]})"


class Neg(Unary):
    """``y = -x``."""

    name = "neg"
    kind = "Neg"
    kinds = NUMBERS
    samples = _ONE
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
    kinds = NUMBERS
    promotion: ClassVar[Literal["none", "common", "float"]] = "common"
    samples = _ONE

    def reference(self, *inputs: Any) -> Any:
        return np.abs(inputs[0])

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"{inputs[0]}.abs()"


class Clip(Unary):
    """``y = min(max(x, low), high)``; an end that is not given is open."""

    name = "clip"
    kinds = NUMBERS
    promotion: ClassVar[Literal["none", "common", "float"]] = "common"
    low: float | None = None
    high: float | None = None
    samples = (
        ({"low": -0.5, "high": 0.5}, {"x": ("N", 3)}),
        ({"low": 0.0}, {"x": ("N", 3)}),
        ({"low": -1.0, "high": 1}, {"x": ("int64", ("N",))}),
    )

    def __post_init__(self) -> None:
        ends = [
            number(self.name, n, v)
            for n, v in (("low", self.low), ("high", self.high))
            if v is not None
        ]
        if not ends or ends != sorted(ends):
            raise DlspecError(
                InvalidSetting(
                    None,
                    self.name,
                    setting="low, high",
                    value=f"{self.low}, {self.high}".replace("None", "none"),
                    expected="at least one of them, and low not above high",
                )
            )

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """The type of x; integers take no fractions."""
        result = super().infer(*inputs)
        for setting, end in (("low", self.low), ("high", self.high)):
            if end is not None and end % 1 and not result[0].dtype.is_float:
                raise DlspecError(
                    InvalidSetting(
                        None,
                        self.name,
                        setting=setting,
                        value=str(end),
                        expected=f"a whole number for a tensor of {result[0].dtype}",
                    )
                )
        return result

    def reference(self, *inputs: Any) -> Any:
        x = inputs[0]
        x = x if self.low is None else np.maximum(x, np.asarray(self.low, dtype=x.dtype))
        return x if self.high is None else np.minimum(x, np.asarray(self.high, dtype=x.dtype))

    def torch(self, t: TorchContext, *inputs: str) -> str:
        # a float would make floats of integers
        kind = int if not t.output_types[0].dtype.is_float else float
        given = (("min", self.low), ("max", self.high))
        ends = [f"{n}={kind(v)}" for n, v in given if v is not None]
        return f"{inputs[0]}.clamp({', '.join(ends)})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        dtype = g.output_types[0].dtype.value
        low, high = (
            "" if e is None else g.constant(np.array(e, dtype=dtype)) for e in (self.low, self.high)
        )
        if low and high:
            return g.op("Clip", inputs[0], low, high)
        # with an open end ONNX Runtime's Clip would cut an infinity to the largest finite number
        return g.op("Max", inputs[0], low) if low else g.op("Min", inputs[0], high)
