"""Likeness of vectors and of distributions. Each keeps all axes but the one that the vectors lie
along."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.shapes import DTypeMismatch
from dlspec.ir.types import TensorType
from dlspec.ops.base import Array, OnnxBuilder, Op, TorchContext, refuse_lengths
from dlspec.ops.elementwise import FLOATS, broadcast, check_numbers, scalar
from dlspec.ops.settings import axis_of, flag, number, positive

_PAIR = {"a": ("N", 3), "b": ("N", 3)}


class Likeness(Op):
    """Base: vectors along ``axis`` (the last) of tensors that broadcast."""

    promotion = "float"
    ragged = "reduce"

    def place(self) -> int:
        """The axis of the vectors."""
        return -1

    def vectors(self, inputs: Sequence[TensorType | None]) -> TensorType:
        """The common type without the axis of the vectors."""
        kinds = [k for k in inputs if k is not None]
        for position, kind in enumerate(kinds):
            if kind.dtype is not kinds[0].dtype or position == 0:
                check_numbers(self, kind, *FLOATS)
            if kind.dtype is not kinds[0].dtype:
                raise DlspecError(
                    DTypeMismatch(
                        None,
                        self.name,
                        operand=self.rule.tensors[position].name,
                        actual=str(kind.dtype),
                        expected=str(kinds[0].dtype),
                    )
                )
        shape, ragged = broadcast(self.name, *kinds)
        whole = TensorType(kinds[0].dtype, shape, ragged)
        axis = axis_of(self.name, self.place(), whole)
        for kind in kinds:  # counted from the end, an axis is the same one in all of them
            refuse_lengths(self, (kind,), (axis - len(shape) + kind.rank,))
        kept = [a for a in range(len(shape)) if a != axis]
        return TensorType(
            whole.dtype, tuple(shape[a] for a in kept), frozenset(kept.index(a) for a in ragged)
        )

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """The broadcast shape without the axis of the vectors."""
        return (self.vectors(inputs),)

    def last(self, g: OnnxBuilder) -> str:
        """The axis of the vectors as ONNX's reductions take it, counted from the end."""
        # the first two are vectors
        rank = max(k.rank for k in g.input_types[:2] if k is not None)
        axis = self.place() if self.place() < 0 else self.place() - rank
        return g.constant(np.array([axis], dtype=np.int64))


class AlongAxis(Likeness):
    """Base of those whose vectors may lie along any axis."""

    axis: int = -1

    def place(self) -> int:
        return self.axis


def _cosine(a: Array, b: Array, axis: int, epsilon: float) -> Array:
    a, b = np.broadcast_arrays(a, b)
    lengths = [np.sqrt((v * v).sum(axis=axis, keepdims=True)) for v in (a, b)]
    a, b = (v / np.maximum(n, epsilon) for v, n in zip((a, b), lengths, strict=True))
    return (a * b).sum(axis=axis)


def _onnx_cosine(g: OnnxBuilder, a: str, b: str, axes: str, epsilon: float) -> str:
    floor = scalar(g, epsilon)
    sides = [
        g.op("Div", v, g.op("Max", g.op("ReduceL2", v, axes, keepdims=1), floor)) for v in (a, b)
    ]
    return g.op("ReduceSum", g.op("Mul", *sides), axes, keepdims=0)


class CosineSimilarity(AlongAxis):
    """``y = a · b / (|a| |b|)`` of the vectors along an axis (the last), broadcasting; lengths
    below ``epsilon`` count as that."""

    name = "cosine_similarity"
    signature = "(a: float[*a], b: float[*b]) -> (y: float[*c])"
    range = 1.0
    epsilon: float = 1e-8
    samples = (
        ({}, _PAIR),
        ({"axis": 1}, {"a": ("N", 4, 3), "b": ("N", 4, 1)}),
        ({}, {"a": ("N", 5, 3), "b": ("N", 1, 3)}),
        ({}, {"a": ("N", 3), "b": (3,)}),
    )

    def __post_init__(self) -> None:
        positive(self.name, "epsilon", self.epsilon)

    def reference(self, *inputs: Any) -> Any:
        return _cosine(inputs[0], inputs[1], self.axis, self.epsilon)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        eps = "" if self.epsilon == 1e-8 else f", eps={self.epsilon}"
        return f"F.cosine_similarity({t.tensor(0)}, {t.tensor(1)}, dim={self.axis}{eps})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        return _onnx_cosine(g, inputs[0], inputs[1], self.last(g), self.epsilon)


class CosineEmbedding(AlongAxis):
    """``1 - cos(a, b)`` of vectors that belong together (a target above 0), ``max(0, cos(a, b) -
    margin)`` of others (-1, or 0)."""

    name = "cosine_embedding"
    signature = "(a: float[*a], b: float[*b], target: float[*t]) -> (y: float[*c])"
    range = 1.0
    margin: float = 0.0
    samples = (
        ({}, {**_PAIR, "target": ("N",)}),
        ({"margin": 0.2}, {"a": ("N", 4, 3), "b": ("N", 4, 3), "target": ("N", 4)}),
        ({}, {**_PAIR, "target": ()}),
    )

    def __post_init__(self) -> None:
        number(self.name, "margin", self.margin)

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """The broadcast shape without the axis of the vectors."""
        target = inputs[2]
        assert target is not None
        y = self.vectors(inputs[:2])
        shape, ragged = broadcast(self.name, y, target)
        return (TensorType(y.dtype, shape, ragged),)

    def reference(self, *inputs: Any) -> Any:
        cosine = _cosine(inputs[0], inputs[1], self.axis, 1e-8)
        return np.where(inputs[2] > 0, 1 - cosine, np.maximum(cosine - self.margin, 0))

    def torch(self, t: TorchContext, *inputs: str) -> str:
        a, b, target = (t.tensor(i) for i in range(3))
        cosine = f"F.cosine_similarity({a}, {b}, dim={self.axis})"
        away = f"({cosine} - {self.margin}).clamp(min=0)" if self.margin else f"F.relu({cosine})"
        return f"torch.where({target}.gt(0), 1 - {cosine}, {away})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        a, b, target = inputs
        zero = scalar(g, 0)
        cosine = _onnx_cosine(g, a, b, self.last(g), 1e-8)
        near = g.op("Sub", scalar(g, 1), cosine)
        far = g.op("Max", g.op("Sub", cosine, scalar(g, self.margin)), zero)
        return g.op("Where", g.op("Greater", target, zero), near, far)


class Triplet(Likeness):
    """``max(0, d(anchor, positive) - d(anchor, negative) + margin)`` with d the p-norm of the
    difference (to which PyTorch, and so this, adds ``epsilon``). Schroff et al. 2015."""

    name = "triplet"
    signature = "(anchor: float[*a], positive: float[*b], negative: float[*c]) -> (y: float[*y])"
    margin: float = 1.0
    p: float = 2.0
    epsilon: float = 1e-6
    samples = (
        ({}, {"anchor": ("N", 3), "positive": ("N", 3), "negative": ("N", 3)}),
        (
            {"margin": 0.5, "p": 1},
            {"anchor": ("N", 2, 3), "positive": ("N", 2, 3), "negative": ("N", 2, 3)},
        ),
    )

    def __post_init__(self) -> None:
        number(self.name, "margin", self.margin, 0)
        positive(self.name, "p", self.p)
        positive(self.name, "epsilon", self.epsilon)

    def _distance(self, a: Array, b: Array) -> Array:
        size = np.abs(a - b + self.epsilon)
        if self.p == 2:
            return np.sqrt((size * size).sum(axis=-1))
        return (size**self.p).sum(axis=-1) ** (1 / self.p)

    def reference(self, *inputs: Any) -> Any:
        anchor, positive, negative = inputs
        near, far = self._distance(anchor, positive), self._distance(anchor, negative)
        return np.maximum(near - far + self.margin, 0)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        given = ", ".join(t.tensor(i) for i in range(3))
        defaults = (("margin", self.margin, 1), ("p", self.p, 2), ("eps", self.epsilon, 1e-6))
        options = "".join(f", {n}={v}" for n, v, usual in defaults if v != usual)
        return f'F.triplet_margin_loss({given}, reduction="none"{options})'

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        anchor, positive, negative = inputs
        axes = g.constant(np.array([-1], dtype=np.int64))

        def distance(other: str) -> str:
            difference = g.op("Add", g.op("Sub", anchor, other), scalar(g, self.epsilon))
            if self.p in (1, 2):
                return g.op(f"ReduceL{int(self.p)}", difference, axes, keepdims=0)
            power = g.op("Pow", g.op("Abs", difference), scalar(g, self.p))
            return g.op("Pow", g.op("ReduceSum", power, axes, keepdims=0), scalar(g, 1 / self.p))

        apart = g.op("Sub", distance(positive), distance(negative))
        return g.op("Max", g.op("Add", apart, scalar(g, self.margin)), scalar(g, 0))


class KlDivergence(AlongAxis):
    """``sum target (log target - log_p)`` over the classes along an axis (the last), the
    Kullback-Leibler divergence of a distribution p from the target; 0 where the target is 0.

    The first input is a logarithm, as `log_softmax` gives it; with ``log_target`` the second one is
    too.
    """

    name = "kl_divergence"
    signature = "(log_p: float[*s], target: float[*t]) -> (y: float[*y])"
    log_target: bool = False
    samples = (
        ({}, {"log_p": ("N", 3), "target": ("N", 3)}),
        ({"axis": 1, "log_target": True}, {"log_p": ("N", 3, 2), "target": ("N", 3, 2)}),
        ({}, {"log_p": ("N", 4, 3), "target": (3,)}),
    )

    def __post_init__(self) -> None:
        flag(self.name, "log_target", self.log_target)

    def reference(self, *inputs: Any) -> Any:
        log_p, target = inputs
        if self.log_target:
            return (np.exp(target) * (target - log_p)).sum(axis=self.axis)
        entropy = np.where(target > 0, target * np.log(np.where(target > 0, target, 1)), 0)
        return (np.where(target < 0, np.nan, entropy) - target * log_p).sum(axis=self.axis)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        log = ", log_target=True" if self.log_target else ""
        loss = f'F.kl_div({t.tensor(0)}, {t.tensor(1)}, reduction="none"{log})'
        return f"{loss}.sum(dim={self.axis})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        log_p, target = inputs
        if self.log_target:
            loss = g.op("Mul", g.op("Exp", target), g.op("Sub", target, log_p))
        else:
            safe = g.op("Where", g.op("Equal", target, scalar(g, 0)), scalar(g, 1), target)
            entropy = g.op("Mul", target, g.op("Log", safe))
            loss = g.op("Sub", entropy, g.op("Mul", target, log_p))
        return g.op("ReduceSum", loss, self.last(g), keepdims=0)
