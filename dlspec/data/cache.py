"""Where fetched data lies, and a lock so that two processes fetch once."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.data import CacheUnwritable


def cache_folder() -> Path:
    """``DLSPEC_CACHE`` if set, else ``dlspec`` in the user's cache folder (XDG's, Windows')."""
    own = os.environ.get("DLSPEC_CACHE")
    if own:
        return Path(own).expanduser().absolute()
    base = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "dlspec"


def data_folder() -> Path:
    """The part of the cache that holds data sets, one folder each."""
    return cache_folder() / "data"


@contextmanager
def writing(folder: Path) -> Generator[None]:
    """Makes the folder; what the system refuses in the block is told as the cache's fault."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DlspecError(CacheUnwritable(None, str(folder), reason)) from error


@contextmanager
def locked(path: Path) -> Generator[None]:
    """Holds an exclusive lock on a file, waiting for it; it is free if this process dies."""
    with path.open("a+b") as file:
        if sys.platform == "win32":
            import msvcrt
            import time

            while True:
                try:
                    msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
                    break
                except OSError:  # held by another process
                    time.sleep(0.2)
            try:
                yield
            finally:
                file.seek(0)
                msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
            yield  # closing the file frees the lock
