"""Windows that slide along time, side by side."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.shapes import ImpossibleShape
from dlspec.ir.types import TensorType
from dlspec.ops.base import OnnxBuilder, Op, TorchContext
from dlspec.ops.settings import whole


class Frame(Op):
    """Pieces of ``size`` steps along the last axis, each ``hop`` steps behind the one before:
    ``y[…, i, j] = x[…, i hop + j]``.

    What is left at the end fills no piece and is left out. Along a ragged axis each row has the
    pieces that lie whole in its own length, so that none holds padding.
    """

    name = "frame"
    signature = "(x: any[*b, t]) -> (y: any[*b, (t - size) // hop + 1, size])"
    ragged = "move"
    size: int
    hop: int
    samples = (
        ({"size": 4, "hop": 2}, {"x": ("N", 9)}),
        ({"size": 3, "hop": 3}, {"x": ("N", 2, 10)}),
        ({"size": 2, "hop": 5}, {"x": ("int64", ("N", 8))}),
        ({"size": 4, "hop": 1}, {"x": ("N", 4)}),
    )

    def __post_init__(self) -> None:
        whole(self.name, "size", self.size)
        whole(self.name, "hop", self.hop)

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """As many pieces as fit; they are ragged where the axis was."""
        (y,) = super().infer(*inputs)
        x = inputs[0]
        assert x is not None
        steps = x.shape[-1].value
        if steps is not None and steps < self.size:
            raise DlspecError(
                ImpossibleShape(
                    None,
                    self.name,
                    str(self.rule),
                    reason=f"a piece of {self.size} does not fit into {steps}",
                    actual=str(x),
                )
            )
        return (TensorType(y.dtype, y.shape, x.ragged),)

    def reference(self, *inputs: Any) -> Any:
        x = inputs[0]
        if x.shape[-1] < self.size:
            return np.zeros((*x.shape[:-1], 0, self.size), x.dtype)
        pieces = np.lib.stride_tricks.sliding_window_view(x, self.size, axis=-1)
        return pieces[..., :: self.hop, :]

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"{inputs[0]}.unfold(-1, {self.size}, {self.hop})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        def ints(*values: int) -> str:
            return g.constant(np.array(values, np.int64))

        def scalar(value: int) -> str:
            return g.constant(np.array(value, np.int64))

        steps = g.op("Gather", g.shape(inputs[0]), scalar(-1))
        behind = g.op("Sub", steps, scalar(self.size - 1))
        starts = g.op("Range", scalar(0), behind, scalar(self.hop))
        places = g.op("Add", g.op("Unsqueeze", starts, ints(1)), ints(*range(self.size)))
        return g.op("Gather", inputs[0], places, axis=-1)
