"""Element types and tensor types."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from dlspec.dims import DimLike, Shape, shape_of


class DType(StrEnum):
    """Element type of a tensor; the value is NumPy's (and ONNX's) name of it."""

    float32 = "float32"
    float16 = "float16"
    bfloat16 = "bfloat16"
    float64 = "float64"
    int64 = "int64"
    int32 = "int32"
    uint8 = "uint8"
    int8 = "int8"
    bool_ = "bool"

    @property
    def is_float(self) -> bool:
        """Whether it has a fraction."""
        return self in (DType.float32, DType.float16, DType.bfloat16, DType.float64)

    @property
    def is_integer(self) -> bool:
        """Whether it is a whole number (booleans are not)."""
        return not self.is_float and self is not DType.bool_

    def __str__(self) -> str:
        return self.value


SPELLINGS: dict[str, DType] = {"float": DType.float32, "int": DType.int64} | {
    d.value: d for d in DType
}
"""How a spec writes each element type."""


@dataclass(frozen=True)
class TensorType:
    """Element type, symbolic shape, and which axes are ragged.

    A ragged axis carries one length per example; lengths belong to the symbols of its dimension,
    and a derived dimension maps them by the same expression.
    """

    dtype: DType
    shape: Shape
    ragged: frozenset[int] = frozenset()

    @staticmethod
    def of(dtype: DType | str, *dims: DimLike, ragged: Iterable[int] = ()) -> TensorType:
        """A type from ints, symbol names and dimensions."""
        return TensorType(SPELLINGS[str(dtype)], shape_of(dims), frozenset(ragged))

    @property
    def rank(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def with_shape(self, shape: Iterable[DimLike], ragged: Iterable[int] = ()) -> TensorType:
        """The same element type with another shape."""
        return TensorType(self.dtype, shape_of(shape), frozenset(ragged))

    def with_dtype(self, dtype: DType) -> TensorType:
        """The same shape with another element type."""
        return TensorType(dtype, self.shape, self.ragged)

    def __str__(self) -> str:
        dims = ", ".join(f"<={d}" if i in self.ragged else str(d) for i, d in enumerate(self.shape))
        return f"{self.dtype}[{dims}]"
