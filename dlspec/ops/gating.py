"""Activations that gate: x times something between 0 and 1; and the gates themselves."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.shapes import ImpossibleShape
from dlspec.ir.types import TensorType
from dlspec.ops.activation import Sigmoid
from dlspec.ops.base import Array, OnnxBuilder, Op, Ragged, TorchContext, refuse_lengths
from dlspec.ops.elementwise import FLOATS, Unary, check_numbers
from dlspec.ops.settings import axis_of


def logistic(x: Array) -> Array:
    """``1 / (1 + e ** -x)``; nothing overflows."""
    return Sigmoid().reference(x)


class Silu(Unary):
    """``y = x sigmoid(x)``, also called swish. Elfwing et al. 2018, Ramachandran et al. 2017."""

    name = "silu"
    range = 16.0  # x times the absolute error of a sigmoid, which engines cut off near -18

    def reference(self, *inputs: Any) -> Any:
        return inputs[0] * logistic(inputs[0])

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"F.silu({inputs[0]})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        return g.op("Mul", inputs[0], g.op("Sigmoid", inputs[0]))


class Mish(Unary):
    """``y = x tanh(softplus(x))``. Misra 2020."""

    name = "mish"
    kind = "Mish"
    range = 1.0

    def reference(self, *inputs: Any) -> Any:
        return inputs[0] * np.tanh(np.logaddexp(inputs[0], 0))

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"F.mish({inputs[0]})"


class Softsign(Unary):
    """``y = x / (1 + |x|)``, between -1 and 1. Turian et al. 2009."""

    name = "softsign"
    kind = "Softsign"

    def reference(self, *inputs: Any) -> Any:
        return inputs[0] / (1 + np.abs(inputs[0]))

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"F.softsign({inputs[0]})"


class LogSigmoid(Unary):
    """``y = log sigmoid(x) = -softplus(-x)``, without the sigmoid's loss of digits."""

    name = "log_sigmoid"

    def reference(self, *inputs: Any) -> Any:
        return -np.logaddexp(-inputs[0], 0)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"F.logsigmoid({inputs[0]})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        return g.op("Neg", g.op("Softplus", g.op("Neg", inputs[0])))


class HardSigmoid(Unary):
    """``y = min(max(x / 6 + 1 / 2, 0), 1)``, as in PyTorch (Howard et al. 2019); ONNX's own default
    has a slope of 0.2."""

    name = "hard_sigmoid"
    range = 1.0

    def reference(self, *inputs: Any) -> Any:
        return np.minimum(np.maximum(inputs[0] / 6 + 0.5, 0), 1)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"F.hardsigmoid({inputs[0]})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        return g.op("HardSigmoid", inputs[0], alpha=1 / 6, beta=0.5)


class HardSwish(Unary):
    """``y = x hard_sigmoid(x)``. Howard et al. 2019."""

    name = "hard_swish"
    kind = "HardSwish"
    range = 1.0

    def reference(self, *inputs: Any) -> Any:
        return inputs[0] * np.minimum(np.maximum(inputs[0] / 6 + 0.5, 0), 1)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"F.hardswish({inputs[0]})"


class Glu(Op):
    """The gated linear unit, ``y = a sigmoid(b)`` for the first and second half of x along an axis
    (the last). Dauphin et al. 2017."""

    name = "glu"
    signature = "(x: float[*s]) -> (y: float[*y])"
    promotion = "float"
    ragged: ClassVar[Ragged] = "reduce"
    axis: int = -1
    samples = (({}, {"x": ("N", 6)}), ({"axis": 1}, {"x": ("N", 4, 3)}))

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """Half of the size along the axis."""
        x = inputs[0]
        assert x is not None
        check_numbers(self, x, *FLOATS)
        axis = axis_of(self.name, self.axis, x)
        refuse_lengths(self, inputs, (axis,))
        half = x.shape[axis].divided_by(2)
        if half is None:
            raise DlspecError(
                ImpossibleShape(
                    None,
                    self.name,
                    reason=f"axis {self.axis}, {x.shape[axis]}, has no two equal halves",
                    actual=str(x),
                    advice="the layer before makes twice as many as are wanted",
                )
            )
        return (TensorType(x.dtype, (*x.shape[:axis], half, *x.shape[axis + 1 :]), x.ragged),)

    def extent(self, result: Array, *types: TensorType | None) -> float | None:
        """The absolute error of a sigmoid times a; how large a may be, the largest result tells."""
        finite = np.abs(result[np.isfinite(result)])
        return max(1.0, float(finite.max(initial=0.0)))

    def reference(self, *inputs: Any) -> Any:
        a, b = np.split(inputs[0], 2, axis=self.axis)
        return a * logistic(b)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"F.glu({inputs[0]}, dim={self.axis})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        a, b = g.op("Split", inputs[0], outputs=2, axis=self.axis, num_outputs=2)
        return g.op("Mul", a, g.op("Sigmoid", b))
