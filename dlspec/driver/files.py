"""Specs on disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dlspec.diagnostics import DlspecError, did_you_mean
from dlspec.diagnostics.internal import SpecNotReadable
from dlspec.source import SourceFile


def specs_here() -> list[Path]:
    """The specs of this folder, or of its `specs` folder."""
    for folder in (Path(), Path("specs")):
        found = sorted(p for p in folder.glob("*.dl") if not p.is_dir())
        if found:
            return found
    return []


def specs_in(paths: Sequence[Path]) -> list[Path]:
    """The paths, with the specs that lie in it in the place of each folder that has some."""
    found: list[Path] = []
    for path in paths:
        inside = sorted(p for p in path.glob("*.dl") if not p.is_dir()) if path.is_dir() else []
        found += inside or [path]
    return found


def read_spec(path: Path) -> SourceFile:
    """The text of a spec.

    Raises:
        DlspecError: DL902 if it cannot be read; it says what is near.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        near = [str(p) for p in path.parent.glob("*.dl")] if path.parent.is_dir() else []
        near += [str(p) for p in specs_here()]
        reason = "it is a folder" if path.is_dir() else (error.strerror or "unreadable").lower()
        raise DlspecError(
            SpecNotReadable(
                None,
                str(path),
                reason,
                did_you_mean(str(path), [n for n in near if n != str(path)]),
            )
        ) from None
    try:
        return SourceFile(str(path), raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        reason = f"byte {error.start} is not UTF-8 text"
        raise DlspecError(
            SpecNotReadable(None, str(path), reason, None, "save the spec as UTF-8 text")
        ) from None
