"""Waves: read, resampled, trimmed, put together, and heard through a bad microphone."""

from __future__ import annotations

import wave
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Wave = NDArray[np.float64]


_UNTOLD = 2**31 - 2**16
"""So many bytes are told by headers that were written before the end was known."""


class CutOff(ValueError):
    """A WAV file has fewer samples than its header tells of."""


def read_wave(path: Path) -> tuple[Wave, int]:
    """A WAV file with one channel of 8, 16, 24 or 32 bits a sample, in -1..1, and its rate.

    Raises:
        CutOff: where samples are missing at its end.
        ValueError: for any other file; the text says why.
    """
    try:
        with wave.open(str(path), "rb") as file:
            channels, width = file.getnchannels(), file.getsampwidth()
            count, rate = file.getnframes(), file.getframerate()
            content = file.readframes(count)
    except (wave.Error, EOFError) as error:
        reason = f" ({error})" if str(error) else ""
        raise ValueError(f"it is damaged, or no WAV file of whole numbers{reason}") from error
    if channels != 1:
        raise ValueError(f"it has {channels} channels, and one is wanted")
    there = len(content) // width
    if count * width >= _UNTOLD:
        content = content[: there * width]
    elif len(content) != count * width:
        raise CutOff(f"it is cut off: its header tells of {count:,} samples, it has {there:,}")
    if width == 1:  # the only width without a sign
        return np.frombuffer(content, np.uint8) / 128 - 1, rate
    each = np.frombuffer(content, np.uint8).reshape(-1, width)
    wide = np.zeros((len(each), 4), np.uint8)
    wide[:, 4 - width :] = each
    return wide.reshape(-1).view("<i4") / 2.0**31, rate


def resampled(x: Wave, factor: float) -> Wave:
    """The wave with ``factor`` times as many samples (to a fraction with a denominator of at most
    500), by its spectrum: nothing above the lower of the two limits is left or added."""
    ratio = Fraction(factor).limit_denominator(500)
    up, down = max(1, ratio.numerator), ratio.denominator
    room = len(x) + len(x) // 8 + 16  # silence behind, since a spectrum's ends meet
    pieces = smooth(-(-room // down))
    spectrum = np.fft.rfft(x, down * pieces)
    kept = np.zeros(up * pieces // 2 + 1, np.complex128)
    both = min(len(kept), len(spectrum))
    kept[:both] = spectrum[:both]
    return np.fft.irfft(kept, up * pieces)[: round(len(x) * up / down)] * (up / down)


def smooth(least: int) -> int:
    """The smallest number from ``least`` on that has no factors but 2, 3 and 5: transforms of such
    lengths are quick."""
    number = max(1, least)
    while True:
        rest = number
        for factor in (2, 3, 5):
            while rest % factor == 0:
                rest //= factor
        if rest == 1:
            return number
        number += 1


def trimmed(x: Wave, quiet: float = 0.02) -> Wave:
    """The wave from its first to its last sample above a share of its loudest."""
    loud = np.flatnonzero(np.abs(x) > quiet * np.abs(x).max(initial=0.0))
    return x[loud[0] : loud[-1] + 1] if loud.size else x[:0]


def joined(parts: Sequence[Wave], gaps: Sequence[int]) -> Wave:
    """Waves behind one another, with so many samples of silence around them (one more than there
    are waves)."""
    pieces = [np.zeros(gaps[0])]
    for part, gap in zip(parts, gaps[1:], strict=True):
        pieces += [part, np.zeros(gap)]
    return np.concatenate(pieces)


def through_microphone(x: Wave, rate: int, rng: np.random.Generator) -> Wave:
    """The wave with a colour, a loudness and a noise of their own.

    The colour raises and lowers octaves by up to 6 dB, a straight line between random heights; the
    peak is 0.1 to 0.9; noise is 15 to 40 dB below the wave.
    """
    count, size = len(x), smooth(len(x))
    spectrum = np.fft.rfft(x, size)
    octave = np.log2(np.maximum(np.fft.rfftfreq(size, 1 / rate), 50) / 50)
    heights = rng.uniform(-6, 6, 5)
    decibel = np.interp(octave, np.linspace(0, np.log2(rate / 2 / 50), 5), heights)
    x = np.fft.irfft(spectrum * 10 ** (decibel / 20), size)[:count]
    x *= rng.uniform(0.1, 0.9) / max(1e-9, float(np.abs(x).max()))
    power = float(np.sqrt(np.mean(x**2)))
    noise = power * 10 ** (-rng.uniform(15, 40) / 20)
    return x + noise * rng.standard_normal(len(x))
