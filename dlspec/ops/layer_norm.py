"""Normalisation of each example over its last axes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.shapes import ImpossibleShape
from dlspec.ir.graph import Initializer
from dlspec.ir.types import TensorType
from dlspec.ops.base import Array, OnnxBuilder, Op, TorchContext, refuse_lengths
from dlspec.ops.elementwise import FLOATS, check_numbers
from dlspec.ops.settings import axis_of, number


class LastAxesNorm(Op):
    """Base of norms over all axes from ``axis`` on, with a weight for each element there."""

    init: ClassVar[Mapping[str, str | Initializer]] = {"weight": "ones", "bias": "zeros"}
    ragged = "reduce"
    axis: int = -1
    epsilon: float = 1e-5

    def __post_init__(self) -> None:
        number(self.name, "epsilon", self.epsilon, 0)

    def parameter_types(self, *tensors: TensorType) -> dict[str, TensorType]:
        """One weight (and bias) for each element of the last axes."""
        x = tensors[0]
        check_numbers(self, x, *FLOATS)
        axis = axis_of(self.name, self.axis, x)
        free = [d for d in x.shape[axis:] if d.value is None]
        if free:
            raise DlspecError(
                ImpossibleShape(
                    None,
                    self.name,
                    reason=f"the size {free[0]} is not known",
                    actual=str(x),
                    advice="normalise over axes of a known size: `axis` is the first of them",
                )
            )
        return {slot.name: x.with_shape(x.shape[axis:]) for slot in self.rule.parameters}

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """The type of x."""
        x = inputs[0]
        assert x is not None
        refuse_lengths(self, inputs[:1], range(axis_of(self.name, self.axis, x), x.rank))
        return (x,)

    def normed(self, rank: int) -> tuple[int, ...]:
        """The axes over which a tensor of this rank is normalised."""
        return tuple(range(self.axis % rank, rank))

    def _shape(self, kind: TensorType | None) -> tuple[int | None, ...]:
        assert kind is not None
        return tuple(d.value for d in kind.shape[self.axis % kind.rank :])


class LayerNorm(LastAxesNorm):
    """``y = (x - mean) / sqrt(variance + epsilon) * weight + bias`` with each example's own mean
    and (biased) variance over the axes from ``axis`` on. Ba et al. 2016.
    """

    name = "layer_norm"
    signature = "(x: float[*s]; weight?: float[*w], bias?: float[*w]) -> (y: float[*s])"
    samples = (
        ({}, {"x": ("N", 6)}),
        ({"epsilon": 1e-3}, {"x": ("N", 3, 4)}),
        ({"axis": 1}, {"x": ("N", 2, 3, 4)}),
        ({"bias": None}, {"x": ("N", 2, 5)}),
        ({"weight": None, "bias": None}, {"x": ("N", 5)}),
    )

    def reference(self, *inputs: Any) -> Any:
        x, weight, bias = inputs
        axes = self.normed(x.ndim)
        y = standardized(x, axes, self.epsilon)
        y = y if weight is None else y * weight
        return y if bias is None else y + bias

    def torch(self, t: TorchContext, *inputs: str) -> str:
        given = [i for i in inputs[1:] if inputs[1:] != ("None", "None")]
        arguments = [inputs[0], str(self._shape(t.input_types[0])), *given, f"eps={self.epsilon}"]
        return f"F.layer_norm({', '.join(arguments)})"

    def torch_module(self, *inputs: TensorType | None) -> str | None:
        """`nn.LayerNorm(shape)`, which has no bias without a weight."""
        x, weight, bias = inputs
        if weight is None:
            return None
        shape = self._shape(x)
        shown = str(shape[0]) if len(shape) == 1 else str(shape)
        options = [shown, f"eps={self.epsilon}" if self.epsilon != 1e-5 else ""]
        options.append("bias=False" if bias is None else "")
        return f"nn.LayerNorm({', '.join(o for o in options if o)})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        x, weight, bias = inputs
        if not weight:
            shape = [s or 1 for s in self._shape(g.input_types[0])]
            weight = g.constant(np.ones(shape, np.float32))
        given = [x, weight, *([bias] if bias else [])]
        return g.op("LayerNormalization", *given, axis=self.axis, epsilon=float(self.epsilon))


class RmsNorm(LastAxesNorm):
    """``y = x / sqrt(mean(x ** 2) + epsilon) * weight`` over the axes from ``axis`` on. Zhang &
    Sennrich 2019.

    The default ``epsilon`` is float32's, as in PyTorch.
    """

    name = "rms_norm"
    signature = "(x: float[*s]; weight?: float[*w]) -> (y: float[*s])"
    init: ClassVar[Mapping[str, str | Initializer]] = {"weight": "ones"}
    epsilon: float = 1.1920929e-07
    samples = (
        ({}, {"x": ("N", 6)}),
        ({"epsilon": 1e-2, "axis": -2}, {"x": ("N", 3, 4)}),
        ({"weight": None}, {"x": ("N", 2, 5)}),
    )

    def reference(self, *inputs: Any) -> Any:
        x, weight = inputs
        square = np.mean(x * x, axis=self.normed(x.ndim), keepdims=True)
        y = x / np.sqrt(square + self.epsilon)
        return y if weight is None else y * weight

    def torch(self, t: TorchContext, *inputs: str) -> str:
        weight = [] if inputs[1] == "None" else [inputs[1]]
        arguments = [inputs[0], str(self._shape(t.input_types[0])), *weight, f"eps={self.epsilon}"]
        return f"F.rms_norm({', '.join(arguments)})"

    def torch_module(self, *inputs: TensorType | None) -> str | None:
        """`nn.RMSNorm(shape, eps=…)`."""
        x, weight = inputs
        shape = self._shape(x)
        shown = str(shape[0]) if len(shape) == 1 else str(shape)
        return None if weight is None else f"nn.RMSNorm({shown}, eps={self.epsilon})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        x, weight = inputs
        kind = g.input_types[0]
        assert kind is not None
        axes = g.constant(np.array(self.normed(kind.rank), np.int64))
        square = g.op("ReduceMean", g.op("Mul", x, x), axes, keepdims=1)
        floor = g.constant(np.array(self.epsilon, np.float32))
        y = g.op("Div", x, g.op("Sqrt", g.op("Add", square, floor)))
        return g.op("Mul", y, weight) if weight else y


def standardized(x: Array, axes: tuple[int, ...], epsilon: float) -> Array:
    """``(x - mean) / sqrt(variance + epsilon)`` over axes."""
    centred = x - x.mean(axis=axes, keepdims=True)
    made: Array = centred / np.sqrt(np.mean(centred**2, axis=axes, keepdims=True) + epsilon)
    return made
