"""Pooling over all positions, or over a fixed number of bins."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.shapes import InvalidSetting
from dlspec.dims import Dim
from dlspec.ir.types import TensorType
from dlspec.ops.base import Array, OnnxBuilder, Op, TorchContext
from dlspec.ops.convolution import compact
from dlspec.ops.elementwise import FLOATS, check_numbers
from dlspec.ops.settings import flag, limited
from dlspec.ops.shape import ints
from dlspec.ops.window import check_rank


class GlobalPool(Op):
    """Base of pooling over all spatial axes; ``keep`` leaves them in with size 1."""

    signature = "(x: float[n, c, *s]) -> (y: float[*y])"
    keep: bool = False
    samples = (
        ({}, {"x": ("N", 2, 3, 4)}),
        ({"keep": True}, {"x": ("N", 2, 3, 4)}),
        ({}, {"x": ("N", 2, 5)}),
        ({}, {"x": ("N", 2, 1, 1)}),
        ({}, {"x": ("N", 2, 2, 3, 2)}),
    )
    kind: ClassVar[str] = ""

    def __post_init__(self) -> None:
        flag(self.name, "keep", self.keep)

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """[N, C], or [N, C, 1, 1] with ``keep``."""
        x = inputs[0]
        assert x is not None
        check_numbers(self, x, *FLOATS)
        check_rank(self.name, x, 1)
        rest = (Dim.of(1),) * (x.rank - 2) if self.keep else ()
        return (x.with_shape((*x.shape[:2], *rest)),)

    def _axes(self, rank: int) -> tuple[int, ...]:
        return tuple(range(2, rank))

    def _torch(self, t: TorchContext, x: str, call: str) -> str:
        kind = t.input_types[0]
        assert kind is not None
        keep = ", keepdim=True" if self.keep else ""
        return f"{x}.{call.format(compact(self._axes(kind.rank)))[:-1]}{keep})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        kind = g.input_types[0]
        assert kind is not None
        axes = g.constant(np.array(self._axes(kind.rank), np.int64))
        return g.op(self.kind, inputs[0], axes, keepdims=int(self.keep))


class GlobalAvgPool(GlobalPool):
    """The mean over all spatial axes: [N, C, H, W] is [N, C]. Lin et al. 2013."""

    name = "global_avg_pool"
    kind = "ReduceMean"

    def reference(self, *inputs: Any) -> Any:
        return inputs[0].mean(axis=self._axes(inputs[0].ndim), keepdims=self.keep)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return self._torch(t, inputs[0], "mean(dim={})")


class GlobalMaxPool(GlobalPool):
    """The largest value over all spatial axes: [N, C, H, W] is [N, C]."""

    name = "global_max_pool"
    kind = "ReduceMax"

    def reference(self, *inputs: Any) -> Any:
        return inputs[0].max(axis=self._axes(inputs[0].ndim), keepdims=self.keep)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return self._torch(t, inputs[0], "amax(dim={})")


class GlobalLpPool(GlobalPool):
    """The p-norm over all spatial axes, ``(sum of |x| ** p) ** (1 / p)``."""

    name = "global_lp_pool"
    p: int = 2
    samples = (*GlobalPool.samples, ({"p": 1}, {"x": ("N", 2, 3, 4)}))

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.p not in (1, 2):
            raise DlspecError(
                InvalidSetting(None, self.name, setting="p", value=str(self.p), expected="1 or 2")
            )

    def reference(self, *inputs: Any) -> Any:
        total = np.abs(inputs[0]) ** self.p
        return total.sum(axis=self._axes(inputs[0].ndim), keepdims=self.keep) ** (1 / self.p)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return self._torch(t, inputs[0], f"norm(p={self.p}, dim={{}})")

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        kind = g.input_types[0]
        assert kind is not None
        axes = g.constant(np.array(self._axes(kind.rank), np.int64))
        return g.op(f"ReduceL{self.p}", inputs[0], axes, keepdims=int(self.keep))


MAX_BINS = 1024
"""Bins of an axis, each of which is nodes of its own."""


def bins(size: int, count: int) -> list[tuple[int, int]]:
    """Where each of ``count`` bins of an axis starts and ends: ``floor(i size / count)`` to
    ``ceil((i + 1) size / count)`` (PyTorch's rule). They may overlap."""
    return [(i * size // count, -(-(i + 1) * size // count)) for i in range(count)]


class AdaptivePool(Op):
    """Base of pooling to given sizes: ``size`` is one number, or one for each spatial axis (`none`
    leaves one as it is). He et al. 2014."""

    signature = "(x: float[n, c, *s]) -> (y: float[*y])"
    kind: ClassVar[str] = ""
    size: int | tuple[int | None, ...]
    samples = (
        ({"size": 1}, {"x": ("N", 2, 5, 4)}),
        ({"size": 3}, {"x": ("N", 2, 7, 5)}),
        ({"size": 2}, {"x": ("N", 2, 4, 6)}),
        ({"size": 4}, {"x": ("N", 2, 4, 4)}),
        ({"size": (5, 2)}, {"x": ("N", 2, 3, 5)}),
        ({"size": (None, 2)}, {"x": ("N", 2, 3, 5)}),
        ({"size": 3}, {"x": ("N", 2, 8)}),
        ({"size": (2, 1, 3)}, {"x": ("N", 1, 3, 3, 4)}),
        ({"size": 2}, {"x": ("N", 2, "N", 5)}),
        ({"size": (4, 3)}, {"x": (2, 3, "N", "N")}),
    )

    def __post_init__(self) -> None:
        for size in self.size if isinstance(self.size, tuple) else (self.size,):
            if size is not None:
                limited(self.name, "size", size, MAX_BINS)

    def _sizes(self, rank: int) -> tuple[int | None, ...]:
        sizes = self.size if isinstance(self.size, tuple) else (self.size,) * rank
        if len(sizes) != rank:
            expected = f"one number, or {rank} for {rank} spatial axes"
            raise DlspecError(
                InvalidSetting(
                    None, self.name, setting="size", value=str(self.size), expected=expected
                )
            )
        return sizes

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """[N, C, *size]."""
        x = inputs[0]
        assert x is not None
        check_numbers(self, x, *FLOATS)
        check_rank(self.name, x, self.size)
        shape = list(x.shape)
        for axis, wanted in enumerate(self._sizes(x.rank - 2), start=2):
            if wanted is None or x.shape[axis] == wanted:
                continue
            shape[axis] = Dim.of(wanted)
        return (x.with_shape(shape),)

    def reference(self, *inputs: Any) -> Any:
        y = inputs[0]
        for axis, wanted in enumerate(self._sizes(y.ndim - 2), start=2):
            if wanted is not None and wanted != y.shape[axis]:
                lead = (slice(None),) * axis
                parts = [
                    self._pooled(y[(*lead, slice(*b))], axis) for b in bins(y.shape[axis], wanted)
                ]
                y = np.concatenate(parts, axis=axis)
        return y

    def _pooled(self, x: Array, axis: int) -> Array:
        """One bin as an axis of size 1."""
        raise TypeError(f"op {self.name} has no rule for a bin")

    def torch(self, t: TorchContext, *inputs: str) -> str:
        kind = t.input_types[0]
        assert kind is not None
        return f"F.{self.name}{kind.rank - 2}d({inputs[0]}, {self.size})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        kind = g.input_types[0]
        assert kind is not None
        y = inputs[0]
        for axis, wanted in enumerate(self._sizes(kind.rank - 2), start=2):
            size = kind.shape[axis].value
            if wanted is None or wanted == size:
                continue
            where = g.constant(ints(axis))
            if wanted == 1:
                y = g.op(self.kind, y, where)
                continue
            if size is None:
                y = self._by_masks(g, y, axis, wanted, kind.rank)
                continue
            ends = [[g.constant(ints(e)) for e in b] for b in bins(size, wanted)]
            cut = [g.op("Slice", y, start, stop, where) for start, stop in ends]
            parts = [g.op(self.kind, part, where) for part in cut]
            y = g.op("Concat", *parts, axis=axis)
        return y

    def _by_masks(self, g: OnnxBuilder, y: str, axis: int, count: int, rank: int) -> str:
        """An axis whose size is known when it runs: which of its positions each bin has is a mask
        [count, size]."""
        order = [a for a in range(rank) if a != axis] + [axis]
        back = [order.index(a) for a in range(rank)]
        zero, one, many = (g.constant(np.array(n, np.int64)) for n in (0, 1, count))
        size = g.op("Gather", g.shape(y), g.constant(np.array(axis, np.int64)))
        number = g.constant(np.arange(count, dtype=np.int64)[:, None])
        place = g.op("Range", zero, size, one)
        start = g.op("Div", g.op("Mul", number, size), many)
        after = g.op("Mul", g.op("Add", number, one), size)
        stop = g.op("Div", g.op("Add", after, g.op("Sub", many, one)), many)
        inside = g.op("And", g.op("Less", place, stop), g.op("GreaterOrEqual", place, start))
        y = g.op("Transpose", y, perm=order)
        return g.op("Transpose", self._masked(g, y, inside), perm=back)

    def _masked(self, g: OnnxBuilder, y: str, inside: str) -> str:
        """The last axis pooled over a mask [count, size]."""
        raise TypeError(f"op {self.name} has no rule for a mask")


class AdaptiveAvgPool(AdaptivePool):
    """The mean of each of ``size`` bins of the spatial axes, which may overlap; the identity where
    there are as many positions. He et al. 2014; PyTorch's bins."""

    name = "adaptive_avg_pool"
    kind = "ReduceMean"

    def _pooled(self, x: Array, axis: int) -> Array:
        return np.asarray(x.mean(axis=axis, keepdims=True))

    def _masked(self, g: OnnxBuilder, y: str, inside: str) -> str:
        share = g.op("Cast", inside, to=1)
        count = g.op("ReduceSum", share, g.constant(ints(1)), keepdims=1)
        return g.op("MatMul", y, g.op("Transpose", g.op("Div", share, count), perm=[1, 0]))


class AdaptiveMaxPool(AdaptivePool):
    """The largest value of each of ``size`` bins of the spatial axes, which may overlap. He et al.
    2014; PyTorch's bins."""

    name = "adaptive_max_pool"
    kind = "ReduceMax"

    def _pooled(self, x: Array, axis: int) -> Array:
        return np.asarray(x.max(axis=axis, keepdims=True))

    def _masked(self, g: OnnxBuilder, y: str, inside: str) -> str:
        lowest = g.constant(np.array(-np.inf, np.float32))
        wide = g.op("Unsqueeze", y, g.constant(ints(-2)))
        return g.op(
            "ReduceMax", g.op("Where", inside, wide, lowest), g.constant(ints(-1)), keepdims=0
        )
