"""Columns whose examples differ in length: all steps behind one another, and where each begins."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Sequences:
    """A column of examples [steps, ...]: ``values`` holds the steps of all [total, ...], ``starts``
    int64[N] where each begins, ``lengths`` int32[N] how many it has. Subsets share the values."""

    def __init__(
        self, values: Array, lengths: NDArray[np.int32], starts: NDArray[np.int64] | None = None
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

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The element type of a step."""
        return self.values.dtype

    @property
    def shape(self) -> tuple[int | None, ...]:
        """N, no number for the steps, and the shape of one step."""
        return (len(self), None, *self.values.shape[1:])

    def __getitem__(self, index: Any) -> Any:
        """One example as an array; with indices, a subset."""
        if isinstance(index, (int, np.integer)):
            start = int(self.starts[index])
            return self.values[start : start + int(self.lengths[index])]
        return Sequences(self.values, self.lengths[index], self.starts[index])

    def places(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Where the steps of some examples lie in ``values`` [n, longest], and which are there."""
        lengths = self.lengths[rows]
        step = np.arange(max(1, int(lengths.max(initial=0))))
        valid = step < lengths[:, None]
        return np.where(valid, self.starts[rows][:, None] + step, 0), valid

    def padded(self, rows: NDArray[np.int64]) -> tuple[Array, NDArray[np.int32]]:
        """Some examples as one array [n, longest, ...] with 0 behind each, and their lengths."""
        places, valid = self.places(rows)
        if not len(self.values):
            return np.zeros((*places.shape, *self.values.shape[1:]), self.dtype), self.lengths[rows]
        found = self.values[places]
        found[~valid] = np.zeros((), self.dtype)
        return found, self.lengths[rows]
