"""The idx format of MNIST: two zero bytes, type, rank, big-endian sizes, then the values.

Format: http://yann.lecun.com/exdb/mnist/ (LeCun, Cortes, Burges).
"""

from __future__ import annotations

import gzip
import zlib
from math import prod
from pathlib import Path

import numpy as np

from dlspec.data.dataset import Array
from dlspec.data.files import broken, missing

KIND = "an idx file"
TYPES: dict[int, str] = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
"""NumPy's name of each element type byte."""


def read_idx(path: Path, name: str) -> Array:
    """The array in an idx file, gzipped or not; bytes of a plain file are mapped, not read.

    ``name`` is what messages call the file. A file that is cut short, has bytes left over, or is
    not idx is a `DataFileBroken`.
    """
    try:
        with path.open("rb") as file:
            head = file.read(4 + 4 * 255)
            size = file.seek(0, 2)
        if head[:2] == b"\x1f\x8b":
            return _read_gzip(path, name)
        dtype, shape, offset = _header(head, name)
        _check_size(size - offset, dtype, shape, name)
        if prod(shape) == 0:  # nothing to map
            return np.zeros(shape, dtype.newbyteorder("="))
        mapped = np.memmap(path, dtype, "r", offset, shape)
    except OSError as error:
        raise missing(name, error) from error
    return mapped if dtype.itemsize == 1 else mapped.astype(dtype.newbyteorder("="))


def _read_gzip(path: Path, name: str) -> Array:
    try:
        with gzip.open(path, "rb") as file:
            head = file.read(4)
            if len(head) == 4:
                head += file.read(4 * head[3])
            dtype, shape, _ = _header(head, name)
            body = _at_most(file, prod(shape) * dtype.itemsize + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise broken(name, KIND, f"the gzip stream is damaged or cut short ({error})") from error
    _check_size(len(body), dtype, shape, name)
    return np.frombuffer(body, dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def _at_most(file: gzip.GzipFile, limit: int) -> bytearray:
    # In pieces: an announced size is believed only as far as bytes really come. One byte more than
    # announced is enough to see that the file is longer.
    body = bytearray()
    while len(body) < limit:
        piece = file.read(min(1 << 22, limit - len(body)))
        if not piece:
            break
        body += piece
    return body


def _header(head: bytes, name: str) -> tuple[np.dtype[np.generic], tuple[int, ...], int]:
    if len(head) == 0:
        raise broken(name, KIND, "the file is empty")
    if len(head) < 4 or head[:2] != b"\0\0" or head[2] not in TYPES:
        raise broken(name, KIND, f"it begins with {head[:4].hex(' ')}, not with 00 00 and a type")
    rank = head[3]
    offset = 4 + 4 * rank
    if rank == 0 or len(head) < offset:
        raise broken(name, KIND, f"the header announces {rank} sizes and ends before them")
    shape = tuple(int(size) for size in np.frombuffer(head[4:offset], ">u4"))
    return np.dtype(TYPES[head[2]]), shape, offset


def _check_size(found: int, dtype: np.dtype[np.generic], shape: tuple[int, ...], name: str) -> None:
    expected = prod(shape) * dtype.itemsize
    if found < expected:
        sizes = " x ".join(map(str, shape))
        reason = f"cut short: {found:,} of {expected:,} bytes of values ({sizes})"
        raise broken(name, KIND, reason)
    if found > expected:
        raise broken(name, KIND, f"bytes are left over after the {expected:,} that it announces")
