"""The 48 feature planes of AlphaGo's policy network (Silver et al. 2016, Extended Data Table 2).

From the side of who is to play; a number of n planes is one-hot, the last plane being for all that
is larger:

     0 …  2  stone: own, the other's, none
          3  ones
     4 … 11  turns since the stone was played, 1 to 8
    12 … 19  liberties of the stone's chain, 1 to 8
    20 … 27  stones that a move here would capture, 0 to 7
    28 … 35  own stones that a move here would put into atari, 1 to 8
    36 … 43  liberties of the chain after a move here, 1 to 8
         44  a move here begins a ladder that captures
         45  a move here saves from a ladder
         46  a move here is allowed and fills no eye of one's own
         47  zeros

Planes 20 to 46 are 0 where a move is not allowed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dlspec.data.go.board import Board, Points, Position, other
from dlspec.data.go.ladders import Reader
from dlspec.data.go.sgf import Colour

COUNT = 48
OWN, FOE, NONE, ONES, TURNS, LIBERTIES, CAPTURES, SELF_ATARI, AFTER = 0, 1, 2, 3, 4, 12, 20, 28, 36
LADDER_CAPTURE, LADDER_ESCAPE, SENSIBLE, ZEROS = 44, 45, 46, 47


class Encoder:
    """Makes planes of positions on one board."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.reader = Reader(board)
        self._beside = {bit: board.beside(bit) for bit in board.bits}

    def planes(self, position: Position, colour: Colour, recent: list[Points]) -> list[Points]:
        """The planes as sets of points; ``recent`` are the last moves, the last one first (those
        whose stones are gone, and passes, 0, count as turns too)."""
        board = self.board
        own, foe = position.stones[colour], position.stones[other(colour)]
        found = [0] * COUNT
        found[OWN], found[FOE], found[NONE] = own, foe, board.all & ~(own | foe)
        found[ONES] = board.all
        rest = own | foe
        for turn, point in enumerate(recent[:7]):
            found[TURNS + turn] = point & rest
            rest &= ~point
        found[TURNS + 7] = rest
        chains = {
            side: [(c, board.liberties(c, position)) for c in board.chains(stones)]
            for side, stones in ((colour, own), (other(colour), foe))
        }
        for side in chains.values():
            for chain, free in side:
                found[LIBERTIES + min(free.bit_count(), 8) - 1] |= chain
        self._moves(found, chains[colour], chains[other(colour)], position)
        self._ladders(found, chains[colour], chains[other(colour)], position, colour)
        return found

    def _moves(
        self,
        found: list[Points],
        own: list[tuple[Points, Points]],
        foe: list[tuple[Points, Points]],
        position: Position,
    ) -> None:
        """What follows from a move at each empty point."""
        board, empty = self.board, found[NONE]
        touching: dict[Points, list[tuple[Points, Points]]] = {}
        for chain, free in own:
            for point in _each(free):
                touching.setdefault(point, []).append((chain, free))
        taking: dict[Points, Points] = {}
        for chain, free in foe:
            if free & (free - 1) == 0:
                taking[free] = taking.get(free, 0) | chain
        for point in _each(empty & ~position.ko):
            chain, free = point, self._beside[point] & empty
            for joined, liberties in touching.get(point, ()):
                chain |= joined
                free |= liberties
            free &= ~point
            taken = taking.get(point, 0)
            if taken:
                free |= board.beside(chain) & taken
            if not free:
                continue
            count = free.bit_count()
            found[CAPTURES + min(taken.bit_count(), 7)] |= point
            found[AFTER + min(count, 8) - 1] |= point
            if count == 1:
                found[SELF_ATARI + min(chain.bit_count(), 8) - 1] |= point
            if taken or not self._is_eye(point, found[OWN], found[FOE]):
                found[SENSIBLE] |= point

    def _is_eye(self, point: Points, own: Points, foe: Points) -> bool:
        """All neighbours are one's own, and the other holds at most one diagonal (none at the
        edge): what a random player may not fill."""
        beside, across = self._beside[point], self.board.across(point)
        if beside & ~own:
            return False
        return (across & foe).bit_count() <= (across.bit_count() == 4)

    def _ladders(
        self,
        found: list[Points],
        own: list[tuple[Points, Points]],
        foe: list[tuple[Points, Points]],
        position: Position,
        colour: Colour,
    ) -> None:
        for prey, free in foe:
            if free.bit_count() == 2:
                for point in _each(free & ~found[LADDER_CAPTURE]):
                    if self.reader.captures(position, colour, point, prey):
                        found[LADDER_CAPTURE] |= point
        for prey, free in own:
            if free & (free - 1):
                continue
            for hunter, liberties in foe:
                if liberties & (liberties - 1) == 0 and self.board.beside(prey) & hunter:
                    free |= liberties
            for point in _each(free & ~found[LADDER_ESCAPE]):
                if self.reader.escapes(position, colour, point, prey):
                    found[LADDER_ESCAPE] |= point

    def packed(self, planes: list[Points]) -> NDArray[np.uint8]:
        """Planes as bits, row after row and plane after plane, uint8[ceil(48 * size² / 8)]."""
        size = self.board.size
        stride = size * (size + 1)
        whole = 0
        for i, plane in enumerate(planes):
            whole |= plane << (i * stride)
        raw = np.frombuffer(whole.to_bytes((COUNT * stride + 7) // 8, "little"), np.uint8)
        bits = np.unpackbits(raw, count=COUNT * stride, bitorder="little")
        return np.packbits(bits.reshape(COUNT, size, size + 1)[:, :, :size])


def unpacked(packed: NDArray[np.uint8], size: int = 19) -> NDArray[np.uint8]:
    """What `Encoder.packed` packed: uint8[N, bytes] to 0 and 1 in uint8[N, 48, size, size]."""
    bits = np.unpackbits(packed, axis=-1, count=COUNT * size * size)
    return bits.reshape(*packed.shape[:-1], COUNT, size, size)


def _each(points: Points) -> list[Points]:
    found: list[Points] = []
    while points:
        bit = points & -points
        found.append(bit)
        points ^= bit
    return found
