"""Examples that differ in length, as lines of text: their pieces, or their numbers."""

from __future__ import annotations

from dlspec.data.dataset import Array, Dataset, Field
from dlspec.data.sequences import Sequences
from dlspec.data.streams import permutation
from dlspec.text import SPECIAL

SHOWN = 4
"""Examples that are shown."""


def steps_told(column: Sequences, field: Field) -> str:
    """How long examples are, and of what."""
    told = f"{_range(column.lengths)} steps"
    if isinstance(column.values, Sequences):
        told += f", of {_range(column.values.lengths)}"
    if field.classes is None:
        return told
    told += f"; {len(field.classes):,} words"
    unknown = int((column.store == 0).sum()) if field.classes[:1] == SPECIAL[:1] else 0
    return told + (f", {unknown / column.store.size:.1%} unknown" if unknown else "")


def _range(lengths: Array) -> str:
    return f"{lengths.min():,} to {lengths.max():,}" if len(lengths) else "no"


def excerpts(data: Dataset, width: int) -> list[str]:
    """A few examples of the fields whose examples differ in length, one line for each field."""
    fields = [
        f for f in data.fields.values() if isinstance(data[f.name], Sequences) and not f.shape
    ]
    if not fields or not len(data):
        return []
    names = max(len(f.name) for f in fields)
    lines: list[str] = []
    for row in permutation(len(data), 0, "show")[:SHOWN]:
        lines += [""] if lines else []
        for field in fields:
            text = _written(data[field.name][int(row)], field)
            room = width - names - 2
            lines.append(f"{field.name.ljust(names)}  {_cut(text, room)}")
    return lines


def _written(example: Array | Sequences, field: Field) -> str:
    if isinstance(example, Sequences):
        return " | ".join(_written(example[i], field) for i in range(len(example)))
    if field.classes is None:
        return " ".join(f"{v:.4g}" if v.dtype.kind == "f" else str(v) for v in example[:80])
    words = [field.classes[i] if 0 <= i < len(field.classes) else f"#{i}" for i in example.tolist()]
    letters = all(len(w) == 1 for w in field.classes[len(SPECIAL) :])
    return ("" if letters else " ").join(words)


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: max(room - 1, 0)] + "…"
