"""Parts of tensors: by their numbers, or on one side of a diagonal."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.shapes import DTypeMismatch, ImpossibleShape
from dlspec.ir.types import DType, TensorType
from dlspec.ops.base import OnnxBuilder, Op, Ragged, TorchContext
from dlspec.ops.elementwise import NUMBERS, check_numbers
from dlspec.ops.settings import axis_of, whole


class Gather(Op):
    """What stands at each index along an axis (1, the first after N): ``y[n, i] = x[n, index[n,
    i]]``.

    The index has the axes of x before ``axis``, then any; y has those, then the axes of x behind
    ``axis``. With ``axis = 0`` it takes rows by their numbers, ``y = x[index]``. An index counts
    from 0.
    """

    name = "gather"
    signature = "(x: any[*s], index: int[*i]) -> (y: any[*y])"
    ragged: ClassVar[Ragged] = "pointwise"
    axis: int = 1
    samples = (
        ({}, {"x": ("N", 5), "index": ("int64", ("N",))}),
        ({}, {"x": ("N", 5, 3), "index": ("int64", ("N", 2))}),
        ({}, {"x": ("N", 5, 2, 3), "index": ("uint8", ("N", 2, 4))}),
        ({"axis": 2}, {"x": ("N", 2, 5, 3), "index": ("int32", ("N", 2, 4))}),
        ({"axis": 0}, {"x": (5, 3), "index": ("int64", ("N", 2))}),
        ({"axis": 0}, {"x": ("int64", (5,)), "index": ("int64", ())}),
    )

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """[*before, *index, *behind]."""
        x, index = inputs
        assert x is not None and index is not None
        axis = axis_of(self.name, self.axis, x)
        if not index.dtype.is_integer:
            raise DlspecError(
                DTypeMismatch(
                    None, self.name, operand="index", actual=str(index.dtype), expected="int"
                )
            )
        if index.shape[:axis] != x.shape[:axis]:
            wanted = ", ".join(str(d) for d in x.shape[:axis])
            raise DlspecError(
                ImpossibleShape(
                    None,
                    self.name,
                    reason=f"the index is {index}, and does not begin with [{wanted}]",
                    actual=str(x),
                    advice="the index has the axes of the tensor before `axis`; "
                    "`axis = 0` takes rows by their numbers",
                )
            )
        # each place that the index names is there, so a ragged axis may be taken from
        kept = {a if a < axis else a - axis - 1 + index.rank for a in x.ragged if a != axis}
        return (x.with_shape((*index.shape, *x.shape[axis + 1 :]), index.ragged | kept),)

    def reference(self, *inputs: Any) -> Any:
        x, index = inputs
        axis = self.axis % x.ndim
        index = index.astype(np.int64)
        rows = index.reshape(*x.shape[:axis], -1)
        rows = rows.reshape(*rows.shape, *(1,) * (x.ndim - axis - 1))
        found = np.take_along_axis(x, rows, axis=axis)
        return found.reshape((*index.shape, *x.shape[axis + 1 :]))

    def torch(self, t: TorchContext, *inputs: str) -> str:
        kind, places = t.input_types
        assert kind is not None and places is not None
        axis = self.axis % kind.rank
        index = inputs[1] if places.dtype is DType.int64 else f"{inputs[1]}.long()"
        lead: list[str] = []
        for a in range(axis):
            behind = ", None" * (places.rank - a - 1)
            x = inputs[0]
            rows = f"torch.arange({x}.shape[{a}], device={x}.device)"
            lead.append(f"{rows}[:{behind}]" if behind else rows)
        return f"{inputs[0]}[{', '.join([*lead, index])}]"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        kind, places = g.input_types
        assert kind is not None and places is not None
        axis = self.axis % kind.rank
        wide = places.dtype in (DType.int64, DType.int32)
        index = inputs[1] if wide else g.op("Cast", inputs[1], to=7)
        if axis == 0:
            return g.op("Gather", inputs[0], index, axis=0)
        if places.dtype is DType.int32:
            index = g.op("Cast", index, to=7)
        last = g.constant(np.array([-1], dtype=np.int64))
        return g.op("GatherND", inputs[0], g.op("Unsqueeze", index, last), batch_dims=axis)


class Triangle(Op):
    """Base: of the matrices in the last two axes, the entries on one side of a diagonal are kept,
    the others become 0. ``diagonal`` counts to the right of the main one."""

    signature = "(x: any[*s]) -> (y: any[*s])"
    promotion: ClassVar[Literal["none", "common", "float"]] = "none"
    upper: ClassVar[bool] = True
    diagonal: int = 0
    samples: ClassVar[Any] = (
        ({}, {"x": ("N", 3, 4)}),
        ({"diagonal": 1}, {"x": ("N", 3, 3)}),
        ({"diagonal": -1}, {"x": (4, "N")}),
        ({}, {"x": ("int64", (3, 3))}),
    )

    def __post_init__(self) -> None:
        whole(self.name, "diagonal", self.diagonal, -(2**31))

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """The type of x, of at least two axes."""
        x = inputs[0]
        assert x is not None
        check_numbers(self, x, *NUMBERS)
        axis_of(self.name, -2, x)
        return (x,)

    def reference(self, *inputs: Any) -> Any:
        return (np.triu if self.upper else np.tril)(inputs[0], self.diagonal)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"{inputs[0]}.{self.name}({self.diagonal or ''})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        k = g.constant(np.array(self.diagonal, dtype=np.int64))
        return g.op("Trilu", inputs[0], k, upper=int(self.upper))


class Triu(Triangle):
    """The upper triangle of the matrices in the last two axes, from the ``diagonal`` (0 is the main
    one, 1 the one to its right) on; 0 below it."""

    name = "triu"


class Tril(Triangle):
    """The lower triangle of the matrices in the last two axes, up to the ``diagonal`` (0 is the
    main one, -1 the one to its left); 0 above it."""

    name = "tril"
    upper = False
