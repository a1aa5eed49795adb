"""Random orders that depend on a seed and on names, and on nothing else.

The raw 64-bit outputs of NumPy's Philox are fixed for good, whereas what ``Generator.permutation``
makes of them may change with NumPy's version; so orders come from the raw outputs.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray


def permutation(n: int, seed: int, *stream: object) -> NDArray[np.int64]:
    """A random order of 0 … n-1: a function of n, the seed and the stream's names, int64[n].

    Sorting n independent 64-bit draws gives each order with equal chance up to ties (n²/2⁶⁵).
    """
    name = "/".join(str(part) for part in (seed, *stream))
    key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:16], "little")
    draws = np.random.Philox(key=key).random_raw(n)
    return np.argsort(draws, kind="stable").astype(np.int64, copy=False)
