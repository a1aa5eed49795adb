"""Ops that move elements without changing them. ``N`` stays first: shapes in a spec speak of what
comes after it."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.shapes import DimMismatch, ImpossibleShape, InvalidSetting, RankMismatch
from dlspec.dims import Dim, product
from dlspec.ir.types import DType, TensorType
from dlspec.ops.base import OnnxBuilder, Op, TorchContext
from dlspec.ops.settings import axis_of, whole


def _ints(*values: int) -> Any:
    return np.array(values, dtype=np.int64)


class Reshape(Op):
    """The same elements in another shape; ``shape`` is what comes after N, one entry may be -1."""

    name = "reshape"
    signature = "(x: any[*s]) -> (y: any[*y])"
    variadic = "shape"
    shape: tuple[int | Dim, ...]
    samples = (({"shape": (2, 6)}, {"x": ("N", 3, 4)}), ({"shape": (1, -1)}, {"x": ("N", 3, 4)}))

    def __post_init__(self) -> None:
        sizes: list[Any] = [d for d in self.shape if not isinstance(d, Dim)]
        if (
            any(not isinstance(d, int) or isinstance(d, bool) or d < -1 for d in sizes)
            or sizes.count(-1) > 1
        ):
            raise DlspecError(
                InvalidSetting(
                    None,
                    self.name,
                    setting="shape",
                    value=", ".join(map(str, self.shape)),
                    expected="whole numbers, at most one of them -1",
                )
            )

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """[N, *shape], if the sizes multiply to the same."""
        x = inputs[0]
        assert x is not None
        if x.rank == 0:
            raise DlspecError(
                RankMismatch(
                    None, self.name, operand="x", actual=str(x), rank=0, expected="at least 1"
                )
            )
        before = product(x.shape[1:])
        known = product(d for d in self.shape if d != -1)
        shape = list(self.shape)
        if -1 in shape:
            rest = before.divided_by(known)
            if rest is None:
                self._fail(x, f"{before} elements do not divide by {known}")
            shape[shape.index(-1)] = rest  # type: ignore[call-overload]
        elif known != before:
            self._fail(x, f"{before} elements for each example do not fill {known}")
        free = [d for d in self.shape if isinstance(d, Dim) and d.value is None]
        if len(free) + (-1 in self.shape) > 1:
            self._fail(x, "more than one size is not known before it runs")
        return (x.with_shape((x.shape[0], *shape)),)

    def _fail(self, x: TensorType, reason: str) -> None:
        raise DlspecError(
            ImpossibleShape(
                None,
                self.name,
                reason=reason,
                actual=str(x),
                advice="the sizes after N must multiply to the same; N itself is not written",
            )
        )

    def reference(self, *inputs: Any) -> Any:
        return inputs[0].reshape(inputs[0].shape[0], *self._sizes())

    def _sizes(self) -> list[int]:
        # a symbolic size, of which there is at most one, becomes -1
        return [
            d if isinstance(d, int) else d.value if d.value is not None else -1 for d in self.shape
        ]

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return (
            f"{inputs[0]}.reshape({inputs[0]}.shape[0], {', '.join(map(str, self._sizes()))})"
            if (-1 in self._sizes())
            else f"{inputs[0]}.reshape({', '.join(map(str, [-1, *self._sizes()]))})"
        )

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        return g.op("Reshape", inputs[0], g.constant(_ints(0, *self._sizes())))


class Flatten(Op):
    """All axes after the first ``from - 1`` as one: [N, 16, 5, 5] is [N, 400]."""

    name = "flatten"
    signature = "(x: any[*s]) -> (y: any[*y])"
    from_: int = 1
    samples = (
        ({}, {"x": ("N", 3, 4)}),
        ({"from_": 2}, {"x": ("N", 3, 4, 2)}),
        ({}, {"x": ("N", 3)}),
    )

    def __post_init__(self) -> None:
        whole(self.name, "from", self.from_, 1)

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """[N, …, product of the rest]."""
        x = inputs[0]
        assert x is not None
        if x.rank < self.from_:
            raise DlspecError(
                RankMismatch(
                    None,
                    self.name,
                    operand="x",
                    actual=str(x),
                    rank=x.rank,
                    expected=f"at least {self.from_}",
                )
            )
        return (x.with_shape((*x.shape[: self.from_], product(x.shape[self.from_ :]))),)

    def reference(self, *inputs: Any) -> Any:
        x = inputs[0]
        lead = x.shape[: self.from_]
        return x.reshape(*lead, int(np.prod(x.shape[self.from_ :])))

    def torch(self, t: TorchContext, *inputs: str) -> str:
        kind = t.input_types[0]
        assert kind is not None
        return (
            f"{inputs[0]}.unsqueeze(-1)"
            if kind.rank == self.from_
            else f"{inputs[0]}.flatten({self.from_})"
        )

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        kind = g.input_types[0]
        assert kind is not None
        if kind.rank == self.from_:
            return g.op("Unsqueeze", inputs[0], g.constant(_ints(-1)))
        return g.op("Reshape", inputs[0], g.constant(_ints(*(0,) * self.from_, -1)))


class Unflatten(Op):
    """The last axis as several: `unflatten(units, pieces)` makes [N, units * pieces] [N, units,
    pieces]."""

    name = "unflatten"
    signature = "(x: any[*s]) -> (y: any[*y])"
    variadic = "shape"
    shape: tuple[int, ...]
    samples = (({"shape": (2, 3)}, {"x": ("N", 6)}), ({"shape": (2, 2)}, {"x": ("N", 3, 4)}))

    def __post_init__(self) -> None:
        for size in self.shape:
            whole(self.name, "shape", size)

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """[*lead, *shape]."""
        x = inputs[0]
        assert x is not None
        if x.rank == 0 or x.shape[-1] != product(self.shape):
            raise DlspecError(
                ImpossibleShape(
                    None,
                    self.name,
                    reason=f"the last axis does not split into {' x '.join(map(str, self.shape))}",
                    actual=str(x),
                )
            )
        return (x.with_shape((*x.shape[:-1], *self.shape)),)

    def reference(self, *inputs: Any) -> Any:
        return inputs[0].reshape(*inputs[0].shape[:-1], *self.shape)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"{inputs[0]}.unflatten(-1, {self.shape})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        kind = g.input_types[0]
        assert kind is not None
        return g.op("Reshape", inputs[0], g.constant(_ints(*(0,) * (kind.rank - 1), *self.shape)))


class Transpose(Op):
    """Two axes exchanged, the last two if none are given."""

    name = "transpose"
    signature = "(x: any[*s]) -> (y: any[*y])"
    first: int = -2
    second: int = -1
    samples = (({}, {"x": ("N", 3, 4)}), ({"first": 1, "second": 2}, {"x": ("N", 3, 4, 2)}))

    def _order(self, kind: TensorType) -> list[int]:
        a, b = (axis_of(self.name, axis, kind) for axis in (self.first, self.second))
        order = list(range(kind.rank))
        order[a], order[b] = order[b], order[a]
        return order

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """The same sizes with two exchanged."""
        x = inputs[0]
        assert x is not None
        order = self._order(x)
        return (x.with_shape((x.shape[i] for i in order), (order.index(a) for a in x.ragged)),)

    def reference(self, *inputs: Any) -> Any:
        return np.swapaxes(inputs[0], self.first, self.second)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"{inputs[0]}.transpose({self.first}, {self.second})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        kind = g.input_types[0]
        assert kind is not None
        return g.op("Transpose", inputs[0], perm=self._order(kind))


class Unsqueeze(Op):
    """A new axis of size 1 at a place."""

    name = "unsqueeze"
    signature = "(x: any[*s]) -> (y: any[*y])"
    axis: int
    samples = (({"axis": 1}, {"x": ("N", 3)}), ({"axis": -1}, {"x": ("N", 3)}))

    def _place(self, kind: TensorType) -> int:
        return axis_of(self.name, self.axis, kind.with_shape((*kind.shape, 1)))

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """One axis more."""
        x = inputs[0]
        assert x is not None
        shape = list(x.shape)
        shape.insert(self._place(x), Dim.of(1))
        return (x.with_shape(shape),)

    def reference(self, *inputs: Any) -> Any:
        return np.expand_dims(inputs[0], self.axis)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"{inputs[0]}.unsqueeze({self.axis})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        return g.op("Unsqueeze", inputs[0], g.constant(_ints(self.axis)))


class Squeeze(Op):
    """An axis of size 1 left out."""

    name = "squeeze"
    signature = "(x: any[*s]) -> (y: any[*y])"
    axis: int
    samples = (({"axis": 1}, {"x": ("N", 1, 3)}), ({"axis": -1}, {"x": ("N", 1)}))

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """One axis less."""
        x = inputs[0]
        assert x is not None
        axis = axis_of(self.name, self.axis, x)
        if x.shape[axis] != 1:
            raise DlspecError(
                DimMismatch(
                    None,
                    self.name,
                    dim=f"axis {self.axis}",
                    operand="x",
                    actual=str(x.shape[axis]),
                    expected="1",
                )
            )
        return (x.with_shape((*x.shape[:axis], *x.shape[axis + 1 :])),)

    def reference(self, *inputs: Any) -> Any:
        return np.squeeze(inputs[0], self.axis)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"{inputs[0]}.squeeze({self.axis})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        return g.op("Squeeze", inputs[0], g.constant(_ints(self.axis)))


class Concat(Op):
    """Tensors one after the other along an axis (the last)."""

    name = "concat"
    signature = "(x: any[*s]) -> (y: any[*y])"
    many = True
    promotion = "common"
    axis: int = -1
    samples = (
        ({}, {"a": ("N", 3), "b": ("N", 2)}),
        ({"axis": 1}, {"a": ("N", 3, 2), "b": ("N", 1, 2), "c": ("N", 2, 2)}),
    )

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """Sizes along the axis add up; the others are equal."""
        kinds = [k for k in inputs if k is not None]
        first = kinds[0]
        axis = axis_of(self.name, self.axis, first)
        for position, kind in enumerate(kinds[1:], start=2):
            if kind.rank != first.rank:
                raise DlspecError(
                    RankMismatch(
                        None,
                        self.name,
                        operand=f"tensor {position}",
                        actual=str(kind),
                        rank=kind.rank,
                        expected=str(first.rank),
                    )
                )
            for a, (size, wanted) in enumerate(zip(kind.shape, first.shape, strict=True)):
                if a != axis and size != wanted:
                    raise DlspecError(
                        DimMismatch(
                            None,
                            self.name,
                            dim=f"axis {a}",
                            operand=f"tensor {position}",
                            actual=str(size),
                            expected=str(wanted),
                            other="tensor 1",
                        )
                    )
        total = Dim.of(0)
        for kind in kinds:
            total = total + kind.shape[axis]
        return (first.with_shape((*first.shape[:axis], total, *first.shape[axis + 1 :])),)

    def reference(self, *inputs: Any) -> Any:
        return np.concatenate(inputs, axis=self.axis)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"torch.cat(({', '.join(inputs)}{',' if len(inputs) == 1 else ''}), dim={self.axis})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        return g.op("Concat", *inputs, axis=self.axis)


class Stack(Op):
    """Tensors of one shape beside each other along a new axis (the last)."""

    name = "stack"
    signature = "(x: any[*s]) -> (y: any[*y])"
    many = True
    promotion = "common"
    axis: int = -1
    samples = (
        ({}, {"a": ("N", 3), "b": ("N", 3)}),
        ({"axis": 1}, {"a": ("N", 3), "b": ("N", 3), "c": ("N", 3)}),
    )

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """One axis more, as long as there are tensors."""
        kinds = [k for k in inputs if k is not None]
        first = kinds[0]
        shape = list(first.shape)
        shape.insert(
            axis_of(self.name, self.axis, first.with_shape((*shape, 1))), Dim.of(len(kinds))
        )
        for position, kind in enumerate(kinds[1:], start=2):
            if kind != first:
                raise DlspecError(
                    DimMismatch(
                        None,
                        self.name,
                        dim="the type",
                        operand=f"tensor {position}",
                        actual=str(kind),
                        expected=str(first),
                        other="tensor 1",
                    )
                )
        return (first.with_shape(shape),)

    def reference(self, *inputs: Any) -> Any:
        return np.stack(inputs, axis=self.axis)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return (
            f"torch.stack(({', '.join(inputs)}{',' if len(inputs) == 1 else ''}), dim={self.axis})"
        )

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        axis = g.constant(_ints(self.axis))
        return g.op("Concat", *(g.op("Unsqueeze", i, axis) for i in inputs), axis=self.axis)


class Pick(Op):
    """``y = x[index]`` along the last axis, one element for each index."""

    name = "pick"
    signature = "(x: any[*b, n], index: int[*b]) -> (y: any[*b])"
    samples = (
        ({}, {"x": ("N", 5), "index": ("int64", ("N",))}),
        ({}, {"x": ("N", 2, 5), "index": ("uint8", ("N", 2))}),
    )

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """The last axis gone."""
        x, index = inputs
        assert x is not None and index is not None
        super().infer(x, index)
        return (x.with_shape(x.shape[:-1]),)

    def reference(self, *inputs: Any) -> Any:
        x, index = inputs
        return np.take_along_axis(x, index[..., None].astype(np.int64), axis=-1)[..., 0]

    def torch(self, t: TorchContext, *inputs: str) -> str:
        kind = t.input_types[1]
        index = (
            inputs[1] if kind is not None and kind.dtype is DType.int64 else f"{inputs[1]}.long()"
        )
        return f"{inputs[0]}.gather(-1, {index}.unsqueeze(-1)).squeeze(-1)"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        last = g.constant(_ints(-1))
        index = g.op("Unsqueeze", g.op("Cast", inputs[1], to=7), last)
        return g.op("Squeeze", g.op("GatherElements", inputs[0], index, axis=-1), last)


class Slice(Op):
    """A part of a tensor, `x[:, 1:3]`; None stands for an open end."""

    name = "slice"
    signature = "(x: any[*s]) -> (y: any[*y])"
    starts: tuple[int | None, ...]
    stops: tuple[int | None, ...]
    samples = (
        ({"starts": (None, 1), "stops": (None, 3)}, {"x": ("N", 5)}),
        ({"starts": (None, -2), "stops": (None, None)}, {"x": ("N", 5)}),
    )

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """The sizes that are left."""
        x = inputs[0]
        assert x is not None
        if len(self.starts) > x.rank:
            raise DlspecError(
                RankMismatch(
                    None,
                    self.name,
                    operand="x",
                    actual=str(x),
                    rank=x.rank,
                    expected=f"at least {len(self.starts)}",
                )
            )
        shape = list(x.shape)
        for axis, (start, stop) in enumerate(zip(self.starts, self.stops, strict=True)):
            if start is None and stop is None:
                continue
            size = shape[axis].value
            if size is None:
                raise DlspecError(
                    ImpossibleShape(
                        None,
                        self.name,
                        reason=f"axis {axis} has the free size {shape[axis]}",
                        actual=str(x),
                    )
                )
            left = len(range(size)[start:stop])
            if left == 0 or (start is not None and not -size <= start < size):
                raise DlspecError(
                    ImpossibleShape(
                        None, self.name, reason=f"nothing of axis {axis} is left", actual=str(x)
                    )
                )
            shape[axis] = Dim.of(left)
        return (x.with_shape(shape),)

    def _index(self) -> tuple[slice, ...]:
        return tuple(slice(a, b) for a, b in zip(self.starts, self.stops, strict=True))

    def reference(self, *inputs: Any) -> Any:
        return inputs[0][self._index()]

    def torch(self, t: TorchContext, *inputs: str) -> str:
        parts = [
            f"{'' if a is None else a}:{'' if b is None else b}"
            for a, b in zip(self.starts, self.stops, strict=True)
        ]
        return f"{inputs[0]}[{', '.join(parts)}]"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        cut = [
            (axis, 0 if a is None else a, np.iinfo(np.int64).max if b is None else b)
            for axis, (a, b) in enumerate(zip(self.starts, self.stops, strict=True))
            if a is not None or b is not None
        ]
        if not cut:
            return g.op("Identity", inputs[0])
        axes, starts, stops = (g.constant(_ints(*column)) for column in zip(*cut, strict=True))
        return g.op("Slice", inputs[0], starts, stops, axes)
