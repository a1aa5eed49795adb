"""No input makes the parser run out of stack, time or sense."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from dlspec.diagnostics import Sink
from dlspec.diagnostics.render import render
from dlspec.source import SourceFile
from dlspec.syntax import ast, parse
from dlspec.syntax.parser import MAX_CHARACTERS, MAX_DEPTH, MAX_ERRORS
from tests.patience import calls

SKETCHES = sorted((Path(__file__).parents[2] / "golden" / "sketches").glob("*.dl"))


def read(text: str) -> tuple[ast.File, Sink]:
    sink = Sink()
    return parse(SourceFile("a.dl", text), sink), sink


@pytest.mark.parametrize(
    "text",
    [
        "const a = " + "(" * 5000 + "1" + ")" * 5000,
        "const a = " + "[" * 5000,
        "const a = " + "-" * 5000 + "1",
        "const a = " + "x + " * 5000 + "x",
        "const a = x" + " -> f" * 5000,
        "const a = x" + ".y" * 5000,
        "block b(x) " + "{ if x " * 5000,
        "block b(x) { " + "for i in x { " * 5000 + "}" * 5001,
        "const a = " + "f(" * 5000 + ")" * 5000,
    ],
    ids=lambda t: t[:24],
)
def test_deep_nesting_is_a_mistake_or_fine(text: str) -> None:
    file, sink = read(text)
    assert len(sink.diagnostics) <= MAX_ERRORS + 1
    assert sink.diagnostics or "((" in text
    assert repr(file)  # as deep a recursion as any walk over the tree
    for diagnostic in sink.diagnostics:
        assert len(render(diagnostic, colour=False)) < 5000


def test_depth_limit_is_exact() -> None:
    chain = "x" + " -> f" * (MAX_DEPTH - 3)  # and the name, the constant and the file
    assert read(f"const a = {chain}")[1].diagnostics == []
    assert [d.code for d in read(f"const a = {chain} -> f")[1].diagnostics] == ["DL119"]


def test_too_long() -> None:
    assert [d.code for d in read("#" * (MAX_CHARACTERS + 1))[1].diagnostics] == ["DL120"]


def test_work_grows_with_the_length_of_a_file() -> None:
    def lines(count: int) -> str:
        line = "    h = h -> conv(64, kernel = 3, pad = 1) -> batch_norm -> relu\n"
        return "network a {\n" + line * count + "}\n"

    file, sink = read(lines(2000))
    assert sink.diagnostics == [] and len(file.items) == 1
    short, long = (calls(lambda n=n: read(lines(n))) for n in (400, 1600))
    assert long < 4.2 * short


def test_damaged_specs_give_diagnostics() -> None:
    """2000 damaged specs: whatever comes, it is told, and places lie inside of the text."""
    draw = random.Random(7)
    texts = [path.read_text(encoding="utf-8") for path in SKETCHES]
    alphabet = "(){}[];:,=->'\"#\n\t .x1%*<é\x00\u2192"
    for _ in range(2000):
        text = draw.choice(texts)
        begin = draw.randrange(len(text))
        piece = list(text[begin : begin + draw.randrange(1, 160)])
        for _ in range(draw.randrange(1, 6)):
            at = draw.randrange(len(piece) + 1)
            piece[at : at + draw.randrange(3)] = draw.choices(alphabet, k=draw.randrange(3))
        damaged = "".join(piece)
        file, sink = read(damaged)
        assert isinstance(file, ast.File)
        for diagnostic in sink.diagnostics:
            assert diagnostic.span is not None
            assert 0 <= diagnostic.span.start <= diagnostic.span.end <= len(damaged)
            assert render(diagnostic, colour=False)


def test_any_bytes() -> None:
    draw = random.Random(8)
    for _ in range(300):
        text = draw.randbytes(draw.randrange(200)).decode("utf-8", errors="replace")
        read(text)
