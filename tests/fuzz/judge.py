"""What must hold of any text whatever: it is understood or told about, soon and in little room."""

from __future__ import annotations

import dataclasses
import json
import os
import resource
import signal
import tempfile
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from dlspec.diagnostics import CATALOGUE, Diagnostic, DlspecError, Sink
from dlspec.diagnostics.render import render, render_json
from dlspec.driver.files import read_spec
from dlspec.sema.analyse import analyse
from dlspec.source import SourceFile, Span
from dlspec.syntax import ast, format_source, parse

SECONDS = 4.0
"""Of processor time for one input: on a slow machine, what reaches a limit takes two."""
MEGABYTES = 1024
"""That checking may take on top of what a process has after its imports."""
WIDTH = 80


@dataclass(frozen=True)
class Finding:
    """Something that must not be."""

    what: str
    detail: str


class TooSlow(Exception):
    """The time for one input is over."""


def _over(signal_number: int, frame: FrameType | None) -> None:
    raise TooSlow


@contextmanager
def limited(seconds: float) -> Generator[None]:
    """Interrupts what takes more than so much processor time."""
    signal.signal(signal.SIGPROF, _over)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def bound_memory(megabytes: int = MEGABYTES) -> None:
    """No more address space than the process has by now and so much on top."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    most = pages * os.sysconf("SC_PAGE_SIZE") + megabytes * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def judge(raw: bytes, folder: Path) -> Finding | None:
    """What is wrong with how dlspec takes these bytes as a spec; None where all is well."""
    try:
        with limited(SECONDS):
            return _judge(raw, folder)
    except TooSlow:
        return Finding("hang", f"more than {SECONDS:g} s of processor time")
    except MemoryError:
        return Finding("memory", f"more than {MEGABYTES} MB")
    except Exception as error:  # noqa: BLE001  (whatever escapes is what is looked for)
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(frame.filename).name}:{frame.lineno}"
        return Finding("crash", f"{type(error).__name__}: {str(error)[:200]} at {place}")


def _judge(raw: bytes, folder: Path) -> Finding | None:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return _unreadable(raw)
    source = SourceFile("fuzz.dl", text)
    sink = Sink()
    file = parse(source, sink)
    readable = not sink.errors
    for diagnostic in sink.diagnostics:
        finding = told_well(diagnostic)
        if finding is not None:
            return finding
    sink = Sink()
    analyse(source, sink, folder=folder)
    for diagnostic in sink.diagnostics:
        finding = told_well(diagnostic)
        if finding is not None:
            return finding
    return formatted_alike(text, file) if readable else None


def _unreadable(raw: bytes) -> Finding | None:
    handle, name = tempfile.mkstemp(suffix=".dl")
    try:
        os.write(handle, raw)
        os.close(handle)
        read_spec(Path(name))
    except DlspecError as error:
        return next((f for d in error.diagnostics if (f := told_well(d))), None)
    finally:
        os.unlink(name)
    return Finding("unreadable", "bytes that are no UTF-8 were read")


def told_well(diagnostic: Diagnostic) -> Finding | None:
    """Whether a diagnostic can be shown: known code, places inside the text, text and JSON."""
    if CATALOGUE.get(diagnostic.code) is not type(diagnostic):
        return Finding("catalogue", f"{diagnostic.code} is not {type(diagnostic).__name__}")
    if diagnostic.code == "DL901":
        return Finding("internal", diagnostic.message)
    places = [label.span for label in diagnostic.labels()]
    if diagnostic.span is not None:
        places.append(diagnostic.span)
    for span in places:
        if not 0 <= span.start <= span.end <= len(span.source.text):
            return Finding("span", f"{diagnostic.code}: {span.start} to {span.end}")
    if not diagnostic.message.strip():
        return Finding("empty", diagnostic.code)
    for colour in (False, True):
        shown = render(diagnostic, colour=colour, width=WIDTH)
        strange = [c for c in shown if c != "\n" and ord(c) < 32 and not (colour and c == "\x1b")]
        if strange:
            return Finding("control character", f"{diagnostic.code}: {strange[0]!r}")
    if json.loads(json.dumps(render_json(diagnostic)))["code"] != diagnostic.code:
        return Finding("json", diagnostic.code)
    return None


def formatted_alike(text: str, file: ast.File) -> Finding | None:
    """Formatting keeps what is meant, and formatting again changes nothing."""
    once = format_source(text)
    sink = Sink()
    again = parse(SourceFile("once.dl", once), sink)
    if sink.diagnostics:
        return Finding("format", f"what it gives does not parse: {sink.diagnostics[0].message}")
    if plain(again) != plain(file):
        return Finding("format", "it changes what is meant")
    if format_source(once) != once:
        return Finding("format", "formatting twice changes the text again")
    return None


def plain(value: Any) -> Any:
    """A syntax tree without its places."""
    if isinstance(value, tuple):
        return tuple(plain(v) for v in value)  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, ast.Node):
        fields = [f.name for f in dataclasses.fields(value) if not f.name.endswith("span")]
        return (type(value).__name__, *(plain(getattr(value, name)) for name in fields))
    return None if isinstance(value, Span) else value
