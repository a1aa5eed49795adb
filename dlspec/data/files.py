"""Paths that a spec names: inside its folder, or not at all."""

from __future__ import annotations

from pathlib import Path

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.data import DataFileBroken, DataFileMissing, PathLeavesFolder
from dlspec.source import Span


def inside(folder: Path, path: str, span: Span | None = None) -> Path:
    """``path`` within ``folder``, links followed; one that leads out of it is an error."""
    root = folder.resolve()
    if "\0" in path:
        raise DlspecError(DataFileMissing(span, path.replace("\0", "\\0"), "not a file name"))
    try:
        full = (root / path).resolve()
    except (OSError, RuntimeError) as error:  # a loop of links
        raise DlspecError(DataFileMissing(span, path, _words(error))) from error
    if not full.is_relative_to(root):
        raise DlspecError(PathLeavesFolder(span, path, str(root)))
    return full


def missing(name: str, error: OSError, span: Span | None = None) -> DlspecError:
    """What the operating system said about a file, as a diagnostic."""
    return DlspecError(DataFileMissing(span, name, _words(error)))


def broken(name: str, kind: str, reason: str, span: Span | None = None) -> DlspecError:
    """A file whose content is not what it should be."""
    return DlspecError(DataFileBroken(span, name, kind, reason))


def _words(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) else None
    return (text or str(error) or type(error).__name__).lower()
