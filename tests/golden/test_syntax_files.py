"""Whole specs: each parses; formatting keeps its meaning and its comments, and settles at once.

Some keep the canonical text (``.fmt``) or the tree (``.ast``) beside them.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from dlspec.diagnostics import Sink
from dlspec.source import SourceFile
from dlspec.syntax import ast, format_source, parse

HERE = Path(__file__).parent
SPECS = sorted([*HERE.glob("sketches/*.dl"), *HERE.glob("syntax/*.dl")])
each_spec = pytest.mark.parametrize("spec", SPECS, ids=lambda p: p.stem)


def tree(text: str) -> ast.File:
    sink = Sink()
    file = parse(SourceFile("spec.dl", text), sink)
    assert sink.diagnostics == []
    return file


def dump(value: object, indent: int = 0) -> str:
    """The tree as text, without places."""
    pad = "  " * indent
    if isinstance(value, tuple):
        return "".join(dump(v, indent) for v in value)
    if not isinstance(value, ast.Node):
        return f"{pad}{value!r}\n"
    fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    plain = " ".join(
        f"{k}={v!r}" for k, v in fields.items() if isinstance(v, str | int | float | bool)
    )
    text = f"{pad}{type(value).__name__} {plain}".rstrip() + "\n"
    for name, part in fields.items():
        if isinstance(part, ast.Node) or (isinstance(part, tuple) and part):
            text += f"{pad}  .{name}\n{dump(part, indent + 2)}"
    return text


def check_golden(path: Path, text: str, request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--update-golden"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_there_are_specs() -> None:
    assert len(SPECS) >= 37


@each_spec
def test_formatting_keeps_the_meaning(spec: Path) -> None:
    text = spec.read_text(encoding="utf-8")
    formatted = format_source(text)
    assert dump(tree(formatted)) == dump(tree(text))
    assert format_source(formatted) == formatted
    comments = [line.partition("#")[2].strip() for line in text.splitlines() if "#" in line]
    for comment in comments:
        assert comment in formatted


@each_spec
def test_spans_cover_what_they_name(spec: Path) -> None:
    text = spec.read_text(encoding="utf-8")
    for item in tree(text).items:
        assert text[item.span.start : item.span.end].split()[0] in text.split()
        if isinstance(item, ast.Definition | ast.Recipe | ast.Engine | ast.Data):
            assert item.name_span.text == item.name
            assert item.span.text.endswith(("}", ")"))


@pytest.mark.parametrize("name", ["lenet", "time", "noise", "experiments"])
def test_tree(name: str, request: pytest.FixtureRequest) -> None:
    spec = HERE / "syntax" / f"{name}.dl"
    check_golden(spec.with_suffix(".ast"), dump(tree(spec.read_text(encoding="utf-8"))), request)


@pytest.mark.parametrize(
    "name",
    [
        "syntax/lenet",
        "syntax/recipes",
        "sketches/10_resnet152",
        "syntax/ragged_layout",
        "syntax/branches",
    ],
)
def test_canonical_text(name: str, request: pytest.FixtureRequest) -> None:
    spec = HERE / f"{name}.dl"
    formatted = format_source(spec.read_text(encoding="utf-8"))
    check_golden(spec.with_suffix(".fmt"), formatted, request)
