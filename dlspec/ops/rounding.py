"""Floats to whole numbers (which stay floats), and signs. Their slope is 0 wherever they have
one, so nothing is learned through them."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np

from dlspec.ops.base import OnnxBuilder
from dlspec.ops.elementwise import NUMBERS, Unary, scalar


class Floor(Unary):
    """The largest whole number that is not above x."""

    name = "floor"
    word = "floor"
    kind = "Floor"

    def reference(self, *inputs: Any) -> Any:
        return np.floor(inputs[0])


class Ceil(Unary):
    """The smallest whole number that is not below x."""

    name = "ceil"
    word = "ceil"
    kind = "Ceil"

    def reference(self, *inputs: Any) -> Any:
        return np.ceil(inputs[0])


class Round(Unary):
    """The nearest whole number, the even one of two that are equally near (IEEE 754), as in Python:
    0.5 gives 0, 1.5 and 2.5 give 2."""

    name = "round"
    word = "round"
    kind = "Round"

    def reference(self, *inputs: Any) -> Any:
        return np.rint(inputs[0])


class Trunc(Unary):
    """x without its fraction: the whole number next to it towards zero."""

    name = "trunc"
    word = "trunc"

    def reference(self, *inputs: Any) -> Any:
        return np.trunc(inputs[0])

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        x = inputs[0]
        return g.op("Where", g.op("Less", x, scalar(g, 0)), g.op("Ceil", x), g.op("Floor", x))


class Sign(Unary):
    """1 where x is positive, -1 where it is negative, 0 at 0 (and of NaN)."""

    name = "sign"
    word = "sign"
    kind = "Sign"
    kinds = NUMBERS
    promotion: ClassVar[Literal["none", "common", "float"]] = "common"
    samples = (({}, {"x": ("N", 3)}), ({}, {"x": ("int64", ("N",))}))

    def reference(self, *inputs: Any) -> Any:
        return np.where(np.isnan(inputs[0]), 0, np.sign(inputs[0])).astype(inputs[0].dtype)
