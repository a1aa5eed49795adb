"""Activations in the rectifier's line: linear above 0, or nearly so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.shapes import ImpossibleShape, InvalidSetting
from dlspec.ir.graph import Initializer
from dlspec.ir.types import TensorType
from dlspec.ops.base import OnnxBuilder, Op, Ragged, TorchContext
from dlspec.ops.elementwise import FLOATS, Unary, check_numbers, scalar
from dlspec.ops.settings import flag, number, positive

_ONE = {"x": ("N", 3)}


class Prelu(Op):
    """``y = x`` where x is positive, else ``weight * x`` with a learned slope, which starts at
    0.25: one for each channel (axis 1), or with ``shared = true`` one for all. He et al. 2015.

    PyTorch's default is one for all.
    """

    name = "prelu"
    signature = "(x: float[*s]; weight: float[c]) -> (y: float[*s])"
    init: ClassVar[Mapping[str, str | Initializer]] = {
        "weight": Initializer("constant", {"value": 0.25})
    }
    promotion = "float"
    ragged: ClassVar[Ragged] = "pointwise"
    shared: bool = False
    samples = (
        ({}, {"x": ("N", 3)}),
        ({}, {"x": ("N", 3, 2, 4)}),
        ({"shared": True}, {"x": ("N", 3, 2)}),
        ({"shared": True}, {"x": ("N",)}),
    )

    def __post_init__(self) -> None:
        flag(self.name, "shared", self.shared)

    def parameter_types(self, *tensors: TensorType) -> dict[str, TensorType]:
        """The slopes."""
        x = tensors[0]
        check_numbers(self, x, *FLOATS)
        if self.shared:
            return {"weight": TensorType.of(x.dtype, 1)}
        if x.rank < 2 or x.shape[1].value is None:
            raise DlspecError(
                ImpossibleShape(
                    None,
                    self.name,
                    reason="axis 1 has no fixed number of channels",
                    actual=str(x),
                    advice="`prelu(shared = true)` has one slope for all",
                )
            )
        return {"weight": TensorType.of(x.dtype, x.shape[1])}

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """The type of x."""
        assert inputs[0] is not None
        return (inputs[0],)

    def reference(self, *inputs: Any) -> Any:
        x, slope = inputs
        if not self.shared:
            slope = slope.reshape(-1, *(1,) * (x.ndim - 2))
        return np.where(x >= 0, x, slope * x)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"F.prelu({inputs[0]}, {inputs[1]})"

    def torch_module(self, *inputs: TensorType | None) -> str | None:
        """`nn.PReLU(channels)`."""
        weight = inputs[1]
        assert weight is not None
        return f"nn.PReLU({weight.shape[0]})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        x, slope = inputs
        kind = g.input_types[0]
        assert kind is not None
        if not self.shared and kind.rank > 2:
            axes = g.constant(np.arange(1, kind.rank - 1, dtype=np.int64))
            slope = g.op("Unsqueeze", slope, axes)
        return g.op("PRelu", x, slope)


class Elu(Unary):
    """``y = x`` where x is positive, else ``alpha (e ** x - 1)``. Clevert et al. 2016."""

    name = "elu"
    alpha: float = 1.0
    range = 1.0
    samples = (*Unary.samples, ({"alpha": 0.5}, _ONE))

    def __post_init__(self) -> None:
        number(self.name, "alpha", self.alpha)

    def reference(self, *inputs: Any) -> Any:
        x = inputs[0]
        return np.where(x > 0, x, self.alpha * np.expm1(np.minimum(x, 0)))

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"F.elu({inputs[0]}{f', alpha={self.alpha}' if self.alpha != 1 else ''})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        return g.op("Elu", inputs[0], alpha=float(self.alpha))


class Selu(Unary):
    """``y = scale * elu(x, alpha)`` with the alpha 1.6733 and scale 1.0507 that keep mean 0 and
    variance 1 from layer to layer. Klambauer et al. 2017."""

    name = "selu"
    range = 1.0

    ALPHA: ClassVar[float] = 1.6732632423543772848170429916717
    SCALE: ClassVar[float] = 1.0507009873554804934193349852946

    def reference(self, *inputs: Any) -> Any:
        x = inputs[0]
        low = self.ALPHA * np.expm1(np.minimum(x, 0))
        return self.SCALE * np.where(x > 0, x, low)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"F.selu({inputs[0]})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        return g.op("Selu", inputs[0], alpha=self.ALPHA, gamma=self.SCALE)


class Celu(Unary):
    """``y = max(0, x) + min(0, alpha (e ** (x / alpha) - 1))``, smooth for every alpha. Barron
    2017."""

    name = "celu"
    alpha: float = 1.0
    range = 1.0
    samples = (*Unary.samples, ({"alpha": 0.5}, _ONE), ({"alpha": 2}, _ONE))

    def __post_init__(self) -> None:
        positive(self.name, "alpha", self.alpha)

    def reference(self, *inputs: Any) -> Any:
        x = inputs[0]
        low = self.alpha * np.expm1(np.minimum(x, 0) / self.alpha)
        return np.where(x > 0, x, low)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"F.celu({inputs[0]}{f', alpha={self.alpha}' if self.alpha != 1 else ''})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        return g.op("Celu", inputs[0], alpha=float(self.alpha))


class Relu6(Unary):
    """The rectifier up to 6, ``y = min(max(0, x), 6)``. Krizhevsky 2010."""

    name = "relu6"

    def reference(self, *inputs: Any) -> Any:
        return np.minimum(np.maximum(inputs[0], 0), 6)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"F.relu6({inputs[0]})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        return g.op("Clip", inputs[0], scalar(g, 0), scalar(g, 6))


class HardTanh(Unary):
    """``y = min(max(x, low), high)``, by default from -1 to 1. Collobert 2004."""

    name = "hard_tanh"
    low: float = -1.0
    high: float = 1.0
    samples = (*Unary.samples, ({"low": -0.5, "high": 2}, _ONE))

    def __post_init__(self) -> None:
        low, high = (number(self.name, n, getattr(self, n)) for n in ("low", "high"))
        if low >= high:
            raise DlspecError(
                InvalidSetting(
                    None,
                    self.name,
                    setting="low",
                    value=str(self.low),
                    expected=f"less than high, which is {self.high}",
                )
            )

    def reference(self, *inputs: Any) -> Any:
        return np.minimum(np.maximum(inputs[0], self.low), self.high)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        plain = (self.low, self.high) == (-1, 1)
        return f"F.hardtanh({inputs[0]}{'' if plain else f', {self.low}, {self.high}'})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        return g.op("Clip", inputs[0], scalar(g, self.low), scalar(g, self.high))


class Threshold(Unary):
    """``y = x`` where x is above ``threshold``, else ``value``."""

    name = "threshold"
    threshold: float = 0.0
    value: float = 0.0
    samples = (*Unary.samples, ({"threshold": 0.5, "value": -2}, _ONE))

    def __post_init__(self) -> None:
        number(self.name, "threshold", self.threshold)
        number(self.name, "value", self.value)

    def reference(self, *inputs: Any) -> Any:
        # NaN passes, as in PyTorch
        return np.where(inputs[0] <= self.threshold, self.value, inputs[0])

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"F.threshold({inputs[0]}, {self.threshold}, {self.value})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        low = g.op("LessOrEqual", inputs[0], scalar(g, self.threshold))
        return g.op("Where", low, scalar(g, self.value), inputs[0])
