"""The generator of a stream."""

from __future__ import annotations

import hashlib

import numpy as np


def generator(seed: int, stream: str, step: int = 0) -> np.random.Generator:
    """The generator of one stream at one step."""
    digest = hashlib.blake2b(f"{int(seed)}\0{stream}".encode(), digest_size=16).digest()
    key = np.frombuffer(digest, dtype="<u8")
    counter = np.array([0, 0, step, 0], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(counter=counter, key=key))
