"""Activations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from dlspec.ir.types import TensorType
from dlspec.ops.base import Array, OnnxBuilder, Op, TorchContext, refuse_lengths
from dlspec.ops.elementwise import Unary
from dlspec.ops.error_function import erfc
from dlspec.ops.settings import axis_of, number, one_of


class Relu(Unary):
    """The rectifier, ``y = max(0, x)``. Nair & Hinton 2010."""

    name = "relu"
    kind = "Relu"

    def reference(self, *inputs: Any) -> Any:
        return np.maximum(inputs[0], 0)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"F.relu({inputs[0]})"


class Sigmoid(Unary):
    """The logistic function, ``y = 1 / (1 + e ** -x)``, between 0 and 1."""

    name = "sigmoid"
    kind = "Sigmoid"
    range = 1.0

    def reference(self, *inputs: Any) -> Any:
        x = inputs[0]
        # the exponent is never positive, so nothing overflows
        e = np.exp(-np.abs(x))
        return np.where(x >= 0, 1 / (1 + e), e / (1 + e))

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"torch.sigmoid({inputs[0]})"


class Tanh(Unary):
    """The hyperbolic tangent, between -1 and 1."""

    name = "tanh"
    kind = "Tanh"
    range = 1.0

    def reference(self, *inputs: Any) -> Any:
        return np.tanh(inputs[0])

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"torch.tanh({inputs[0]})"


class Softplus(Unary):
    """``y = log(1 + e ** x)``, a smooth rectifier."""

    name = "softplus"
    kind = "Softplus"

    def reference(self, *inputs: Any) -> Any:
        return np.logaddexp(inputs[0], 0)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        # PyTorch leaves the logarithm out above a threshold; from 40 on no float64 shows it
        return f"F.softplus({inputs[0]}, threshold=40)"


class Gelu(Unary):
    """The Gaussian error linear unit, ``y = x Φ(x)``, Φ the normal distribution function. Hendrycks
    & Gimpel 2016.

    With ``approximate = "tanh"`` it is ``x / 2 (1 + tanh(sqrt(2 / π) (x + 0.044715 x ** 3)))``.
    """

    name = "gelu"
    range = 1.0  # engines compute Φ to an absolute error, which shows where it is small
    approximate: str = "none"
    samples = (
        *Unary.samples,
        ({"approximate": "tanh"}, {"x": ("N", 3)}),
    )

    def __post_init__(self) -> None:
        one_of(self.name, "approximate", self.approximate, ("none", "tanh"))

    def reference(self, *inputs: Any) -> Any:
        x = inputs[0]
        if self.approximate == "tanh":
            return x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
        # erfc keeps the digits of Φ far below 0, where 1 + erf(x) has none left
        return x * (erfc(-x / math.sqrt(2)).astype(x.dtype) / 2)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        form = ', approximate="tanh"' if self.approximate == "tanh" else ""
        return f"F.gelu({inputs[0]}{form})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        return g.op("Gelu", inputs[0], approximate=self.approximate)


class LeakyRelu(Unary):
    """``y = x`` where x is positive, else ``slope * x``. Maas et al. 2013."""

    name = "leaky_relu"
    slope: float = 0.01

    def __post_init__(self) -> None:
        number(self.name, "slope", self.slope)

    samples = (({}, {"x": ("N", 3)}), ({"slope": 0.2}, {"x": ("N", 3)}))

    def reference(self, *inputs: Any) -> Any:
        return np.where(inputs[0] >= 0, inputs[0], self.slope * inputs[0])

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"F.leaky_relu({inputs[0]}, {self.slope})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        return g.op("LeakyRelu", inputs[0], alpha=float(self.slope))


def _exp_of_shifted(x: Array, axis: int) -> tuple[Array, Array]:
    shifted = x - x.max(axis=axis, keepdims=True)
    return shifted, np.exp(shifted)


def onnx_along(g: OnnxBuilder, kind: str, x: str, axis: int) -> str:
    """An ONNX op that normalises along an axis; of a vector by itself TensorRT takes none, so that
    it gets a second axis for the time."""
    given = g.input_types[0]
    assert given is not None
    if given.rank > 1:
        return g.op(kind, x, axis=axis)
    first = g.constant(np.array([0], dtype=np.int64))
    return g.op("Squeeze", g.op(kind, g.op("Unsqueeze", x, first), axis=-1), first)


class Softmax(Op):
    """``y_i = e ** x_i / sum_j e ** x_j`` along an axis (the last)."""

    name = "softmax"
    signature = "(x: float[*s]) -> (y: float[*s])"
    promotion = "float"
    ragged = "reduce"
    range = 1.0
    axis: int = -1
    samples = (
        ({}, {"x": ("N", 5)}),
        ({"axis": 1}, {"x": ("N", 3, 4)}),
        ({}, {"x": (5,)}),
    )

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """The same type; the axis must be there."""
        result = super().infer(*inputs)
        refuse_lengths(self, inputs, (axis_of(self.name, self.axis, result[0]),))
        return result

    def reference(self, *inputs: Any) -> Any:
        _, e = _exp_of_shifted(inputs[0], self.axis)
        return e / e.sum(axis=self.axis, keepdims=True)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"F.softmax({inputs[0]}, dim={self.axis})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        return onnx_along(g, "Softmax", inputs[0], self.axis)


class Softmin(Softmax):
    """Softmax of the negated numbers, ``y_i = e ** -x_i / sum_j e ** -x_j``, along an axis (the
    last)."""

    name = "softmin"

    def reference(self, *inputs: Any) -> Any:
        return super().reference(-inputs[0])

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"F.softmin({inputs[0]}, dim={self.axis})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        return onnx_along(g, "Softmax", g.op("Neg", inputs[0]), self.axis)


class LogSoftmax(Softmax):
    """The logarithm of softmax along an axis (the last), without its loss of digits."""

    name = "log_softmax"
    range = 1.0  # the logarithm of a sum near 1 is as far off as the sum

    def reference(self, *inputs: Any) -> Any:
        shifted, e = _exp_of_shifted(inputs[0], self.axis)
        return shifted - np.log(e.sum(axis=self.axis, keepdims=True))

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"F.log_softmax({inputs[0]}, dim={self.axis})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        return onnx_along(g, "LogSoftmax", inputs[0], self.axis)
