"""Losses and metrics on scores and labels. Each keeps its examples and steps: every axis but that
of the classes."""

from __future__ import annotations

from dataclasses import field
from typing import Any, ClassVar

import numpy as np

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.shapes import InvalidSetting
from dlspec.dims import Dim
from dlspec.ir.types import DType, TensorType
from dlspec.ops.activation import onnx_along
from dlspec.ops.base import Array, OnnxBuilder, Op, Ragged, TorchContext, refuse_lengths
from dlspec.ops.elementwise import scalar
from dlspec.ops.settings import axis_of, number, positive


class Labelled(Op):
    """Base of ops on scores and the label of each example: a whole number below the number of
    classes."""

    ragged: ClassVar[Ragged] = "pointwise"

    def class_axis(self, scores: TensorType) -> int:
        """Along which axis the classes stand."""
        return scores.rank - 1

    def class_count(self, scores: TensorType) -> Dim:
        """How many classes there are."""
        return scores.shape[self.class_axis(scores)]

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """The scores' shape without the class axis, which the labels have."""
        scores, label = inputs
        assert scores is not None and label is not None
        if not scores.rank:
            return super().infer(scores, label)  # refused
        axis = self.class_axis(scores)
        refuse_lengths(self, inputs[:1], (axis,))
        order = [i for i in range(scores.rank) if i != axis]
        ragged = frozenset(order.index(a) for a in scores.ragged) | label.ragged
        last = scores.with_shape([*(scores.shape[i] for i in order), scores.shape[axis]])
        (y,) = super().infer(last, label)
        return (TensorType(y.dtype, y.shape, ragged),)


class Weighted(Labelled):
    """Base of losses that are a negative log-probability of the label."""

    axis: int = -1
    weight: tuple[float, ...] | None = field(default=None, kw_only=True)
    ignore_index: int | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        for one in self.weight or ():
            number(self.name, "weight", one, 0)
        if self.ignore_index is not None and not isinstance(self.ignore_index, int):  # type: ignore[reportUnnecessaryIsInstance]
            raise self._wrong("ignore_index", str(self.ignore_index), "a whole number")

    def _wrong(self, setting: str, value: str, expected: str) -> DlspecError:
        return DlspecError(
            InvalidSetting(None, self.name, setting=setting, value=value, expected=expected)
        )

    def class_axis(self, scores: TensorType) -> int:
        return axis_of(self.name, self.axis, scores)

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """The scores' shape without the class axis, which the labels have."""
        scores = inputs[0]
        assert scores is not None
        if self.weight is not None and scores.rank and self.class_count(scores) != len(self.weight):
            expected = f"one for each class, and {scores} has {self.class_count(scores)}"
            raise self._wrong("weight", f"{len(self.weight)} numbers", expected)
        return super().infer(*inputs)

    # --- in NumPy ---------------------------------------------------------------------------------

    def chosen(self, log_p: Array, label: Array) -> tuple[Array, Array]:
        """The weighted negative log-probability of the labels along the last axis, and where it
        counts."""
        counts = np.ones(label.shape, bool)
        if self.ignore_index is not None:
            counts = label != self.ignore_index
        label = np.where(counts, label, 0).astype(np.int64)
        loss = -np.take_along_axis(log_p, label[..., None], axis=-1)[..., 0]
        if self.weight is not None:
            loss = loss * np.asarray(self.weight)[label]
        return np.where(counts, loss, 0), counts

    # --- in PyTorch -------------------------------------------------------------------------------

    def torch_scores(self, t: TorchContext, text: str) -> str:
        """The scores with their classes where PyTorch wants them, on axis 1."""
        kind = t.input_types[0]
        assert kind is not None
        there = self.axis % kind.rank == min(1, kind.rank - 1)
        return text if there else f"{text}.movedim({self.axis}, 1)"

    def torch_each(self, t: TorchContext, function: str, scores: str, label: str, more: str) -> str:
        """The call of a loss that has no mean. Scores of steps become rows: PyTorch would go
        through classes that are not its last axis many times slower."""
        kind, labelled = t.input_types
        assert kind is not None and labelled is not None
        if kind.rank > 2 and self.axis % kind.rank == kind.rank - 1 and kind.rank > labelled.rank:
            rows = f"{scores}.flatten(0, -2), {label}.flatten()"
            return f"F.{function}({rows}, {more}).view_as({label})"
        return f"F.{function}({self.torch_scores(t, scores)}, {label}, {more})"

    def torch_options(self, t: TorchContext) -> str:
        """Weights and what is ignored, as PyTorch's arguments."""
        text = ""
        if self.weight is not None:
            dtype = t.dtype(DType.float32).removeprefix("torch.")
            text += f", weight={t.constant(np.array(self.weight, dtype=dtype))}"
        return text if self.ignore_index is None else f"{text}, ignore_index={self.ignore_index}"

    # --- in ONNX ----------------------------------------------------------------------------------

    def onnx_chosen(self, g: OnnxBuilder, log_p: str, label: str) -> tuple[str, str]:
        """As `chosen`; "" where everything counts."""
        axis = g.constant(np.array([self.axis], dtype=np.int64))
        label, counts = g.op("Cast", label, to=7), ""
        if self.ignore_index is not None:
            ignored = g.op("Equal", label, g.constant(np.array(self.ignore_index, np.int64)))
            counts = g.op("Not", ignored)
            label = g.op("Where", counts, label, g.constant(np.array(0, np.int64)))
        there = g.op("GatherElements", log_p, g.op("Unsqueeze", label, axis), axis=self.axis)
        loss = g.op("Neg", g.op("Squeeze", there, axis))
        if self.weight is not None:
            weight = g.constant(np.array(self.weight, dtype=g.output_types[0].dtype.value))
            loss = g.op("Mul", loss, g.op("Gather", weight, label, axis=0))
        return (g.op("Where", counts, loss, scalar(g, 0)) if counts else loss), counts


_SCORES = {"logits": ("N", 5), "label": ("int64", ("N",))}


class CrossEntropy(Weighted):
    """``-log softmax(logits)[label]`` for each example; the class axis is the last, or ``axis``.

    With ``smoothing`` s the target is ``1 - s`` on the label plus ``s / classes`` on every class
    (Szegedy et al. 2016). ``weight`` has a factor for each class; a label of ``ignore_index`` gives
    0. A label may be probabilities p of the classes too, in the logits' shape: ``-sum p log
    softmax(logits)``.

    `minimize` takes the plain mean over examples; PyTorch's own divides by the sum of weights.
    """

    name = "cross_entropy"
    signature = "(logits: float[*b, classes], label: int[*b]) -> (y: float[*b])"
    range = 1.0  # the logarithm of a sum near 1 is as far off as the sum
    smoothing: float = 0.0
    samples = (
        ({}, _SCORES),
        ({"smoothing": 0.1}, {"logits": ("N", 4, 5), "label": ("int64", ("N", 4))}),
        ({"axis": 1}, {"logits": ("N", 5, 2), "label": ("uint8", ("N", 2))}),
        ({}, {"logits": (5,), "label": ("int64", ())}),
        ({"weight": (1, 2.0, 0.5, 0, 3)}, _SCORES),
        ({"weight": (1, 2.0, 0.5, 0, 3), "smoothing": 0.2, "ignore_index": 2}, _SCORES),
        ({"ignore_index": 3, "axis": 1}, {"logits": ("N", 5, 2), "label": ("int64", ("N", 2))}),
        ({}, {"logits": ("N", 5), "label": ("N", 5)}),
        (
            {"weight": (1, 2.0, 0.5, 0, 3), "smoothing": 0.2, "axis": 1},
            {"logits": ("N", 5, 2), "label": ("N", 5, 2)},
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= number(self.name, "smoothing", self.smoothing) < 1:
            raise self._wrong("smoothing", str(self.smoothing), "from 0 up to, not including, 1")

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """The logits' shape without the class axis, which the labels have."""
        logits, label = inputs
        assert logits is not None and label is not None
        if not (label.dtype.is_float and label.rank and label.shape == logits.shape):
            return super().infer(*inputs)
        if self.ignore_index is not None:
            wrong = "none where the labels are probabilities"
            raise self._wrong("ignore_index", str(self.ignore_index), wrong)
        axis = self.class_axis(logits)
        refuse_lengths(self, inputs, (axis,))
        shape = (*label.shape[:axis], *label.shape[axis + 1 :])
        ragged = frozenset(a - (a > axis) for a in label.ragged | logits.ragged)
        plain = TensorType(DType.int64, shape, ragged)
        return super().infer(logits, plain)

    def reference(self, *inputs: Any) -> Any:
        logits, label = np.moveaxis(inputs[0], self.axis, -1), inputs[1]
        shifted = logits - logits.max(axis=-1, keepdims=True)
        log_p = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
        s, weight = self.smoothing, np.asarray(1 if self.weight is None else self.weight)
        if label.dtype.kind == "f":
            label = np.moveaxis(label, self.axis, -1) * (1 - s) + s / log_p.shape[-1]
            return -(weight * label * log_p).sum(axis=-1)
        loss, counts = self.chosen(log_p, label)
        even = np.where(counts, -(weight * log_p).mean(axis=-1), 0)
        return (1 - s) * loss + s * even if s else loss

    def torch(self, t: TorchContext, *inputs: str) -> str:
        label_type = t.input_types[1]
        assert label_type is not None
        label = t.tensor(1)
        if label_type.dtype.is_float:
            label = self.torch_scores(t, label)
        elif label_type.dtype is not DType.int64:
            label = f"{label}.long()"
        smoothing = f", label_smoothing={self.smoothing}" if self.smoothing else ""
        options = f'reduction="none"{smoothing}{self.torch_options(t)}'
        return self.torch_each(t, "cross_entropy", inputs[0], label, options)

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        kinds = g.input_types
        assert kinds[0] is not None and kinds[1] is not None
        log_p = onnx_along(g, "LogSoftmax", inputs[0], self.axis)
        classes = kinds[0].shape[self.axis].value
        axes = g.constant(np.array([self.axis], dtype=np.int64))
        dtype, s = g.output_types[0].dtype.value, self.smoothing
        weighted = log_p
        if self.weight is not None:
            behind = kinds[0].rank - self.axis % kinds[0].rank - 1
            wide = np.array(self.weight, dtype=dtype).reshape(-1, *(1,) * behind)
            weighted = g.op("Mul", log_p, g.constant(wide))
        if kinds[1].dtype.is_float:
            label = inputs[1]
            if s:
                label = g.op("Mul", label, scalar(g, 1 - s))
                label = g.op("Add", label, self._share(g, log_p, classes, s))
            return g.op("Neg", g.op("ReduceSum", g.op("Mul", label, weighted), axes, keepdims=0))
        loss, counts = self.onnx_chosen(g, log_p, inputs[1])
        if not s:
            return loss
        even = g.op("Neg", g.op("ReduceMean", weighted, axes, keepdims=0))
        if counts:
            even = g.op("Where", counts, even, scalar(g, 0))
        return g.op("Add", g.op("Mul", scalar(g, 1 - s), loss), g.op("Mul", scalar(g, s), even))

    def _share(self, g: OnnxBuilder, log_p: str, classes: int | None, s: float) -> str:
        if classes is not None:
            return scalar(g, s / classes)
        place = g.constant(np.array(self.axis, dtype=np.int64))
        count = g.op("Cast", g.op("Gather", g.shape(log_p), place), to=1)
        return g.op("Div", scalar(g, s), count)


class Nll(Weighted):
    """``-log_p[label]`` for each example, the negative log-likelihood; the class axis is the last,
    or ``axis``.

    ``weight`` has a factor for each class; a label of ``ignore_index`` gives 0. Behind
    `log_softmax` it is `cross_entropy`.
    """

    name = "nll"
    signature = "(log_p: float[*b, classes], label: int[*b]) -> (y: float[*b])"
    samples = (
        ({}, {"log_p": ("N", 5), "label": ("int64", ("N",))}),
        ({"axis": 1}, {"log_p": ("N", 5, 2), "label": ("uint8", ("N", 2))}),
        (
            {"weight": (1, 2, 0.5, 0, 3), "ignore_index": 1},
            {"log_p": ("N", 4, 5), "label": ("int64", ("N", 4))},
        ),
        ({}, {"log_p": (5,), "label": ("int64", ())}),
    )

    def reference(self, *inputs: Any) -> Any:
        return self.chosen(np.moveaxis(inputs[0], self.axis, -1), inputs[1])[0]

    def torch(self, t: TorchContext, *inputs: str) -> str:
        label_type = t.input_types[1]
        assert label_type is not None
        label = t.tensor(1) if label_type.dtype is DType.int64 else f"{t.tensor(1)}.long()"
        options = f'reduction="none"{self.torch_options(t)}'
        return self.torch_each(t, "nll_loss", inputs[0], label, options)

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        return self.onnx_chosen(g, *inputs)[0]


class MultiMargin(Labelled):
    """The hinge loss of several classes, ``sum over i != label of max(0, margin - x[label] + x[i])
    ** p / classes``, for each example. Crammer & Singer 2001."""

    name = "multi_margin"
    signature = "(scores: float[*b, classes], label: int[*b]) -> (y: float[*b])"
    margin: float = 1.0
    p: int = 1
    samples = (
        ({}, {"scores": ("N", 5), "label": ("int64", ("N",))}),
        ({"margin": 0.5, "p": 2}, {"scores": ("N", 4, 5), "label": ("uint8", ("N", 4))}),
    )

    def __post_init__(self) -> None:
        positive(self.name, "margin", self.margin)
        if self.p not in (1, 2):
            raise DlspecError(
                InvalidSetting(None, self.name, setting="p", value=str(self.p), expected="1 or 2")
            )

    def reference(self, *inputs: Any) -> Any:
        scores, label = inputs[0], inputs[1].astype(np.int64)[..., None]
        loss = np.maximum(self.margin - np.take_along_axis(scores, label, axis=-1) + scores, 0)
        np.put_along_axis(loss, label, 0, axis=-1)
        return (loss**self.p).mean(axis=-1)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        label = f"{t.tensor(1)}.long().unsqueeze(-1)"
        loss = f"({self.margin} - {inputs[0]}.gather(-1, {label}) + {inputs[0]}).clamp(min=0)"
        power = "" if self.p == 1 else ".square()"
        return f"{loss}.scatter(-1, {label}, 0){power}.mean(dim=-1)"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        last = g.constant(np.array([-1], dtype=np.int64))
        label = g.op("Unsqueeze", g.op("Cast", inputs[1], to=7), last)
        own = g.op("GatherElements", inputs[0], label, axis=-1)
        rest = g.op("Add", g.op("Sub", scalar(g, self.margin), own), inputs[0])
        zeros = g.op("Expand", scalar(g, 0), g.shape(label))
        rest = g.op("ScatterElements", rest, label, zeros, axis=-1)
        loss = g.op("Max", rest, scalar(g, 0))
        loss = loss if self.p == 1 else g.op("Mul", loss, loss)
        return g.op("ReduceMean", loss, last, keepdims=0)


class Accuracy(Labelled):
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
