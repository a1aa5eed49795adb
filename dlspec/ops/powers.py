"""Powers, roots and logarithms beside `pow`, `exp`, `log` and `sqrt`, careful where those are
not."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np

from dlspec.ops.base import OnnxBuilder
from dlspec.ops.elementwise import NUMBERS, Unary, scalar


class Square(Unary):
    """``y = x * x``."""

    name = "square"
    word = "square"
    kinds = NUMBERS
    promotion: ClassVar[Literal["none", "common", "float"]] = "common"
    samples = (({}, {"x": ("N", 3)}), ({}, {"x": ("int64", ("N",))}))

    def reference(self, *inputs: Any) -> Any:
        return inputs[0] * inputs[0]

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        return g.op("Mul", inputs[0], inputs[0])


class Reciprocal(Unary):
    """``y = 1 / x``."""

    name = "reciprocal"
    word = "reciprocal"
    kind = "Reciprocal"

    def reference(self, *inputs: Any) -> Any:
        return 1 / inputs[0]


class Rsqrt(Unary):
    """``y = 1 / sqrt(x)``; infinite at 0, NaN below."""

    name = "rsqrt"
    word = "rsqrt"

    def reference(self, *inputs: Any) -> Any:
        return 1 / np.sqrt(inputs[0])

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        return g.op("Reciprocal", g.op("Sqrt", inputs[0]))


class Expm1(Unary):
    """``y = e ** x - 1``, with all digits also where x is small."""

    name = "expm1"
    word = "expm1"

    def reference(self, *inputs: Any) -> Any:
        return np.expm1(inputs[0])

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        # (e^x - 1) = tanh(x / 2) (e^x + 1): nothing cancels
        x = inputs[0]
        half = g.op("Tanh", g.op("Mul", x, scalar(g, 0.5)))
        return g.op("Mul", half, g.op("Add", g.op("Exp", x), scalar(g, 1)))


class Log1p(Unary):
    """``y = log(1 + x)``, with all digits also where x is small; ``-inf`` at -1, NaN below."""

    name = "log1p"
    word = "log1p"

    def reference(self, *inputs: Any) -> Any:
        return np.log1p(inputs[0])

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        # log u * x / (u - 1) for the rounded u = 1 + x: what the rounding took from the logarithm,
        # the quotient gives back (Higham 2002, 1.14.1)
        x = inputs[0]
        u = g.op("Add", x, scalar(g, 1))
        log = g.op("Log", u)
        rest = g.op("Sub", u, scalar(g, 1))
        small = g.op("Mul", log, g.op("Div", x, rest))
        exact = g.op("Where", g.op("Equal", rest, scalar(g, 0)), x, small)
        return g.op("Where", g.op("Less", g.op("Abs", x), scalar(g, 0.5)), exact, log)
