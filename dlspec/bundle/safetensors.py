"""The safetensors format, written and read exactly: eight bytes of header length, a JSON header,
the bytes.

Tensors lie without gaps, those of wide elements first, and the data begins at a multiple of 64, so
that every tensor is aligned to its element and can be read in place: as ONNX external data (offset
and length in the file), or as a NumPy view. https://huggingface.co/docs/safetensors
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from dlspec.late import LateModule

if TYPE_CHECKING:
    from dlspec.diagnostics import bundle as faults
else:
    faults = LateModule("dlspec.diagnostics.bundle")

Array = NDArray[Any]

KINDS: dict[str, str] = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U64": "uint64",
    "U32": "uint32",
    "U16": "uint16",
    "U8": "uint8",
    "BOOL": "bool",
}
"""The format's names of element types, and NumPy's."""

_NAMES = {v: k for k, v in KINDS.items()}
_ALIGNMENT = 64
_HEADER_LIMIT = 100_000_000  # the safetensors library's own


@dataclass(frozen=True)
class Slot:
    """Where a tensor's bytes lie in the file: ``offset`` from the file's beginning and ``length``,
    both in bytes."""

    offset: int
    length: int


@dataclass(frozen=True)
class Layout:
    """The header's bytes (length field included) and the place of each tensor."""

    header: bytes
    slots: Mapping[str, Slot]


def layout_of(tensors: Mapping[str, Array], metadata: Mapping[str, str] | None = None) -> Layout:
    """Where each tensor will lie, decided before anything is written. The order is a function of
    names and types alone."""
    names = sorted(tensors, key=lambda n: (-tensors[n].dtype.itemsize, n))
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    spans: dict[str, tuple[int, int]] = {}
    end = 0
    for name in names:
        array = tensors[name]
        begin, end = end, end + array.nbytes
        spans[name] = (begin, end)
        header[name] = {
            "dtype": _NAMES[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [begin, end],
        }
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-(8 + len(text)) % _ALIGNMENT)
    start = 8 + len(text)
    return Layout(
        len(text).to_bytes(8, "little") + text,
        {n: Slot(start + b, e - b) for n, (b, e) in spans.items()},
    )


def write_tensors(
    file: BinaryIO, tensors: Mapping[str, Array], metadata: Mapping[str, str] | None = None
) -> Mapping[str, Slot]:
    """Write tensors into an open file; the place of each. Elements are little endian, in C
    order."""
    layout = layout_of(tensors, metadata)
    file.write(layout.header)
    for name in layout.slots:
        array = np.ascontiguousarray(tensors[name])
        if array.dtype.byteorder == ">":
            array = array.astype(array.dtype.newbyteorder("<"))
        file.write(array.reshape(-1).view(np.uint8).data)  # of the array itself: it may be large
    return layout.slots


@dataclass(frozen=True)
class _Entry:
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


def _entries(path: Path, text: bytes, size: int) -> tuple[dict[str, _Entry], dict[str, str]]:
    def broken(reason: str) -> faults.DlspecError:
        return faults.DlspecError(faults.TensorFileBroken(None, str(path), reason))

    try:
        raw: object = json.loads(text)
    except ValueError as error:  # not UTF-8 or not JSON
        raise broken("its header is not JSON") from error
    if not isinstance(raw, dict):
        raise broken("its header is not a JSON object")
    header = cast("dict[str, Any]", raw)
    metadata = header.pop("__metadata__", {})
    entries: dict[str, _Entry] = {}
    for name, entry in header.items():
        try:
            begin, end = (int(o) for o in entry["data_offsets"])
            found = _Entry(KINDS[entry["dtype"]], tuple(int(d) for d in entry["shape"]), begin, end)
        except (KeyError, TypeError, ValueError) as error:
            raise broken(f"the entry of `{name}` is malformed") from error
        count = 1
        for dim in found.shape:
            if dim < 0:
                raise broken(f"`{name}` has a negative dimension")
            count *= dim
        width = 2 if found.dtype == "bfloat16" else np.dtype(found.dtype).itemsize
        if not 0 <= begin <= end <= size:
            raise broken(f"it is cut short: `{name}` ends at byte {end} of {size}")
        if end - begin != count * width:
            raise broken(f"`{name}` has {end - begin} bytes, its shape needs {count * width}")
        entries[name] = found
    covered = 0
    for name, entry in sorted(entries.items(), key=lambda e: (e[1].begin, e[1].end)):
        if entry.begin != covered:
            raise broken(f"there is a gap or an overlap before `{name}`")
        covered = entry.end
    if covered != size:
        raise broken(f"{size - covered} bytes after the last tensor belong to nothing")
    return entries, {str(k): str(v) for k, v in dict(metadata).items()}


def read_tensors(path: Path) -> dict[str, Array]:
    """All tensors of a file, by name. bfloat16 becomes float32, which holds it exactly.

    Raises:
        DlspecError: DL638 where the file is damaged, cut short or another kind.
    """
    return read_tensors_and_metadata(path)[0]


def read_tensors_and_metadata(path: Path) -> tuple[dict[str, Array], dict[str, str]]:
    """All tensors of a file, and the texts that travel with them."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise faults.DlspecError(
            faults.TensorFileBroken(None, str(path), str(error.strerror))
        ) from error
    if len(data) < 8:
        raise faults.DlspecError(
            faults.TensorFileBroken(None, str(path), "it is shorter than eight bytes")
        )
    length = int.from_bytes(data[:8], "little")
    if length > _HEADER_LIMIT or 8 + length > len(data):
        reason = f"its header would have {length} bytes, the file has {len(data)}"
        raise faults.DlspecError(faults.TensorFileBroken(None, str(path), reason))
    start = 8 + length
    entries, metadata = _entries(path, data[8:start], len(data) - start)
    tensors: dict[str, Array] = {}
    for name, entry in entries.items():
        raw = memoryview(data)[start + entry.begin : start + entry.end]
        if entry.dtype == "bfloat16":
            wide = np.frombuffer(raw, np.dtype("<u2")).astype(np.uint32) << 16
            array = wide.view(np.float32)
        else:
            dtype = np.dtype(entry.dtype).newbyteorder("<")
            array = np.frombuffer(raw, dtype).astype(
                entry.dtype
            )  # a copy of its own: writable, aligned
        tensors[name] = array.reshape(entry.shape)
    return tensors, metadata
