"""The rows of a beam search: each example's several texts are rows of the cell that is searched."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

from dlspec.dims import Dim
from dlspec.ir.graph import Value
from dlspec.ops.moving import RepeatInterleave
from dlspec.sema.arguments import Given
from dlspec.sema.context import Context
from dlspec.sema.values import Record, Tensor

MOST_BEAMS = 64
"""All beams of a row are compared with each other at every step."""


@dataclass
class Beams:
    """What a generation is given, once for each of its ``width`` beams."""

    context: Context
    path: str
    width: int
    batch: Dim

    def repeated(self, given: Given) -> Given:
        """A tensor, or all tensors of a record, with each row ``width`` times in a row."""
        value, span = given
        if self.width == 1:
            return given
        if isinstance(value, Record):
            inner = {n: self.repeated((v, span))[0] for n, v in value.names.items()}
            return dataclasses.replace(value, names=inner), span
        if isinstance(value, Tensor) and value.value.type.shape[:1] == (self.batch,):
            return Tensor(self.rows(value.value)), span
        return given  # a number, or a table that all rows share

    def lengths(self, held: Iterable[Value]) -> dict[Dim, Value]:
        """The lengths of what the cell is given, for its rows."""
        if self.width == 1:
            return {}
        symbols = {s for v in held for a in v.type.ragged for s in v.type.shape[a].symbols}
        known = self.context.lengths.items()
        return {d: self.rows(v) for d, v in known if d.symbols & symbols}

    def rows(self, value: Value) -> Value:
        """Each row ``width`` times in a row."""
        if self.width == 1:
            return value
        op = RepeatInterleave(count=self.width, axis=0)
        return self.context.builder.one(op, value, path=f"{self.path}.{value.name}.beams")
