"""Losses and metrics. Each keeps its examples, so that they can be weighted; a recipe takes the
mean."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.shapes import BroadcastMismatch, InvalidSetting
from dlspec.ir.types import DType, TensorType
from dlspec.ops.base import Array, OnnxBuilder, Op, TorchContext
from dlspec.ops.elementwise import FLOATS, check_numbers
from dlspec.ops.settings import axis_of, number


class CrossEntropy(Op):
    """``-log softmax(logits)[label]`` for each example; the class axis is the last, or ``axis``.

    With ``smoothing`` s the target is ``1 - s`` on the label plus ``s / classes`` on every class.
    Szegedy et al. 2016.
    """

    name = "cross_entropy"
    signature = "(logits: float[*b, classes], label: int[*b]) -> (y: float[*b])"
    smoothing: float = 0.0
    axis: int = -1
    samples = (
        ({}, {"logits": ("N", 5), "label": ("int64", ("N",))}),
        ({"smoothing": 0.1}, {"logits": ("N", 4, 5), "label": ("int64", ("N", 4))}),
        ({"axis": 1}, {"logits": ("N", 5, 2), "label": ("uint8", ("N", 2))}),
        ({}, {"logits": (5,), "label": ("int64", ())}),
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

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """The logits' shape without the class axis, which the labels have."""
        logits, label = inputs
        assert logits is not None and label is not None
        axis = axis_of(self.name, self.axis, logits)
        order = [i for i in range(logits.rank) if i != axis] + [axis]
        return super().infer(logits.with_shape(logits.shape[i] for i in order), label)

    def reference(self, *inputs: Any) -> Any:
        logits, label = np.moveaxis(inputs[0], self.axis, -1), inputs[1]
        shifted = logits - logits.max(axis=-1, keepdims=True)
        log_p = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
        hit = np.take_along_axis(log_p, label[..., None].astype(np.int64), axis=-1)[..., 0]
        return -(1 - self.smoothing) * hit - self.smoothing * log_p.mean(axis=-1)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        kind, label_type = t.input_types
        assert kind is not None and label_type is not None
        smoothing = f", label_smoothing={self.smoothing}" if self.smoothing else ""
        axis = self.axis % kind.rank
        there = axis == min(1, kind.rank - 1)  # where PyTorch wants the classes
        logits = inputs[0] if there else f"{inputs[0]}.movedim({self.axis}, 1)"
        label = inputs[1] if label_type.dtype is DType.int64 else f"{inputs[1]}.long()"
        return f'F.cross_entropy({logits}, {label}, reduction="none"{smoothing})'

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        axis = g.constant(np.array([self.axis], dtype=np.int64))
        log_p = g.op("LogSoftmax", inputs[0], axis=self.axis)
        label = g.op("Unsqueeze", g.op("Cast", inputs[1], to=7), axis)
        loss = g.op(
            "Neg", g.op("Squeeze", g.op("GatherElements", log_p, label, axis=self.axis), axis)
        )
        if not self.smoothing:
            return loss
        share = g.constant(np.array(self.smoothing, dtype=np.float32))
        rest = g.constant(np.array(1 - self.smoothing, dtype=np.float32))
        even = g.op("Neg", g.op("ReduceMean", log_p, axis, keepdims=0))
        return g.op("Add", g.op("Mul", rest, loss), g.op("Mul", share, even))


class Difference(Op):
    """Base of losses on a prediction and a target of the same shape (or a number): the mean over
    all axes but N.

    Any other broadcast is refused: [N, 1] against [N] is nearly always a slip.
    """

    signature = "(prediction: float[*s], target: float[*t]) -> (y: float[*y])"
    promotion = "float"
    function: ClassVar[str] = ""
    samples: ClassVar[Any] = (
        ({}, {"prediction": ("N", 3), "target": ("N", 3)}),
        ({}, {"prediction": ("N",), "target": ("N",)}),
        ({}, {"prediction": ("N", 2, 3), "target": ()}),
    )

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """One number for each example."""
        prediction, target = inputs
        assert prediction is not None and target is not None
        for kind in (prediction, target):
            check_numbers(self, kind, *FLOATS)
        if target.rank and prediction.shape != target.shape:
            axis = -1
            while _size(prediction, axis) == _size(target, axis):
                axis -= 1
            raise DlspecError(
                BroadcastMismatch(
                    None,
                    self.name,
                    left=str(prediction),
                    right=str(target),
                    axis=axis,
                    left_dim=_size(prediction, axis),
                    right_dim=_size(target, axis),
                )
            )
        return (prediction.with_shape(prediction.shape[:1]),)

    def pointwise(self, prediction: Array, target: Array) -> Array:
        """The loss of each element."""
        raise TypeError(f"op {self.name} has no reference")

    def onnx_pointwise(self, g: OnnxBuilder, prediction: str, target: str) -> str:
        """The loss of each element in ONNX."""
        raise TypeError(f"op {self.name} has no ONNX lowering")

    def options(self) -> str:
        """Further arguments of PyTorch's function."""
        return ""

    def reference(self, *inputs: Any) -> Any:
        loss = self.pointwise(*inputs)
        return loss.mean(axis=tuple(range(1, loss.ndim))) if loss.ndim > 1 else loss

    def torch(self, t: TorchContext, *inputs: str) -> str:
        kind, target_type = t.input_types
        assert kind is not None and target_type is not None
        target = t.tensor(1)
        if target_type.rank != kind.rank:
            target = f"{target}.expand_as({inputs[0]})"
        loss = f'F.{self.function}({t.tensor(0)}, {target}, reduction="none"{self.options()})'
        return loss if kind.rank <= 1 else f"{loss}.mean(dim={_rest(kind)})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        kind = g.input_types[0]
        assert kind is not None
        loss = self.onnx_pointwise(g, *inputs)
        if kind.rank <= 1:
            return loss
        axes = g.constant(np.arange(1, kind.rank, dtype=np.int64))
        return g.op("ReduceMean", loss, axes, keepdims=0)


def _size(kind: TensorType, axis: int) -> str:
    """A size as a message shows it, of an axis counted from the last."""
    return str(kind.shape[axis]) if -axis <= kind.rank else "missing"


def _rest(kind: TensorType) -> str:
    axes = tuple(range(1, kind.rank))
    return str(axes[0] if len(axes) == 1 else axes)


def _number(g: OnnxBuilder, value: float) -> str:
    return g.constant(np.array(value, dtype=g.output_types[0].dtype.value))


class Mse(Difference):
    """The squared difference, its mean over all axes but N."""

    name = "mse"
    function = "mse_loss"

    def pointwise(self, prediction: Array, target: Array) -> Array:
        return (prediction - target) ** 2

    def onnx_pointwise(self, g: OnnxBuilder, prediction: str, target: str) -> str:
        difference = g.op("Sub", prediction, target)
        return g.op("Mul", difference, difference)


class Huber(Difference):
    """Half the square of differences up to ``delta``, ``delta (|d| - delta / 2)`` of larger ones.
    Huber 1964."""

    name = "huber"
    function = "huber_loss"
    delta: float = 1.0
    samples = (
        *Difference.samples,
        ({"delta": 0.5}, {"prediction": ("N", 3), "target": ("N", 3)}),
    )

    def __post_init__(self) -> None:
        if number(self.name, "delta", self.delta) <= 0:
            raise DlspecError(
                InvalidSetting(
                    None, self.name, setting="delta", value=str(self.delta), expected="more than 0"
                )
            )

    def options(self) -> str:
        return "" if self.delta == 1 else f", delta={self.delta}"

    def pointwise(self, prediction: Array, target: Array) -> Array:
        size = np.abs(prediction - target)
        return np.where(size <= self.delta, size * size / 2, self.delta * (size - self.delta / 2))

    def onnx_pointwise(self, g: OnnxBuilder, prediction: str, target: str) -> str:
        size = g.op("Abs", g.op("Sub", prediction, target))
        half, delta = _number(g, 0.5), _number(g, self.delta)
        square = g.op("Mul", half, g.op("Mul", size, size))
        line = g.op("Mul", delta, g.op("Sub", size, _number(g, self.delta / 2)))
        return g.op("Where", g.op("LessOrEqual", size, delta), square, line)


class BinaryCrossEntropy(Difference):
    """``-target log p - (1 - target) log (1 - p)`` for probabilities p; logarithms end at -100, as
    in PyTorch."""

    name = "binary_cross_entropy"
    function = "binary_cross_entropy"

    def pointwise(self, prediction: Array, target: Array) -> Array:
        with np.errstate(divide="ignore"):
            yes = np.maximum(np.log(prediction), -100)
            no = np.maximum(np.log1p(-prediction), -100)
        return -(target * yes + (1 - target) * no)

    def onnx_pointwise(self, g: OnnxBuilder, prediction: str, target: str) -> str:
        one, floor = _number(g, 1), _number(g, -100)
        yes = g.op("Max", g.op("Log", prediction), floor)
        no = g.op("Max", g.op("Log", g.op("Sub", one, prediction)), floor)
        sum_ = g.op("Add", g.op("Mul", target, yes), g.op("Mul", g.op("Sub", one, target), no))
        return g.op("Neg", sum_)


class Accuracy(Op):
    """1 where the largest score is the label's, else 0, for each example."""

    name = "accuracy"
    signature = "(scores: float[*b, classes], label: int[*b]) -> (y: float32[*b])"
    samples = (
        ({}, {"scores": ("N", 5), "label": ("int64", ("N",))}),
        ({}, {"scores": ("N", 2, 5), "label": ("uint8", ("N", 2))}),
    )

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
        return g.op("Cast", g.op("Equal", best, g.op("Cast", inputs[1], to=7)), to=1)
