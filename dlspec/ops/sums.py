"""What long sums lose."""

from __future__ import annotations

import math

import numpy as np

from dlspec.ops.base import Array

LONG = 512
"""Terms from which on what a sum loses by itself counts beside what its terms lose."""


def sum_extent(result: Array, terms: int) -> float | None:
    """How large, in units of rounding, the error of sums of so many products may be on top of the
    relative one; None for short ones.

    Added up one after the other, the first k of n terms that go up and down are sqrt(k / n) of the
    whole in size, and each addition rounds them: together sqrt(n / 6) of the whole (Higham & Mary
    2019, "A new approach to probabilistic rounding error analysis"). Engines add in blocks, and
    lose less. A quarter of it is said here, for verification accepts eight times what it derives.
    """
    if terms < LONG or result.dtype.kind != "f" or not result.size:
        return None
    flat = result.reshape(-1)
    square = float(np.dot(flat, flat))
    if not math.isfinite(square):
        kept = flat[np.isfinite(flat)].astype(np.float64)
        square = float(np.dot(kept, kept))
        if not math.isfinite(square):
            return None
    return 0.25 * math.sqrt(terms / 6) * math.sqrt(square / result.size)
