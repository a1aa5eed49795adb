"""Source lines with marks under them."""

from __future__ import annotations

import textwrap
import unicodedata
from dataclasses import dataclass

from dlspec.diagnostics.core import Severity
from dlspec.source import SourceFile, Span

TAB = 4


@dataclass(frozen=True)
class Paint:
    """Colours of the parts of a message; without colour, the text as it is."""

    colour: bool
    severity: Severity

    def _in(self, style: str, text: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if self.colour and text else text

    def title(self, text: str) -> str:
        """The severity and the primary mark."""
        return self._in("1;31" if self.severity == "error" else "1;33", text)

    def bold(self, text: str) -> str:
        """What should be read first."""
        return self._in("1", text)

    def frame(self, text: str) -> str:
        """Line numbers, bars and secondary marks."""
        return self._in("1;34", text)


@dataclass(frozen=True)
class Mark:
    """A span to underline, and what to say of it."""

    span: Span
    text: str
    primary: bool

    @property
    def last_line(self) -> int:
        """The last line (from 1) that the mark touches."""
        return self.span.source.position(max(self.span.start, self.span.end - 1))[0]


@dataclass(frozen=True)
class _Piece:
    """The part of a mark on one line, in columns of the screen."""

    start: int
    end: int
    text: str
    primary: bool


def draw(source: SourceFile, marks: list[Mark], margin: int, paint: Paint, room: int) -> list[str]:
    """The marked lines in their order with marks below, ``...`` where lines are left out.

    ``room`` is the number of columns for source text; longer lines are cropped around their marks.
    """
    pieces: dict[int, list[_Piece]] = {}
    for mark in marks:
        _cut(source, mark, pieces)
    drawn: list[str] = []
    before: int | None = None
    for number in sorted(pieces):
        if before is not None and number > before + 2:
            drawn.append(paint.frame("..."))
        elif before is not None and number == before + 2:
            drawn.append(
                _row(
                    paint.frame(f"{before + 1:>{margin}} |"), _shown(source.line(before + 1), room)
                )
            )
        before = number
        text, group = _cropped(shown(source.line(number)), pieces[number], room)
        drawn.append(_row(paint.frame(f"{number:>{margin}} |"), text))
        blank = paint.frame(" " * margin + " |")
        drawn += [_row(blank, row) for row in _underlines(group, paint, room)]
    return drawn


def _row(gutter: str, text: str) -> str:
    return f"{gutter} {text}" if text else gutter


def _cut(source: SourceFile, mark: Mark, pieces: dict[int, list[_Piece]]) -> None:
    """Split a mark into one piece a line: of a long one the first line and the last."""
    first, column = source.position(mark.span.start)
    last = mark.last_line
    for number in {first, last}:
        line = source.line(number)
        if number == first:
            start = min(column - 1, len(line))
        else:
            start = len(line) - len(line.lstrip())
        if number == last:
            end = source.position(max(mark.span.start, mark.span.end - 1))[1]
            end = min(end, len(line)) if mark.span.end > mark.span.start else start + 1
        else:
            end = len(line)
        left = _width(line[:start])
        right = max(left + 1, _width(line[:end]))
        text = mark.text if number == last else ""
        pieces.setdefault(number, []).append(_Piece(left, right, text, mark.primary))


def _underlines(pieces: list[_Piece], paint: Paint, room: int) -> list[str]:
    """Rows of marks: together where they don't overlap, texts to the right or hung below."""
    rows: list[str] = []
    rest = sorted(pieces, key=lambda p: (not p.primary, p.start))
    while rest:
        together: list[_Piece] = []
        for piece in rest:
            if all(piece.end <= other.start or piece.start >= other.end for other in together):
                together.append(piece)
        rest = [p for p in rest if p not in together]
        rows += _together(sorted(together, key=lambda p: p.start), paint, room)
    return rows


def _together(pieces: list[_Piece], paint: Paint, room: int) -> list[str]:
    row, column = "", 0
    for piece in pieces:
        sign = "^" if piece.primary else "-"
        row += " " * (piece.start - column) + _ink(piece, paint, sign * (piece.end - piece.start))
        column = piece.end
    last, hung = pieces[-1], [p for p in pieces[:-1] if p.text]
    first, *more = last.text.split("\n")
    beside = room - last.end - 1
    if first and not hung and max(map(len, (first, *more))) > beside:
        rows = [row, *_below(last, paint, room)]
    else:
        rows = [f"{row} {_ink(last, paint, first)}" if first else row]
        rows += [" " * (last.end + 1) + _ink(last, paint, line) for line in more]
    while hung:
        rows.append(_bars(hung, paint))
        piece = hung.pop()
        before = _bars(hung, paint)
        filled = hung[-1].start + 1 if hung else 0
        rows.append(before + " " * (piece.start - filled) + _ink(piece, paint, piece.text))
    return rows


def _below(piece: _Piece, paint: Paint, room: int) -> list[str]:
    """The text of a mark under it, moved left as far as it needs to be seen whole."""
    lines: list[str] = []
    for line in piece.text.split("\n"):
        lines += textwrap.wrap(line, max(room, 20), break_on_hyphens=False) or [""]
    start = max(0, min(piece.start, room - max(map(len, lines))))
    return [" " * start + _ink(piece, paint, line) for line in lines]


def _bars(pieces: list[_Piece], paint: Paint) -> str:
    row, column = "", 0
    for piece in pieces:
        row += " " * (piece.start - column) + _ink(piece, paint, "|")
        column = piece.start + 1
    return row


def _ink(piece: _Piece, paint: Paint, text: str) -> str:
    return paint.title(text) if piece.primary else paint.frame(text)


# --- what a line looks like on a screen --------------------------------------------------------


def shown(line: str) -> str:
    """The line as shown: tabs as spaces, and nothing that could control the terminal."""
    seen: list[str] = []
    column = 0
    for character in line:
        wide = _columns(character, column)
        if character == "\t":
            seen.append(" " * wide)
        else:
            seen.append("\N{REPLACEMENT CHARACTER}" if _is_control(character) else character)
        column += wide
    return "".join(seen)


def _is_control(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] == "C" or category in ("Zl", "Zp")


def _columns(character: str, column: int) -> int:
    if character == "\t":
        return TAB - column % TAB
    if character.isascii():
        return 1
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _width(text: str) -> int:
    column = 0
    for character in text:
        column += _columns(character, column)
    return column


def _shown(line: str, room: int) -> str:
    return _cropped(shown(line), [], room)[0]


def _cropped(line: str, pieces: list[_Piece], room: int) -> tuple[str, list[_Piece]]:
    """A window of a long line around its first mark, ``…`` where it is cut, and the marks in it."""
    room = max(room, 20)
    if _width(line) <= room:
        return line, pieces
    focus = min(pieces, key=lambda p: (not p.primary, p.start), default=None)
    begin = 0
    if focus is not None and focus.end > room - 1:
        begin = max(0, focus.start - room // 3)
    text = _window(line, begin, room - 2)
    head = "…" if begin else ""
    shift = begin - len(head)
    tail = "…" if begin + room - 2 < _width(line) else ""
    limit = room - 1
    moved = [
        _Piece(
            min(max(p.start - shift, 0), limit),
            max(min(max(p.start - shift, 0), limit) + 1, min(p.end - shift, limit)),
            p.text,
            p.primary,
        )
        for p in pieces
    ]
    return f"{head}{text}{tail}", moved


def _window(line: str, begin: int, size: int) -> str:
    """The characters of ``line`` whose columns lie in ``[begin, begin + size)``."""
    column, kept = 0, ""
    for character in line:
        if column >= begin + size:
            break
        if column >= begin:
            kept += character
        column += _columns(character, column)
    return kept
