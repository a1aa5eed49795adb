"""Settings from outside (`--set epochs=30`), parsed as expressions of the language."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from dlspec.diagnostics import Diagnostic, Sink
from dlspec.diagnostics.meaning import BadValue
from dlspec.source import SourceFile, Span
from dlspec.syntax import ast, parse

_BEFORE = "const value = "


class _Given(SourceFile):
    """What was given, with what makes it a spec hidden from whoever looks at lines."""

    def position(self, offset: int) -> tuple[int, int]:
        """As if the value began the text."""
        line, column = super().position(offset)
        return line, max(1, column - len(_BEFORE)) if line == 1 else column

    def line(self, number: int) -> str:
        """The value alone."""
        return super().line(number).removeprefix(_BEFORE if number == 1 else "")


def parsed(overrides: Mapping[str, str], sink: Sink) -> dict[str, ast.Expr]:
    """Settings from outside by name, as expressions; mistakes go to ``sink``."""
    found: dict[str, ast.Expr] = {}
    for name, text in overrides.items():
        source = _Given(f"--set {name}", f"{_BEFORE}{text}\n")
        told = Sink()
        file = parse(source, told)
        for diagnostic in told.diagnostics:
            sink.report(_inside(diagnostic))
        if len(file.items) == 1 and isinstance(file.items[0], ast.Const):
            found[name] = file.items[0].value
        elif not told.errors:
            span = Span(source, len(_BEFORE), len(_BEFORE) + len(text))
            sink.report(BadValue(span, name, "several lines", "one value"))
    return found


def _inside(diagnostic: Diagnostic) -> Diagnostic:
    """The diagnostic with its place in what was given."""
    span = diagnostic.span
    if span is None or span.start >= len(_BEFORE):
        return diagnostic
    return dataclasses.replace(diagnostic, span=Span(span.source, len(_BEFORE), span.end))
