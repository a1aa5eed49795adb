"""Records of Go games in SGF (Smart Game Format, FF[1] to FF[4]): the main line of a file.

    Collection = { GameTree };  GameTree = "(" Node { Node } { GameTree } ")"
    Node = ";" { Property };    Property = Name "[" Value "]" { "[" Value "]" }

The main line is the first game's nodes, and of each node's variations the first one's. In a value a
backslash takes the next character as it is, so that `]` may stand in a comment. Lower-case letters
in a name say nothing (FF[1] to FF[3] write `SiZe`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Colour = Literal[0, 1]
BLACK: Colour = 0
WHITE: Colour = 1
Node = dict[str, list[str]]

_NAME = re.compile(r"[A-Za-z]+")
_VALUE = re.compile(r"\[((?:[^\]\\]|\\.)*)\]", re.DOTALL)
_ESCAPE = re.compile(r"\\(\r\n|\n\r|.)", re.DOTALL)
_SPACE = re.compile(r"\s*")


class SgfError(ValueError):
    """A text that is no record of a game: why, and at which character."""

    def __init__(self, reason: str, at: int) -> None:
        super().__init__(f"{reason} at character {at}")


@dataclass(frozen=True)
class Record:
    """A game: board size, stones set up before it (by colour), and its moves: a colour and a point,
    ``row * size + column``, or None for a pass."""

    size: int
    setup: tuple[tuple[int, ...], tuple[int, ...]]
    moves: tuple[tuple[Colour, int | None], ...]


def main_line(text: str) -> list[Node]:
    """The nodes of the main line; properties by their names in capitals.

    Raises:
        SgfError: what stands there is none of the grammar above.
    """
    nodes: list[Node] = []
    depth = 0
    ended = False  # where the first variation ends, so does the main line
    at = max(0, text.find("("))  # mail headers and byte order marks may come first
    while True:
        at = _after_space(text, at)
        sign = text[at : at + 1]
        if sign == "(":
            depth += 1
            at += 1
        elif sign == ")" and depth:
            ended = True
            depth -= 1
            at += 1
            if depth == 0:
                return nodes
        elif sign == ";" and depth:
            node, at = _node(text, at + 1)
            if not ended:
                nodes.append(node)
        else:
            raise SgfError("no node and no variation", at)


def read_game(text: str) -> Record:
    """The main line as a game. It ends before the first node that sets stones up after a move, or
    has two moves: such files are exercises from there on.

    Raises:
        SgfError: no record, not of Go, or with a point that is off the board.
    """
    nodes = main_line(text)
    root = nodes[0] if nodes else {}
    if root.get("GM", ["1"])[0].strip() != "1":
        raise SgfError("another game than Go", 0)
    size_text = root.get("SZ", ["19"])[0].strip()
    if not size_text.isdecimal() or not 2 <= int(size_text) <= 25:
        raise SgfError("no board of 2 to 25 lines", 0)
    size = int(size_text)
    setup: list[list[int]] = [[], []]
    moves: list[tuple[Colour, int | None]] = []
    for node in nodes:
        placed = [name for name in ("AB", "AW", "AE") if name in node]
        played = [name for name in ("B", "W") if name in node]
        if len(played) > 1 or (placed and (moves or played or "AE" in placed)):
            break
        for colour, name in enumerate(("AB", "AW")):
            for value in node.get(name, []):
                setup[colour] += _points(value, size)
        for name in played:
            colour = BLACK if name == "B" else WHITE
            moves.append((colour, _move(node[name][0], size)))
    return Record(size, (tuple(setup[0]), tuple(setup[1])), tuple(moves))


def _node(text: str, at: int) -> tuple[Node, int]:
    """The properties from ``at`` on, and where they end."""
    node: Node = {}
    while True:
        at = _after_space(text, at)
        name = _NAME.match(text, at)
        if name is None:
            return node, at
        key = "".join(c for c in name[0] if c.isupper())
        at = _after_space(text, name.end())
        values = node.setdefault(key, [])
        found = _VALUE.match(text, at)
        if found is None:
            raise SgfError(f"no value of `{name[0]}`", at)
        while found is not None:
            values.append(_plain(found[1]))
            at = _after_space(text, found.end())
            found = _VALUE.match(text, at)


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    assert found is not None
    return found.end()


def _plain(value: str) -> str:
    """The value without its escapes; an escaped line end is none."""
    return _ESCAPE.sub(lambda m: "" if m[1][0] in "\r\n" else m[1], value)


def _move(value: str, size: int) -> int | None:
    value = value.strip()
    if value == "" or (value == "tt" and size <= 19):
        return None
    return _point(value, size)


def _points(value: str, size: int) -> list[int]:
    """One point, or a rectangle `aa:cc`."""
    value = value.strip()
    first, colon, last = value.partition(":")
    if not colon:
        return [_point(first, size)]
    top, left = divmod(_point(first, size), size)
    bottom, right = divmod(_point(last, size), size)
    return [r * size + c for r in range(top, bottom + 1) for c in range(left, right + 1)]


def _point(value: str, size: int) -> int:
    column, row = (ord(c) - ord("a") for c in value) if len(value) == 2 else (-1, -1)
    if not (0 <= column < size and 0 <= row < size):
        raise SgfError(f"no point `{value}`", 0)
    return row * size + column
