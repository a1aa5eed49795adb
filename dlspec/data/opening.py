"""A data plan, carried out: load the source, check and convert its fields, part the examples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from dlspec.data.columns import Columns
from dlspec.data.conform import conform
from dlspec.data.dataset import Array, Column, Dataset, Field, Splits
from dlspec.data.sequences import Sequences
from dlspec.data.sources import RawSource, checked_settings, load_source
from dlspec.data.split import few_labels, split_rows
from dlspec.data.steps import rows_of_steps
from dlspec.data.vocabularies import fitted
from dlspec.diagnostics import DlspecError, did_you_mean
from dlspec.diagnostics.data import StepsDiffer, UnknownColumn
from dlspec.ir.data_plan import (
    SOURCES,
    DataPlan,
    FieldPlan,
    SourceCall,
    SplitPlan,
    VocabularyPlan,
)
from dlspec.source import Span

DEFAULT_SPLIT = SplitPlan("random", shares=(0.8, 0.1, 0.1))
"""For a source with no test set of its own, where the spec says nothing."""


def open_source(
    kind: str,
    settings: Mapping[str, object] | None = None,
    *,
    folder: Path | None = None,
    seed: int = 0,
) -> Splits:
    """All columns of a source, split as its settings and defaults say: ``open_source("mnist")``."""
    plan = DataPlan(kind, SourceCall(kind, settings or {}), seed=seed)
    return open_data(plan, folder=folder or Path.cwd())


def open_data(plan: DataPlan, *, folder: Path) -> Splits:
    """Train, validation and test set of a plan; ``folder`` is the spec's.

    Each declared field is checked against every value that was loaded; a message names the row.
    Nothing is copied but what has to be converted.
    """
    call = plan.source
    settings = checked_settings(call.kind, call.settings, call.span)
    source = load_source(call.kind, call.settings, folder=folder, span=call.span)
    # fields are checked before anything is parted, unless words have to be counted first
    prepared = None if plan.vocabularies else _outputs(plan, source, {})
    split = plan.split or _default_split(call.kind, source, settings)
    groups = None if split.by is None else _column(source, split.by, split.span)
    own_test = source.test_columns is not None
    parts = split_rows(
        len(source), split, plan.seed, own_test=own_test, source=call.kind, groups=groups
    )
    train = parts.train
    words = {v.name: fitted(v, _examples(source, v, train)) for v in plan.vocabularies}
    columns, test_columns, fields = prepared or _outputs(plan, source, words)
    labels = settings.get("labels") if call.kind in ("mnist", "fashion_mnist") else None
    if isinstance(labels, int):
        train = few_labels(train, np.asarray(source.columns["label"]), labels, plan.seed, call.span)

    def part(rows: Array | None) -> Dataset | None:
        return None if rows is None else Dataset(columns, fields, rows)

    test = part(parts.test) if test_columns is None else Dataset(test_columns, fields)
    return Splits(Dataset(columns, fields, train), part(parts.validation), test, words)


def _examples(source: RawSource, plan: VocabularyPlan, rows: Array) -> Iterator[Any]:
    """The training examples of the column that a vocabulary is made from."""
    column = _column(source, plan.column, plan.span)
    return (column[int(row)] for row in rows)


def _default_split(kind: str, source: RawSource, settings: Mapping[str, object]) -> SplitPlan:
    if source.test_columns is None:
        return replace(DEFAULT_SPLIT, by=SOURCES[kind].apart_by)
    validation = settings.get("validation")
    return SplitPlan("given", validation if isinstance(validation, int | float) else 0.1)


def _outputs(
    plan: DataPlan, source: RawSource, words: Mapping[str, tuple[str, ...]]
) -> tuple[Columns, Columns | None, dict[str, Field]]:
    """The columns under their fields' names, each as declared."""
    if not plan.outputs:
        return source.columns, source.test_columns, source.fields
    columns: Columns = {}
    test_columns: Columns | None = None if source.test_columns is None else {}
    fields: dict[str, Field] = {}
    for output in plan.outputs:
        known, column = _known(source, source.columns, output)
        names = None if output.vocabulary is None else words[output.vocabulary.name]
        columns[output.name] = conform(column, known, output, names)
        if source.test_columns is not None and test_columns is not None:
            _, column = _known(source, source.test_columns, output)
            test_columns[output.name] = conform(column, known, output, names)
        classes = output.classes if output.classes is not None else known.classes
        column = columns[output.name]
        found = Field.of(output.name, column, classes or names, output.steps, output.within)
        fields[output.name] = found
    _same_lengths(plan, columns, fields)
    return columns, test_columns, fields


def _known(source: RawSource, columns: Columns, plan: FieldPlan) -> tuple[Field, Column]:
    """A field's column, and what it is; where the declared type has steps, as examples of those."""
    column = _column(source, plan.column, plan.span, columns)
    of_ids = plan.vocabulary is not None or plan.dtype == "str"
    if isinstance(column, Sequences) or plan.steps is None or of_ids:
        return source.fields[plan.column], column
    if column.dtype.kind not in "OU" and column.ndim <= len(plan.ragged):
        return source.fields[plan.column], column
    column = rows_of_steps(column, columns, plan)
    return Field.of(plan.column, column, source.fields[plan.column].classes), column


def _same_lengths(plan: DataPlan, columns: Columns, fields: Mapping[str, Field]) -> None:
    """Fields with one symbol for their steps have one length in each example."""
    first: dict[str, str] = {}
    for output in plan.outputs:
        column, steps = columns[output.name], fields[output.name].steps
        if steps is None or not isinstance(column, Sequences):
            continue
        other = first.setdefault(steps, output.name)
        known = columns[other]
        assert isinstance(known, Sequences)
        wrong = np.flatnonzero(known.lengths != column.lengths)
        if wrong.size:
            row = int(wrong[0])
            raise DlspecError(
                StepsDiffer(
                    output.span,
                    output.name,
                    steps,
                    row,
                    int(column.lengths[row]),
                    other,
                    int(known.lengths[row]),
                )
            )


def _column(source: RawSource, name: str, span: Span | None, columns: Columns | None = None) -> Any:
    if name not in source.columns:
        known = ", ".join(source.columns)
        hint = did_you_mean(name, source.columns)
        raise DlspecError(UnknownColumn(span, name, source.name, known, hint))
    return (source.columns if columns is None else columns)[name]
