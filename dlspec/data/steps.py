"""Examples of different lengths as archives and tables hold them: padded, or in a text."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dlspec.data.columns import Columns
from dlspec.data.dataset import Array
from dlspec.data.sequences import Sequences
from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.data import FieldValue, StepsUntold
from dlspec.ir.data_plan import FieldPlan


def rows_of_steps(column: Array, columns: Columns, plan: FieldPlan) -> Sequences:
    """A column as the examples that a field `<=T` wants: those steps of a padded array [N, room, …]
    that `T_lengths` int[N] tells of (and of `<=T, <=W` those that `W_lengths` int[N, room] does,
    too), as the runtime takes them; or the numbers or names of classes in a text, parted by spaces.

    What stands behind the lengths is not looked at.

    Raises:
        DlspecError: DL628 where nothing tells the lengths, DL610 where they are none or a text
            holds something else.
    """
    assert plan.steps is not None
    if column.dtype.kind in "OU":
        texts = (str(text).split() for text in column)
        return Sequences.of(texts, np.str_) if plan.classes else _numbers(column, plan)
    lengths, there = _told(column, 1, plan.steps, columns, plan)
    if plan.within is None:
        return Sequences(column[there], lengths)
    inner, within = _told(column, 2, plan.within, columns, plan, there)
    return Sequences(Sequences(column[there][within[there]], inner[there]), lengths)


def _told(
    column: Array,
    axis: int,
    symbol: str,
    columns: Columns,
    plan: FieldPlan,
    there: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """The lengths along an axis, and which steps they say are there; where ``there`` says that a
    row is none, its length is not looked at."""
    name = f"{symbol}_lengths"
    found = columns.get(name)
    if not isinstance(found, np.ndarray):
        shape = ", ".join(["N", *map(str, column.shape[1:])])
        sizes = ", ".join(["N", *map(str, column.shape[1:axis])])
        raise DlspecError(
            StepsUntold(
                plan.span, plan.name, symbol, plan.column, f"{column.dtype.name}[{shape}]", sizes
            )
        )
    room = column.shape[axis]
    expected = f"a whole number from 0 to {room}, of the steps of `{plan.column}` that are there"
    if found.shape != column.shape[:axis] or found.dtype.kind not in "iuf":
        dtype = "str" if found.dtype.kind in "OU" else found.dtype.name
        told = f"{dtype}[{', '.join(map(str, found.shape))}]"
        raise DlspecError(FieldValue(plan.span, name, 0, told, f"{expected}, for each row"))
    looked = np.ones(found.shape, bool) if there is None else there
    wrong = looked & ((found < 0) | (found > room) | (found != np.floor(found)))
    if wrong.any():
        place = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise DlspecError(FieldValue(plan.span, name, place[0], f"{found[place]}", expected))
    lengths = np.where(looked, found, 0).astype(np.int32)
    return lengths, np.arange(room) < lengths[..., None]


def _numbers(column: Array, plan: FieldPlan) -> Sequences:
    examples: list[Array] = []
    for row, text in enumerate(column):
        try:
            examples.append(np.array([float(piece) for piece in str(text).split()], np.float64))
        except ValueError as error:
            wrong = next(p for p in str(text).split() if repr(p) in str(error))
            expected = "numbers parted by spaces, or a vocabulary for words"
            raise DlspecError(
                FieldValue(plan.span, plan.name, row, f"`{wrong}`", expected)
            ) from error
    return Sequences.of(examples, np.float64)
