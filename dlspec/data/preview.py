"""Pictures as text: Braille dots, 2 by 4 a character, or ASCII where a terminal has no Braille."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dlspec.data.dataset import Array

RAMP = " .:-=+*#%@"
# Bit of each dot in a Braille character (Unicode 2800 to 28FF), by row and column of its cell.
_DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])


def is_picture(shape: Sequence[int]) -> bool:
    """Whether an example of this shape (without N) can be looked at: H x W, or channels first."""
    if len(shape) == 3:
        return shape[0] in (1, 3) and is_picture(shape[1:])
    return len(shape) == 2 and min(shape) >= 4


def luminance(picture: Array) -> NDArray[np.float64]:
    """A picture [H, W] or [1 or 3, H, W] as grey values from 0 to 1 (ITU-R BT.601 weights)."""
    values = np.asarray(picture, np.float64)
    if values.ndim == 3:
        weights = np.array([0.299, 0.587, 0.114]) if len(values) == 3 else np.ones(1)
        values = np.tensordot(weights, values, 1)
    if picture.dtype == np.uint8:
        return values / 255
    low, high = float(values.min()), float(values.max())
    return (values - low) / (high - low) if high > low else np.zeros_like(values)


def resampled(grey: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
    """Grey values at another size: each new value is the mean of the old ones that it covers."""
    rows, columns = _cover(grey.shape[0], height), _cover(grey.shape[1], width)
    return rows @ grey @ columns.T


def braille(grey: NDArray[np.float64]) -> list[str]:
    """Lines of Braille characters: white dots, by error diffusion (Floyd and Steinberg, 1976)."""
    height, width = -(-grey.shape[0] // 4) * 4, -(-grey.shape[1] // 2) * 2
    dots = np.zeros((height, width), np.int64)
    dots[: grey.shape[0], : grey.shape[1]] = _dithered(grey)
    cells = dots.reshape(height // 4, 4, width // 2, 2).transpose(0, 2, 1, 3)
    codes = 0x2800 + (cells * _DOTS).sum(axis=(2, 3))
    return ["".join(chr(code) for code in row) for row in codes]


def ascii_art(grey: NDArray[np.float64]) -> list[str]:
    """Lines of ASCII characters, dark to bright; a character stands for 4 rows and 2 columns."""
    small = resampled(grey, -(-grey.shape[0] // 4), -(-grey.shape[1] // 2))
    steps = np.minimum((small * len(RAMP)).astype(int), len(RAMP) - 1)
    return ["".join(RAMP[step] for step in row) for row in steps]


def gallery(
    pictures: Sequence[Array],
    captions: Sequence[str],
    *,
    width: int = 80,
    side: int = 28,
    unicode: bool = True,
) -> list[str]:
    """Pictures side by side with captions underneath, as lines of at most ``width`` columns.

    ``side`` is the number of dots along the longer edge.
    """
    drawn: list[list[str]] = []
    for picture in pictures:
        grey = luminance(picture)
        scale = side / max(grey.shape)
        if scale != 1:
            grey = resampled(
                grey, max(1, round(grey.shape[0] * scale)), max(1, round(grey.shape[1] * scale))
            )
        drawn.append(braille(grey) if unicode else ascii_art(grey))
    cell = -(-side // 2)
    in_row = max(1, (width + 2) // (cell + 2))
    lines: list[str] = []
    for start in range(0, len(drawn), in_row):
        row, names = drawn[start : start + in_row], captions[start : start + in_row]
        blank = " " * cell
        for i in range(max(len(picture) for picture in row)):
            lines.append("  ".join(p[i].ljust(cell) if i < len(p) else blank for p in row).rstrip())
        lines += ["  ".join(name[:cell].center(cell) for name in names).rstrip(), ""]
    return lines


def _cover(old: int, new: int) -> NDArray[np.float64]:
    """Matrix [new, old] of how much of each new cell each old cell makes up."""
    edges = np.linspace(0, old, new + 1)
    left = np.maximum(edges[:-1, None], np.arange(old))
    right = np.minimum(edges[1:, None], np.arange(1, old + 1))
    overlap = np.maximum(right - left, 0)
    return overlap / overlap.sum(axis=1, keepdims=True)


def _dithered(grey: NDArray[np.float64]) -> NDArray[np.bool_]:
    height, width = grey.shape
    rest = np.zeros((height + 1, width + 2))
    rest[:height, 1:-1] = grey
    for y in range(height):
        for x in range(1, width + 1):
            error = rest[y, x] - float(rest[y, x] >= 0.5)
            rest[y, x] -= error
            rest[y, x + 1] += error * 7 / 16
            rest[y + 1, x - 1 : x + 2] += error * np.array([3, 5, 1]) / 16
    return rest[:height, 1:-1] >= 0.5
