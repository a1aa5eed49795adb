"""The same elements in another shape. ``N`` stays first: shapes in a spec speak of what comes after
it."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.shapes import ImpossibleShape, InvalidSetting, RankMismatch
from dlspec.dims import Dim, product
from dlspec.ir.types import TensorType
from dlspec.ops.base import Array, OnnxBuilder, Op, TorchContext, refuse_lengths
from dlspec.ops.settings import whole


def ints(*values: int) -> Array:
    """Whole numbers as ONNX takes them."""
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
        return g.op("Reshape", inputs[0], g.constant(ints(0, *self._sizes())))


class Flatten(Op):
    """All axes after the first ``from - 1`` as one: [N, 16, 5, 5] is [N, 400]."""

    name = "flatten"
    signature = "(x: any[*s]) -> (y: any[*y])"
    ragged = "move"
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
        refuse_lengths(self, inputs, range(self.from_, x.rank))
        return (x.with_shape((*x.shape[: self.from_], product(x.shape[self.from_ :])), x.ragged),)

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
            return g.op("Unsqueeze", inputs[0], g.constant(ints(-1)))
        return g.op("Reshape", inputs[0], g.constant(ints(*(0,) * self.from_, -1)))


class Unflatten(Op):
    """The last axis as several: `unflatten(units, pieces)` makes [N, units * pieces] [N, units,
    pieces]."""

    name = "unflatten"
    signature = "(x: any[*s]) -> (y: any[*y])"
    variadic = "shape"
    ragged = "move"
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
        refuse_lengths(self, inputs, (x.rank - 1,))
        return (x.with_shape((*x.shape[:-1], *self.shape), x.ragged),)

    def reference(self, *inputs: Any) -> Any:
        return inputs[0].reshape(*inputs[0].shape[:-1], *self.shape)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"{inputs[0]}.unflatten(-1, {self.shape})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        kind = g.input_types[0]
        assert kind is not None
        return g.op("Reshape", inputs[0], g.constant(ints(*(0,) * (kind.rank - 1), *self.shape)))


class Expand(Op):
    """Axes of size 1 repeated, without copying: `expand(4, -1)` makes [N, 1, 8] [N, 4, 8]; -1
    leaves a size as it is."""

    name = "expand"
    signature = "(x: any[*s]) -> (y: any[*y])"
    variadic = "shape"
    ragged = "move"
    shape: tuple[int | Dim, ...]
    samples = (
        ({"shape": (4, -1)}, {"x": ("N", 1, 3)}),
        ({"shape": (3, 2)}, {"x": ("int64", ("N", 3, 1))}),
        ({"shape": (1, 3)}, {"x": ("N", 1, 3)}),
    )

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """[N, *shape]."""
        x = inputs[0]
        assert x is not None
        if x.rank != len(self.shape) + 1:
            raise DlspecError(
                RankMismatch(
                    None,
                    self.name,
                    operand="x",
                    actual=str(x),
                    rank=x.rank,
                    expected=str(len(self.shape) + 1),
                    advice="`unsqueeze` adds an axis of size 1",
                )
            )
        shape = list(x.shape)
        for axis, wanted in enumerate(self.shape, start=1):
            if wanted in (-1, x.shape[axis]):
                continue
            value = Dim.of(wanted).value
            if x.shape[axis] != 1 or value is None or value < 1:
                raise DlspecError(
                    ImpossibleShape(
                        None,
                        self.name,
                        reason=f"a size of {x.shape[axis]} does not become {wanted}",
                        actual=str(x),
                        advice="only axes of size 1 are repeated; `tile` repeats what is longer",
                    )
                )
            shape[axis] = Dim.of(wanted)
        return (x.with_shape(shape, x.ragged),)

    def _sizes(self) -> tuple[int, ...]:
        return tuple(Dim.of(d).value or -1 for d in self.shape)

    def reference(self, *inputs: Any) -> Any:
        x = inputs[0]
        sizes = zip(self._sizes(), x.shape[1:], strict=True)
        return np.broadcast_to(x, (x.shape[0], *(s if w == -1 else w for w, s in sizes)))

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"{inputs[0]}.expand(-1, {', '.join(map(str, self._sizes()))})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        sizes = (1 if s == -1 else s for s in self._sizes())  # 1 leaves a size as it is
        return g.op("Expand", inputs[0], g.constant(ints(1, *sizes)))
