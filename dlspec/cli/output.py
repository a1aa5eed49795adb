"""How commands speak: diagnostics on standard error, as text or JSON."""

from __future__ import annotations

import os
import shutil
import sys
import traceback
from collections.abc import Sequence

from dlspec.diagnostics import Diagnostic


def wants_colour(stream: object = None) -> bool:
    """Whether to colour what goes to a stream: a terminal, unless NO_COLOR is set."""
    target = sys.stderr if stream is None else stream
    return bool(getattr(target, "isatty", lambda: False)()) and "NO_COLOR" not in os.environ


def report(diagnostics: Sequence[Diagnostic], *, form: str = "text") -> None:
    """Print diagnostics with a summary line; with ``form`` json one object a line on standard
    output.
    """
    from dlspec.diagnostics.render import render_json
    from dlspec.diagnostics.render import report as render_report

    if form == "json":
        import json

        for diagnostic in diagnostics:
            print(json.dumps(render_json(diagnostic)))
        return
    known = sys.stderr.isatty() or "COLUMNS" in os.environ
    width = shutil.get_terminal_size().columns if known else None
    render_report(diagnostics, colour=wants_colour(), width=width)


def report_internal(error: Exception) -> None:
    """A bug of dlspec, told as such."""
    from dlspec import __version__
    from dlspec.diagnostics.internal import InternalError

    frames = [f for f in traceback.extract_tb(error.__traceback__) if "dlspec" in f.filename]
    place = f"{os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else "unknown"
    report(
        [InternalError(None, type(error).__name__, str(error) or "no message", __version__, place)]
    )


def say(text: str = "") -> None:
    """A line for people, on standard output."""
    print(text, flush=True)


def note(text: str) -> None:
    """What is being done: a passing line on a terminal, nothing elsewhere."""
    if sys.stderr.isatty():
        print(f"\r\x1b[2K{text} …\r", end="", file=sys.stderr, flush=True)
