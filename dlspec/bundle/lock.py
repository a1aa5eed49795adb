"""A lock between processes that the operating system takes back when its owner dies."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from dlspec.late import LateModule

if TYPE_CHECKING:
    from dlspec.diagnostics import bundle as faults
else:
    faults = LateModule("dlspec.diagnostics.bundle")


def try_lock(descriptor: int) -> bool:
    """Lock an open file for this process alone; False where another holds it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


class FileLock:
    """``with FileLock(path):`` one process at a time; DL636 after ``seconds`` of waiting. The file
    stays, empty."""

    def __init__(self, path: Path, seconds: float = 60.0) -> None:
        self._path = path
        self._seconds = seconds
        self._descriptor: int | None = None

    def __enter__(self) -> FileLock:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        end = time.monotonic() + self._seconds
        while not try_lock(descriptor):
            if time.monotonic() > end:
                os.close(descriptor)
                raise faults.DlspecError(
                    faults.BundleBusy(None, str(self._path.parent), self._seconds)
                )
            time.sleep(0.02)
        self._descriptor = descriptor
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)  # closing frees the lock
            self._descriptor = None
