"""Losses and metrics. Each keeps its examples, so that they can be weighted; a recipe takes the mean."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.shapes import BroadcastMismatch, InvalidSetting
from dlspec.ir.types import DType, TensorType
from dlspec.ops.base import OnnxBuilder, Op, TorchContext
from dlspec.ops.settings import number


class CrossEntropy(Op):
    """``-log softmax(logits)[label]`` for each example; the class axis is the last.

    With ``smoothing`` s the target is ``1 - s`` on the label plus ``s / classes`` on every class. Szegedy et al. 2016.
    """

    name = "cross_entropy"
    signature = "(logits: float[*b, classes], label: int[*b]) -> (y: float[*b])"
    smoothing: float = 0.0
    samples = (
        ({}, {"logits": ("N", 5), "label": ("int64", ("N",))}),
        ({"smoothing": 0.1}, {"logits": ("N", 4, 5), "label": ("int64", ("N", 4))}),
    )

    def __post_init__(self) -> None:
        if not 0 <= number(self.name, "smoothing", self.smoothing) < 1:
            raise DlspecError(
                InvalidSetting(
                    None,
                    self.name,
                    setting="smoothing",
                    value=str(self.smoothing),
                    expected="from 0 up to, not including, 1",
                )
            )

    def reference(self, *inputs: Any) -> Any:
        logits, label = inputs
        shifted = logits - logits.max(axis=-1, keepdims=True)
        log_p = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
        hit = np.take_along_axis(log_p, label[..., None].astype(np.int64), axis=-1)[..., 0]
        return -(1 - self.smoothing) * hit - self.smoothing * log_p.mean(axis=-1)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        kind = t.input_types[0]
        assert kind is not None
        smoothing = f", label_smoothing={self.smoothing}" if self.smoothing else ""
        logits = inputs[0] if kind.rank == 2 else f"{inputs[0]}.movedim(-1, 1)"
        return f'F.cross_entropy({logits}, {inputs[1]}, reduction="none"{smoothing})'

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        last = g.constant(np.array([-1], dtype=np.int64))
        log_p = g.op("LogSoftmax", inputs[0], axis=-1)
        hit = g.op("GatherElements", log_p, g.op("Unsqueeze", inputs[1], last), axis=-1)
        loss = g.op("Neg", g.op("Squeeze", hit, last))
        if not self.smoothing:
            return loss
        share = g.constant(np.array(self.smoothing, dtype=np.float32))
        rest = g.constant(np.array(1 - self.smoothing, dtype=np.float32))
        even = g.op("Neg", g.op("ReduceMean", log_p, last, keepdims=0))
        return g.op("Add", g.op("Mul", rest, loss), g.op("Mul", share, even))


class Mse(Op):
    """The squared difference, its mean over all axes but N."""

    name = "mse"
    signature = "(a: float[n, *s], b: float[n, *s]) -> (y: float[n])"
    promotion = "float"
    samples = (({}, {"a": ("N", 3), "b": ("N", 3)}), ({}, {"a": ("N",), "b": ("N",)}))

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """One number for each example; equal shapes, since a broadcast here is nearly always a slip."""
        a, b = inputs
        assert a is not None and b is not None
        if a.shape != b.shape:
            raise DlspecError(
                BroadcastMismatch(
                    None,
                    self.name,
                    left=str(a),
                    right=str(b),
                    axis=-1,
                    left_dim=str(a.shape[-1]) if a.rank else "none",
                    right_dim=str(b.shape[-1]) if b.rank else "none",
                )
            )
        return (a.with_shape(a.shape[:1]),)

    def reference(self, *inputs: Any) -> Any:
        square = (inputs[0] - inputs[1]) ** 2
        return square.mean(axis=tuple(range(1, square.ndim))) if square.ndim > 1 else square

    def torch(self, t: TorchContext, *inputs: str) -> str:
        kind = t.input_types[0]
        assert kind is not None
        square = f"({inputs[0]} - {inputs[1]}).square()"
        return square if kind.rank <= 1 else f"{square}.flatten(1).mean(dim=1)"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        kind = g.input_types[0]
        assert kind is not None
        difference = g.op("Sub", *inputs)
        square = g.op("Mul", difference, difference)
        if kind.rank <= 1:
            return square
        axes = g.constant(np.arange(1, kind.rank, dtype=np.int64))
        return g.op("ReduceMean", square, axes, keepdims=0)


class Accuracy(Op):
    """1 where the largest score is the label's, else 0, for each example."""

    name = "accuracy"
    signature = "(scores: float[*b, classes], label: int[*b]) -> (y: float32[*b])"
    samples = (({}, {"scores": ("N", 5), "label": ("int64", ("N",))}),)

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """One number for each example."""
        result = super().infer(*inputs)
        return (result[0].with_dtype(DType.float32),)

    def reference(self, *inputs: Any) -> Any:
        return (inputs[0].argmax(axis=-1) == inputs[1]).astype(np.float64)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"({inputs[0]}.argmax(dim=-1) == {inputs[1]}).to({t.dtype(DType.float32)})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        best = g.op("ArgMax", inputs[0], axis=-1, keepdims=0)
        return g.op("Cast", g.op("Equal", best, inputs[1]), to=1)
