"""Games as examples: the planes of each position and the move that was played there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dlspec.data.go.board import Board, Points, Position
from dlspec.data.go.planes import Encoder
from dlspec.data.go.sgf import Colour, Record

SAME = 60
"""Records with the same stones and the same moves up to here are one game."""


@dataclass(frozen=True)
class Examples:
    """``planes`` uint8[positions, bytes] as `Encoder.packed` has them; ``move`` int64[positions],
    ``row * size + column``."""

    planes: NDArray[np.uint8]
    move: NDArray[np.int64]


def unique(records: Iterable[Record], size: int, shortest: int) -> list[Record]:
    """The records on a board of ``size`` with ``shortest`` moves or more, each game once: the
    longest of its records."""
    games: dict[object, Record] = {}
    for record in records:
        if record.size == size and len(record.moves) >= shortest:
            key = (record.setup, record.moves[:SAME])
            if key not in games or len(games[key].moves) < len(record.moves):
                games[key] = record
    return list(games.values())


def examples(record: Record, encoder: Encoder) -> Examples:
    """Every move of a game that is no pass, up to the first one that the rules forbid."""
    index = encoder.board.index
    rows = [
        (encoder.packed(encoder.planes(position, colour, recent)), index[point])
        for position, colour, recent, point in replay(record, encoder.board)
    ]
    return Examples(
        np.stack([planes for planes, _ in rows]) if rows else np.zeros((0, 0), np.uint8),
        np.array([move for _, move in rows], np.int64),
    )


def replay(record: Record, board: Board) -> Iterator[tuple[Position, Colour, list[Points], Points]]:
    """Each move but passes: the position before it, its colour, the moves before it (the last one
    first), and its point."""
    stones = [sum({board.bits[p] for p in points}) for points in record.setup]
    if stones[0] & stones[1]:
        return
    position = Position((stones[0], stones[1]))
    recent: list[Points] = []
    last = None
    for colour, move in record.moves:
        if last == colour:  # the other one's turn was left out, and with it ends a ko
            position = Position(position.stones)
        last = colour
        if move is None:
            position = Position(position.stones)
            recent.insert(0, 0)
            continue
        point = board.bits[move]
        after = board.play(position, colour, point)
        if after is None:
            return
        yield position, colour, recent[:8], point
        position = after
        recent.insert(0, point)
