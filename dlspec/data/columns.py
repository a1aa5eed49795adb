"""What a source yields: columns, one row per example, and its own test set where it has one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dlspec.data.dataset import Column, Field
from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.data import ColumnLengths, FieldType
from dlspec.source import Span

Columns = dict[str, Column]


@dataclass(frozen=True)
class RawSource:
    """A loaded source: columns by name, N first, and the fields that describe them.

    ``test_columns`` are the source's own test set; None: it has none.
    """

    name: str
    columns: Columns
    test_columns: Columns | None
    fields: dict[str, Field]

    @staticmethod
    def of(
        name: str,
        columns: Columns,
        test_columns: Columns | None = None,
        classes: Mapping[str, tuple[str, ...]] | None = None,
        span: Span | None = None,
    ) -> RawSource:
        """A source of these columns, after it was seen that they fit each other."""
        names = classes or {}
        _same_length(name, columns, span)
        fields = {n: Field.of(n, column, names.get(n)) for n, column in columns.items()}
        if test_columns is not None:
            _same_length(f"the test set of {name}", test_columns, span)
            for column, field in fields.items():
                found = test_columns.get(column)
                other = "missing" if found is None else str(Field.of(column, found))
                if other != str(field):
                    where = f"{column}` of the test set, `{column}"
                    raise DlspecError(FieldType(span, column, str(field), where, other))
            test_columns = {column: test_columns[column] for column in columns}
        return RawSource(name, columns, test_columns, fields)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))


def _same_length(path: str, columns: Columns, span: Span | None) -> None:
    items = list(columns.items())
    first, column = items[0]
    for other, another in items[1:]:
        if len(another) != len(column):
            raise DlspecError(ColumnLengths(span, path, first, len(column), other, len(another)))
