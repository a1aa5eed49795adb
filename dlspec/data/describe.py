"""What `dlspec data show` tells of opened data: parts, fields, classes, a few examples."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dlspec.data.dataset import Array, Dataset, Field, Splits
from dlspec.data.excerpts import excerpts, steps_told
from dlspec.data.files import missing
from dlspec.data.preview import gallery, is_picture
from dlspec.data.sequences import Sequences
from dlspec.data.streams import permutation
from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.data import MissingPillow

MOST_CLASSES = 30
"""More classes than these are counted, not listed."""


def parts_of(splits: Splits) -> dict[str, Dataset]:
    """The parts that there are, by name."""
    parts = {"train": splits.train, "validation": splits.validation, "test": splits.test}
    return {name: part for name, part in parts.items() if part is not None}


def label_field(data: Dataset) -> Field | None:
    """The field that sorts examples: an integer with class names, or one named `label`."""
    fields = [f for f in data.fields.values() if f.steps is None and f.shape == ()]
    scalars = [f for f in fields if f.dtype.startswith("int")]
    named = [f for f in scalars if f.classes is not None]
    return next(iter(named), None) or next((f for f in scalars if f.name == "label"), None)


def picture_field(data: Dataset) -> Field | None:
    """The first field that can be looked at."""
    fields = data.fields.values()
    fields = [f for f in fields if f.dtype != "str" and f.steps is None]
    return next((f for f in fields if is_picture(f.shape)), None)


def summary(splits: Splits, *, width: int = 80, unicode: bool = True) -> list[str]:
    """Lines that tell parts, fields and their statistics, and examples of each class."""
    parts = parts_of(splits)
    lines = ["  ".join(f"{name} {len(part):,}" for name, part in parts.items()), ""]
    lines += _fields(splits.train)
    label, picture = label_field(splits.train), picture_field(splits.train)
    if label is not None:
        lines += ["", *_classes(parts, label, width, unicode)]
    if picture is not None:
        rows, captions = samples(splits.train, label)
        shown = splits.train.take(rows)[picture.name]
        lines += ["", *gallery(list(shown), captions, width=width, unicode=unicode)]
    told = excerpts(splits.train, width)
    return [*lines, "", *told] if told else lines


def samples(data: Dataset, label: Field | None, each: int = 1) -> tuple[list[int], list[str]]:
    """Positions of ``each`` examples of every class (ten without classes), and captions."""
    order = permutation(len(data), 0, "show")
    if label is None:
        return [int(i) for i in order[: 10 * each]], [""] * min(10 * each, len(data))
    values = data[label.name][order]
    rows: list[int] = []
    captions: list[str] = []
    for value in np.unique(values)[:MOST_CLASSES]:
        found = order[np.flatnonzero(values == value)[:each]]
        rows += [int(i) for i in found]
        captions += [_class_name(label, int(value))] * len(found)
    return rows, captions


def write_contact_sheet(data: Dataset, path: Path, *, each: int = 20) -> None:
    """A PNG with ``each`` examples of every class, one class a row; written whole or not at all."""
    try:
        from PIL import Image
    except ImportError as error:
        raise DlspecError(MissingPillow(None, "pip install pillow")) from error
    field = picture_field(data)
    if field is None:
        raise ValueError("nothing to look at in these fields")
    rows, captions = samples(data, label_field(data), each)
    height, width = field.shape[-2:]
    columns = each if label_field(data) is not None else min(each, len(rows))
    lines = _by_caption(rows, captions, columns)
    sheet = np.full((len(lines) * (height + 2) + 2, columns * (width + 2) + 2, 3), 255, np.uint8)
    for y, line in enumerate(lines):
        for x, pixels in enumerate(data.take(line)[field.name]):
            top, left = 2 + y * (height + 2), 2 + x * (width + 2)
            sheet[top : top + height, left : left + width] = _rgb(pixels)
    try:
        handle, part = tempfile.mkstemp(suffix=".png", dir=path.absolute().parent)
    except OSError as error:
        raise missing(str(path), error) from error
    try:
        with os.fdopen(handle, "wb") as out:
            Image.fromarray(sheet).save(out, "PNG")
        os.replace(part, path)
    except BaseException:
        os.unlink(part)
        raise


def _by_caption(rows: list[int], captions: list[str], columns: int) -> list[list[int]]:
    lines: list[list[int]] = []
    previous = None
    for row, caption in zip(rows, captions, strict=True):
        if caption != previous or len(lines[-1]) == columns:
            lines.append([])
        lines[-1].append(row)
        previous = caption
    return lines


def _rgb(pixels: Array) -> NDArray[np.uint8]:
    values = np.asarray(pixels)
    if values.dtype != np.uint8:
        low, high = float(values.min()), float(values.max())
        values = (255 * (values - low) / (high - low if high > low else 1)).astype(np.uint8)
    if values.ndim == 3:
        values = values.transpose(1, 2, 0)
    else:
        values = values[:, :, None]
    return np.broadcast_to(values, (*values.shape[:2], 3))


def _fields(data: Dataset) -> Iterable[str]:
    names = max(len(name) for name in data.fields)
    types = max(len(str(field)) for field in data.fields.values())
    for field in data.fields.values():
        start = f"{field.name.ljust(names)}  {str(field).ljust(types)}"
        yield f"{start}  {_statistics(data, field)}".rstrip()


def _statistics(data: Dataset, field: Field) -> str:
    """Range, mean and standard deviation over the training part (population formula)."""
    column = data[field.name]
    if isinstance(column, Sequences):
        return steps_told(column, field)
    if field.classes is not None:
        return f"{len(field.classes)} classes"
    if field.dtype == "str":
        lengths = [len(str(text)) for text in column]
        return (
            f"{len(set(map(str, column))):,} different, {min(lengths)} to {max(lengths)} characters"
        )
    # In pieces: float64 copies of a whole column of pictures would be large.
    count = column.size
    total = squares = 0.0
    for i in range(0, len(column), 4096):
        total += float(column[i : i + 4096].sum(dtype=np.float64))
    mean = total / count
    for i in range(0, len(column), 4096):
        squares += float(np.square(column[i : i + 4096] - mean).sum())
    deviation = (squares / count) ** 0.5
    return f"{column.min():g} to {column.max():g}, mean {mean:.4g}, deviation {deviation:.4g}"


def _class_name(label: Field, value: int) -> str:
    inside = label.classes is not None and 0 <= value < len(label.classes)
    return label.classes[value] if label.classes is not None and inside else str(value)


def _classes(parts: dict[str, Dataset], label: Field, width: int, unicode: bool) -> list[str]:
    """A line for each class: how many in each part, and a bar for the first."""
    values = {name: part[label.name] for name, part in parts.items()}
    present = np.unique(np.concatenate(list(values.values())))
    if len(present) > MOST_CLASSES:
        return [f"{label.name}: {len(present):,} different values"]
    counts = {name: [int((v == c).sum()) for c in present] for name, v in values.items()}
    names = [_class_name(label, int(c)) for c in present]
    first = max(len(label.name), *(len(n) for n in names))
    columns = [max(len(name), 7) for name in parts]
    head = "  ".join(
        [label.name.ljust(first), *(n.rjust(w) for n, w in zip(parts, columns, strict=True))]
    )
    space = max(10, width - len(head) - 2)
    most = max(counts["train"]) or 1
    lines = [head]
    for i, name in enumerate(names):
        cells = [f"{counts[part][i]:,}".rjust(w) for part, w in zip(parts, columns, strict=True)]
        lines.append(
            "  ".join([name.ljust(first), *cells, _bar(counts["train"][i] / most, space, unicode)])
        )
    return lines


def _bar(share: float, width: int, unicode: bool) -> str:
    if not unicode:
        return "#" * round(share * width)
    eighths = round(share * width * 8)
    return "█" * (eighths // 8) + (" ▏▎▍▌▋▊▉"[eighths % 8] if eighths % 8 else "")
