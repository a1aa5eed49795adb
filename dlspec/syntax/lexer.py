"""Text to tokens. Which words are keywords and which newlines count is the parser's to say."""

from __future__ import annotations

import re
from typing import NamedTuple

from dlspec.syntax.table import load_table

NEWLINE = "_NL"
END = "$END"
BAD = "BAD"
COMMENT = "COMMENT"

CONTINUING = frozenset({"->", "else", "over", "with", "when"})
"""A line that begins with one of these goes on with the statement before it."""

OPENING = {"LPAR": "RPAR", "LSQB": "RSQB"}
"""Brackets inside which a newline means nothing, and what closes them."""

_BLANK = re.compile(r"[ \t\r\ufeff]+")
_COMMENT = re.compile(r"#[^\n]*")


class Token(NamedTuple):
    """A piece of text with its offsets. ``kind`` is a terminal; that of any word is NAME."""

    kind: str
    text: str
    start: int
    end: int


def tokenize(text: str, *, comments: bool = False) -> list[Token]:
    """All tokens of a text, with every newline, ending in a newline and END.

    Characters that begin no token become tokens of the kind BAD, one for each.
    """
    match_token = load_table().token.match
    tokens: list[Token] = []
    position, size = 0, len(text)
    while position < size:
        character = text[position]
        if blank := _BLANK.match(text, position):
            position = blank.end()
            continue
        if character == "#":
            match = _COMMENT.match(text, position)
            assert match is not None
            position = match.end()
            if comments:
                words = match.group().rstrip()
                tokens.append(Token(COMMENT, words, match.start(), match.start() + len(words)))
            continue
        if character == "\n":
            tokens.append(Token(NEWLINE, "\n", position, position + 1))
            position += 1
            continue
        match = match_token(text, position)
        if match is None:
            tokens.append(Token(BAD, character, position, position + 1))
            position += 1
        else:
            assert match.lastgroup is not None
            tokens.append(Token(match.lastgroup, match.group(), position, match.end()))
            position = match.end()
    tokens.append(Token(NEWLINE, "", size, size))
    tokens.append(Token(END, "", size, size))
    return tokens


def next_visible(tokens: list[Token], index: int) -> Token:
    """The first token from ``index`` on that is no newline and no comment."""
    while tokens[index].kind in (NEWLINE, COMMENT):
        index += 1
    return tokens[index]
