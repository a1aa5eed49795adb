"""Videos of one moving shape each, and sentences that tell what happens in them.

Everything is drawn by a seed: a shape of some size and colour, in front of a dark background with
noise, stays, or moves at a steady speed. Sentences are equally frequent (give or take one), and
videos have different lengths: only who watches several frames can tell which way it goes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dlspec.data.columns import Columns
from dlspec.data.sequences import Sequences
from dlspec.data.streams import permutation
from dlspec.randomness import generator

SIDE = 24
SHORTEST, LONGEST = 5, 10
"""Frames of a video."""
SIZES = {"small": 3.0, "big": 5.0}
"""Half the side of a shape, in pixels."""
COLOURS = {
    "red": (230, 50, 50),
    "green": (50, 200, 70),
    "blue": (70, 90, 240),
    "yellow": (235, 220, 60),
}
SHAPES = ("circle", "square", "triangle")
MOTIONS = {
    "stays": (0, 0),
    "moves left": (0, -1),
    "moves right": (0, 1),
    "moves up": (-1, 0),
    "moves down": (1, 0),
}
"""What it does, and the way it goes: down, to the right."""
TRAVEL = (7.0, 13.0)
"""Pixels from the first frame to the last, at least and at most."""

SENTENCES = tuple(
    f"a {size} {colour} {shape} {motion}"
    for size in SIZES
    for colour in COLOURS
    for shape in SHAPES
    for motion in MOTIONS
)


def read_moving_shapes(videos: int, seed: int = 0) -> Columns:
    """``video`` uint8[N, <=F, 3, 24, 24] and ``caption``, its sentence."""
    places = permutation(videos, seed, "moving_shapes") % len(SENTENCES)
    rng = generator(seed, "moving_shapes")
    drawn = [_video(SENTENCES[int(i)], rng) for i in places]
    return {
        "video": Sequences.of(drawn, np.uint8),
        "caption": np.array([SENTENCES[int(i)] for i in places], object),
    }


def _video(sentence: str, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The frames of one video, uint8[F, 3, 24, 24]."""
    _, size, colour, shape, motion = sentence.split(maxsplit=4)
    length, speed, share_row, share_column, dark, loud = rng.random(6)
    frames = SHORTEST + int(length * (LONGEST + 1 - SHORTEST))
    half = SIZES[size]
    way = np.array(MOTIONS[motion], np.float64)
    gone = np.arange(frames)[:, None] / (frames - 1)
    path = gone * way * (TRAVEL[0] + speed * (TRAVEL[1] - TRAVEL[0]))
    # wherever it starts, it stays in the picture
    low = half - path.min(0)
    high = SIDE - 1 - half - path.max(0)
    middle = low + np.array([share_row, share_column]) * np.maximum(high - low, 0) + path
    inside = np.stack([_inside(shape, half, row, column) for row, column in middle])
    paint = np.array(COLOURS[colour], np.float64)[:, None, None]
    back = 10 + 60 * dark + (5 + 20 * loud) * rng.random((frames, 3, SIDE, SIDE))
    return np.where(inside[:, None], paint * (0.85 + 0.15 * loud), back).astype(np.uint8)


def _inside(shape: str, half: float, row: float, column: float) -> NDArray[np.bool_]:
    """The pixels of a shape around a middle, bool[24, 24]."""
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    down, right = rows - row, np.abs(columns - column)
    if shape == "circle":
        return down**2 + right**2 <= half**2
    if shape == "square":
        return np.maximum(np.abs(down), right) <= half * 0.9
    return (np.abs(down) <= half) & (right <= (down + half) / 2)
