"""Names of files in a bundle: relative, ordinary, inside it, or refused."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from dlspec.late import LateModule

if TYPE_CHECKING:
    from dlspec.diagnostics import bundle as faults
else:
    faults = LateModule("dlspec.diagnostics.bundle")

VERSION = re.compile(r"(\d{4,})-[0-9a-f]{8}")
"""A version's folder: a counter and the beginning of a hash of what is in it."""


def checked_name(name: str) -> str:
    """A name under which a file may be added to a bundle: `engines/edge/tensorrt_rtx/engine.plan`.

    Raises:
        DlspecError: DL639 where it is empty, absolute, has `..`, or characters that some file
            system refuses.
    """
    parts = name.split("/")
    reason = ""
    if any(c in name for c in '\\:*?"<>|\0') or not name.isprintable():
        reason = "it has characters that file systems refuse"
    elif not name or any(part in ("", ".", "..") for part in parts):
        reason = "it must be a relative path of plain names"
    if reason:
        raise faults.DlspecError(faults.BadBundleName(None, name, reason))
    return name


def file_in(folder: Path, name: str) -> Path:
    """The path of a file that a manifest names; it need not exist.

    Raises:
        DlspecError: DL635 where the name or a symbolic link leads out of the bundle.
    """
    parts = name.split("/")
    if "\\" in name or ":" in name or "\0" in name or any(p in ("", ".", "..") for p in parts):
        raise faults.DlspecError(faults.PathLeavesBundle(None, str(folder), name))
    path = folder
    for part in parts:
        path = path / part
        if os.path.islink(path):
            raise faults.DlspecError(faults.PathLeavesBundle(None, str(folder), name))
    return path
