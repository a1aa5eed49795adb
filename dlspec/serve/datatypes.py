"""The protocol's datatypes and NumPy's, and values of JSON as arrays, exactly or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from dlspec.diagnostics import serve as faults
from dlspec.diagnostics.core import DlspecError

Array = NDArray[Any]

DTYPES: dict[str, np.dtype[Any]] = {
    name: np.dtype(dtype)
    for name, dtype in {
        "BOOL": "?",
        "INT8": "<i1",
        "INT16": "<i2",
        "INT32": "<i4",
        "INT64": "<i8",
        "UINT8": "<u1",
        "UINT16": "<u2",
        "UINT32": "<u4",
        "UINT64": "<u8",
        "FP16": "<f2",
        "FP32": "<f4",
        "FP64": "<f8",
    }.items()
}
"""NumPy's dtype of each datatype that is served."""

BYTES = "BYTES"
"""The protocol's datatype of texts."""

NAMES: dict[np.dtype[Any], str] = {dtype: name for name, dtype in DTYPES.items()}
"""The protocol's name of each NumPy dtype."""

_PYTHON_TYPES = {"b": {bool}, "i": {int}, "u": {int}, "f": {int, float}}


def array_of_json(
    name: str, data: object, shape: Sequence[int], datatype: str, lengths: str | None = None
) -> Array:
    """The array of a tensor's ``data``: a flat list in row-major order, or one nested as ``shape``.
    ``lengths`` is the input that says how long its examples are, where they differ.

    Raises:
        DlspecError: DL424 for another number of values, uneven rows, values of another type
            (``true`` is no number, ``1.5`` no integer) or out of the datatype's range.
    """
    dtype = DTYPES[datatype]
    if not isinstance(data, list):
        raise misfit(name, f"`data` is {kind_of(data)} and no list", shape, datatype)
    values = cast("list[Any]", data)
    kinds = set(map(type, values))
    if list in kinds:
        values, nested = flattened(values)
        if nested != tuple(shape):
            if nested is None:
                way = f"end shorter ones with 0, and tell their lengths in `{lengths}`"
                fix = None if lengths is None else way
                raise misfit(name, "its lists are uneven", shape, datatype, fix)
            raise misfit(name, f"its lists have shape {list(nested)}", shape, datatype)
        kinds = set(map(type, values))
    wrong = kinds - _PYTHON_TYPES[dtype.kind]
    if wrong:
        odd = next(v for v in values if type(v) in wrong)
        raise misfit(name, f"it holds {kind_of(odd)}, no {datatype}", shape, datatype)
    if len(values) != prod(shape):
        raise misfit(name, f"it has {len(values)} values", shape, datatype)
    try:
        with np.errstate(over="raise"):
            array = np.array(values, dtype)
    except (OverflowError, FloatingPointError) as error:
        reason = f"a value is out of the range of {datatype}"
        raise misfit(name, reason, shape, datatype) from error
    if dtype.kind == "f" and not np.isfinite(array).all():  # JSON has only finite numbers
        raise misfit(name, f"a value is out of the range of {datatype}", shape, datatype)
    return shaped(name, array, shape, datatype)


def array_of_bytes(name: str, data: memoryview, shape: Sequence[int], datatype: str) -> Array:
    """The array of a tensor's bytes (little endian, row-major), without a copy.

    Raises:
        DlspecError: DL424 where the number of bytes is not that of the shape.
    """
    dtype = DTYPES[datatype]
    if len(data) != prod(shape) * dtype.itemsize:
        raise misfit(name, f"it has {len(data)} bytes", shape, datatype)
    return shaped(name, np.frombuffer(data, dtype), shape, datatype)


def shaped(name: str, flat: Array, shape: Sequence[int], datatype: str) -> Array:
    """The values of an input in its shape.

    Raises:
        DlspecError: DL424 where no array has this shape.
    """
    try:
        return flat.reshape(shape)
    except ValueError as error:  # more axes than NumPy has, or sizes beyond the address space
        raise misfit(name, "no array has this shape", shape, datatype) from error


def kind_of(value: object) -> str:
    """What a JSON value is, in words that name it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return f"the number {value}"
    if isinstance(value, str):
        return f'the text "{value[:40]}{"…" if len(value) > 40 else ""}"'
    return "a list" if isinstance(value, list) else "an object"


def flattened(values: list[Any]) -> tuple[list[Any], tuple[int, ...] | None]:
    """The leaves, and the shape of the lists; None where they are uneven."""
    shape: tuple[int, ...] | None = (len(values),)
    while any(type(v) is list for v in values):
        lengths = {len(v) if type(v) is list else -1 for v in values}
        if len(lengths) > 1:
            return [], None
        shape = (*shape, lengths.pop())
        values = [leaf for row in values for leaf in row]
    return values, shape


def misfit(
    name: str, reason: str, shape: Sequence[int], datatype: str, fix: str | None = None
) -> DlspecError:
    """DL424: the values of an input are not what its shape and datatype say."""
    count = prod(shape)
    if datatype == BYTES:
        expected = f"{count} text{'s' * (count != 1)} in shape {list(shape)}"
    else:
        size = count * DTYPES[datatype].itemsize
        expected = f"{count} values of {datatype} in shape {list(shape)} ({size} bytes)"
    return DlspecError(faults.RequestData(None, name, reason, expected, fix))
