"""A lexer for Pygments: `pygmentize -l dlspec net.dl`. Nothing else of dlspec imports it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from pygments.lexer import RegexLexer, bygroups, default
from pygments.token import (
    Comment,
    Keyword,
    Name,
    Number,
    Operator,
    Punctuation,
    String,
    Whitespace,
)

from dlspec.syntax import editor

_WORD = r"[A-Za-z_]\w*"


class DlspecLexer(RegexLexer):
    """Colours specs of dlspec."""

    name = "dlspec"
    aliases: ClassVar[Sequence[str]] = ["dlspec", "dl"]
    filenames: ClassVar[Sequence[str]] = ["*.dl"]
    url = "https://pypi.org/project/dlspec/"

    tokens: ClassVar[dict[str, Any]] = {
        "root": [  # where a statement may begin
            (r"\s+", Whitespace),
            (r"#[^\n]*", Comment.Single),
            (r"[;{}]", Punctuation),
            (
                rf"({editor.any_of(editor.DEFINITIONS)})(\s+)({_WORD})",
                bygroups(Keyword.Declaration, Whitespace, Name.Class),
                "rest",
            ),
            (rf"{editor.any_of(editor.HEADS)}{editor.AFTER_HEAD}", Keyword, "rest"),
            default("rest"),
        ],
        "rest": [
            (r"\n", Whitespace, "#pop"),
            (r"[;{}]", Punctuation, "#pop"),
            (r"[^\S\n]+", Whitespace),
            (r"#[^\n]*", Comment.Single),
            (r'"[^"\n]*"', String),
            (editor.any_of(editor.CONSTANTS), Keyword.Constant),
            (editor.any_of(editor.OPERATORS), Operator.Word),
            (rf"{editor.any_of(editor.BETWEEN)}{editor.AFTER_BETWEEN}", Keyword),
            (rf"{_WORD}'", Name.Variable.Magic),
            (
                rf"(:)(\s*)({editor.any_of(editor.TYPES)})",
                bygroups(Punctuation, Whitespace, Keyword.Type),
            ),
            (rf"{_WORD}(?=\()", Name.Function),
            (_WORD, Name),
            (editor.NUMBER, Number),
            (editor.SIGN, Operator),
            (r"[()\[\],.:]", Punctuation),
        ],
    }
