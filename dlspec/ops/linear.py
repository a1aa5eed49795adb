"""Products of matrices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.shapes import DimMismatch, DTypeMismatch, ImpossibleShape, RankMismatch
from dlspec.ir.graph import Initializer
from dlspec.ir.types import TensorType
from dlspec.ops.base import Array, OnnxBuilder, Op, TorchContext
from dlspec.ops.elementwise import FLOATS, broadcast, check_numbers
from dlspec.ops.settings import whole
from dlspec.ops.sums import sum_extent


class Dense(Op):
    """A fully connected layer, ``y = x Wᵀ + b``; W is [units, inputs]."""

    name = "dense"
    signature = (
        "(x: float[*b, i]; weight: float[units, i], bias?: float[units]) -> (y: float[*b, units])"
    )
    init: ClassVar[Mapping[str, str | Initializer]] = {
        "weight": "fan_in_uniform",
        "bias": "fan_in_uniform",
    }
    ragged = "pointwise"
    units: int
    samples = (
        ({"units": 4}, {"x": ("N", 3)}),
        ({"units": 2, "bias": None}, {"x": ("N", 3)}),
        ({"units": 4}, {"x": ("N", 5, 3)}),
    )

    def __post_init__(self) -> None:
        whole(self.name, "units", self.units)

    def parameter_types(self, *tensors: TensorType) -> dict[str, TensorType]:
        """Weight and bias; pixels and ids are told what to do."""
        if tensors and not tensors[0].dtype.is_float:
            pixels = tensors[0].dtype.value == "uint8"
            raise DlspecError(
                DTypeMismatch(
                    None,
                    self.name,
                    str(self.rule),
                    operand="x",
                    actual=str(tensors[0].dtype),
                    expected="a float",
                    advice="divide pixels by 255 first: `image / 255`"
                    if pixels
                    else "ids go through `embed` or `one_hot` first",
                )
            )
        kinds = super().parameter_types(*tensors)
        if kinds["weight"].shape[1].value is None:
            raise DlspecError(
                ImpossibleShape(
                    None,
                    self.name,
                    str(self.rule),
                    reason=f"the last axis, {tensors[0].shape[-1]}, has no fixed size",
                    actual=str(tensors[0]),
                    advice="`unsqueeze(-1)` makes one number a vector of its own"
                    if tensors[0].rank == 1
                    else "reduce this axis first, or put one of a fixed size last",
                )
            )
        return kinds

    def extent(self, result: Array, *types: TensorType | None) -> float | None:
        """What sums over many inputs lose."""
        weight = types[1]
        return sum_extent(result, (weight.shape[-1].value or 0) if weight is not None else 0)

    def reference(self, *inputs: Any) -> Any:
        x, weight, bias = inputs
        y = x @ weight.T
        return y if bias is None else y + bias

    def torch(self, t: TorchContext, *inputs: str) -> str:
        arguments = ", ".join(i for i in inputs if i != "None")
        return f"F.linear({arguments})"

    def torch_module(self, *inputs: TensorType | None) -> str | None:
        """`nn.Linear(in, out)`."""
        x, _, bias = inputs
        assert x is not None
        return f"nn.Linear({x.shape[-1]}, {self.units}{'' if bias is not None else ', bias=False'})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        x, weight, bias = inputs
        kind = g.input_types[0]
        assert kind is not None
        if kind.rank == 2:
            return g.op("Gemm", *(i for i in (x, weight, bias) if i), transB=1)
        y = g.op("MatMul", x, g.op("Transpose", weight, perm=[1, 0]))
        return g.op("Add", y, bias) if bias else y


class Matmul(Op):
    """The product of matrices in the last two axes, broadcasting the others; ``a @ b``.

    A vector (one axis) is a row on the left and a column on the right, and its axis is not in the
    result: `[N, m, k] @ [k]` is `[N, m]`.
    """

    name = "matmul"
    signature = "(a: float[*a], b: float[*b]) -> (y: float[*c])"
    promotion = "float"
    samples = (
        ({}, {"a": ("N", 3), "b": (3, 4)}),
        ({}, {"a": ("N", 2, 3), "b": ("N", 3, 4)}),
        ({}, {"a": ("N", 2, 3), "b": (3, 4)}),
        ({}, {"a": (2, 1, 2, 3), "b": ("N", 3, 4)}),
        ({}, {"a": ("N", 2, 3), "b": (3,)}),
        ({}, {"a": (3,), "b": ("N", 3, 4)}),
        ({}, {"a": (3,), "b": (3,)}),
    )

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """[*, m, k] @ [*, k, n] is [*, m, n]."""
        a, b = inputs
        assert a is not None and b is not None
        for operand, kind in (("a", a), ("b", b)):
            check_numbers(self, kind, *FLOATS)
            if kind.rank < 1:
                raise DlspecError(
                    RankMismatch(
                        None,
                        self.name,
                        operand=operand,
                        actual=str(kind),
                        rank=kind.rank,
                        expected="at least 1",
                        advice="`a * b` multiplies by a number",
                    )
                )
        if a.dtype is not b.dtype:
            raise DlspecError(
                DTypeMismatch(
                    None, self.name, operand="b", actual=str(b.dtype), expected=str(a.dtype)
                )
            )
        rows = b.shape[-2] if b.rank > 1 else b.shape[-1]
        if a.shape[-1] != rows:
            raise DlspecError(
                DimMismatch(
                    None,
                    self.name,
                    dim="rows",
                    operand="b",
                    actual=str(rows),
                    expected=str(a.shape[-1]),
                    other="a",
                    advice="`transpose(b)` swaps its last two axes"
                    if a.shape[-1] == b.shape[-1]
                    else "",
                )
            )
        lead, _ = broadcast(self.name, a.with_shape(a.shape[:-2]), b.with_shape(b.shape[:-2]))
        last = (*a.shape[-2:-1], *(b.shape[-1:] if b.rank > 1 else ()))
        return (a.with_shape((*lead, *last)),)

    def extent(self, result: Array, *types: TensorType | None) -> float | None:
        """What sums over many products lose."""
        a = types[0]
        return sum_extent(result, (a.shape[-1].value or 0) if a is not None else 0)

    def reference(self, *inputs: Any) -> Any:
        return np.matmul(inputs[0], inputs[1])

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"({inputs[0]} @ {inputs[1]})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        return g.op("MatMul", *inputs)


class Bilinear(Op):
    """A bilinear form for each unit, ``y_u = aᵀ W_u b + bias_u``; W is [units, i, j]."""

    name = "bilinear"
    signature = (
        "(a: float[*s, i], b: float[*s, j]; weight: float[units, i, j], bias?: float[units]) -> "
        "(y: float[*s, units])"
    )
    init: ClassVar[Mapping[str, str | Initializer]] = {
        "weight": "fan_in_uniform",
        "bias": "fan_in_uniform",
    }
    ragged = "pointwise"
    units: int
    samples = (
        ({"units": 4}, {"a": ("N", 3), "b": ("N", 2)}),
        ({"units": 2, "bias": None}, {"a": ("N", 5, 3), "b": ("N", 5, 2)}),
    )

    def __post_init__(self) -> None:
        whole(self.name, "units", self.units)

    def parameter_types(self, *tensors: TensorType) -> dict[str, TensorType]:
        """Weight and bias, of fixed sizes."""
        kinds = super().parameter_types(*tensors)
        for kind, size in zip(tensors, kinds["weight"].shape[1:], strict=True):
            check_numbers(self, kind, *FLOATS)
            if size.value is None:
                raise DlspecError(
                    ImpossibleShape(
                        None,
                        self.name,
                        str(self.rule),
                        reason=f"the last axis, {size}, has no fixed size",
                        actual=str(kind),
                        advice="reduce this axis first, or put one of a fixed size last",
                    )
                )
        return kinds

    def reference(self, *inputs: Any) -> Any:
        a, b, weight, bias = inputs
        y = np.einsum("...i,uij,...j->...u", a, weight, b, optimize=True)
        return y if bias is None else y + bias

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"F.bilinear({', '.join(i for i in inputs if i != 'None')})"

    def torch_module(self, *inputs: TensorType | None) -> str | None:
        """`nn.Bilinear(i, j, units)`."""
        a, b, _, bias = inputs
        assert a is not None and b is not None
        no_bias = "" if bias is not None else ", bias=False"
        return f"nn.Bilinear({a.shape[-1]}, {b.shape[-1]}, {self.units}{no_bias})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        a, b, weight, bias = inputs
        kinds = g.input_types
        assert kinds[0] is not None and kinds[2] is not None
        units, i, j = (d.value or 0 for d in kinds[2].shape)

        def ints(*values: int) -> str:
            return g.constant(np.array(values, dtype=np.int64))

        # all units at once: [*s, i] @ [i, units j], then over j
        flat = g.op("Transpose", weight, perm=[1, 0, 2])
        flat = g.op("Reshape", flat, ints(i, units * j))
        half = g.op("MatMul", a, flat)
        lead = kinds[0].rank - 1
        half = g.op("Reshape", half, ints(*(0,) * lead, units, j))
        y = g.op("MatMul", half, g.op("Unsqueeze", b, ints(-1)))
        y = g.op("Squeeze", y, ints(-1))
        return g.op("Add", y, bias) if bias else y
