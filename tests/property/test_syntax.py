"""Laws of the syntax, on specs drawn from the grammar itself."""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.lark import from_lark

from dlspec.diagnostics import Sink
from dlspec.diagnostics.render import render, render_json
from dlspec.diagnostics.syntax import UnclosedBracket
from dlspec.source import SourceFile, Span
from dlspec.syntax import ast, format_source, parse
from dlspec.syntax.build_table import load_grammar


@cache
def _drawn(start: str) -> st.SearchStrategy[str]:
    """Texts of the grammar; words and numbers come with spaces, as Lark's drawing adds none."""
    words = st.sampled_from([" x ", " y2 ", " long_name ", " N "])
    lark = load_grammar()
    keywords = {
        t.name: st.just(f" {t.pattern.value} ")
        for t in lark.terminals
        if t.pattern.value.isidentifier()
    }
    explicit: dict[str, st.SearchStrategy[str]] = {
        **keywords,
        "NAME": words,
        "PRIMED": st.just(" h' "),
        "NUMBER": st.sampled_from([" 0 ", " 12 ", " 0.5 ", " 3e-4 ", " 15% "]),
        "STRING": st.sampled_from(['"a.dl"', '"x # y"']),
        "_NL": st.sampled_from(["\n", "\n\n\n", " # why \n  "]),
        "TIMES": st.sampled_from([" * ", "//", " % ", "@"]),
        "COMPARE": st.sampled_from(["==", "<", ">="]),
        "SPACE": st.just(" "),
        "COMMENT": st.just(""),
        "CONTINUED": st.just(""),
    }
    return from_lark(lark, start=start, explicit=explicit)


def _plain(value: Any) -> Any:
    """A tree without its places."""
    if isinstance(value, tuple):
        return tuple(_plain(v) for v in value)  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, ast.Node):
        fields = [f.name for f in dataclasses.fields(value) if not f.name.endswith("span")]
        return (type(value).__name__, *(_plain(getattr(value, name)) for name in fields))
    return value


def _read(text: str) -> tuple[ast.File, Sink]:
    sink = Sink()
    return parse(SourceFile("drawn.dl", text), sink), sink


REFUSED = {"DL119", "DL123", "DL114"}
"""What the grammar allows and the parser refuses: too deep, inputs of a network, `x -> 3`."""


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_formatting_keeps_drawn_specs(data: st.DataObject) -> None:
    check_drawn(data.draw(_drawn("start")))


@pytest.mark.slow
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_formatting_keeps_many_drawn_specs(data: st.DataObject) -> None:
    check_drawn(data.draw(_drawn("start")))


def check_drawn(text: str) -> None:
    """It parses; its canonical text is the same tree, and canonical."""
    file, sink = _read(text)
    codes = {d.code for d in sink.diagnostics}
    assert codes <= REFUSED
    if codes:
        return
    formatted = format_source(text)
    again, sink = _read(formatted)
    assert sink.diagnostics == []
    assert _plain(again) == _plain(file)
    assert format_source(formatted) == formatted
    assert all(line == line.rstrip() for line in formatted.split("\n"))


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.text(alphabet=st.sampled_from("network a b'(){}[];:,=->\n#\"%.1*<~ xif for"), max_size=120)
)
def test_any_text_is_read_or_told(text: str) -> None:
    file, sink = _read(text)
    assert sink.diagnostics or format_source(format_source(text)) == format_source(text)
    assert file.span.end <= len(text)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80), st.integers(0, 80), st.integers(0, 80), st.integers(20, 120))
def test_any_place_can_be_shown(text: str, start: int, length: int, width: int) -> None:
    source = SourceFile("a.dl", text)
    start = min(start, len(text))
    span = Span(source, start, min(start + length, len(text)))
    told = UnclosedBracket(span, Span(source, 0, min(1, len(text))), sign="(", closer=")")
    shown = render(told, colour=False, width=width)
    assert "\x1b" not in shown
    assert all(c.isprintable() or c == "\n" or unicodedata.category(c) == "Zs" for c in shown)
    place = render_json(told)
    assert place["start"] is not None


@st.composite
def _branches(draw: st.DrawFn) -> str:
    """Branches within one another, on one line or on many, with a comment wherever one may be."""
    number = 0

    def gap(must: bool = False) -> str:
        nonlocal number
        number += 1
        kinds = ["\n", "\n\n\n", f" # c{number}\n", f"\n# c{number}\n", f" # a{number}\n\n# b\n"]
        return draw(st.sampled_from(kinds if must else [" ", " ", " ", *kinds]))

    def body(depth: int) -> str:
        inner = [statement(depth - 1) for _ in range(draw(st.integers(0, 2)))]
        joined = "".join(s + draw(st.sampled_from(["; ", gap(must=True)])) for s in inner[:-1])
        return "{" + gap() + joined + "".join(inner[-1:]) + gap() + "}"

    def statement(depth: int) -> str:
        if depth <= 0 or draw(st.booleans()):
            return "y = x" + " -> dense(100)" * draw(st.integers(0, 4))
        if draw(st.booleans()):
            return f"for i in 1..3 {body(depth)}"
        text = f"if c == {depth} {body(depth)}"
        for _ in range(draw(st.integers(0, 1))):
            text += f"{gap()}else if c == 0 {body(depth)}"
        return text + f"{gap()}else {body(depth)}" * draw(st.integers(0, 1))

    return "network n(c = 1) " + body(4)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(_branches())
def test_formatting_keeps_branches_and_their_comments(text: str) -> None:
    check_drawn(text)
    lines = format_source(text).split("\n")
    marks = [mark for line in lines for mark in re.findall(r"[abc]\d*$", line) if "#" in line]
    assert sorted(marks) == sorted(re.findall(r"# ([abc]\d*)", text))
    for line in lines:
        code = line.partition("#")[0].strip()
        # a brace that closes a body of several lines begins its line
        assert code.count("{") == code.count("}") or code.startswith("}") or code.endswith("{")
        assert code.count("}") <= code.count("{") or code == "}", line
