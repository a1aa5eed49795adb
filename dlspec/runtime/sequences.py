"""Examples that differ in length, as applications give them: lists of lists, or texts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from dlspec.bundle.manifest import InputSpec
from dlspec.late import LateModule
from dlspec.text import encoded, parts

if TYPE_CHECKING:
    from dlspec.diagnostics import bundle as faults
else:
    faults = LateModule("dlspec.diagnostics.bundle")

Array = NDArray[Any]


def padded(
    spec: InputSpec,
    value: object,
    dtype: np.dtype[Any],
    *,
    nested: bool = False,
    room: tuple[int, int] = (1, 1),
) -> tuple[Array, tuple[Array, ...]]:
    """One array of examples with 0 behind each, and their lengths, int32[N].

    Args:
        spec: an input with lengths, [N, T, ...].
        value: a list of examples: arrays or lists of steps, or texts where the input has a
            vocabulary; a text alone is one example.
        dtype: the input's element type.
        nested: steps differ in length too, [N, T, W, ...]: a list of lists of arrays, or texts
            that are parted into words; the lengths are int32[N] and int32[N, T].
        room: how many steps there are at least, and how many within one.

    Raises:
        DlspecError: DL662, DL663, DL669 or DL670 for what is no such list.
    """
    examples = [value] if isinstance(value, str) else value
    if not isinstance(examples, (list, tuple)):
        raise _no_examples(spec, f"a {type(value).__name__}")
    listed = cast("list[object]", examples)
    if not nested:
        whole = [_row(spec, e, dtype) for e in listed]
        found, lengths = _joined(spec, whole, dtype, room[0], spec.dims[2:])
        return found, (lengths,)
    rows = [_parts(spec, e) for e in listed]
    counts = np.array([len(r) for r in rows], np.int32)
    steps = max(room[0], int(counts.max(initial=0)))
    each = [_row(spec, s, dtype) for r in rows for s in r]
    flat, within = _joined(spec, each, dtype, room[1], spec.dims[3:])
    there = np.arange(steps) < counts[:, None]
    found = np.zeros((len(rows), steps, *flat.shape[1:]), dtype)
    lengths = np.zeros((len(rows), steps), np.int32)
    found[there], lengths[there] = flat, within
    return found, (counts, lengths)


_UNITS = {
    "words": "words",
    "characters": "characters",
    "bytes": "bytes",
    "trigrams": "letter trigrams",
    "items": "items",
}
_SHOWN = 40
"""Of a text that is too long, so many characters are told."""


def check_lengths(
    spec: InputSpec,
    value: object,
    symbols: Sequence[str],
    lengths: Sequence[Array],
    bounds: Sequence[tuple[str, int, int]],
    engine: str,
) -> None:
    """See that no example is longer than the engine takes.

    Args:
        spec: the input.
        value: what was given for it.
        symbols: the ragged dimensions of its steps, and of what is within them.
        lengths: int32[N], and int32[N, T] of what is within the steps.
        bounds: the engine's least and most of dimensions.
        engine: its name.

    Raises:
        DlspecError: DL675, which tells the first that is, and how long it is.
    """
    most = {symbol: high for symbol, _, high in bounds}
    for depth, (symbol, found) in enumerate(zip(symbols, lengths, strict=False)):
        if symbol not in most or not found.size or int(found.max()) <= most[symbol]:
            continue
        place = tuple(int(i) for i in np.argwhere(found > most[symbol])[0])
        where = spec.name + "".join(f"[{i}]" for i in place)
        units = _units(spec, nested=len(lengths) > 1)
        fault = faults.ExampleTooLong(
            None,
            where,
            _shown(value, place[0]),
            int(found[place]),
            units[depth],
            most[symbol],
            symbol,
            engine,
        )
        raise faults.DlspecError(fault)


def check_alike(symbol: str, first: str, second: str, one: object, other: Array) -> None:
    """See that the examples of two inputs are as long.

    Raises:
        DlspecError: DL676 for the first that are not.
    """
    known = np.asarray(one)
    if known.shape != other.shape:
        return  # another number of examples, or of steps: told by their axes
    differ = np.argwhere(known != other)
    if differ.size:
        place = tuple(int(i) for i in differ[0])
        lengths = int(known[place]), int(other[place])
        fault = faults.LengthsDiffer(None, symbol, place[0], first, lengths[0], second, lengths[1])
        raise faults.DlspecError(fault)


def _units(spec: InputSpec, *, nested: bool) -> tuple[str, ...]:
    """What the steps of an input are, and what is within them."""
    own = _UNITS.get(spec.by or "", "steps")
    if not nested:
        return (own,)
    return ("steps" if spec.by is None else "lines" if spec.by == "words" else "words", own)


def _shown(value: object, index: int) -> str | None:
    """The beginning of a text; None where an example is none."""
    examples = [value] if isinstance(value, str) else cast("Sequence[object]", value)
    example = examples[index]
    if not isinstance(example, str):
        return None
    line = " ".join(example.split())
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1].rstrip() + "…"


def _joined(
    spec: InputSpec, rows: list[object], dtype: np.dtype[Any], room: int, step: tuple[str, ...]
) -> tuple[Array, NDArray[np.int32]]:
    """Examples behind one another, with 0 behind each, and their lengths; where all are empty, a
    step has the sizes that the model declares."""
    from dlspec.runtime.convert import converted

    arrays = [converted(spec, r, dtype) for r in rows]
    declared = tuple(int(d) if d.isdigit() else 1 for d in step)
    rest = {a.shape[1:] for a in arrays if a.ndim and len(a)} or {declared}
    if any(a.ndim == 0 for a in arrays) or len(rest) > 1:
        raise _no_examples(spec, "a list of no sequences, or of sequences of different steps")
    lengths = np.array([len(a) for a in arrays], np.int32)
    found = np.zeros((len(arrays), max(room, int(lengths.max(initial=0))), *rest.pop()), dtype)
    for place, array in enumerate(arrays):
        if len(array):
            found[place, : len(array)] = array
    return found, lengths


def _no_examples(spec: InputSpec, received: str) -> faults.DlspecError:
    return faults.DlspecError(faults.FeedNotArray(None, spec.name, received, spec.type))


def _parts(spec: InputSpec, example: object) -> list[object]:
    """The steps of an example: a text's words (or lines), a list's items."""
    if isinstance(example, str) and spec.by is not None:
        return list(parts(example, spec.by))
    if not isinstance(example, (list, tuple, np.ndarray)):
        raise _no_examples(spec, f"a {type(example).__name__} as an example")
    return list(cast("list[object]", example))


def _row(spec: InputSpec, example: object, dtype: np.dtype[Any]) -> object:
    """The ids of a text; anything else as it is."""
    texts = isinstance(example, str) or (
        isinstance(example, (list, tuple)) and example and isinstance(example[0], str)
    )
    if texts and spec.by is not None and spec.classes is not None:
        return np.array(encoded(example, spec.by, _ids(spec.classes)), dtype)
    empty = isinstance(example, (list, tuple)) and not example
    return np.zeros(0, dtype) if empty else example


@lru_cache(maxsize=16)
def _ids(words: tuple[str, ...]) -> dict[str, int]:
    """The id of each word, made once for a vocabulary."""
    return {word: i for i, word in enumerate(words)}
