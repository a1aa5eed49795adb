"""Blocks of positions as channels, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.shapes import ImpossibleShape
from dlspec.ir.types import TensorType
from dlspec.ops.base import OnnxBuilder, Op, TorchContext
from dlspec.ops.settings import whole


class DepthToSpace(Op):
    """Channels as blocks of positions: [N, C b b, H, W] is [N, C, H b, W b], the channel of an
    element of block (i, j) being ``c b b + i b + j``. Shi et al. 2016; PyTorch's `pixel_shuffle`.
    """

    name = "depth_to_space"
    signature = (
        "(x: float[n, c, h, w]) -> (y: float[n, c // (block * block), h * block, w * block])"
    )
    block: int
    samples = (({"block": 2}, {"x": ("N", 8, 2, 3)}), ({"block": 3}, {"x": ("N", 9, 1, 2)}))

    def __post_init__(self) -> None:
        whole(self.name, "block", self.block)

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """[N, C // block², H * block, W * block]."""
        x = inputs[0]
        assert x is not None
        (y,) = super().infer(*inputs)
        if x.shape[1].divided_by(self.block**2) is None:
            raise DlspecError(
                ImpossibleShape(
                    None,
                    self.name,
                    reason=f"{x.shape[1]} channels are no multiple of {self.block} * {self.block}",
                    actual=str(x),
                )
            )
        return (y,)

    def reference(self, *inputs: Any) -> Any:
        n, c, h, w = inputs[0].shape
        b = self.block
        apart = inputs[0].reshape(n, c // (b * b), b, b, h, w)
        return apart.transpose(0, 1, 4, 2, 5, 3).reshape(n, c // (b * b), h * b, w * b)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"F.pixel_shuffle({inputs[0]}, {self.block})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        return g.op("DepthToSpace", inputs[0], blocksize=self.block, mode="CRD")


class SpaceToDepth(Op):
    """Blocks of positions as channels: [N, C, H b, W b] is [N, C b b, H, W], undoing
    `depth_to_space`. PyTorch's `pixel_unshuffle`."""

    name = "space_to_depth"
    signature = "(x: float[n, c, h, w]) -> (y: float[n, c * block * block, h // block, w // block])"
    block: int
    samples = (({"block": 2}, {"x": ("N", 3, 4, 6)}), ({"block": 3}, {"x": ("N", 1, 3, 6)}))

    def __post_init__(self) -> None:
        whole(self.name, "block", self.block)

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """[N, C * block², H // block, W // block]."""
        x = inputs[0]
        assert x is not None
        (y,) = super().infer(*inputs)
        if x.shape[1].value is None:
            raise DlspecError(
                ImpossibleShape(
                    None,
                    self.name,
                    reason=f"the number of channels, {x.shape[1]}, is not known",
                    actual=str(x),
                )
            )
        for size in x.shape[2:]:
            if size.divided_by(self.block) is None:
                raise DlspecError(
                    ImpossibleShape(
                        None,
                        self.name,
                        reason=f"{size} is no multiple of {self.block}",
                        actual=str(x),
                        advice="`pad` or `crop` makes it one",
                    )
                )
        return (y,)

    def reference(self, *inputs: Any) -> Any:
        n, c, h, w = inputs[0].shape
        b = self.block
        apart = inputs[0].reshape(n, c, h // b, b, w // b, b)
        return apart.transpose(0, 1, 3, 5, 2, 4).reshape(n, c * b * b, h // b, w // b)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"F.pixel_unshuffle({inputs[0]}, {self.block})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        kind = g.input_types[0]
        assert kind is not None
        y = g.op("SpaceToDepth", inputs[0], blocksize=self.block)
        channels = kind.shape[1].value or 1
        if channels == 1:
            return y
        # ONNX has the place in the block first and the channel last
        area = self.block**2
        order = np.arange(channels * area).reshape(area, channels).T.ravel()
        return g.op("Gather", y, g.constant(order.astype(np.int64)), axis=1)
