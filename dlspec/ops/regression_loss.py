"""Losses on a prediction and a target, number by number, and the rule of how they keep their
examples."""

from __future__ import annotations

import math
from dataclasses import field
from typing import Any, ClassVar

import numpy as np

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.shapes import BroadcastMismatch, InvalidSetting
from dlspec.ir.types import TensorType
from dlspec.ops.base import Array, OnnxBuilder, Op, Ragged, TorchContext, refuse_lengths
from dlspec.ops.elementwise import FLOATS, check_numbers, scalar
from dlspec.ops.settings import axis_of, flag, positive


class Difference(Op):
    """Base of losses on two tensors of the same shape (the second may be a number).

    **A loss keeps its examples and steps**: N, and every ragged axis; it is the mean over all
    others, the features. So `[N, 784]` gives `[N]`, `[N, 1, 28, 28]` gives `[N]`, `[N, <=T, 80]`
    gives `[N, <=T]`. With ``kept = [0, 1]`` it keeps axis 1 of any tensor. (Losses along one axis
    of classes or features keep all axes but that one.)

    Any other broadcast is refused: [N, 1] against [N] is nearly always a slip.
    """

    signature = "(prediction: float[*s], target: float[*t]) -> (y: float[*y])"
    promotion = "float"
    ragged: ClassVar[Ragged] = "reduce"
    kept: tuple[int, ...] = field(default=(0,), kw_only=True)
    function: ClassVar[str] = ""
    samples: ClassVar[Any] = (
        ({}, {"prediction": ("N", 3), "target": ("N", 3)}),
        ({}, {"prediction": ("N",), "target": ("N",)}),
        ({}, {"prediction": ("N", 2, 3), "target": ()}),
        ({"kept": (0, 1)}, {"prediction": ("N", 2, 3), "target": ("N", 2, 3)}),
    )

    def check_kept(self) -> None:
        """Refuse what is no list of axes."""
        kept: Any = self.kept
        if not isinstance(kept, tuple) or any(type(a) is not int for a in kept):  # type: ignore[reportUnknownVariableType]
            raise DlspecError(
                InvalidSetting(
                    None,
                    self.name,
                    setting="kept",
                    value=str(kept),
                    expected="a list of axes such as `[0, 1]`",
                )
            )

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """One number for each example and step."""
        self.check_kept()
        prediction = inputs[0]
        assert prediction is not None
        ragged = prediction.ragged
        for kind in inputs:
            assert kind is not None
            check_numbers(self, kind, *FLOATS)
            if kind.rank and prediction.shape != kind.shape:
                axis = -1
                while _size(prediction, axis) == _size(kind, axis):
                    axis -= 1
                raise DlspecError(
                    BroadcastMismatch(
                        None,
                        self.name,
                        left=str(prediction),
                        right=str(kind),
                        axis=axis,
                        left_dim=_size(prediction, axis),
                        right_dim=_size(kind, axis),
                    )
                )
            ragged |= kind.ragged
        if prediction.rank:
            for axis in self.kept:
                axis_of(self.name, axis, prediction)
        features = self._features(prediction.rank)
        refuse_lengths(self, inputs, features)
        kept = [a for a in range(prediction.rank) if a not in features]
        shape = tuple(prediction.shape[a] for a in kept)
        return (TensorType(prediction.dtype, shape, frozenset(kept.index(a) for a in ragged)),)

    def _features(self, rank: int) -> tuple[int, ...]:
        """The axes that the loss is the mean over."""
        kept = {a % max(rank, 1) for a in self.kept}
        return tuple(a for a in range(rank) if a not in kept)

    def pointwise(self, *inputs: Array) -> Array:
        """The loss of each element."""
        raise TypeError(f"op {self.name} has no reference")

    def torch_pointwise(self, t: TorchContext, *inputs: str) -> str:
        """The loss of each element in PyTorch; for a `function` the inputs have one shape."""
        arguments = ", ".join(inputs)
        return f'F.{self.function}({arguments}, reduction="none"{self.options()})'

    def onnx_pointwise(self, g: OnnxBuilder, *inputs: str) -> str:
        """The loss of each element in ONNX."""
        raise TypeError(f"op {self.name} has no ONNX lowering")

    def options(self) -> str:
        """Further arguments of PyTorch's function."""
        return ""

    def reference(self, *inputs: Any) -> Any:
        loss = self.pointwise(*inputs)
        axes = self._features(np.ndim(inputs[0]))
        return loss.mean(axis=axes) if axes else loss

    def torch(self, t: TorchContext, *inputs: str) -> str:
        kind = t.input_types[0]
        assert kind is not None
        texts = list(inputs)
        if self.function:  # PyTorch's own want one shape; operators broadcast
            texts = [
                text
                if other is None or other.rank == kind.rank
                else f"{text}.expand_as({inputs[0]})"
                for text, other in zip(texts, t.input_types, strict=True)
            ]
        loss = self.torch_pointwise(t, *texts)
        axes = self._features(kind.rank)
        if not axes:
            return loss
        return f"{loss}.mean(dim={axes[0] if len(axes) == 1 else axes})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        loss = self.onnx_pointwise(g, *inputs)
        kind = g.input_types[0]
        assert kind is not None
        axes = self._features(kind.rank)
        if not axes:
            return loss
        return g.op("ReduceMean", loss, g.constant(np.array(axes, dtype=np.int64)), keepdims=0)


def _size(kind: TensorType, axis: int) -> str:
    """A size as a message shows it, of an axis counted from the last."""
    return str(kind.shape[axis]) if -axis <= kind.rank else "missing"


class Mse(Difference):
    """The squared difference, its mean over all axes but the examples' (and steps')."""

    name = "mse"
    function = "mse_loss"

    def pointwise(self, *inputs: Array) -> Array:
        return (inputs[0] - inputs[1]) ** 2

    def onnx_pointwise(self, g: OnnxBuilder, *inputs: str) -> str:
        difference = g.op("Sub", *inputs)
        return g.op("Mul", difference, difference)


class Mae(Difference):
    """The absolute difference, its mean over all axes but the examples' (and steps')."""

    name = "mae"
    function = "l1_loss"

    def pointwise(self, *inputs: Array) -> Array:
        return np.abs(inputs[0] - inputs[1])

    def onnx_pointwise(self, g: OnnxBuilder, *inputs: str) -> str:
        return g.op("Abs", g.op("Sub", *inputs))


_PAIR = {"prediction": ("N", 3), "target": ("N", 3)}


class Huber(Difference):
    """Half the square of differences up to ``delta``, ``delta (|d| - delta / 2)`` of larger ones.
    Huber 1964."""

    name = "huber"
    function = "huber_loss"
    delta: float = 1.0
    samples = (*Difference.samples, ({"delta": 0.5}, _PAIR))

    def __post_init__(self) -> None:
        positive(self.name, "delta", self.delta)

    def options(self) -> str:
        return "" if self.delta == 1 else f", delta={self.delta}"

    def pointwise(self, *inputs: Array) -> Array:
        size = np.abs(inputs[0] - inputs[1])
        return np.where(size <= self.delta, size * size / 2, self.delta * (size - self.delta / 2))

    def onnx_pointwise(self, g: OnnxBuilder, *inputs: str) -> str:
        size = g.op("Abs", g.op("Sub", *inputs))
        half, delta = scalar(g, 0.5), scalar(g, self.delta)
        square = g.op("Mul", half, g.op("Mul", size, size))
        line = g.op("Mul", delta, g.op("Sub", size, scalar(g, self.delta / 2)))
        return g.op("Where", g.op("LessOrEqual", size, delta), square, line)


class SmoothL1(Difference):
    """``d ** 2 / (2 beta)`` of differences up to ``beta``, ``|d| - beta / 2`` of larger ones.
    Girshick 2015."""

    name = "smooth_l1"
    function = "smooth_l1_loss"
    beta: float = 1.0
    samples = (*Difference.samples, ({"beta": 0.5}, _PAIR))

    def __post_init__(self) -> None:
        positive(self.name, "beta", self.beta)

    def options(self) -> str:
        return "" if self.beta == 1 else f", beta={self.beta}"

    def pointwise(self, *inputs: Array) -> Array:
        size = np.abs(inputs[0] - inputs[1])
        return np.where(size < self.beta, size * size / (2 * self.beta), size - self.beta / 2)

    def onnx_pointwise(self, g: OnnxBuilder, *inputs: str) -> str:
        size = g.op("Abs", g.op("Sub", *inputs))
        square = g.op("Mul", g.op("Mul", size, size), scalar(g, 1 / (2 * self.beta)))
        line = g.op("Sub", size, scalar(g, self.beta / 2))
        return g.op("Where", g.op("Less", size, scalar(g, self.beta)), square, line)


class PoissonNll(Difference):
    """The negative log-likelihood of a count under a Poisson distribution, without its constant:
    ``e ** x - target x`` where the prediction x is the logarithm of the rate, else (``log_input =
    false``) ``x - target log(x + epsilon)``.

    ``full`` adds Stirling's formula for the constant, ``target log target - target + log(2 π
    target) / 2``, of targets above 1.
    """

    name = "poisson_nll"
    log_input: bool = True
    full: bool = False
    epsilon: float = 1e-8
    function = "poisson_nll_loss"
    samples = (
        *Difference.samples,
        ({"full": True}, _PAIR),
        ({"log_input": False}, _PAIR),
    )

    def __post_init__(self) -> None:
        flag(self.name, "log_input", self.log_input)
        flag(self.name, "full", self.full)
        positive(self.name, "epsilon", self.epsilon)

    def options(self) -> str:
        found = ["log_input=False"] * (not self.log_input) + ["full=True"] * self.full
        found += [f"eps={self.epsilon}"] * (self.epsilon != 1e-8)
        return "".join(f", {o}" for o in found)

    def pointwise(self, *inputs: Array) -> Array:
        x, target = inputs
        loss = np.exp(x) - target * x if self.log_input else x - target * np.log(x + self.epsilon)
        if self.full:
            safe = np.where(target > 1, target, 1)
            constant = safe * np.log(safe) - safe + np.log(2 * math.pi * safe) / 2
            loss = loss + np.where(target > 1, constant, 0)
        return loss

    def onnx_pointwise(self, g: OnnxBuilder, *inputs: str) -> str:
        x, target = inputs
        if self.log_input:
            loss = g.op("Sub", g.op("Exp", x), g.op("Mul", target, x))
        else:
            log = g.op("Log", g.op("Add", x, scalar(g, self.epsilon)))
            loss = g.op("Sub", x, g.op("Mul", target, log))
        if not self.full:
            return loss
        many = g.op("Greater", target, scalar(g, 1))
        safe = g.op("Where", many, target, scalar(g, 1))
        constant = g.op("Sub", g.op("Mul", safe, g.op("Log", safe)), safe)
        circle = g.op("Log", g.op("Mul", scalar(g, 2 * math.pi), safe))
        constant = g.op("Add", constant, g.op("Mul", scalar(g, 0.5), circle))
        return g.op("Add", loss, g.op("Where", many, constant, scalar(g, 0)))


class GaussianNll(Difference):
    """The negative log-likelihood of a target under a normal distribution of predicted mean and
    variance v, ``(log v + (prediction - target) ** 2 / v) / 2``; v is at least ``epsilon``. Nix &
    Weigend 1994.

    ``full`` adds the constant ``log(2 π) / 2``.
    """

    name = "gaussian_nll"
    signature = "(prediction: float[*s], target: float[*t], variance: float[*v]) -> (y: float[*y])"
    full: bool = False
    epsilon: float = 1e-6
    samples: ClassVar[Any] = (
        ({}, {**_PAIR, "variance": ("N", 3)}),
        ({"full": True, "epsilon": 0.5}, {**_PAIR, "variance": ()}),
        ({}, {"prediction": ("N",), "target": ("N",), "variance": ("N",)}),
    )

    def __post_init__(self) -> None:
        flag(self.name, "full", self.full)
        positive(self.name, "epsilon", self.epsilon)

    def pointwise(self, *inputs: Array) -> Array:
        prediction, target, variance = inputs
        v = np.maximum(variance, self.epsilon)
        loss = (np.log(v) + (prediction - target) ** 2 / v) / 2
        return loss + math.log(2 * math.pi) / 2 if self.full else loss

    def torch_pointwise(self, t: TorchContext, *inputs: str) -> str:
        prediction, target, variance = inputs
        v = f"{variance}.clamp(min={self.epsilon})"
        loss = f"0.5 * ({v}.log() + ({prediction} - {target}) ** 2 / {v})"
        return f"({loss} + {math.log(2 * math.pi) / 2})" if self.full else f"({loss})"

    def onnx_pointwise(self, g: OnnxBuilder, *inputs: str) -> str:
        prediction, target, variance = inputs
        v = g.op("Max", variance, scalar(g, self.epsilon))
        difference = g.op("Sub", prediction, target)
        share = g.op("Div", g.op("Mul", difference, difference), v)
        loss = g.op("Mul", scalar(g, 0.5), g.op("Add", g.op("Log", v), share))
        if not self.full:
            return loss
        return g.op("Add", loss, scalar(g, math.log(2 * math.pi) / 2))
