"""Editors colour what the language means: keywords where the parser reads keywords, and the same
classes of tokens in both highlighters."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from pygments.token import Comment, Error, Keyword, Number, Operator, String

from dlspec.diagnostics import Sink
from dlspec.source import SourceFile
from dlspec.syntax import editor, parse, parser
from dlspec.syntax.highlight import DlspecLexer
from dlspec.syntax.lexer import tokenize
from tests.docs.blocks import blocks_of

ROOT = Path(__file__).resolve().parents[3]
LARK = (ROOT / "grammars" / "dlspec.lark").read_text("utf-8")
REFERENCE = (ROOT / "grammars" / "README.md").read_text("utf-8")
TEXTS = {path.stem: path.read_text("utf-8") for path in sorted((ROOT / "specs").rglob("*.dl"))} | {
    f"reference line {block.line}": block.text
    for block in blocks_of(REFERENCE)
    if block.language == "dl" and "fails" not in block.asked
}
KEYWORDS = set(re.findall(r'"([a-z_]+)"', re.sub(r"//[^\n]*", "", LARK)))


def classes(text: str) -> list[str]:
    """Pygments' class of each character, as one of a few letters."""
    found: list[str] = []
    kinds = {Comment: "c", String: "s", Number: "n", Keyword: "k", Operator.Word: "k"}
    position = 0
    for _, kind, part in DlspecLexer(stripnl=False, ensurenl=False).get_tokens_unprocessed(text):
        assert kind is not Error, part
        letter = next((v for k, v in kinds.items() if kind in k and kind is not Keyword.Type), ".")
        found += letter * len(part)
        position += len(part)
    assert position == len(text)
    return found


def read_as(text: str, monkeypatch: pytest.MonkeyPatch) -> dict[int, str]:
    """The terminal that the parser took each word for, by where it begins."""
    symbols: dict[int, str] = {}
    real = parser._Parser._symbol

    def recording(self: Any, token: Any) -> str:
        symbols[token.start] = found = real(self, token)
        return found

    monkeypatch.setattr(parser._Parser, "_symbol", recording)
    sink = Sink()
    parse(SourceFile("spec.dl", text), sink)
    assert not sink.errors
    return symbols


@pytest.mark.parametrize("name", TEXTS)
def test_keywords_are_what_the_parser_reads_as_such(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = TEXTS[name]
    coloured, symbols = classes(text), read_as(text, monkeypatch)
    for token in tokenize(text, comments=True):
        if not token.text.strip():
            continue
        here = set(coloured[token.start : token.end])
        line = text.count("\n", 0, token.start) + 1
        if token.kind == "COMMENT":
            assert here == {"c"}, line
        elif token.kind == "STRING":
            assert here == {"s"}, line
        elif token.kind == "NUMBER":
            assert here == {"n"}, (line, token.text)
        elif token.kind == "NAME":
            keyword = symbols.get(token.start, "NAME") != "NAME"
            assert (here == {"k"}) is keyword, (line, token.text, symbols.get(token.start))


def test_every_keyword_of_the_grammar_is_coloured_and_no_other() -> None:
    known = {
        *editor.DEFINITIONS,
        *editor.HEADS,
        *editor.BETWEEN,
        *editor.OPERATORS,
        *editor.CONSTANTS,
    }
    assert known == KEYWORDS


def test_names_that_look_like_keywords_stay_names() -> None:
    text = "network n {\n    step = step(0.1, from = 3)\n    data.input = over(in = 1)\n}\n"
    coloured = "".join(classes(text))
    assert "k" not in coloured[text.index("step") :]


def test_the_textmate_grammar_is_current_and_agrees() -> None:
    place = ROOT / "grammars" / "dlspec.tmLanguage.json"
    assert place.read_text("utf-8") == editor.textmate_text(), "run python -m dlspec.syntax.editor"
    scopes = {"comment": "c", "string": "s", "constant.numeric": "n", "constant.language": "k"}
    scopes |= {"keyword": "k", "keyword.operator.dlspec": "."}
    for name, text in TEXTS.items():
        expected, found = classes(text), ["."] * len(text)
        position = 0
        for line in text.splitlines(keepends=True):
            for start, end, scope in textmate_tokens(line):
                letter = next(
                    v for k, v in sorted(scopes.items(), key=lambda i: -len(i[0])) if k in scope
                )
                found[position + start : position + end] = letter * (end - start)
            position += len(line)
        apart = [i for i in range(len(text)) if found[i] != expected[i] and not text[i].isspace()]
        assert not apart, (name, text[apart[0] - 10 : apart[0] + 10])


def textmate_tokens(line: str) -> list[tuple[int, int, str]]:
    """Comments, strings, numbers and keywords of a line as an editor finds them: at each place the
    pattern that matches first, the earlier pattern where two do."""
    patterns = [(re.compile(p["match"]), p) for p in editor.textmate()["patterns"]]
    found: list[tuple[int, int, str]] = []
    place = 0
    while True:
        hits = [
            (m.start(), i, m, p)
            for i, (r, p) in enumerate(patterns)
            if (m := r.search(line, place))
        ]
        hits = [h for h in hits if h[2].end() > h[2].start()]
        if not hits:
            return found
        _, _, match, pattern = min(hits, key=lambda h: h[:2])
        scopes = (
            {0: pattern["name"]}
            if "name" in pattern
            else {int(k): v["name"] for k, v in pattern["captures"].items()}
        )
        for group, scope in scopes.items():
            if re.match(r"comment|string|constant|keyword", scope):
                found.append((*match.span(group), scope))
        place = match.end()
