"""The operands of an op: tensors of fitting element types, and what a diagnostic tells of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dlspec.diagnostics.shapes import Operand, ShapeDiagnostic
from dlspec.ir.graph import Value
from dlspec.ir.types import DType
from dlspec.ops import REGISTRY
from dlspec.ops.base import Op
from dlspec.sema.arguments import Given
from dlspec.sema.origins import history
from dlspec.sema.tensors import as_tensor, constant, promoted, single
from dlspec.sema.values import Tensor, literal_array
from dlspec.source import Span

if TYPE_CHECKING:
    from dlspec.sema.elaborate import Elaborator

_LOGIC = ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")


def brought_together(el: Elaborator, op: Op, operands: Sequence[Given], span: Span) -> list[Value]:
    """The operands as tensors of one element type, where the op wants that; casts are nodes."""
    builder = el.context.builder
    literal = [single(v) is None for v, _ in operands]
    for (value, _), known in zip(operands, literal, strict=True):
        if known and isinstance(value, (list, tuple, np.ndarray)):
            array = literal_array(value)
            el.context.count_literal(0 if array is None else array.size, span)
    values = [as_tensor(builder, v, place) for v, place in operands]
    if op.promotion == "none":
        return values
    types = [
        DType.float32
        if v.type.dtype is DType.uint8 and op.name not in _LOGIC and op.name != "where"
        else v.type.dtype
        for v in values
    ]
    # a written number takes the type of the tensors beside it, unless it has a fraction and they
    # have none
    own = slice(1 if op.name == "where" else 0, None)  # a condition says nothing of what is chosen
    fixed = [t for t, is_literal in zip(types[own], literal[own], strict=True) if not is_literal]
    fractions = [t for t, lit in zip(types[own], literal[own], strict=True) if lit and t.is_float]
    if fixed:
        types_for = fixed if any(t.is_float for t in fixed) else fixed + fractions
    else:
        types_for = types[own]
    wanted = promoted(types_for, to_float=op.promotion == "float")
    result: list[Value] = []
    for position, (value, is_literal) in enumerate(zip(values, literal, strict=True)):
        if (op.name == "where" and position == 0) or value.type.dtype is wanted:
            result.append(value)
        elif is_literal and not isinstance(operands[position][0], Tensor):
            array = literal_array(operands[position][0])
            result.append(constant(builder, array, wanted))
        else:
            result.append(cast(el, value, wanted, span))
    return result


def cast(el: Elaborator, value: Value, dtype: DType, span: Span) -> Value:
    """A tensor in another element type."""
    made = REGISTRY["cast"](dtype=dtype.value)  # type: ignore[call-arg]
    return el.context.builder.one(made, value, path=f"{value.name}.cast", span=span)


def with_operands(
    diagnostic: Any, span: Span, operands: Sequence[Given], values: Sequence[Value]
) -> Any:
    """A diagnostic of an op at its place, with what the op was given."""
    if diagnostic.span is None:
        diagnostic = dataclasses.replace(diagnostic, span=span)
    if isinstance(diagnostic, ShapeDiagnostic) and not diagnostic.operands:
        shown = tuple(
            Operand(_shown_name(value, place), str(value.type), value.span, history(value))
            for (_, place), value in zip(operands, values, strict=True)
        )
        diagnostic = dataclasses.replace(diagnostic, operands=shown)
    return diagnostic


def _shown_name(value: Value, place: Span) -> str:
    text = place.text
    return text if len(text) <= 40 and "\n" not in text else value.name
