"""The planes of AlphaGo: by hand on drawn positions, and against what playing each move shows."""

from __future__ import annotations

import random

import numpy as np
import pytest

from dlspec.data.go import planes as p
from dlspec.data.go.board import EMPTY, Board, Points, other
from dlspec.data.go.games import replay
from dlspec.data.go.ladders import Reader
from dlspec.data.go.planes import COUNT, Encoder, unpacked
from dlspec.data.go.sgf import BLACK, WHITE, Colour, Record
from tests.unit.data.go.drawing import drawn
from tests.unit.data.go.slow import SlowBoard


def one_hot(found: list[Points], first: int, bit: Points, count: int = 8) -> int | None:
    """Which of some planes has a point; None: no one."""
    hit = [i for i in range(count) if found[first + i] & bit]
    assert len(hit) <= 1
    return hit[0] if hit else None


def test_every_plane_is_what_playing_shows() -> None:
    """Random games: what a move captures, how many liberties and stones it has afterwards."""
    draw = random.Random(5)
    for _ in range(12):
        size = draw.choice([3, 4, 5, 7])
        board, slow, position = Board(size), SlowBoard(size), EMPTY
        colour: Colour = BLACK
        encoder = Encoder(board)
        ages: dict[tuple[int, int], int] = {}
        recent: list[Points] = []
        for turn in range(60):
            found = encoder.planes(position, colour, recent)
            for place, bit in enumerate(board.bits):
                point = divmod(place, size)
                stone = slow.stones.get(point)
                kinds = [bool(found[k] & bit) for k in (p.OWN, p.FOE, p.NONE)]
                assert kinds == [stone == colour, stone == 1 - colour, stone is None]
                assert found[p.ONES] & bit and not found[p.ZEROS] & bit
                if stone is not None:
                    _, free = slow.chain(point)
                    assert one_hot(found, p.LIBERTIES, bit) == min(len(free), 8) - 1
                    assert one_hot(found, p.TURNS, bit) == min(turn - ages[point], 8) - 1
                after = SlowBoard(size)
                after.stones, after.ko = dict(slow.stones), slow.ko
                taken = after.play(colour, point)
                if taken is None:
                    assert not any(found[k] & bit for k in range(p.CAPTURES, COUNT))
                    continue
                chain, free = after.chain(point)
                assert one_hot(found, p.CAPTURES, bit) == min(len(taken), 7)
                assert one_hot(found, p.AFTER, bit) == min(len(free), 8) - 1
                own = min(len(chain), 8) - 1 if len(free) == 1 else None
                assert one_hot(found, p.SELF_ATARI, bit) == own
            open_points = [b for b in board.bits if b & found[p.SENSIBLE]]
            if not open_points:
                break
            bit = draw.choice(open_points)
            point = divmod(board.index[bit], size)
            position = board.play(position, colour, bit) or position
            slow.play(colour, point)
            ages[point] = turn
            recent.insert(0, bit)
            colour = other(colour)
        assert recent


LADDER = """
    . . . . . . . . .
    . . X . . . . . .
    . X O a . . . . .
    . X b . . . . . .
    . . . . . . . . .
    . . . . . . . . .
    . . . . . . . . .
    . . . . . . . . .
    . . . . . . . . .
"""


def with_stone(text: str, sign: str, row: int, column: int) -> str:
    rows = [line.split() for line in text.strip().splitlines()]
    assert rows[row][column] == "."
    rows[row][column] = sign
    return "\n".join(" ".join(line) for line in rows)


def captures(text: str) -> set[str]:
    """The letters whose points begin a ladder that captures."""
    board, position, at = drawn(text)
    found = Encoder(board).planes(position, BLACK, [])
    return {letter for letter, bit in at.items() if found[p.LADDER_CAPTURE] & bit}


def test_a_ladder_works_from_the_right_side() -> None:
    assert captures(LADDER) == {"a"}


@pytest.mark.parametrize("place", [(6, 6), (5, 6), (7, 7), (4, 4)])
def test_a_stone_in_its_way_breaks_a_ladder(place: tuple[int, int]) -> None:
    assert captures(with_stone(LADDER, "O", *place)) == set()
    assert captures(with_stone(LADDER, "X", *place)) == {"a"}


@pytest.mark.parametrize("place", [(0, 8), (8, 0), (1, 6), (8, 3)])
def test_a_stone_elsewhere_does_not(place: tuple[int, int]) -> None:
    assert captures(with_stone(LADDER, "O", *place)) == {"a"}


def escapes(text: str) -> set[str]:
    """The letters whose points save a white chain from a ladder."""
    board, position, at = drawn(text)
    found = Encoder(board).planes(position, WHITE, [])
    return {letter for letter, bit in at.items() if found[p.LADDER_ESCAPE] & bit}


def test_a_chain_in_atari_escapes_where_the_ladder_is_broken() -> None:
    after = LADDER.replace("a", "X")
    assert escapes(after) == set()
    assert escapes(with_stone(after, "O", 6, 6)) == {"b"}


def test_taking_a_hunter_escapes_too() -> None:
    hunted = """
        . . O . . .
        . O X a . .
        . X O b X .
        . . X X . .
        . . . . . .
        . . . . . .
    """
    assert captures(hunted) == set()
    assert escapes(hunted) == {"a"}


def test_a_hunter_that_can_be_taken_catches_nothing() -> None:
    hunters = """
        . . . . . .
        . O X . . .
        . X O . X .
        . . c X . .
        . . . . . .
        . . . . . .
    """
    assert captures(hunters) == {"c"}
    assert captures(with_stone(hunters, "O", 0, 2)) == set()


def test_reading_ends() -> None:
    """Whoever may try no more moves calls it an escape."""
    board, position, at = drawn(LADDER)
    prey = position.stones[WHITE]
    assert Reader(board).captures(position, BLACK, at["a"], prey)
    assert not Reader(board, limit=5).captures(position, BLACK, at["a"], prey)


def test_own_eyes_are_not_sensible() -> None:
    board, position, at = drawn("""
        a X O . X b
        X X O X X X
        O O O X c X
        . . . X X X
        O X O X X O
        X d X X X e
    """)
    sensible = Encoder(board).planes(position, BLACK, [])[p.SENSIBLE]
    kept = {letter for letter, bit in at.items() if sensible & bit}
    # a, b and c are eyes; d is a false one: white holds its diagonals; at e white stands beside
    assert kept == {"d", "e"}


def test_turns_since_count_passes() -> None:
    """Stones set up are old ones; a retaken ko shows its last stone."""
    size = 5
    record = Record(size, ((0,), (24,)), ((BLACK, 12), (WHITE, None), (BLACK, 6), (WHITE, 8)))
    board = Board(size)
    encoder = Encoder(board)
    steps = list(replay(record, board))
    assert [(colour, board.index[bit]) for _, colour, _, bit in steps] == [(0, 12), (0, 6), (1, 8)]
    position, colour, recent, _ = steps[-1]
    found = encoder.planes(position, colour, recent)
    ages = {place: one_hot(found, p.TURNS, board.bits[place]) for place in (0, 24, 12, 6)}
    assert ages == {0: 7, 24: 7, 12: 2, 6: 0}
    assert found[p.OWN] == board.bits[24]  # white is to play


def test_packing_keeps_every_bit() -> None:
    draw = random.Random(1)
    for size in (2, 5, 9, 19):
        board = Board(size)
        planes = [sum(b for b in board.bits if draw.random() < 0.3) for _ in range(COUNT)]
        packed = Encoder(board).packed(planes)
        assert packed.shape == (-(-COUNT * size * size // 8),)
        expected = [[bool(plane & bit) for bit in board.bits] for plane in planes]
        found = unpacked(packed[None], size)
        assert found.dtype == np.uint8 and found.shape == (1, COUNT, size, size)
        assert (found.reshape(COUNT, -1) == np.array(expected)).all()
