"""Game records: what is read of them, and what is no record."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlspec.data.go.games import SAME, unique
from dlspec.data.go.sgf import BLACK, WHITE, Record, SgfError, main_line, read_game


def test_a_game_with_everything() -> None:
    text = r"""
    (;GaMe[1]FF[3]SiZe[9] GN[a [bracket\] and a \\] C[two
    lines; (not a variation\)]
    AB[aa][cc:dd] AW [ii]
    ;B[ee]C[good];W[tt];B[]
    (;W[ab] (;B[ba]) (;B[bb]))
    (;W[ca];B[cb]))
    """
    record = read_game(text)
    assert record.size == 9
    assert record.setup == ((0, 20, 21, 29, 30), (80,))
    assert record.moves == ((BLACK, 40), (WHITE, None), (BLACK, None), (WHITE, 9), (BLACK, 1))
    assert main_line(text)[0]["GN"] == ["a [bracket] and a \\"]


def test_an_exercise_ends_the_game() -> None:
    """Stones set up after moves, stones taken off, and two moves in one node."""
    for rest in (";AB[cc];W[dd]", ";AE[aa];W[dd]", ";B[dd]W[ee]"):
        assert read_game(f"(;SZ[9];B[aa]{rest})").moves == ((BLACK, 0),)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "(",
        "nothing",
        "(;B[aa]",
        "(;B)",
        "(;B[aa)",
        "(;GM[2];B[aa])",
        "(;SZ[1];B[aa])",
        "(;SZ[19:13];B[aa])",
        "(;SZ[9];B[jj])",
        "(;SZ[9];B[a])",
        "(;SZ[9]AB[aa:z])",
        "(;B[aa]) trailing"[:6] + "?)",
    ],
)
def test_what_is_no_record(text: str) -> None:
    with pytest.raises(SgfError):
        read_game(text)


def escaped(value: str) -> str:
    return "".join("\\" + c if c in "]\\" else c for c in value)


VALUES = st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=12)


@given(st.lists(st.tuples(st.sampled_from(["B", "W"]), st.integers(0, 360), VALUES), max_size=30))
def test_what_is_written_is_read(moves: list[tuple[str, int, str]]) -> None:
    """Comments may hold anything, brackets too."""
    nodes = "".join(
        f";C[{escaped(said)}]{colour}[{chr(97 + place % 19)}{chr(97 + place // 19)}]"
        for colour, place, said in moves
    )
    text = f"(;FF[4]SZ[19]{nodes})"
    expected = tuple((BLACK if c == "B" else WHITE, place) for c, place, _ in moves)
    assert read_game(text).moves == expected
    assert [node["C"] for node in main_line(text)[1:]] == [[said] for _, _, said in moves]


@given(st.text(alphabet="(;)[]BWaZ\\: \n", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        record = read_game(text)
    except SgfError:
        return
    assert record.size == 19


def test_a_game_is_counted_once() -> None:
    moves = tuple((BLACK, i) for i in range(SAME + 20))
    whole = Record(19, ((), ()), moves)
    shorter = Record(19, ((), ()), moves[: SAME + 5])
    other = Record(19, ((3,), ()), moves)
    short = Record(19, ((), ()), moves[:30])
    small = Record(9, ((), ()), moves)
    assert unique([shorter, whole, other, short, small], 19, 40) == [whole, other]
