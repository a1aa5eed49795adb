"""`x[:, ::2]`: an index with a step, and the call of an op that says the same."""

from __future__ import annotations

from dlspec.diagnostics.core import Diagnostic
from dlspec.diagnostics.slips import StrideInIndex
from dlspec.syntax.lexer import NEWLINE, OPENING, Token
from dlspec.syntax.situation import Situation

_MOST_AXES = 6
_ALL = ["none", "none", "1"]


def stride(at: Situation) -> Diagnostic | None:
    """A second colon in one part of an index."""
    inside = bool(at.brackets) and at.tokens[at.brackets[-1]].kind == "LSQB"
    if at.token.kind != "COLON" or not inside or all(t.kind != "COLON" for t in at.level):
        return None
    parts = [_places(part) for part in _parts(at)]
    whole = [p for p in parts if p is not None]
    tensor = _tensor(at)
    if not whole or len(whole) < len(parts) or len(parts) > _MOST_AXES:
        text = f"a step is a setting of `slice`: `slice({tensor}, [none, 0], [none, 8], [1, 2])`"
        return StrideInIndex(at.here, text)
    kept = ""
    if len(whole) == 1:
        whole, kept = [list(_ALL), *whole], "; axis 0 is `N`, the examples, which are all kept"
    turned = [axis for axis, part in enumerate(whole) if part != _ALL]
    if len(turned) == 1 and whole[turned[0]] == ["none", "none", "-1"]:
        return StrideInIndex(at.here, f"write `mirror({tensor}, axis = {turned[0]})`{kept}")
    lists = ", ".join(f"[{', '.join(column)}]" for column in zip(*whole, strict=True))
    said = f"write `slice({tensor}, {lists})`: from, to and step of each axis{kept}"
    return StrideInIndex(at.here, said)


def _tensor(at: Situation) -> str:
    """What is indexed, where it is a name."""
    token = at.tokens[at.brackets[-1] - 1]
    dotted = at.tokens[at.brackets[-1] - 2].kind == "DOT"
    return token.text if token.kind == "NAME" and not dotted else "x"


def _parts(at: Situation) -> list[list[Token]]:
    """The tokens of the index, by axis; empty where it is never closed."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in at.tokens[at.brackets[-1] + 1 :]:
        depth += (token.kind in OPENING) - (token.kind in OPENING.values())
        if depth < 0:
            return parts
        if token.kind == "COMMA" and not depth:
            parts.append([])
        elif token.kind != NEWLINE:
            parts[-1].append(token)
    return []


def _places(part: list[Token]) -> list[str] | None:
    """From, to and step of an axis; None where one is no written number."""
    places = [""]
    for token in part:
        if token.kind == "COLON":
            places.append("")
        else:
            places[-1] += token.text
    if not 2 <= len(places) <= 3 or any(p and not p.lstrip("-").isdigit() for p in places):
        return None
    start, stop, step = (*places, "")[:3]
    return [start or "none", stop or "none", step or "1"]
