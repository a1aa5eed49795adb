"""Large initializers as external data inside `weights.safetensors`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx


@dataclass(frozen=True)
class Location:
    """Where a tensor's bytes are: a file beside the model, an offset and a length in bytes."""

    file: str
    offset: int
    length: int


def externalize(
    model: onnx.ModelProto, locations: Mapping[str, Location | tuple[str, int, int]]
) -> onnx.ModelProto:
    """Point initializers at bytes in a file, in place, and drop their copies; the model itself is
    returned.

    Both ONNX Runtime and the TensorRT parsers read this, and it lifts protobuf's limit of 2 GB.

    Raises:
        ValueError: if a length is not that of the initializer (the file is of another model).
    """
    for tensor in model.graph.initializer:
        found = locations.get(tensor.name)
        if found is None:
            continue
        place = found if isinstance(found, Location) else Location(*found)
        fill_place(tensor, place)
    return model


def fill_place(tensor: onnx.TensorProto, place: Location) -> None:
    """Point a tensor of known type and dims at its bytes in a file.

    Raises:
        ValueError: if they are not as many as it has.
    """
    from onnx import TensorProto
    from onnx.helper import tensor_dtype_to_np_dtype

    size = math.prod(tensor.dims) * tensor_dtype_to_np_dtype(tensor.data_type).itemsize
    if size != place.length:
        raise ValueError(f"{tensor.name} has {size} bytes, {place.file} holds {place.length} of it")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    del tensor.external_data[:]
    for key, value in (
        ("location", place.file),
        ("offset", place.offset),
        ("length", place.length),
    ):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, str(value)


def is_external(tensor: onnx.TensorProto) -> bool:
    """Whether a tensor's bytes lie in a file."""
    from onnx import TensorProto

    return tensor.data_location == TensorProto.EXTERNAL
