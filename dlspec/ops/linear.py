"""Products of matrices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.shapes import DimMismatch, DTypeMismatch, ImpossibleShape, RankMismatch
from dlspec.ir.graph import Initializer
from dlspec.ir.types import TensorType
from dlspec.ops.base import OnnxBuilder, Op, TorchContext
from dlspec.ops.elementwise import FLOATS, broadcast, check_numbers
from dlspec.ops.settings import whole


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
    """The product of matrices in the last two axes, broadcasting the others; ``a @ b``."""

    name = "matmul"
    signature = "(a: float[*a], b: float[*b]) -> (y: float[*c])"
    promotion = "float"
    samples = (({}, {"a": ("N", 3), "b": (3, 4)}), ({}, {"a": ("N", 2, 3), "b": ("N", 3, 4)}))

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """[*, m, k] @ [*, k, n] is [*, m, n]."""
        a, b = inputs
        assert a is not None and b is not None
        for operand, kind in (("a", a), ("b", b)):
            check_numbers(self, kind, *FLOATS)
            if kind.rank < 2:
                raise DlspecError(
                    RankMismatch(
                        None,
                        self.name,
                        operand=operand,
                        actual=str(kind),
                        rank=kind.rank,
                        expected="at least 2",
                        advice="`sum(a * b)` is the product of two vectors",
                    )
                )
        if a.shape[-1] != b.shape[-2]:
            raise DlspecError(
                DimMismatch(
                    None,
                    self.name,
                    dim="rows",
                    operand="b",
                    actual=str(b.shape[-2]),
                    expected=str(a.shape[-1]),
                    other="a",
                    advice="`transpose(b)` swaps its last two axes"
                    if a.shape[-1] == b.shape[-1]
                    else "",
                )
            )
        lead, _ = broadcast(self.name, a.with_shape(a.shape[:-2]), b.with_shape(b.shape[:-2]))
        return (a.with_shape((*lead, a.shape[-2], b.shape[-1])),)

    def reference(self, *inputs: Any) -> Any:
        return np.matmul(inputs[0], inputs[1])

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"({inputs[0]} @ {inputs[1]})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        return g.op("MatMul", *inputs)
