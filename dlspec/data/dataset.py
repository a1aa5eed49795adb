"""Examples by named field, N first; subsets are index arrays over shared columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlspec.data.sequences import Room, Sequences

Array = NDArray[Any]
Column = NDArray[Any] | Sequences
"""A column: an array with N first, or examples that differ in length."""


@dataclass(frozen=True)
class Field:
    """A named column of examples: element type (NumPy's name, ``str`` for text), the shape of one
    example (without N), and the class names that its integers stand for. Where examples differ in
    length, ``steps`` is the symbol of that axis and the shape is that of one step; where its steps
    do too, ``within`` is the symbol of theirs."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    classes: tuple[str, ...] | None = None
    steps: str | None = None
    within: str | None = None

    @staticmethod
    def of(
        name: str,
        column: Column,
        classes: tuple[str, ...] | None = None,
        steps: str | None = None,
        within: str | None = None,
    ) -> Field:
        """The field that describes a column."""
        dtype = "str" if column.dtype.kind in "OU" else column.dtype.name
        if isinstance(column, Sequences):
            nested = isinstance(column.values, Sequences)
            inner = (within or "W") if nested else None
            return Field(name, dtype, column.store.shape[1:], classes, steps or "T", inner)
        return Field(name, dtype, tuple(column.shape[1:]), classes)

    def __str__(self) -> str:
        steps = [f"<={s}" for s in (self.steps, self.within) if s is not None]
        return f"{self.dtype}[{', '.join(['N', *steps, *map(str, self.shape)])}]"


class Dataset:
    """An immutable view of examples: columns (in memory or mapped from disk) seen through indices.

    Subsets share the columns; only the indices are new.
    """

    def __init__(
        self,
        columns: Mapping[str, Column],
        fields: Mapping[str, Field],
        indices: NDArray[np.int64] | None = None,
    ) -> None:
        self.fields: dict[str, Field] = dict(fields)
        self._columns: dict[str, Column] = {name: columns[name] for name in self.fields}
        self._indices = indices
        if indices is not None:
            indices.flags.writeable = False
        self._length = len(next(iter(self._columns.values()))) if indices is None else len(indices)

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, name: str) -> Any:
        """The whole column of this subset, N first: an array (a copy where this is a part of the
        source), or `Sequences` where examples differ in length."""
        column = self._columns[name]
        return column if self._indices is None else column[self._indices]

    @property
    def indices(self) -> NDArray[np.int64]:
        """Which rows of the source's columns these examples are, int64[N]."""
        return np.arange(self._length) if self._indices is None else self._indices

    def take(self, indices: ArrayLike, rooms: Mapping[str, Room] | None = None) -> dict[str, Array]:
        """A batch: each field at these positions of this subset (copied), by name. Where examples
        differ in length they are padded with 0, to so many steps at least as ``rooms`` says of a
        field; `T_lengths` holds the lengths of `<=T`."""
        rows = self._rows(indices)
        found: dict[str, Array] = {}
        for name, column in self._columns.items():
            if isinstance(column, Sequences):
                room = (rooms or {}).get(name, (1, 1))
                found[name], lengths = column.padded(rows, room)
                found.setdefault(f"{self.fields[name].steps}_lengths", lengths)
                if (within := self.fields[name].within) is not None:
                    found.setdefault(f"{within}_lengths", column.lengths_within(rows, room))
            else:
                found[name] = np.asarray(column[rows])
        return found

    def subset(self, indices: ArrayLike) -> Dataset:
        """The examples at these positions of this subset, in this order, without copying any."""
        return Dataset(self._columns, self.fields, self._rows(indices))

    def _rows(self, indices: ArrayLike) -> NDArray[np.int64]:
        at = np.array(indices, dtype=np.int64)
        if at.size and not -self._length <= int(at.min()) <= int(at.max()) < self._length:
            raise IndexError(f"positions {at.min()}…{at.max()} in a data set of {self._length}")
        at[at < 0] += self._length
        return at if self._indices is None else self._indices[at]

    def __repr__(self) -> str:
        fields = ", ".join(f"{f.name}: {f}" for f in self.fields.values())
        return f"Dataset({len(self)} examples; {fields})"


@dataclass
class Splits:
    """The three parts; a part that the plan does not make is None. ``vocabularies`` are the words
    of those that were made from the training examples, by name."""

    train: Dataset
    validation: Dataset | None
    test: Dataset | None
    vocabularies: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
