"""A column against its declared type: conversions change no value, and errors name the row."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dlspec.data.dataset import Array, Column, Field
from dlspec.data.sequences import Sequences
from dlspec.diagnostics import Diagnostic, DlspecError
from dlspec.diagnostics.data import FieldType, FieldValue
from dlspec.ir.data_plan import FieldPlan
from dlspec.text import UNKNOWN, encoded, encoded_within


def conform(
    column: Column, known: Field, plan: FieldPlan, words: tuple[str, ...] | None = None
) -> Column:
    """The column as the plan declares it; the column itself where it already is so.

    Integers fit if the declared type holds each of them; integers and floats become floats (rounded
    to the declared precision); floats become integers only where they are whole; texts become the
    numbers of declared classes. With classes, each number must be one of theirs. ``words`` are
    those of the field's vocabulary: text becomes ids.
    """
    if words is not None:
        return _ids(column, known, plan, words)
    if isinstance(column, Sequences):
        return _steps(column, known, plan)
    if plan.steps is not None:
        raise _type_error(known, plan)
    _check_shape(column, known, plan)
    if known.dtype == "str":
        converted = _class_numbers(column, known, plan)
    else:
        if plan.classes is not None and known.classes not in (None, plan.classes):
            column = _renumbered(column, known, plan)
        converted = _converted(column, known, plan)
    classes = plan.classes if plan.classes is not None else known.classes
    if classes is not None and converted.size:
        wrong = (converted < 0) | (converted >= len(classes))
        expected = f"a class from 0 to {len(classes) - 1} (`{classes[0]}` … `{classes[-1]}`)"
        _refuse(wrong, column, plan, expected)
    return converted


def _ids(column: Column, known: Field, plan: FieldPlan, words: tuple[str, ...]) -> Column:
    """Text by its vocabulary: a list of ids for each example, or one id."""
    assert plan.vocabulary is not None
    by, ids = plan.vocabulary.by, {w: i for i, w in enumerate(words)}
    if known.dtype != "str" or np.dtype(plan.dtype).kind not in "iu":
        raise _type_error(known, plan)
    if plan.steps is None:
        if isinstance(column, Sequences):
            raise _type_error(known, plan)
        return np.array([ids.get(str(text), UNKNOWN) for text in column], plan.dtype)
    if plan.within is not None:
        nested = (encoded_within(column[i], by, ids) for i in range(len(column)))
        return Sequences.nested(nested, plan.dtype)
    examples = (encoded(column[i], by, ids, ending=plan.ending) for i in range(len(column)))
    return Sequences.of(examples, plan.dtype)


def _steps(column: Sequences, known: Field, plan: FieldPlan) -> Sequences:
    """Numbers in examples of different lengths: each step as declared."""
    if plan.steps is None or (known.dtype == "str" and plan.classes is None):
        raise _type_error(known, plan)
    if isinstance(column.values, Sequences) != (plan.within is not None):
        raise _type_error(known, plan)
    one = replace(plan, shape=plan.shape[1:], steps=plan.within, within=None)
    try:
        values = conform(column.values, known, one)
    except DlspecError as error:
        raise DlspecError(*(_of_example(d, column) for d in error.diagnostics)) from error
    return Sequences(values, column.lengths, column.starts)


def _of_example(found: Diagnostic, column: Sequences) -> Diagnostic:
    """What is wrong in one step of all, told of the example that has the step."""
    if not isinstance(found, FieldValue):
        return found
    ends = column.starts + column.lengths
    (row,) = np.flatnonzero((column.starts <= found.row) & (found.row < ends))
    return replace(found, row=int(row))


def declared_type(plan: FieldPlan) -> str:
    """The declared type as messages print it: ``uint8[N, 28, 28]``."""
    dims = ["N", *("*" if d is None else str(d) for d in plan.shape)]
    for axis, symbol in enumerate(plan.ragged, 1):
        dims[axis] = f"<={symbol}"
    return f"{plan.dtype}[{', '.join(dims)}]"


def _check_shape(column: Array, known: Field, plan: FieldPlan) -> None:
    same_rank = len(plan.shape) == len(known.shape)
    if not same_rank or any(
        d not in (None, k) for d, k in zip(plan.shape, known.shape, strict=False)
    ):
        raise _type_error(known, plan)


def _converted(column: Array, known: Field, plan: FieldPlan) -> Array:
    found = column.dtype
    if plan.dtype == found.name:
        return column
    if (
        plan.dtype == "bfloat16" or plan.dtype == "str"
    ):  # NumPy has no bfloat16; numbers are no text
        raise _type_error(known, plan)
    target = np.dtype(plan.dtype)
    if target.kind == "b" or found.kind not in "biuf":
        raise _type_error(known, plan)
    if target.kind == "f":
        return column.astype(target)
    limits = np.iinfo(target)
    if found.kind == "f":
        # 2**63 is a float, 2**63 - 1 is not: the upper limit is exclusive.
        wrong = ~((column >= float(limits.min)) & (column < float(limits.max) + 1.0))
        wrong |= np.where(wrong, False, column != np.floor(column))
    elif found.kind == "b":
        wrong = np.zeros(column.shape, bool)
    else:
        wrong = (column < limits.min) | (column > limits.max)
    _refuse(wrong, column, plan, f"a whole number from {limits.min} to {limits.max}")
    return column.astype(target)


def _class_numbers(column: Array, known: Field, plan: FieldPlan) -> Array:
    if plan.dtype == "str":
        return column
    if plan.classes is None or np.dtype(plan.dtype).kind not in "iu":
        raise _type_error(known, plan)
    number = {name: i for i, name in enumerate(plan.classes)}
    ids = np.array([number.get(str(text), -1) for text in column], np.int64)
    _refuse(ids < 0, column, plan, f"one of {_some(plan.classes)}")
    return ids.astype(plan.dtype)


def _renumbered(column: Array, known: Field, plan: FieldPlan) -> Array:
    """The source's class numbers as those of the same names in the declared order."""
    assert known.classes is not None and plan.classes is not None
    number = {name: i for i, name in enumerate(plan.classes)}
    lacking = [name for name in known.classes if name not in number]
    if lacking:
        declared = f"of {_some(plan.classes)}"
        raise DlspecError(
            FieldType(plan.span, plan.name, declared, plan.column, f"of {_some(known.classes)}")
        )
    return np.array([number[name] for name in known.classes], np.int64)[column]


def _some(names: tuple[str, ...]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:12])
    return shown + (f" … ({len(names)} in all)" if len(names) > 12 else "")


def _refuse(wrong: Array, column: Array, plan: FieldPlan, expected: str) -> None:
    if not wrong.any():
        return
    at = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
    value = column[at]
    shown = repr(str(value)) if column.dtype.kind in "OU" else str(value)
    raise DlspecError(FieldValue(plan.span, plan.name, int(at[0]), shown, expected))


def _type_error(known: Field, plan: FieldPlan) -> DlspecError:
    return DlspecError(
        FieldType(plan.span, plan.name, declared_type(plan), plan.column, str(known))
    )
