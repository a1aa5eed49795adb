"""The rules of Go on sets of points that are bits of one integer: chains, liberties, captures, ko.

A point is a bit; rows are ``size + 1`` bits apart, so that the one between two rows belongs to
neither and a shift by one cannot leave a row. All neighbours of a set are then four shifts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from dlspec.data.go.sgf import BLACK, WHITE, Colour

Points = int
"""A set of points, one bit each."""


def other(colour: Colour) -> Colour:
    """The other colour."""
    return WHITE if colour == BLACK else BLACK


@dataclass(frozen=True)
class Position:
    """The stones of both colours, and the point that a ko forbids to who is to play (0: none)."""

    stones: tuple[Points, Points]
    ko: Points = 0


EMPTY = Position((0, 0))


@dataclass(frozen=True)
class Board:
    """A board of ``size`` lines each way and its rules. Suicide is forbidden, and so is taking a
    ko back at once; longer cycles are allowed, as records have them."""

    size: int = 19
    all: Points = field(init=False)
    bits: tuple[Points, ...] = field(init=False)
    index: dict[Points, int] = field(init=False)

    def __post_init__(self) -> None:
        stride = self.size + 1
        bits = tuple(
            1 << (row * stride + column) for row in range(self.size) for column in range(self.size)
        )
        object.__setattr__(self, "bits", bits)
        object.__setattr__(self, "all", sum(bits))
        object.__setattr__(self, "index", {bit: i for i, bit in enumerate(bits)})

    def beside(self, points: Points) -> Points:
        """All neighbours of a set of points (points of the set too, where they touch)."""
        up, down = points << (self.size + 1), points >> (self.size + 1)
        return (points << 1 | points >> 1 | up | down) & self.all

    def across(self, point: Points) -> Points:
        """The diagonal neighbours of a point."""
        row = point << 1 & self.all | point >> 1 & self.all
        return (row << (self.size + 1) | row >> (self.size + 1)) & self.all

    def chain(self, stone: Points, stones: Points) -> Points:
        """The stones that hang together with one (or several) of theirs."""
        whole = grown = stone
        while grown:
            grown = self.beside(grown) & stones & ~whole
            whole |= grown
        return whole

    def chains(self, stones: Points) -> Iterator[Points]:
        """All chains of a colour's stones."""
        while stones:
            chain = self.chain(stones & -stones, stones)
            yield chain
            stones &= ~chain

    def liberties(self, chain: Points, position: Position) -> Points:
        """The empty points beside a chain."""
        black, white = position.stones
        return self.beside(chain) & ~(black | white)

    def captured(self, position: Position, colour: Colour, point: Points) -> Points:
        """The stones that a colour takes by playing at an empty point."""
        own, foe = position.stones[colour], position.stones[other(colour)]
        filled = own | foe | point
        taken = 0
        near = self.beside(point) & foe
        while near:
            chain = self.chain(near & -near, foe)
            if not self.beside(chain) & ~filled:
                taken |= chain
            near &= ~chain
        return taken

    def play(self, position: Position, colour: Colour, point: Points) -> Position | None:
        """The position after a move; None where it is not allowed."""
        own, foe = position.stones[colour], position.stones[other(colour)]
        if not point & self.all or point & (own | foe) or point == position.ko:
            return None
        taken = self.captured(position, colour, point)
        own |= point
        foe &= ~taken
        chain = self.chain(point, own)
        free = self.beside(chain) & ~(own | foe)
        if not free:
            return None
        # one stone took one stone and could be taken at once where that stood
        ko = taken if chain == point and free == taken and taken & (taken - 1) == 0 else 0
        return Position((own, foe) if colour == BLACK else (foe, own), ko)
