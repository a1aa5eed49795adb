"""Trigonometric and hyperbolic functions, element by element; angles are in radians."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlspec.ops.elementwise import Unary


class Sin(Unary):
    """The sine, between -1 and 1."""

    name = "sin"
    word = "sin"
    kind = "Sin"
    range = 1.0

    def reference(self, *inputs: Any) -> Any:
        return np.sin(inputs[0])


class Cos(Unary):
    """The cosine, between -1 and 1."""

    name = "cos"
    word = "cos"
    kind = "Cos"
    range = 1.0

    def reference(self, *inputs: Any) -> Any:
        return np.cos(inputs[0])


class Tan(Unary):
    """The tangent, ``sin x / cos x``."""

    name = "tan"
    word = "tan"
    kind = "Tan"
    range = 1.0

    def reference(self, *inputs: Any) -> Any:
        return np.tan(inputs[0])


class Asin(Unary):
    """The angle from -π/2 to π/2 whose sine is x; NaN outside of -1 to 1."""

    name = "asin"
    word = "asin"
    kind = "Asin"

    def reference(self, *inputs: Any) -> Any:
        return np.arcsin(inputs[0])


class Acos(Unary):
    """The angle from 0 to π whose cosine is x; NaN outside of -1 to 1."""

    name = "acos"
    word = "acos"
    kind = "Acos"

    def reference(self, *inputs: Any) -> Any:
        return np.arccos(inputs[0])


class Atan(Unary):
    """The angle from -π/2 to π/2 whose tangent is x."""

    name = "atan"
    word = "atan"
    kind = "Atan"

    def reference(self, *inputs: Any) -> Any:
        return np.arctan(inputs[0])


class Sinh(Unary):
    """The hyperbolic sine, ``(e ** x - e ** -x) / 2``."""

    name = "sinh"
    word = "sinh"
    kind = "Sinh"

    def reference(self, *inputs: Any) -> Any:
        return np.sinh(inputs[0])


class Cosh(Unary):
    """The hyperbolic cosine, ``(e ** x + e ** -x) / 2``, from 1."""

    name = "cosh"
    word = "cosh"
    kind = "Cosh"

    def reference(self, *inputs: Any) -> Any:
        return np.cosh(inputs[0])


class Asinh(Unary):
    """The inverse of the hyperbolic sine."""

    name = "asinh"
    word = "asinh"
    kind = "Asinh"

    def reference(self, *inputs: Any) -> Any:
        return np.arcsinh(inputs[0])


class Acosh(Unary):
    """The inverse of the hyperbolic cosine; NaN below 1."""

    name = "acosh"
    word = "acosh"
    kind = "Acosh"

    def reference(self, *inputs: Any) -> Any:
        return np.arccosh(inputs[0])


class Atanh(Unary):
    """The inverse of the hyperbolic tangent; NaN outside of -1 to 1."""

    name = "atanh"
    word = "atanh"
    kind = "Atanh"

    def reference(self, *inputs: Any) -> Any:
        return np.arctanh(inputs[0])
