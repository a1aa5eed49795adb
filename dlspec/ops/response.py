"""Normalisation by the size of neighbouring values."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.shapes import InvalidSetting, RankMismatch
from dlspec.ir.types import TensorType
from dlspec.ops.base import OnnxBuilder, Op, TorchContext, refuse_lengths
from dlspec.ops.elementwise import FLOATS, check_numbers, scalar
from dlspec.ops.settings import axis_of, number, whole


class Lrn(Op):
    """Local response normalisation: ``y[c] = x[c] / (k + alpha / size * sum of x[j] ** 2) ** beta``
    over the ``size`` channels j around c. Krizhevsky et al. 2012.

    Alpha is divided by ``size``, as in PyTorch and ONNX (not in the paper, whose 1e-4 over 5
    channels is `lrn(5, 5e-4, 0.75, 2)`). An even size has no middle, and each its own side.
    """

    name = "lrn"
    signature = "(x: float[n, c, *s]) -> (y: float[n, c, *s])"
    size: int = 5
    alpha: float = 1e-4
    beta: float = 0.75
    k: float = 1.0
    samples = (
        ({}, {"x": ("N", 7, 2, 3)}),
        ({"size": 3, "alpha": 0.5, "beta": 0.5, "k": 2.0}, {"x": ("N", 4, 3, 2)}),
        ({"size": 3, "alpha": 0.9}, {"x": ("N", 2, 5)}),
        ({"size": 5, "alpha": 0.9}, {"x": ("N", 6, 2, 2, 2)}),
        ({"size": 1, "alpha": 0.9}, {"x": ("N", 3, 2, 2)}),
    )

    def __post_init__(self) -> None:
        if whole(self.name, "size", self.size) % 2 == 0:
            raise DlspecError(
                InvalidSetting(
                    None, self.name, setting="size", value=str(self.size), expected="an odd number"
                )
            )
        for setting in ("alpha", "beta", "k"):
            number(self.name, setting, getattr(self, setting), 0)

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """The type of x."""
        x = inputs[0]
        assert x is not None
        check_numbers(self, x, *FLOATS)
        if x.rank < 3:
            raise DlspecError(
                RankMismatch(
                    None,
                    self.name,
                    operand="x",
                    actual=str(x),
                    rank=x.rank,
                    expected="N, channels, and spatial",
                )
            )
        return (x,)

    def reference(self, *inputs: Any) -> Any:
        x = inputs[0]
        squares, half, count = x * x, self.size // 2, x.shape[1]
        total = np.zeros_like(x)
        for step in range(-half, half + 1):
            into = slice(max(0, -step), count - max(0, step))
            source = slice(max(0, step), count - max(0, -step))
            if into.start < into.stop:
                total[:, into] += squares[:, source]
        return x / (self.k + self.alpha / self.size * total) ** self.beta

    def torch(self, t: TorchContext, *inputs: str) -> str:
        rest = f"{self.alpha}, {self.beta}, {self.k}"
        return f"F.local_response_norm({inputs[0]}, {self.size}, {rest})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        # written out: ONNX Runtime's LRN keeps a running sum of squares, adding one and taking one
        # away, so that a large neighbour's rounding stays in the sums of small ones
        x, half = inputs[0], self.size // 2
        flat = g.op("Reshape", g.op("Mul", x, x), g.constant(np.array([0, 0, -1], np.int64)))
        squares = g.op("Unsqueeze", flat, g.constant(np.array([1], np.int64)))  # [N, 1, C, places]
        means = g.op(
            "AveragePool",
            squares,
            kernel_shape=[self.size, 1],
            pads=[half, 0, half, 0],
            count_include_pad=1,
        )
        means = g.op("Reshape", means, g.shape(x))

        def number_of(value: float) -> str:
            return g.constant(np.array(value, np.float32))

        scale = g.op("Add", g.op("Mul", means, number_of(self.alpha)), number_of(self.k))
        return g.op("Div", x, g.op("Pow", scale, number_of(self.beta)))


class Normalize(Op):
    """``y = x / max(|x|, epsilon)`` along an axis (the last), |x| its Euclidean length."""

    name = "normalize"
    signature = "(x: any[*s]) -> (y: any[*s])"
    promotion = "float"
    ragged = "reduce"
    range = 1.0
    axis: int = -1
    epsilon: float = 1e-12
    samples = (
        ({}, {"x": ("N", 5)}),
        ({"axis": 1}, {"x": ("N", 3, 4)}),
        ({"epsilon": 8.0}, {"x": ("N", 5)}),
    )

    def __post_init__(self) -> None:
        number(self.name, "epsilon", self.epsilon, 0)

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """The type of x."""
        x = inputs[0]
        assert x is not None
        check_numbers(self, x, *FLOATS)
        refuse_lengths(self, inputs, (axis_of(self.name, self.axis, x),))
        return (x,)

    def reference(self, *inputs: Any) -> Any:
        x = inputs[0]
        length = np.sqrt(np.sum(x * x, axis=self.axis, keepdims=True))
        return x / np.maximum(length, self.epsilon)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"F.normalize({inputs[0]}, dim={self.axis}, eps={self.epsilon})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        axis = g.constant(np.array([self.axis], np.int64))
        length = g.op("ReduceL2", inputs[0], axis, keepdims=1)
        return g.op("Div", inputs[0], g.op("Max", length, scalar(g, self.epsilon)))
