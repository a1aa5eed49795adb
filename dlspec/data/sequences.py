"""Columns whose examples differ in length: all steps behind one another, and where each begins."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Room = tuple[int, int]
"""How many steps a batch has at least, and how many within each step."""


class Sequences:
    """A column of examples [steps, ...]: ``values`` holds the steps of all [total, ...], ``starts``
    int64[N] where each begins, ``lengths`` int32[N] how many it has. Subsets share the values.

    Where steps differ in length themselves (the letters of a sentence's words), ``values`` is such
    a column again.
    """

    def __init__(
        self,
        values: Array | Sequences,
        lengths: NDArray[np.int32],
        starts: NDArray[np.int64] | None = None,
    ) -> None:
        self.values = values
        self.lengths = lengths
        if starts is None:
            starts = np.zeros(len(lengths), np.int64)
            np.cumsum(lengths[:-1], out=starts[1:])
        self.starts = starts

    @staticmethod
    def of(examples: Iterable[Any], dtype: Any) -> Sequences:
        """A column of lists or arrays."""
        listed = [np.asarray(e, dtype) for e in examples]
        lengths = np.array([len(e) for e in listed], np.int32)
        rest = next((e.shape[1:] for e in listed if len(e)), ())
        values = np.concatenate([e for e in listed if len(e)]) if lengths.any() else None
        return Sequences(np.zeros((0, *rest), dtype) if values is None else values, lengths)

    @staticmethod
    def nested(examples: Iterable[Iterable[Any]], dtype: Any) -> Sequences:
        """A column of lists of lists or arrays."""
        listed = [list(e) for e in examples]
        inner = Sequences.of((step for e in listed for step in e), dtype)
        return Sequences(inner, np.array([len(e) for e in listed], np.int32))

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The element type of a step."""
        return self.values.dtype

    @property
    def store(self) -> Array:
        """The innermost values of all examples, [total, ...]."""
        return self.values.store if isinstance(self.values, Sequences) else self.values

    @property
    def shape(self) -> tuple[int | None, ...]:
        """N, no number for the steps, and the shape of one step."""
        return (len(self), None, *self.values.shape[1:])

    def __getitem__(self, index: Any) -> Any:
        """One example as an array (or a column of its own); with indices, a subset."""
        if isinstance(index, (int, np.integer)):
            start = int(self.starts[index])
            return self.values[np.s_[start : start + int(self.lengths[index])]]
        return Sequences(self.values, self.lengths[index], self.starts[index])

    def places(
        self, rows: NDArray[np.int64], room: Room = (1, 1)
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Where the steps of some examples lie in ``store`` [n, longest] (or [n, longest, longest
        within]), and which are there."""
        at, valid = self._steps(rows, room[0])
        if not isinstance(self.values, Sequences):
            return at, valid
        if not len(self.values):
            shape = (*at.shape, room[1])
            return np.zeros(shape, np.int64), np.zeros(shape, np.bool_)
        within, there = self.values.places(at.reshape(-1), (room[1], 1))
        shape = (*at.shape, within.shape[-1])
        there = there.reshape(shape) & valid[:, :, None]
        longest = max(room[1], int(there.sum(-1).max(initial=0)))
        return np.where(there, within.reshape(shape), 0)[..., :longest], there[..., :longest]

    def lengths_within(self, rows: NDArray[np.int64], room: Room = (1, 1)) -> NDArray[np.int32]:
        """How long each step of some examples is, [n, longest]; 0 where there is none."""
        assert isinstance(self.values, Sequences)
        at, valid = self._steps(rows, room[0])
        if not len(self.values):
            return np.zeros(at.shape, np.int32)
        return np.where(valid, self.values.lengths[at], 0).astype(np.int32)

    def padded(
        self, rows: NDArray[np.int64], room: Room = (1, 1)
    ) -> tuple[Array, NDArray[np.int32]]:
        """Some examples as one array [n, longest, ...] with 0 behind each, and their lengths."""
        places, valid = self.places(rows, room)
        store = self.store
        if not len(store):
            return np.zeros((*places.shape, *store.shape[1:]), self.dtype), self.lengths[rows]
        found = store[places]
        found[~valid] = np.zeros((), self.dtype)
        return found, self.lengths[rows]

    def _steps(
        self, rows: NDArray[np.int64], least: int
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        lengths = self.lengths[rows]
        step = np.arange(max(least, int(lengths.max(initial=0))))
        valid = step < lengths[:, None]
        return np.where(valid, self.starts[rows][:, None] + step, 0), valid
