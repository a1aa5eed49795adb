"""Where a tensor is wanted: applications stand for their result, numbers become constants, element
types are brought together.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.names import SeveralOutputs, WrongKind
from dlspec.dims import Dim
from dlspec.ir.builder import GraphBuilder
from dlspec.ir.graph import Constant, Value
from dlspec.ir.types import DType
from dlspec.sema.values import (
    POISON,
    Family,
    Poisoned,
    Record,
    Tensor,
    describe,
    literal_array,
)
from dlspec.source import Span
from dlspec.syntax import ast


def single(value: Any) -> Value | None:
    """The tensor that a value is or stands for, if that is clear; None otherwise."""
    if isinstance(value, Tensor):
        return value.value
    if isinstance(value, Family):
        return single(value.last)
    if isinstance(value, Record):
        if value.result is not None:
            return single(value.result)
        if len(value.outputs) == 1:
            return single(value.names[value.outputs[0]])
    return None


def as_tensor(
    builder: GraphBuilder, value: Any, span: Span, hint: ast.TypeExpr | None = None
) -> Value:
    """The tensor of a value, made a constant where it is known at compile time."""
    if value is POISON:
        raise Poisoned
    found = single(value)
    if found is not None:
        return found
    if _poisoned(value):
        raise Poisoned
    if isinstance(value, Record):
        if isinstance(value.result, tuple):
            raise DlspecError(WrongKind(span, "a tensor", f"{len(value.result)} values"))
        if value.outputs:
            known = ", ".join(f"`.{o}`" for o in value.outputs)
            raise DlspecError(SeveralOutputs(span, value.of, known))
    array = literal_array(value)
    if array is None:
        advice = None
        if isinstance(value, Dim):
            advice = "a free size is known only when the engine runs"
        raise DlspecError(WrongKind(span, "a tensor", describe(value), advice))
    return constant(builder, array)


def _poisoned(value: Any) -> bool:
    """Whether a value would be a tensor, had its statement not failed."""
    if isinstance(value, Family):
        return _poisoned(value.last)
    if isinstance(value, Record):
        return _poisoned(value.result) or any(_poisoned(value.names.get(o)) for o in value.outputs)
    return value is POISON


def constant(builder: GraphBuilder, array: Any, dtype: DType | None = None) -> Constant:
    """A constant of the graph; equal scalars are one."""
    array = np.asarray(array)
    if dtype is None:
        dtype = (
            DType.bool_
            if array.dtype == bool
            else DType.int64
            if array.dtype.kind in "iu"
            else DType.float32
        )
    if array.ndim:
        return builder.constant(array, dtype)
    scalars = _SCALARS.setdefault(builder.root, {})
    key = (dtype, array.astype(dtype.value).tobytes())
    if key not in scalars:
        scalars[key] = builder.constant(array, dtype)
    return scalars[key]


_SCALARS: WeakKeyDictionary[GraphBuilder, dict[tuple[DType, bytes], Constant]] = WeakKeyDictionary()


_ORDER = (
    DType.bool_,
    DType.uint8,
    DType.int8,
    DType.int32,
    DType.int64,
    DType.float16,
    DType.bfloat16,
    DType.float32,
    DType.float64,
)


def promoted(types: list[DType], *, to_float: bool) -> DType:
    """The element type that holds all given ones; pixels (uint8) in arithmetic become float32."""
    widest = max(types, key=_ORDER.index)
    if DType.int8 in types and DType.uint8 in types and widest is DType.int8:
        widest = DType.int32
    if to_float and not widest.is_float:
        return DType.float32
    return widest
