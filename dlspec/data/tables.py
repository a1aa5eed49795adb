"""Files of one's own: NumPy archives, tables, pairs of idx files."""

from __future__ import annotations

import csv
import lzma
import re
import struct
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

from dlspec.data.columns import Columns
from dlspec.data.dataset import Array
from dlspec.data.files import broken, inside, missing
from dlspec.data.idx import read_idx
from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.data import EmptyCell, RaggedRow
from dlspec.source import Span

NPZ, CSV = "a NumPy archive (.npz)", "a table (.csv)"
# What zipfile and its decompressors raise on damaged bytes, offsets and methods.
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def read_idx_pair(folder: Path, images: str, labels: str, span: Span | None) -> Columns:
    """Columns ``image`` and ``label`` (int64) of two idx files."""
    image = read_idx(inside(folder, images, span), images)
    label = read_idx(inside(folder, labels, span), labels)
    if label.ndim != 1 or label.dtype.kind not in "iu":
        reason = f"labels are one integer each, this is {label.dtype} of {label.ndim} dimensions"
        raise broken(labels, "an idx file of labels", reason, span)
    if len(image) == 0:
        raise broken(images, "an idx file", "it holds no examples", span)
    return {"image": image, "label": label.astype(np.int64)}


def read_npz(folder: Path, name: str, span: Span | None) -> Columns:
    """The arrays of an archive by name, N first. Objects (pickles) are refused."""
    path = inside(folder, name, span)
    columns: Columns = {}
    try:
        file = path.open("rb")
    except OSError as error:
        raise missing(name, error, span) from error
    with file:
        if file.read(4) != b"PK\x03\x04":
            raise broken(name, NPZ, "it is not a zip archive", span)
        file.seek(0)
        try:
            with zipfile.ZipFile(file) as archive:
                _check_count(file, len(archive.infolist()))
                for member in archive.infolist():
                    column = member.filename.removesuffix(".npy")
                    columns[column] = _npy(archive, member, name, span)
        except _ZIP_ERRORS as error:
            raise broken(name, NPZ, f"damaged or cut short ({error})".lower(), span) from error
    if not columns:
        raise broken(name, NPZ, "it holds no arrays", span)
    return columns


def _check_count(file: BinaryIO, found: int) -> None:
    """zipfile overlooks entries that a damaged directory hides; the end record counts them."""
    file.seek(-22, 2)
    signature, _, announced, _ = struct.unpack("<4s6sH10s", file.read(22))
    if signature == b"PK\x05\x06" and announced not in (found, 0xFFFF):
        raise zipfile.BadZipFile(f"{found} of {announced} entries")


def _npy(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str, span: Span | None) -> Array:
    inner = f"{name}:{member.filename}"
    try:
        with archive.open(member) as stream:
            array = np.lib.format.read_array(stream, allow_pickle=False)
            if stream.read(1):  # reading to the end also compares the checksum
                raise broken(inner, "a NumPy array", "bytes are left over after it", span)
    except (ValueError, MemoryError, SyntaxError, OverflowError, TypeError) as error:
        # What NumPy raises on bytes that are no array, too few of them, or objects.
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise broken(inner, "a NumPy array", reason, span) from error
    if array.ndim == 0 or len(array) == 0:
        raise broken(inner, "a column", "it has no rows; the first axis counts examples", span)
    if array.dtype.kind not in "biufU" or (array.dtype.itemsize > 8 and array.dtype.kind == "f"):
        raise broken(inner, "a column", f"elements are {array.dtype}, not numbers or text", span)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def read_csv(folder: Path, names: list[str], separator: str, span: Span | None) -> list[Columns]:
    """The columns of tables with the same header, by its names.

    A column is int64 if all cells of all tables are whole numbers, float64 if all are numbers, else
    text; it has the same type in each table.
    """
    tables = [_cells(inside(folder, name, span), name, separator, span) for name in names]
    header = tables[0][0]
    for name, (other, _) in zip(names, tables, strict=True):
        if other != header:
            reason = (
                f"its header is {', '.join(other)} and that of {names[0]} is {', '.join(header)}"
            )
            raise broken(name, CSV, reason, span)
    results: list[Columns] = [{} for _ in tables]
    for c, column in enumerate(header):
        parts = [[row[c] for _, row in rows] for _, rows in tables]
        numeric = _numeric([cell for part in parts for cell in part])
        for name, (_, rows), part, result in zip(names, tables, parts, results, strict=True):
            if numeric is None:
                result[column] = np.array(part, dtype=object)
                continue
            if "" in part:
                line = rows[part.index("")][0]
                raise DlspecError(EmptyCell(span, name, line, column))
            result[column] = np.array(part, dtype=numeric)
    return results


def _numeric(cells: list[str]) -> type[np.int64] | type[np.float64] | None:
    filled = [cell for cell in cells if cell]
    if not filled:
        return None
    if all(_INTEGER.fullmatch(cell) for cell in filled):
        return np.int64
    return np.float64 if all(_NUMBER.fullmatch(cell) for cell in filled) else None


def _cells(
    path: Path, name: str, separator: str, span: Span | None
) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header, and each row with the line (from 1) on which it ends; cells are stripped."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=separator, strict=True)
            rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if row]
    except UnicodeDecodeError as error:
        raise broken(name, CSV, f"byte {error.start} is not UTF-8 text", span) from error
    except csv.Error as error:
        raise broken(name, CSV, str(error), span) from error
    except OSError as error:
        raise missing(name, error, span) from error
    if not rows:
        raise broken(name, CSV, "the file is empty", span)
    for line, row in rows:
        if any("\0" in cell for cell in row):
            raise broken(name, CSV, f"line {line} holds NUL bytes; this is no text", span)
    header = rows[0][1]
    if len(set(header)) < len(header) or "" in header:
        twice = next((h for h in header if not h or header.count(h) > 1), "")
        raise broken(name, CSV, f"the header has `{twice}` twice or a nameless column", span)
    if len(rows) == 1:
        raise broken(name, CSV, "it has a header and no rows", span)
    for line, row in rows[1:]:
        if len(row) != len(header):
            raise DlspecError(RaggedRow(span, name, line, len(row), len(header)))
    return header, rows[1:]
