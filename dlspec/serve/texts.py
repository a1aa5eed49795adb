"""Texts as the protocol has them: tensors of datatype BYTES, in JSON or binary.

Any input whose integers stand for words takes them, and any such output is answered with them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from dlspec.bundle.manifest import InputSpec, OutputSpec
from dlspec.diagnostics import serve as faults
from dlspec.diagnostics.core import DlspecError
from dlspec.runtime import Answer
from dlspec.serve.datatypes import BYTES, flattened, kind_of, misfit, shaped

Array = NDArray[Any]

Manner = Literal["text", "names", "ids"]
MANNERS = ("text", "names", "ids")
"""How an output is answered: a text for each example, the name of each id, or the ids."""


def texts_of_json(name: str, data: object, shape: Sequence[int]) -> Array:
    """The texts of a tensor's ``data``, flat in row-major order or nested as ``shape``: an array of
    `str` objects.

    Raises:
        DlspecError: DL424 for another number of texts, uneven lists, or what is no text.
    """
    if not isinstance(data, list):
        raise misfit(name, f"`data` is {kind_of(data)} and no list", shape, BYTES)
    values = cast("list[Any]", data)
    if any(type(v) is list for v in values):
        values, nested = flattened(values)
        if nested is None:
            hint = "end the shorter lists with empty texts, or send each example as one text"
            raise misfit(name, "its lists are uneven", shape, BYTES, hint)
        if nested != tuple(shape):
            raise misfit(name, f"its lists have shape {list(nested)}", shape, BYTES)
    odd = next((v for v in values if type(v) is not str), _TEXT)
    if odd is not _TEXT:
        raise misfit(name, f"it holds {kind_of(odd)}, no text", shape, BYTES)
    if len(values) != prod(shape):
        raise misfit(name, f"it has {_count(len(values))}", shape, BYTES)
    return _array(name, values, shape)


def texts_of_bytes(name: str, data: memoryview, shape: Sequence[int]) -> Array:
    """The texts of a tensor in the binary extension: each is UTF-8 after its length in 4 bytes,
    little endian.

    Raises:
        DlspecError: DL424 where a text is cut short or no UTF-8, or there are more or fewer than
            the shape says.
    """
    values: list[str] = []
    begin, size = 0, len(data)
    while begin < size:
        index = len(values)
        end = begin + 4 + int.from_bytes(data[begin : begin + 4], "little")
        if begin + 4 > size or end > size:
            reason = f"text {index} ends behind the data's {size} bytes"
            hint = "before each text stands its length in bytes, as 4 bytes, little endian"
            raise misfit(name, reason, shape, BYTES, hint)
        try:
            values.append(str(data[begin + 4 : end], "utf-8"))
        except UnicodeDecodeError as error:
            reason = f"text {index} is no UTF-8: {error.reason} at its byte {error.start}"
            raise misfit(name, reason, shape, BYTES) from error
        begin = end
    if len(values) != prod(shape):
        raise misfit(name, f"it has {_count(len(values))}", shape, BYTES)
    return _array(name, values, shape)


def feed_of(spec: InputSpec, texts: Array, *, ragged: bool) -> object:
    """What the runtime takes for texts: one text an example ([N] or [N, 1]); the words of each
    ([N, T], shorter rows ended by empty texts); or the name of each id, in the input's own shape.

    Args:
        spec: the input.
        texts: an array of `str` objects.
        ragged: the input's examples differ in length.

    Raises:
        DlspecError: DL424 for another shape.
    """
    if not ragged or spec.by is None:
        return texts.astype(str)
    if texts.ndim == 1 or (texts.ndim == 2 and texts.shape[1] == 1):
        return texts.ravel().tolist()
    if texts.ndim == 2:
        return [_without_end(row) for row in texts.tolist()]
    hint = f"send one text an example, [{spec.dims[0]}], or its words, [{', '.join(spec.dims[:2])}]"
    raise misfit(spec.name, f"no texts for `{spec.type}` have this shape", texts.shape, BYTES, hint)


def is_text(spec: InputSpec | OutputSpec) -> bool:
    """Whether a text is an example: ids in steps, of a vocabulary."""
    steps = len(spec.dims) == 2 and not spec.dims[1].isdigit()
    return steps and spec.by is not None and spec.classes is not None


def said(spec: OutputSpec, answer: Answer, manner: Manner) -> Array:
    """An output as texts [N], or as names of its ids in its own shape (empty behind the lengths):
    an array of `str` objects.

    Raises:
        DlspecError: DL422 where the output is no text, or its ids have no names.
    """
    known = is_text(spec) if manner == "text" else spec.classes is not None
    if not known:
        ways = ["ids"] if spec.classes is None else ["names", "ids"]
        where = f"the output `{spec.name}`"
        expected = " or ".join(f'"{w}"' for w in ways)
        raise DlspecError(
            faults.RequestField(None, where, "parameters.as", f'the text "{manner}"', expected)
        )
    if manner == "text":
        return _objects(answer.text(spec.name))
    names = np.full(answer[spec.name].shape, "", object)
    if names.ndim == 0:
        names[()] = answer.names(spec.name)
        return names
    for row, found in zip(names, answer.names(spec.name), strict=True):
        if isinstance(found, list):
            row[: len(cast("list[Any]", found))] = found
    return names if names.ndim > 1 else _objects(answer.names(spec.name))


def told_of(spec: InputSpec | OutputSpec, bounds: Mapping[str, tuple[int, int]]) -> dict[str, Any]:
    """What a client should know of a text, as parameters in the metadata."""
    steps = spec.dims[1]
    return {
        "content_type": "str",
        "by": spec.by,
        "vocabulary": len(spec.classes or ()),
        **({"longest": bounds[steps][1]} if steps in bounds else {}),
    }


_TEXT = object()


def _objects(values: Sequence[str]) -> Array:
    found = np.empty(len(values), object)
    found[:] = values
    return found


def _array(name: str, values: list[str], shape: Sequence[int]) -> Array:
    return shaped(name, _objects(values), shape, BYTES)


def _without_end(row: list[str]) -> list[str]:
    """A row without the empty texts behind it."""
    end = len(row)
    while end and not row[end - 1]:
        end -= 1
    return row[:end]


def _count(texts: int) -> str:
    return "1 text" if texts == 1 else f"{texts} texts"
