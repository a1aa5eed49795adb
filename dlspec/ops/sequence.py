"""What time wants besides loops: a row's last step, its steps in reverse, and steps as rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlspec.dims import Dim
from dlspec.ir.types import DType, TensorType
from dlspec.ops.base import OnnxBuilder, Op, TorchContext, refuse_lengths
from dlspec.ops.comparison import chosen


def _ints(g: OnnxBuilder, *values: int) -> str:
    return g.constant(np.array(values, np.int64))


class LastStep(Op):
    """The last step of each row, ``y[n] = x[n, lengths[n] - 1]``; 0 of a row without steps."""

    name = "last_step"
    internal = True
    signature = "(x: any[n, t, *s], lengths: int32[n]) -> (y: any[n, *s])"
    ragged = "reduce"
    samples = (
        ({}, {"x": ("N", 4, 2), "lengths": ("int32", ("N",))}),
        ({}, {"x": ("int64", ("N", 4)), "lengths": ("int32", ("N",))}),
        ({}, {"x": ("bool", ("N", 4)), "lengths": ("int32", ("N",))}),
    )

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """Time gone."""
        x, _ = inputs
        assert x is not None
        ragged = frozenset(a - 1 for a in x.ragged if a > 1)
        return (TensorType(x.dtype, (x.shape[0], *x.shape[2:]), ragged),)

    def reference(self, *inputs: Any) -> Any:
        x, lengths = inputs
        taken = x[np.arange(len(x)), np.maximum(lengths.astype(np.int64) - 1, 0)]
        some = (lengths > 0).reshape([-1] + [1] * (taken.ndim - 1))
        return np.where(some, taken, np.zeros((), x.dtype))

    def torch(self, t: TorchContext, *inputs: str) -> str:
        x, lengths = t.tensor(0), inputs[1]
        kind = t.output_types[0]
        none = f"({lengths} < 1)" + (f"[:{', None' * (kind.rank - 1)}]" if kind.rank > 1 else "")
        rows = f"torch.arange({x}.shape[0], device={x}.device)"
        return f"{x}[{rows}, ({lengths} - 1).clamp(min=0)].masked_fill({none}, 0)"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        x, lengths = inputs
        kind = g.output_types[0]
        zero = g.constant(np.array(0, np.int64))
        place = g.op(
            "Sub", g.op("Cast", lengths, to=DType.int64), g.constant(np.array(1, np.int64))
        )
        place = g.op("Unsqueeze", g.op("Max", place, zero), _ints(g, 1))
        taken = g.op("GatherND", x, place, batch_dims=1)
        some = g.op("Greater", lengths, g.constant(np.array(0, np.int32)))
        if kind.rank > 1:
            some = g.op("Unsqueeze", some, _ints(g, *range(1, kind.rank)))
        return chosen(g, some, taken, g.constant(np.zeros((), kind.dtype.value)), kind)


class Reversed(Op):
    """The steps of each row from its last to its first; padding stays behind."""

    name = "reversed"
    internal = True
    signature = "(x: any[n, t, *s], lengths: int32[n]) -> (y: any[n, t, *s])"
    ragged = "reduce"
    samples = (
        ({}, {"x": ("N", 4, 2), "lengths": ("int32", ("N",))}),
        ({}, {"x": ("int64", ("N", 4)), "lengths": ("int32", ("N",))}),
    )

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """The type of x."""
        assert inputs[0] is not None
        return (inputs[0],)

    def reference(self, *inputs: Any) -> Any:
        x, lengths = inputs
        step = np.arange(x.shape[1])
        back = lengths[:, None] - 1 - step
        place = np.where(back >= 0, back, step).reshape(x.shape[:2] + (1,) * (x.ndim - 2))
        return np.take_along_axis(x, place, axis=1)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        x, lengths = t.tensor(0), inputs[1]
        kind = t.input_types[0]
        assert kind is not None
        step = f"torch.arange({x}.shape[1], device={x}.device)"
        more = f"[..., {', '.join(['None'] * (kind.rank - 2))}]" if kind.rank > 2 else ""
        back = f"{lengths}[:, None] - 1 - {step}"
        place = f"torch.where({back} >= 0, {back}, {step}){more}"
        return f"{x}.take_along_dim({place}, 1)"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        x, lengths = inputs
        count = g.op("Cast", lengths, to=DType.int64)
        # of a row without steps nothing is turned; the operator wants at least one
        count = g.op("Max", count, g.constant(np.array(1, np.int64)))
        return g.op("ReverseSequence", x, count, batch_axis=0, time_axis=1)


class StepsAsRows(Op):
    """[N, T, ...] as [N * T, ...]: every step is an example of its own.

    With ``time_first`` the rows are those of all first steps, then those of all second ones, …: the
    order in which a loop reads what is made of them.
    """

    name = "steps_as_rows"
    internal = True
    signature = "(x: any[n, t, *s]) -> (y: any[*y])"
    ragged = "reduce"
    time_first: bool = False
    samples = (
        ({}, {"x": ("N", 4, 2)}),
        ({}, {"x": ("int64", ("N", 4))}),
        ({"time_first": True}, {"x": ("N", 4, 2)}),
        ({"time_first": True}, {"x": ("int64", ("N", 4))}),
    )

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """The first two axes as one; lengths within a step are those of a row."""
        x = inputs[0]
        assert x is not None
        refuse_lengths(self, inputs, (0, 1))
        ragged = frozenset(a - 1 for a in x.ragged)
        return (TensorType(x.dtype, (x.shape[0] * x.shape[1], *x.shape[2:]), ragged),)

    def reference(self, *inputs: Any) -> Any:
        x = inputs[0].swapaxes(0, 1) if self.time_first else inputs[0]
        return x.reshape(-1, *x.shape[2:])

    def torch(self, t: TorchContext, *inputs: str) -> str:
        order = ".transpose(0, 1)" if self.time_first else ""
        return f"{inputs[0]}{order}.flatten(0, 1)"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        x, kind = inputs[0], g.input_types[0]
        assert kind is not None
        if self.time_first:
            x = g.swapped(x, kind.rank)
        rest = g.op("Slice", g.shape(x), _ints(g, 2), _ints(g, 2**31))
        return g.op("Reshape", x, g.op("Concat", _ints(g, -1), rest, axis=0))


class RowsAsSteps(Op):
    """[N * T, ...] as [N, T, ...] again, with the rows and steps of a tensor like it. In which
    order the rows are, ``time_first`` says as in `StepsAsRows`."""

    name = "rows_as_steps"
    internal = True
    signature = "(x: any[m, *s], like: any[n, t, *r]) -> (y: any[n, t, *s])"
    ragged = "reduce"
    time_first: bool = False
    samples = (
        ({}, {"x": (Dim.of("N") * 3, 2), "like": ("N", 3)}),
        ({"time_first": True}, {"x": (Dim.of("N") * 3, 2), "like": ("N", 3)}),
        ({"time_first": True}, {"x": (Dim.of("N") * 3,), "like": ("N", 3)}),
    )

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """N and T of the tensor like it, then the rest."""
        x, like = inputs
        assert x is not None and like is not None
        ragged = frozenset(a + 1 for a in x.ragged)
        return (TensorType(x.dtype, (*like.shape[:2], *x.shape[1:]), ragged),)

    def reference(self, *inputs: Any) -> Any:
        x, like = inputs
        n, t = like.shape[:2]
        if self.time_first:
            return x.reshape(t, n, *x.shape[1:]).swapaxes(0, 1)
        return x.reshape(n, t, *x.shape[1:])

    def torch(self, t: TorchContext, *inputs: str) -> str:
        x, like = inputs
        if self.time_first:
            return f"{x}.unflatten(0, {like}.shape[1::-1]).transpose(0, 1)"
        return f"{x}.unflatten(0, {like}.shape[:2])"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        x, like = inputs
        kinds = g.input_types
        assert kinds[0] is not None and kinds[1] is not None
        if self.time_first:
            like = g.swapped(like, kinds[1].rank)
        first = g.op("Slice", g.shape(like), _ints(g, 0), _ints(g, 2))
        rest = g.op("Slice", g.shape(x), _ints(g, 1), _ints(g, 2**31))
        y = g.op("Reshape", x, g.op("Concat", first, rest, axis=0))
        return g.swapped(y, kinds[0].rank + 1) if self.time_first else y
