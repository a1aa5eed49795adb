"""Normalisation over the batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.shapes import ImpossibleShape, InvalidSetting, RankMismatch
from dlspec.ir.graph import Initializer
from dlspec.ir.types import TensorType
from dlspec.ops.base import OnnxBuilder, Op, TorchContext
from dlspec.ops.elementwise import FLOATS, check_numbers
from dlspec.ops.settings import flag, number


class BatchNorm(Op):
    """``y = (x - mean) / sqrt(variance + epsilon) * weight + bias`` for each channel (axis 1).
    Ioffe & Szegedy 2015.

    While learning, mean and (biased) variance are the batch's, and the running ones move towards
    them by ``momentum``, the variance as an unbiased one; otherwise they are the running ones.
    """

    name = "batch_norm"
    signature = (
        "(x: float[n, c, *s]; weight?: float[c], bias?: float[c], running_mean: float[c], "
        "running_var: float[c]) -> (y: float[n, c, *s], mean: float[c], variance: float[c])"
    )
    init: ClassVar[Mapping[str, str | Initializer]] = {
        "weight": "ones",
        "bias": "zeros",
        "running_mean": "zeros",
        "running_var": "ones",
    }
    buffers = ("running_mean", "running_var")
    ragged = "pointwise"
    epsilon: float = 1e-5
    momentum: float = 0.1
    training: bool = False
    samples = (
        ({}, {"x": ("N", 3, 4, 5)}),
        ({"epsilon": 1e-3}, {"x": ("N", 3)}),
        ({}, {"x": ("N", 2, 5)}),
        ({"bias": None}, {"x": ("N", 2, 2, 2, 2)}),
        ({"training": True}, {"x": (4, 3, 2, 2)}),
        ({"training": True, "weight": None, "bias": None}, {"x": (4, 3)}),
    )

    def __post_init__(self) -> None:
        number(self.name, "epsilon", self.epsilon, 0)
        flag(self.name, "training", self.training)
        if not 0 <= number(self.name, "momentum", self.momentum) <= 1:
            raise DlspecError(
                InvalidSetting(
                    None,
                    self.name,
                    setting="momentum",
                    value=str(self.momentum),
                    expected="between 0 and 1",
                )
            )

    def parameter_types(self, *tensors: TensorType) -> dict[str, TensorType]:
        """Scale, shift and running statistics, one for each channel."""
        x = tensors[0]
        channels_of(self, x)
        return {slot.name: x.with_shape((x.shape[1],)) for slot in self.rule.parameters}

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """The type of x, and while learning the next running statistics."""
        x = inputs[0]
        assert x is not None
        channels = x.with_shape((x.shape[1],))
        return (x, channels, channels) if self.training else (x,)

    def reference(self, *inputs: Any) -> Any:
        x, weight, bias, mean, variance = inputs
        shape = (1, -1, *(1,) * (x.ndim - 2))
        weight = np.ones_like(mean) if weight is None else weight
        bias = np.zeros_like(mean) if bias is None else bias
        if not self.training:
            scale = weight / np.sqrt(variance + self.epsilon)
            return (x - mean.reshape(shape)) * scale.reshape(shape) + bias.reshape(shape)
        axes = (0, *range(2, x.ndim))
        batch_mean, batch_variance = x.mean(axis=axes), x.var(axis=axes)
        count = x.size // x.shape[1]
        scale = weight / np.sqrt(batch_variance + self.epsilon)
        y = (x - batch_mean.reshape(shape)) * scale.reshape(shape) + bias.reshape(shape)
        unbiased = batch_variance * count / max(count - 1, 1)
        m = self.momentum
        return y, (1 - m) * mean + m * batch_mean, (1 - m) * variance + m * unbiased

    def torch(self, t: TorchContext, *inputs: str) -> str:
        x, weight, bias, mean, variance = inputs
        options = f"training=True, momentum={self.momentum}, " if self.training else ""
        return (
            f"F.batch_norm({x}, {mean}, {variance}, {weight}, {bias}, {options}eps={self.epsilon})"
        )

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str | tuple[str, ...]:
        kind = g.input_types[0]
        assert kind is not None
        x, weight, bias, mean, variance = inputs
        channels = channels_of(self, kind)
        weight = weight or g.constant(np.ones(channels, np.float32))
        bias = bias or g.constant(np.zeros(channels, np.float32))
        if not self.training:
            given = (x, weight, bias, mean, variance)
            return g.op("BatchNormalization", *given, epsilon=float(self.epsilon))
        # written out: ONNX's own training mode keeps a biased running variance
        axes = g.constant(np.array([0, *range(2, kind.rank)], dtype=np.int64))
        spread = g.constant(np.array([a for a in range(kind.rank) if a != 1], dtype=np.int64))

        def spatial(value: str) -> str:
            return g.op("Unsqueeze", value, spread)

        batch_mean = g.op("ReduceMean", x, axes, keepdims=0)
        centred = g.op("Sub", x, spatial(batch_mean))
        batch_variance = g.op("ReduceMean", g.op("Mul", centred, centred), axes, keepdims=0)
        floor = g.constant(np.array(self.epsilon, dtype=np.float32))
        deviation = g.op("Sqrt", g.op("Add", batch_variance, floor))
        scaled = g.op("Mul", centred, spatial(g.op("Div", weight, deviation)))
        y = g.op("Add", scaled, spatial(bias))
        total = g.op("Cast", g.op("Size", x), to=1)
        count = g.op("Div", total, g.constant(np.array(channels, np.float32)))
        one = g.constant(np.array(1, dtype=np.float32))
        below = g.op("Max", g.op("Sub", count, one), one)
        unbiased = g.op("Mul", batch_variance, g.op("Div", count, below))
        share = g.constant(np.array(self.momentum, dtype=np.float32))
        rest = g.constant(np.array(1 - self.momentum, dtype=np.float32))

        def moved(old: str, new: str) -> str:
            return g.op("Add", g.op("Mul", rest, old), g.op("Mul", share, new))

        return y, moved(mean, batch_mean), moved(variance, unbiased)


class MovingStatistics(Op):
    """What a batch norm that is written out (with lengths) does to its running statistics: they
    move by ``momentum`` towards those of a batch of ``count`` numbers a channel; y passes through.

    The variance goes in biased and moves the running one as an unbiased one, as `batch_norm` does.
    """

    name = "moving_statistics"
    internal = True
    signature = (
        "(x: float[*s], mean: float[c], variance: float[c], count: float[], "
        "running_mean: float[c], running_var: float[c]) -> "
        "(y: float[*s], next_mean: float[c], next_variance: float[c])"
    )
    ragged = "pointwise"
    momentum: float = 0.1
    samples = (
        (
            {"momentum": 0.3},
            {
                "x": ("N", 3, 4),
                "mean": (3,),
                "variance": (3,),
                "count": (),
                "running_mean": (3,),
                "running_var": (3,),
            },
        ),
    )

    def reference(self, *inputs: Any) -> Any:
        x, mean, variance, count, old_mean, old_variance = inputs
        m, unbiased = self.momentum, variance * (count / np.maximum(count - 1, 1))
        return x, (1 - m) * old_mean + m * mean, (1 - m) * old_variance + m * unbiased

    def torch(self, t: TorchContext, *inputs: str) -> str:
        x, mean, variance, count, old_mean, old_variance = inputs
        unbiased = f"{variance} * ({count} / ({count}.clamp(min=2) - 1))"
        m, rest = self.momentum, f"{1 - self.momentum!r} *"
        return (
            f"({x}, ({rest} {old_mean} + {m} * {mean}).detach(), "
            f"({rest} {old_variance} + {m} * {unbiased}).detach())"
        )

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str | tuple[str, ...]:
        x, mean, variance, count, old_mean, old_variance = inputs
        one = g.constant(np.array(1, dtype=np.float32))
        below = g.op("Max", g.op("Sub", count, one), one)
        unbiased = g.op("Mul", variance, g.op("Div", count, below))
        share = g.constant(np.array(self.momentum, dtype=np.float32))
        rest = g.constant(np.array(1 - self.momentum, dtype=np.float32))

        def moved(old: str, new: str) -> str:
            return g.op("Add", g.op("Mul", rest, old), g.op("Mul", share, new))

        return g.op("Identity", x), moved(old_mean, mean), moved(old_variance, unbiased)


def channels_of(op: Op, x: TensorType) -> int:
    """The number of channels, axis 1.

    Raises:
        DlspecError: there is no such axis, or its size is not known.
    """
    check_numbers(op, x, *FLOATS)
    if x.rank < 2:
        raise DlspecError(
            RankMismatch(
                None,
                op.name,
                operand="x",
                actual=str(x),
                rank=x.rank,
                expected="at least N and channels",
            )
        )
    channels = x.shape[1].value
    if channels is None:
        raise DlspecError(
            ImpossibleShape(
                None,
                op.name,
                reason=f"the number of channels, {x.shape[1]}, is not known",
                actual=str(x),
                advice="axis 1 holds the channels: [N, channels, spatial]",
            )
        )
    return channels
