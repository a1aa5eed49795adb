"""Text as ids and back: a closed set of steps, so that any language can do them from a bundle's
manifest.

A text is parted into pieces (`words`: at spaces; `characters`; `bytes` of its UTF-8; `trigrams`:
of letters, the words marked by `#` at both ends, so that `cat` is `#ca cat at#`; `items`: not at
all, a list as it stands), and each piece is the id of its place among the vocabulary's words, 0
where it has none.

A field with lengths within lengths (`int[N, <=T, <=W]`) takes two such steps: a text is parted into
its words (its lines, where pieces are words; a list has its items), and each of them into pieces.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

Pieces = Literal["words", "characters", "bytes", "trigrams", "items"]
PIECES = ("words", "characters", "bytes", "trigrams", "items")
UNKNOWN, START, STOP = 0, 1, 2
"""Ids that every fitted vocabulary has: for what it has not, before the first, after the last."""
WHITE = r"\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""Unicode's white space, as what a pattern's brackets hold: languages differ in their own."""
_WORD = re.compile(f"[^{WHITE}]+")
_LINE_END = re.compile("\r\n|\n|\r")
SPECIAL = ("<unknown>", "<start>", "<stop>")
"""How they are written."""


def pieces(text: Any, by: str) -> Sequence[str]:
    """The pieces of one example. A list of texts is in words already; letters are those of each."""
    if not isinstance(text, str):
        whole = by in ("words", "items")
        return [str(t) for t in text] if whole else [p for t in text for p in pieces(str(t), by)]
    if by == "words":
        return _WORD.findall(text)
    if by == "characters":
        return list(text)
    if by == "bytes":
        return [f"{b:02x}" for b in text.encode()]
    if by == "trigrams":
        marked = (f"#{word}#" for word in _WORD.findall(text))
        return [word[i : i + 3] for word in marked for i in range(len(word) - 2)]
    return [text]


def parts(text: Any, by: str) -> Sequence[str]:
    """What a text has pieces within: its words, or its lines where the pieces are words."""
    if not isinstance(text, str):
        return [str(p) for p in text]
    if by != "words":
        return _WORD.findall(text)
    lines = _LINE_END.split(text)
    return lines[:-1] if lines[-1] == "" else lines


def encoded(text: Any, by: str, ids: Mapping[str, int], *, ending: bool = False) -> list[int]:
    """The ids of a text; with ``ending`` the stop symbol behind them."""
    found = [ids.get(p, UNKNOWN) for p in pieces(text, by)]
    return [*found, STOP] if ending else found


def encoded_within(text: Any, by: str, ids: Mapping[str, int]) -> list[list[int]]:
    """The ids of each part of a text."""
    return [encoded(part, by, ids) for part in parts(text, by)]


def decoded(ids: Sequence[int], by: str, words: Sequence[str]) -> str:
    """The text of ids: unknown ones as `<unknown>`, no start or stop."""
    named = [words[i] if 0 <= i < len(words) else f"#{i}" for i in ids if i not in (START, STOP)]
    if by == "bytes":
        known = bytes(int(p, 16) for p in named if not p.startswith(("<", "#")))
        return known.decode(errors="replace")
    return ("" if by == "characters" else " ").join(named)
