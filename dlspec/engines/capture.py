"""Catch what native libraries print past Python: Myelin writes its errors straight to the
terminal."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections.abc import Generator
from contextlib import contextmanager

_ONE = threading.Lock()


@contextmanager
def native_output() -> Generator[list[str]]:
    """``with native_output() as lines:`` — what is written to the descriptors 1 and 2 meanwhile;
    complete after the block.

    One block at a time in a process, since descriptors are the process's.
    """
    lines: list[str] = []
    with _ONE, tempfile.TemporaryFile() as caught:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        kept = [(fd, os.dup(fd)) for fd in (1, 2) if _is_open(fd)]
        try:
            for fd, _ in kept:
                os.dup2(caught.fileno(), fd)
            yield lines
        finally:
            for fd, copy in kept:
                os.dup2(copy, fd)
                os.close(copy)
            caught.seek(0)
            lines.extend(caught.read().decode("utf-8", "replace").splitlines())


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True
