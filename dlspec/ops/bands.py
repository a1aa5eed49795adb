"""Constants for features of sound: windows of a frame, bands of hearing, the cosine transform.

They are no ops: a spec calls them at compile time, and what they give is written into the graph.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Constant = NDArray[np.float64]


def hann(size: int) -> Constant:
    """The window of von Hann, ``0.5 - 0.5 cos(2π t / size)``: periodic, so that windows half their
    size apart add up to 1."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)


def hamming(size: int) -> Constant:
    """Hamming's window, ``0.54 - 0.46 cos(2π t / size)``, periodic."""
    return 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(size) / size)


def to_mel(hertz: NDArray[np.float64]) -> NDArray[np.float64]:
    """A frequency as a pitch, ``2595 log10(1 + f / 700)``: the scale of O'Shaughnessy (1987) that
    HTK uses."""
    return 2595 * np.log10(1 + hertz / 700)


def from_mel(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    """The frequency of a pitch."""
    return 700 * (10 ** (mel / 2595) - 1)


def mel_matrix(rate: float, size: int, bands: int, low: float, high: float) -> Constant:
    """What each frequency of a transform of ``size`` steps gives to each band, [size // 2 + 1,
    bands].

    Bands are triangles of height 1 whose corners lie evenly on the mel scale between ``low`` and
    ``high`` (Hz); each begins and ends at its neighbours' middles (Davis and Mermelstein, 1980).

    Raises:
        ValueError: where a band lies between two frequencies and hears none.
    """
    frequency = np.arange(size // 2 + 1) * rate / size
    ends = to_mel(np.array([low, high], np.float64))
    corners = from_mel(np.linspace(ends[0], ends[1], bands + 2))
    left, middle, right = corners[:-2], corners[1:-1], corners[2:]
    rising = (frequency[:, None] - left) / (middle - left)
    falling = (right - frequency[:, None]) / (right - middle)
    matrix = np.maximum(0, np.minimum(rising, falling))
    deaf = np.flatnonzero(~matrix.any(axis=0))
    if deaf.size:
        raise ValueError(f"band {deaf[0] + 1} of {bands} hears none of {size // 2 + 1} frequencies")
    return matrix


def cosine_matrix(bands: int, kept: int) -> Constant:
    """The orthonormal cosine transform (DCT-II) of so many bands, the first ``kept`` coefficients:
    [bands, kept]."""
    angle = np.pi / bands * np.outer(np.arange(bands) + 0.5, np.arange(kept))
    matrix = np.sqrt(2 / bands) * np.cos(angle)
    matrix[:, 0] /= np.sqrt(2)
    return matrix
