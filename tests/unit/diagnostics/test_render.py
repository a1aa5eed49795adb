"""How diagnostics look: the style is fixed by whole examples."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import dedent

import pytest

from dlspec.diagnostics import CATALOGUE, Diagnostic, Label
from dlspec.diagnostics.render import render, render_json, report, summary
from dlspec.source import SourceFile, Span

TEXT = """\
block cross(x: float[B, T, dim]; kv_dim) {
    input  ctx: float[B, S, kv_dim]
    q = dense(x)
    k = ctx


    scores = matmul(q, k)
}
"""
SOURCE = SourceFile("specs/cross.dl", TEXT)


@dataclass(frozen=True)
class Mismatch(Diagnostic):
    """An example."""

    extra: tuple[Label, ...] = ()
    fix: str | None = None

    title = "dimension mismatch in `matmul`"
    label = "`k` is 768 here"
    note = "shape rule: (m, k), (k, n) -> (m, n)"
    help = "write {fix}"

    def labels(self) -> tuple[Label, ...]:
        return self.extra


@dataclass(frozen=True)
class Unread(Diagnostic):
    """An example of a warning."""

    severity = "warning"
    title = "`k` is never read"


def span(piece: str, source: SourceFile = SOURCE) -> Span:
    start = source.text.index(piece)
    return Span(source, start, start + len(piece))


@pytest.fixture(autouse=True)
def _catalogue_is_left_alone() -> Iterator[None]:
    before = dict(CATALOGUE)
    yield
    assert before == CATALOGUE


def shown(diagnostic: Diagnostic, width: int | None = None) -> str:
    return render(diagnostic, colour=False, width=width)


def test_whole_message() -> None:
    told = Mismatch(
        span("matmul(q, k)"), (Label(span("ctx: float[B, S, kv_dim]"), "enters here"),), "`q`"
    )
    assert shown(told) == dedent(
        """\
        error: dimension mismatch in `matmul`
         --> specs/cross.dl:7:14
          |
        2 |     input  ctx: float[B, S, kv_dim]
          |            ------------------------ enters here
        ...
        7 |     scores = matmul(q, k)
          |              ^^^^^^^^^^^^ `k` is 768 here
          |
          = note: shape rule: (m, k), (k, n) -> (m, n)
          = help: write `q`"""
    )


def test_one_line_between_is_shown() -> None:
    told = Unread(span("k = ctx"))
    two = Mismatch(span("k = ctx"), (Label(span("input"), "from"),))
    assert "3 |     q = dense(x)\n" in shown(two)
    assert shown(told).startswith("warning: `k` is never read\n --> specs/cross.dl:4:5\n")


def test_several_labels_in_a_line() -> None:
    told = Mismatch(
        span("matmul(q, k)"), (Label(span("scores"), "binds this"), Label(span("q, k"), "of these"))
    )
    assert dedent(
        """\
        7 |     scores = matmul(q, k)
          |     ------   ^^^^^^^^^^^^ `k` is 768 here
          |     |
          |     binds this
          |                     ---- of these
        """
    ) in shown(told)


def test_span_over_lines_shows_its_ends() -> None:
    told = Unread(span("q = dense(x)\n    k = ctx"))
    assert shown(told).endswith(
        "3 |     q = dense(x)\n  |     ^^^^^^^^^^^^\n4 |     k = ctx\n  |     ^^^^^^^"
    )


def test_without_place() -> None:
    assert shown(Mismatch(None, (), "it")) == (
        "error: dimension mismatch in `matmul`\n"
        "  = note: shape rule: (m, k), (k, n) -> (m, n)\n"
        "  = help: write it"
    )


def test_tabs_and_wide_characters() -> None:
    source = SourceFile("a.dl", "\tx = \u65e5\u672c + e\u0301 + y")
    assert shown(Unread(span("y", source))).endswith(
        "1 |     x = \u65e5\u672c + e\u0301 + y\n  |                    ^"
    )


def test_no_control_character_reaches_the_terminal() -> None:
    source = SourceFile("a.dl", "x = \x1b[31m\u202e y")
    text = shown(Unread(span("y", source)))
    assert "\x1b" not in text and "\u202e" not in text


def test_end_of_file() -> None:
    source = SourceFile("a.dl", "x = 1\n")
    assert shown(Unread(Span(source, 6, 6))).endswith("2 |\n  | ^")


def test_labels_in_two_files() -> None:
    other = SourceFile("other.dl", "const k = 3\n")
    text = shown(Mismatch(span("k = ctx"), (Label(span("k", other), "defined here"),)))
    assert "\n  |\n ::: other.dl:1:7\n  |\n1 | const k = 3\n  |       - defined here\n" in text


def test_width_wraps_notes_and_crops_lines() -> None:
    source = SourceFile("a.dl", "x = " + "a + " * 100 + "here" + " + b" * 100)
    text = shown(Mismatch(span("here", source)), 60)
    lines = text.split("\n")
    assert max(map(len, lines)) <= 60 + len("`k` is 768 here")
    marked, carets = lines[3], lines[4]
    assert marked[carets.index("^") : carets.rindex("^") + 1] == "here"


def test_colour_changes_nothing_but_colour() -> None:
    import re

    told = Mismatch(span("matmul(q, k)"), (Label(span("scores"), "binds"),))
    coloured = render(told, colour=True)
    assert coloured != shown(told)
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == shown(told)


def test_json() -> None:
    told = Mismatch(span("matmul(q, k)"), (Label(span("scores"), "binds"),))
    assert render_json(told) == {
        "code": "",
        "severity": "error",
        "message": "dimension mismatch in `matmul`",
        "file": "specs/cross.dl",
        "start": {"line": 7, "column": 14},
        "end": {"line": 7, "column": 26},
        "label": "`k` is 768 here",
        "labels": [
            {
                "file": "specs/cross.dl",
                "start": {"line": 7, "column": 5},
                "end": {"line": 7, "column": 11},
                "text": "binds",
            }
        ],
        "calls": [],
        "notes": ["shape rule: (m, k), (k, n) -> (m, n)"],
        "helps": [],
    }
    assert render_json(Unread(None))["file"] is None


def test_report_ends_with_a_summary() -> None:
    out = io.StringIO()
    report([Mismatch(None), Mismatch(span("q")), Unread(None)], file=out)
    assert out.getvalue().endswith("\n\n2 errors, 1 warning\n")
    empty = io.StringIO()
    report([], file=empty)
    assert empty.getvalue() == ""
    assert summary([Unread(None)]) == "1 warning"
