"""Ladders: whether a chain with two liberties is caught by ataris alone, read out move by move."""

from __future__ import annotations

from dlspec.data.go.board import Board, Points, Position, other
from dlspec.data.go.sgf import Colour

LIMIT = 400
"""Moves that one reading may try; beyond it the chain counts as escaped."""


class Reader:
    """Reads ladders in one position. ``left`` is how many more moves it may try."""

    def __init__(self, board: Board, limit: int = LIMIT) -> None:
        self.board = board
        self.limit = limit
        self.left = limit

    def captures(self, position: Position, hunter: Colour, point: Points, prey: Points) -> bool:
        """Whether ``hunter``, playing at ``point``, puts the chain ``prey`` of two liberties into a
        ladder that works."""
        self.left = self.limit
        return self._hunt(position, hunter, point, prey)

    def escapes(self, position: Position, runner: Colour, point: Points, prey: Points) -> bool:
        """Whether ``runner``, playing at ``point``, frees the chain ``prey`` that is in atari from
        a ladder."""
        self.left = self.limit
        return self._run(position, runner, point, prey)

    def _hunt(self, position: Position, hunter: Colour, point: Points, prey: Points) -> bool:
        after = self._played(position, hunter, point)
        return after is not None and not self._saved(after, other(hunter), prey)

    def _saved(self, position: Position, runner: Colour, prey: Points) -> bool:
        """Whether a chain in atari, its side to play, has a way out: to stretch, or to take a chain
        that surrounds it."""
        board = self.board
        stones, foe = position.stones[runner], position.stones[other(runner)]
        chain = board.chain(prey, stones)
        ways = board.liberties(chain, position)
        near = board.beside(chain) & foe
        while near:
            hunter = board.chain(near & -near, foe)
            free = board.liberties(hunter, position)
            if free & (free - 1) == 0:
                ways |= free
            near &= ~hunter
        return any(self._run(position, runner, way, chain) for way in _each(ways))

    def _run(self, position: Position, runner: Colour, point: Points, prey: Points) -> bool:
        board = self.board
        after = self._played(position, runner, point)
        if after is None:
            return self.left <= 0
        chain = board.chain(prey, after.stones[runner])
        free = board.liberties(chain, after)
        count = free.bit_count()
        if count != 2:
            return count > 2
        return not any(self._hunt(after, other(runner), way, chain) for way in _each(free))

    def _played(self, position: Position, colour: Colour, point: Points) -> Position | None:
        self.left -= 1
        return self.board.play(position, colour, point) if self.left > 0 else None


def _each(points: Points) -> list[Points]:
    found: list[Points] = []
    while points:
        found.append(points & -points)
        points &= points - 1
    return found
