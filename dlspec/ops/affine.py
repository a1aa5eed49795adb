"""Pictures turned, moved, zoomed and sheared."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.shapes import DTypeMismatch, ImpossibleShape, RankMismatch
from dlspec.ir.types import DType, TensorType
from dlspec.ops.base import Array, OnnxBuilder, Op, TorchContext
from dlspec.ops.shape import ints


class Affine(Op):
    """The picture that at (u, v) shows what x shows at ``theta (u, v, 1)``, interpolated linearly.

    u (to the right) and v (down) go from -1 to 1 over the edges of the last two axes; outside x is
    0. Whole numbers are rounded. Jaderberg et al. 2015; PyTorch's `affine_grid` and `grid_sample`.
    """

    name = "affine"
    signature = "(x: any[*s], theta: float[n, 2, 3]) -> (y: any[*s])"
    samples = (
        ({}, {"x": ("N", 2, 4, 5), "theta": ("N", 2, 3)}),
        ({}, {"x": ("N", 5, 3), "theta": ("N", 2, 3)}),
        ({}, {"x": ("uint8", ("N", 4, 4)), "theta": ("float32", ("N", 2, 3))}),
        ({}, {"x": ("N", 1, 1, 3), "theta": ("N", 2, 3)}),
    )

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """The type of x."""
        x, theta = inputs
        assert x is not None and theta is not None
        super().infer(x, theta)
        if x.dtype is DType.bool_:
            raise DlspecError(
                DTypeMismatch(None, self.name, operand="x", actual="bool", expected="a number")
            )
        if x.rank not in (3, 4):
            raise DlspecError(
                RankMismatch(
                    None,
                    self.name,
                    operand="x",
                    actual=str(x),
                    rank=x.rank,
                    expected="N, perhaps channels, height and width",
                )
            )
        free = [d for d in x.shape[-2:] if d.value is None]
        if free or x.shape[0] != theta.shape[0]:
            reason = f"the size {free[0]} is not known" if free else "there is a theta for each x"
            raise DlspecError(ImpossibleShape(None, self.name, reason=reason, actual=str(x)))
        return (x,)

    def extent(self, result: Array, *types: TensorType | None) -> float | None:
        """What coordinates lose, which an engine computes in its own precision."""
        if result.dtype.kind != "f":
            return None
        return 4.0 * max(result.shape[-2:]) * float(np.max(np.abs(result), initial=0.0))

    def reference(self, *inputs: Any) -> Any:
        x, theta = inputs
        n, height, width = x.shape[0], *x.shape[-2:]
        places = _places(height, width).astype(theta.dtype) @ theta.transpose(0, 2, 1)
        column = ((places[..., 0] + 1) * width - 1) / 2
        row = ((places[..., 1] + 1) * height - 1) / 2
        pixels = x.reshape(n, -1, height * width).astype(theta.dtype)
        left, top = np.floor(column), np.floor(row)
        y = np.zeros_like(pixels)
        for down in (0, 1):
            for right in (0, 1):
                i, j = top + down, left + right
                share = (1 - np.abs(row - i)) * (1 - np.abs(column - j))
                inside = (i >= 0) & (i < height) & (j >= 0) & (j < width)
                spot = np.where(inside, i * width + j, 0).astype(np.int64)
                found = np.take_along_axis(pixels, spot[:, None], axis=2)
                y += np.where(inside, share, 0)[:, None] * found
        y = y.reshape(x.shape)
        return y if x.dtype.kind == "f" else np.round(y).astype(x.dtype)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        kind = t.input_types[0]
        assert kind is not None
        x, theta = inputs
        height, width = (d.value for d in kind.shape[-2:])
        sizes = f"({theta}.shape[0], 1, {height}, {width})"
        grid = f"F.affine_grid({theta}, {sizes}, align_corners=False)"
        given = x if kind.dtype.is_float else f"{x}.to({t.dtype(DType.float32)})"
        given = given if kind.rank == 4 else f"{given}.unsqueeze(1)"
        y = f"F.grid_sample({given}, {grid}, align_corners=False)"
        y = y if kind.rank == 4 else f"{y}.squeeze(1)"
        return y if kind.dtype.is_float else f"{y}.round().to({t.dtype(kind.dtype)})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        kind = g.input_types[0]
        assert kind is not None
        x, theta = inputs
        height, width = (d.value or 0 for d in kind.shape[-2:])
        turned = g.op("Transpose", theta, perm=[0, 2, 1])
        base = g.constant(_places(height, width).astype(np.float32))
        shape = g.constant(ints(-1, height, width, 2))
        grid = g.op("Reshape", g.op("MatMul", base, turned), shape)
        x = x if kind.dtype.is_float else g.op("Cast", x, to=1)
        one = g.constant(ints(1))
        x = x if kind.rank == 4 else g.op("Unsqueeze", x, one)
        words: dict[str, Any] = {"mode": "linear", "padding_mode": "zeros", "align_corners": 0}
        y = g.op("GridSample", x, grid, **words)
        y = y if kind.rank == 4 else g.op("Squeeze", y, one)
        if kind.dtype.is_float:
            return y
        number = {DType.uint8: 2, DType.int8: 3, DType.int32: 6, DType.int64: 7}[kind.dtype]
        return g.op("Cast", g.op("Round", y), to=number)


def _places(height: int, width: int) -> Array:
    """(u, v, 1) of the middle of each element, row after row."""
    u = (2 * np.arange(width) + 1) / width - 1
    v = (2 * np.arange(height) + 1) / height - 1
    flat = np.meshgrid(u, v)
    return np.stack([*(f.ravel() for f in flat), np.ones(height * width)], axis=1)
