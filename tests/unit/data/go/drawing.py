"""Positions drawn as text: `X` black, `O` white, `.` none; letters are points of interest."""

from __future__ import annotations

from dlspec.data.go.board import Board, Points, Position


def drawn(text: str) -> tuple[Board, Position, dict[str, Points]]:
    """The board, the position, and where each letter stands."""
    rows = [line.split() for line in text.strip().splitlines()]
    board = Board(len(rows))
    sets: dict[str, Points] = {}
    for row, line in enumerate(rows):
        assert len(line) == board.size
        for column, sign in enumerate(line):
            sets[sign] = sets.get(sign, 0) | board.bits[row * board.size + column]
    position = Position((sets.get("X", 0), sets.get("O", 0)))
    return board, position, {s: p for s, p in sets.items() if s not in "XO."}
