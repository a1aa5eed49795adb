"""Small constructors of ONNX protos, faster than `onnx.helper`'s general ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dlspec.dims import Dim
from dlspec.ir.types import DType, TensorType

if TYPE_CHECKING:
    import onnx

_ELEMENT = {
    DType.float32: 1,
    DType.uint8: 2,
    DType.int8: 3,
    DType.int32: 6,
    DType.int64: 7,
    DType.bool_: 9,
    DType.float16: 10,
    DType.float64: 11,
    DType.bfloat16: 16,
}


def element_type(dtype: DType) -> int:
    """ONNX's number of an element type (`TensorProto.DataType`)."""
    return _ELEMENT[dtype]


def fill_value_info(info: onnx.ValueInfoProto, name: str, kind: TensorType) -> None:
    """Write a name, an element type and a shape; symbolic dims become the text of their normal
    form."""
    info.name = name
    tensor = info.type.tensor_type
    tensor.elem_type = _ELEMENT[kind.dtype]
    tensor.shape.SetInParent()  # a rank of 0 is said, not left out
    for dim in kind.shape:
        fill_dim(tensor.shape.dim.add(), dim)


def fill_dim(proto: Any, dim: Dim) -> None:
    """Write a dimension as its integer or its text."""
    value = dim.value
    if value is None:
        proto.dim_param = str(dim)
    else:
        proto.dim_value = value


def fill_tensor(tensor: onnx.TensorProto, name: str, value: NDArray[Any]) -> None:
    """Write an array as raw bytes (little-endian, row-major)."""
    tensor.name = name
    tensor.data_type = _ELEMENT[DType(value.dtype.name)]
    tensor.dims.extend(value.shape)
    tensor.raw_data = np.ascontiguousarray(value).tobytes()


def fill_attribute(attribute: onnx.AttributeProto, name: str, value: Any) -> None:
    """Write an attribute; its kind is that of the Python value (a bool is an int)."""
    from onnx import AttributeProto as Kind
    from onnx import GraphProto

    attribute.name = name
    if isinstance(value, (bool, int, np.integer)):
        attribute.type, attribute.i = Kind.INT, int(value)
    elif isinstance(value, (float, np.floating)):
        attribute.type, attribute.f = Kind.FLOAT, float(value)  # pyright: ignore[reportUnknownArgumentType]
    elif isinstance(value, DType):
        attribute.type, attribute.i = Kind.INT, _ELEMENT[value]
    elif isinstance(value, str):
        attribute.type, attribute.s = Kind.STRING, value.encode()
    elif isinstance(value, GraphProto):
        attribute.type = Kind.GRAPH
        attribute.g.CopyFrom(value)
    elif isinstance(value, np.ndarray):
        attribute.type = Kind.TENSOR
        fill_tensor(attribute.t, "", value)  # pyright: ignore[reportUnknownArgumentType]
    elif isinstance(value, Sequence):
        _fill_list(attribute, list(value))  # pyright: ignore[reportUnknownArgumentType]
    else:
        raise TypeError(f"attribute {name} = {value!r} has no ONNX form")


def _fill_list(attribute: onnx.AttributeProto, values: list[Any]) -> None:
    from onnx import AttributeProto as Kind

    if all(isinstance(v, str) for v in values) and values:
        attribute.type = Kind.STRINGS
        attribute.strings.extend(v.encode() for v in values)
    elif any(isinstance(v, float) for v in values):
        attribute.type = Kind.FLOATS
        attribute.floats.extend(float(v) for v in values)
    else:
        attribute.type = Kind.INTS
        attribute.ints.extend(int(v) for v in values)
