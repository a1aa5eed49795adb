"""Text as ids and back: a closed set of steps, so that any language can do them from a bundle's
manifest.

A text is parted into pieces (`words`: at spaces; `characters`; `bytes` of its UTF-8; `items`: not
at all, a list as it stands), and each piece is the id of its place among the vocabulary's words, 0
where it has none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

Pieces = Literal["words", "characters", "bytes", "items"]
PIECES = ("words", "characters", "bytes", "items")
UNKNOWN, START, STOP = 0, 1, 2
"""Ids that every fitted vocabulary has: for what it has not, before the first, after the last."""
SPECIAL = ("<unknown>", "<start>", "<stop>")
"""How they are written."""


def pieces(text: Any, by: str) -> Sequence[str]:
    """The pieces of one example; a list of texts is in pieces already."""
    if not isinstance(text, str):
        return [str(p) for p in text]
    if by == "words":
        return text.split()
    if by == "characters":
        return list(text)
    if by == "bytes":
        return [f"{b:02x}" for b in text.encode()]
    return [text]


def encoded(text: Any, by: str, ids: Mapping[str, int], *, ending: bool = False) -> list[int]:
    """The ids of a text; with ``ending`` the stop symbol behind them."""
    found = [ids.get(p, UNKNOWN) for p in pieces(text, by)]
    return [*found, STOP] if ending else found


def decoded(ids: Sequence[int], by: str, words: Sequence[str]) -> str:
    """The text of ids: unknown ones as `<unknown>`, no start or stop."""
    named = [words[i] if 0 <= i < len(words) else f"#{i}" for i in ids if i not in (START, STOP)]
    if by == "bytes":
        known = bytes(int(p, 16) for p in named if not p.startswith(("<", "#")))
        return known.decode(errors="replace")
    return ("" if by == "characters" else " ").join(named)
