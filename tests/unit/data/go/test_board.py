"""The rules: every move of random games against a board that floods by hand; known positions."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from dlspec.data.go.board import EMPTY, Board, Points, other
from dlspec.data.go.sgf import BLACK, WHITE, Colour
from tests.unit.data.go.drawing import drawn
from tests.unit.data.go.slow import SlowBoard


def points(board: Board, found: Points) -> set[tuple[int, int]]:
    return {divmod(board.index[b], board.size) for b in board.bits if b & found}


@settings(max_examples=60, deadline=None)
@given(
    st.integers(2, 6),
    st.lists(st.tuples(st.booleans(), st.integers(0, 35)), max_size=120),
)
def test_games_as_on_a_board_that_floods(size: int, moves: list[tuple[bool, int]]) -> None:
    """Small boards fill up, so that captures, kos and suicides are frequent."""
    board, slow, position = Board(size), SlowBoard(size), EMPTY
    colour: Colour = BLACK
    for passes, place in moves:
        if passes and place % 5 == 0:
            colour = other(colour)
        place %= size * size
        after = board.play(position, colour, board.bits[place])
        taken = slow.play(colour, divmod(place, size))
        assert (after is None) == (taken is None)
        if after is None:
            continue
        position, colour = after, other(colour)
        for side in (BLACK, WHITE):
            stones = {p for p, c in slow.stones.items() if c == side}
            assert points(board, position.stones[side]) == stones
            for chain in board.chains(position.stones[side]):
                stone = next(iter(points(board, chain)))
                whole, free = slow.chain(stone)
                assert points(board, chain) == whole
                assert points(board, board.liberties(chain, position)) == free
        assert points(board, position.ko) == (set() if slow.ko is None else {slow.ko})


def test_a_ko_is_not_taken_back_at_once() -> None:
    board, position, at = drawn("""
        . X O . .
        X O a O .
        . X O . .
        . . . . .
        . . . . .
    """)
    after = board.play(position, BLACK, at["a"])
    assert after is not None and after.ko.bit_count() == 1
    assert board.play(after, WHITE, after.ko) is None
    elsewhere = board.play(after, WHITE, board.bits[24])
    assert elsewhere is not None and elsewhere.ko == 0
    back = board.play(elsewhere, BLACK, board.bits[20])
    assert back is not None and board.play(back, WHITE, after.ko) is not None


def test_a_snapback_is_no_ko() -> None:
    """One stone is taken, and its captors of several stones at once."""
    board, position, at = drawn("""
        O a O X .
        X O O X .
        X X X . .
        . . . . .
        . . . . .
    """)
    thrown = board.play(position, BLACK, at["a"])
    assert thrown is not None  # the last liberty of four white stones and a corner
    assert thrown.stones[WHITE] == 0 and thrown.ko == 0

    board, position, at = drawn("""
        . b O X .
        O O O X .
        X X X X .
        . . . . .
        . . . . .
    """)
    after = board.play(position, BLACK, at["b"])
    assert after is not None and after.ko == 0
    corner = board.bits[0]
    again = board.play(after, WHITE, corner)
    assert again is not None and again.stones[BLACK].bit_count() == 6  # the thrown stone is gone
    assert again.ko == 0  # white's chain is large: no ko
    back = board.play(again, BLACK, at["b"])
    assert back is not None and back.stones[WHITE] == 0


def test_suicide_is_not_allowed() -> None:
    board, position, at = drawn("""
        a X . . .
        X b X . .
        . X . . .
        . . . . .
        . . . . .
    """)
    for point in (at["a"], at["b"]):
        assert board.play(position, WHITE, point) is None
        assert board.play(position, BLACK, point) is not None
    assert board.play(position, BLACK, position.stones[0] & -position.stones[0]) is None
