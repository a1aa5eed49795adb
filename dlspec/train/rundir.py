"""A run's directory: lock, log, and writing aside.

checkpoint.safetensors   everything that resuming needs
recipe.py                the PyTorch module that is trained
history.csv, curves.svg  what was measured after each epoch
log                      what was said, with times
lock                     held while a process trains here; says which
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from dlspec.bundle.lock import try_lock
from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.train import RunBusy, RunNotWritable


class RunDir:
    """``with RunDir(path) as run:`` holds the directory for this process alone.

    The lock is the operating system's, so a killed process leaves none; the file only says who
    holds it.

    Raises:
        DlspecError: DL690 where another process holds it, DL699 where it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    checkpoint = property(lambda self: self.path / "checkpoint.safetensors")
    source = property(lambda self: self.path / "recipe.py")
    history = property(lambda self: self.path / "history.csv")
    curves = property(lambda self: self.path / "curves.svg")

    def __enter__(self) -> RunDir:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise DlspecError(RunNotWritable(None, str(self.path), str(error.strerror))) from error
        if not try_lock(descriptor):
            owner = os.read(descriptor, 200).decode("utf-8", "replace").strip()
            os.close(descriptor)
            raise DlspecError(RunBusy(None, str(self.path), owner or "an unnamed process"))
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
        self._lock = descriptor
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._lock is not None:
            os.ftruncate(self._lock, 0)
            os.close(self._lock)  # closing frees the lock
            self._lock = None

    def set_aside(self) -> bool:
        """Put what an earlier run left into `previous/`, in place of what lies there.

        Returns whether it left a checkpoint, which could be gone on from.
        """
        resumable = self.checkpoint.exists()
        old = [p for p in (self.checkpoint, self.source, self.history, self.curves) if p.exists()]
        if old:
            previous = self.path / "previous"
            previous.mkdir(exist_ok=True)
            for path in old:
                os.replace(path, previous / path.name)
        return resumable

    def log(self, text: str) -> None:
        """Add a line to the log."""
        with (self.path / "log").open("a", encoding="utf-8") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {text}\n")


def write_text(path: Path, text: str) -> None:
    """Replace a text file as a whole."""
    write_file(path, lambda file: file.write(text.encode()), flush=False)


def write_file(path: Path, write: Callable[[BinaryIO], object], *, flush: bool = True) -> None:
    """Write aside, then rename; ``flush`` waits for the disk.

    Raises:
        DlspecError: DL699.
    """
    aside = path.with_name(f".{path.name}.new")
    try:
        with aside.open("wb") as file:
            write(file)
            if flush:
                file.flush()
                os.fsync(file.fileno())
        os.replace(aside, path)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise DlspecError(RunNotWritable(None, str(path), str(error.strerror))) from error
