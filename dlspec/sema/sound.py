"""Functions of a spec that give constants for features of sound: `hann(400)`, `mel_matrix(…)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dlspec.ops import bands
from dlspec.sema.starts import ArgumentError
from dlspec.sema.values import Builtin, is_number

MOST = 4096
"""The longest frame, and the most bands."""


def _sizes(*values: Any, least: int = 1) -> None:
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= MOST:
            raise ArgumentError(f"sizes: whole numbers from {least} to {MOST:,}")


def _window(make: Callable[[int], bands.Constant]) -> Callable[..., Any]:
    def window(size: Any) -> Any:
        _sizes(size, least=2)
        return make(size).astype(np.float32)

    return window


def _mel_matrix(rate: Any, size: Any, bands_: Any, low: Any = 0, high: Any = None) -> Any:
    _sizes(size, bands_)
    if size * bands_ > 1_000_000:
        raise ArgumentError("a matrix of at most 1,000,000 numbers")
    if not is_number(rate) or rate <= 0:
        raise ArgumentError("a sampling rate: a number above 0, such as 16000")
    top = rate / 2 if high is None else high
    if not is_number(low) or not is_number(top) or not 0 <= low < top <= rate / 2:
        raise ArgumentError(f"`low` below `high`, both from 0 to {rate / 2:g}, half of the rate")
    try:
        return bands.mel_matrix(rate, size, bands_, low, top).astype(np.float32)
    except ValueError as error:
        raise ArgumentError(f"longer frames, or fewer bands: {error}") from None


def _cosine_matrix(bands_: Any, kept: Any) -> Any:
    _sizes(bands_, kept)
    if kept > bands_:
        raise ArgumentError(f"to keep at most as many as there are bands, {bands_}")
    return bands.cosine_matrix(bands_, kept).astype(np.float32)


FUNCTIONS: dict[str, Builtin] = {
    "hann": Builtin("hann", _window(bands.hann)),
    "hamming": Builtin("hamming", _window(bands.hamming)),
    "mel_matrix": Builtin("mel_matrix", _mel_matrix, ("low", "high")),
    "cosine_matrix": Builtin("cosine_matrix", _cosine_matrix),
}
"""By name; each gives a float32 array that is a constant of the graph."""
