"""Losses on yes and no, number by number; they keep their examples as
`dlspec.ops.regression_loss.Difference` tells."""

from __future__ import annotations

import numpy as np

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.shapes import InvalidSetting
from dlspec.ir.types import DType, TensorType
from dlspec.ops.base import Array, OnnxBuilder, TorchContext
from dlspec.ops.elementwise import scalar
from dlspec.ops.regression_loss import Difference
from dlspec.ops.settings import flag, number

_PAIR = {"prediction": ("N", 3), "target": ("N", 3)}


class BinaryCrossEntropy(Difference):
    """``-target log p - (1 - target) log (1 - p)`` for probabilities p, also called `bce`;
    logarithms end at -100, as in PyTorch.

    Probabilities near 1 have lost their digits: `binary_cross_entropy_with_logits` takes what came
    before the sigmoid.
    """

    name = "binary_cross_entropy"
    function = "binary_cross_entropy"
    range = 1.0  # 1 - p is rounded at the scale of 1

    def pointwise(self, *inputs: Array) -> Array:
        prediction, target = inputs
        yes = np.maximum(np.log(prediction), -100)
        no = np.maximum(np.log1p(-prediction), -100)
        return -(target * yes + (1 - target) * no)

    def onnx_pointwise(self, g: OnnxBuilder, *inputs: str) -> str:
        prediction, target = inputs
        one, floor = scalar(g, 1), scalar(g, -100)
        yes = g.op("Max", g.op("Log", prediction), floor)
        no = g.op("Max", g.op("Log", g.op("Sub", one, prediction)), floor)
        sum_ = g.op("Add", g.op("Mul", target, yes), g.op("Mul", g.op("Sub", one, target), no))
        return g.op("Neg", sum_)


class BinaryCrossEntropyWithLogits(Difference):
    """Binary cross-entropy of the sigmoid of x without its loss of digits, ``max(x, 0) - target x +
    log(1 + e ** -|x|)``.

    ``pos_weight`` weighs the yes: ``-pos_weight target log p - (1 - target) log (1 - p)``, one
    number, or one for each entry of the last axis.
    """

    name = "binary_cross_entropy_with_logits"
    function = "binary_cross_entropy_with_logits"
    pos_weight: float | tuple[float, ...] | None = None
    samples = (
        *Difference.samples,
        ({"pos_weight": 2.5}, _PAIR),
        ({"pos_weight": (1.0, 0.5, 3)}, _PAIR),
    )

    def __post_init__(self) -> None:
        given = self.pos_weight
        for one in given if isinstance(given, tuple) else () if given is None else (given,):
            number(self.name, "pos_weight", one, 0)

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """One number for each example and step."""
        result = super().infer(*inputs)
        prediction = inputs[0]
        assert prediction is not None
        given = self.pos_weight
        if isinstance(given, tuple) and (not prediction.rank or prediction.shape[-1] != len(given)):
            raise DlspecError(
                InvalidSetting(
                    None,
                    self.name,
                    setting="pos_weight",
                    value=f"{len(given)} numbers",
                    expected=f"one for each entry of the last axis of {prediction}",
                )
            )
        return result

    def pointwise(self, *inputs: Array) -> Array:
        x, target = inputs
        tail = np.log1p(np.exp(-np.abs(x)))
        if self.pos_weight is None:
            return np.maximum(x, 0) - target * x + tail
        weight = 1 + (np.asarray(self.pos_weight) - 1) * target
        return (1 - target) * x + weight * (tail + np.maximum(-x, 0))

    def torch_pointwise(self, t: TorchContext, *inputs: str) -> str:
        extra = ""
        if self.pos_weight is not None:
            dtype = t.dtype(DType.float32).removeprefix("torch.")
            extra = f", pos_weight={t.constant(np.array(self.pos_weight, dtype=dtype))}"
        x, target = inputs
        return f'F.{self.function}({x}, {target}, reduction="none"{extra})'

    def onnx_pointwise(self, g: OnnxBuilder, *inputs: str) -> str:
        x, target = inputs
        tail = g.op("Softplus", g.op("Neg", g.op("Abs", x)))
        zero, one = scalar(g, 0), scalar(g, 1)
        if self.pos_weight is None:
            line = g.op("Sub", g.op("Max", x, zero), g.op("Mul", target, x))
            return g.op("Add", line, tail)
        more = np.array(self.pos_weight, dtype=g.output_types[0].dtype.value) - 1
        weight = g.op("Add", one, g.op("Mul", g.constant(more), target))
        low = g.op("Add", tail, g.op("Max", g.op("Neg", x), zero))
        line = g.op("Mul", g.op("Sub", one, target), x)
        return g.op("Add", line, g.op("Mul", weight, low))


class Hinge(Difference):
    """``max(0, 1 - target x)`` for a target of -1 or 1 (Cortes & Vapnik 1995), or its square with
    ``squared``; it is 0 from a ``margin`` of 1 on."""

    name = "hinge"
    margin: float = 1.0
    squared: bool = False
    samples = (
        *Difference.samples,
        ({"margin": 0.5, "squared": True}, _PAIR),
    )

    def __post_init__(self) -> None:
        number(self.name, "margin", self.margin)
        flag(self.name, "squared", self.squared)

    def pointwise(self, *inputs: Array) -> Array:
        loss = np.maximum(self.margin - inputs[0] * inputs[1], 0)
        return loss * loss if self.squared else loss

    def torch_pointwise(self, t: TorchContext, *inputs: str) -> str:
        loss = f"({self.margin} - {inputs[0]} * {inputs[1]}).clamp(min=0)"
        return f"{loss}.square()" if self.squared else loss

    def onnx_pointwise(self, g: OnnxBuilder, *inputs: str) -> str:
        rest = g.op("Sub", scalar(g, self.margin), g.op("Mul", *inputs))
        loss = g.op("Max", rest, scalar(g, 0))
        return g.op("Mul", loss, loss) if self.squared else loss


class Contrastive(Difference):
    """``same d ** 2 / 2 + (1 - same) max(0, margin - d) ** 2 / 2`` for the distance d of two things
    that are the same (1) or not (0). Hadsell et al. 2006.

    `norm(left - right)` is the distance of two vectors.
    """

    name = "contrastive"
    signature = "(distance: float[*s], same: float[*t]) -> (y: float[*y])"
    margin: float = 1.0
    samples = (
        ({}, {"distance": ("N",), "same": ("N",)}),
        ({"margin": 2}, {"distance": ("N", 3), "same": ("N", 3)}),
        ({}, {"distance": ("N",), "same": ()}),
    )

    def __post_init__(self) -> None:
        number(self.name, "margin", self.margin, 0)

    def pointwise(self, *inputs: Array) -> Array:
        distance, same = inputs
        apart = np.maximum(self.margin - distance, 0)
        return same * distance**2 / 2 + (1 - same) * apart**2 / 2

    def torch_pointwise(self, t: TorchContext, *inputs: str) -> str:
        distance, same = inputs
        apart = f"({self.margin} - {distance}).clamp(min=0) ** 2"
        return f"(0.5 * ({same} * {distance} ** 2 + (1 - {same}) * {apart}))"

    def onnx_pointwise(self, g: OnnxBuilder, *inputs: str) -> str:
        distance, same = inputs
        apart = g.op("Max", g.op("Sub", scalar(g, self.margin), distance), scalar(g, 0))
        near = g.op("Mul", same, g.op("Mul", distance, distance))
        far = g.op("Mul", g.op("Sub", scalar(g, 1), same), g.op("Mul", apart, apart))
        return g.op("Mul", scalar(g, 0.5), g.op("Add", near, far))
