"""One renderer for all diagnostics: text with the source and carets, or plain data for JSON."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterable
from typing import TextIO

from dlspec.diagnostics.core import Diagnostic, Label
from dlspec.diagnostics.snippet import Mark, Paint, draw, shown
from dlspec.source import SourceFile, Span

MAX_LINE = 160
"""Longer source lines are shown in part where no width is asked for."""


MANY_CALLS = 3


def render(diagnostic: Diagnostic, *, colour: bool, width: int | None = None) -> str:
    """The text that tells a diagnostic: title, place, source lines with carets, notes and helps.

    ``width`` wraps notes and crops long source lines to that many columns. No newline at the end.
    """
    paint = Paint(colour, diagnostic.severity)
    code = f"[{diagnostic.code}]" if diagnostic.code else ""
    message = visible(diagnostic.message)
    title = f"{paint.title(diagnostic.severity + code)}{paint.bold(': ' + message)}"
    marks = _marks(diagnostic)
    margin = max((len(str(mark.last_line)) for mark in marks), default=1)
    lines = [title]
    for number, (source, group) in enumerate(_by_file(marks)):
        if number:
            lines.append(paint.frame(" " * margin + " |"))
        lines.append(_header(source, group, margin, paint, first=number == 0))
        lines.append(paint.frame(" " * margin + " |"))
        lines += draw(source, group, margin, paint, (width or MAX_LINE) - margin - 3)
    remarks = [("note", t) for t in diagnostic.notes] + [("help", t) for t in diagnostic.helps]
    if remarks and marks:
        lines.append(paint.frame(" " * margin + " |"))
    for kind, text in remarks:
        lines += _remark(kind, visible(text), margin, paint, width)
    return "\n".join(lines)


def _marks(diagnostic: Diagnostic) -> list[Mark]:
    marks: list[Mark] = []
    if diagnostic.span is not None:
        marks.append(Mark(diagnostic.span, visible(diagnostic.label_text), primary=True))
    labels = [*diagnostic.labels(), *_applied(diagnostic)]
    marks += [Mark(label.span, visible(label.text), primary=False) for label in labels]
    return marks


def _applied(diagnostic: Diagnostic) -> list[Label]:
    """Where the definition was applied that the mistake is in; of many, the last and the first."""
    calls = [c for c in diagnostic.calls if c.span != diagnostic.span]
    labels = [Label(c.span, f"in `{c.name}`, applied here") for c in calls]
    if len(labels) > MANY_CALLS:
        between = len(labels) - 2
        first = f"{labels[-1].text} ({between} more between)"
        labels = [labels[0], Label(labels[-1].span, first)]
    return list({(label.span.start, label.text): label for label in labels}.values())


def _by_file(marks: list[Mark]) -> list[tuple[SourceFile, list[Mark]]]:
    """Marks grouped by their file, the first one's file first."""
    groups: dict[int, tuple[SourceFile, list[Mark]]] = {}
    for mark in marks:
        groups.setdefault(id(mark.span.source), (mark.span.source, []))[1].append(mark)
    return list(groups.values())


def _header(
    source: SourceFile, marks: list[Mark], margin: int, paint: Paint, *, first: bool
) -> str:
    line, column = source.position(marks[0].span.start)
    arrow = "-->" if first else ":::"
    return f"{' ' * margin}{paint.frame(arrow)} {source.name}:{line}:{column}"


def _remark(kind: str, text: str, margin: int, paint: Paint, width: int | None) -> list[str]:
    indent = " " * (margin + len(f" = {kind}: "))
    rows: list[str] = []
    for row in text.split("\n"):
        if width is None:
            rows.append(row)
        else:
            room = max(24, width - len(indent))
            rows += wrapped(row, room) or [""]
    first = f"{' ' * margin} {paint.frame('=')} {paint.bold(kind)}: {rows[0].rstrip()}"
    return [first, *((indent + row).rstrip() for row in rows[1:])]


def visible(text: str) -> str:
    """A text without what could control a terminal; lines stay."""
    if text.isprintable():
        return text
    return "\n".join(shown(line) for line in text.split("\n"))


_CODE = re.compile(r"`[^`]*`")
_KEPT = "\u2007"
"""Stands for the spaces in code while its line is wrapped; never printed."""


def wrapped(text: str, room: int) -> list[str]:
    """A text in rows of at most ``room`` columns; code in backticks is broken only where it is
    longer than a row.
    """
    whole = _CODE.sub(
        lambda m: m.group().replace(" ", _KEPT) if len(m.group()) <= room else m.group(), text
    )
    rows = textwrap.wrap(whole, room, break_on_hyphens=False, break_long_words=False)
    return [row.replace(_KEPT, " ") for row in rows]


def render_json(diagnostic: Diagnostic) -> dict[str, object]:
    """The same facts as data; lines and columns count from 1, ``end`` is one past the last."""
    place = _place(diagnostic.span) if diagnostic.span is not None else _NOWHERE
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        **place,
        "label": diagnostic.label_text,
        "labels": [{**_place(label.span), "text": label.text} for label in diagnostic.labels()],
        "calls": [{**_place(call.span), "name": call.name} for call in diagnostic.calls],
        "notes": diagnostic.notes,
        "helps": diagnostic.helps,
    }


_NOWHERE: dict[str, object] = {"file": None, "start": None, "end": None}


def _place(span: Span) -> dict[str, object]:
    start, end = span.source.position(span.start), span.source.position(span.end)
    return {
        "file": span.source.name,
        "start": {"line": start[0], "column": start[1]},
        "end": {"line": end[0], "column": end[1]},
    }


def summary(diagnostics: Iterable[Diagnostic]) -> str:
    """How many there are: ``2 errors, 1 warning``; empty where there are none."""
    severities = [d.severity for d in diagnostics]
    counts = [(severities.count(kind), kind) for kind in ("error", "warning")]
    return ", ".join(f"{n} {kind}{'s' if n > 1 else ''}" for n, kind in counts if n)


def report(
    diagnostics: Iterable[Diagnostic],
    *,
    file: TextIO | None = None,
    colour: bool | None = None,
    width: int | None = None,
) -> None:
    """Print diagnostics, an empty line after each, and a summary, to ``file`` (standard error).

    ``colour`` unset means: where ``file`` is a terminal.
    """
    out = file or sys.stderr
    told = list(diagnostics)
    coloured = out.isatty() if colour is None else colour
    for diagnostic in told:
        print(render(diagnostic, colour=coloured, width=width), end="\n\n", file=out)
    if told:
        print(summary(told), file=out)
