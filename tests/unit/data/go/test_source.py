"""The real games, fetched and read once (the cache keeps both)."""

from __future__ import annotations

import numpy as np
import pytest

from dlspec.data import open_source
from dlspec.data.cache import data_folder
from dlspec.data.fetch import package_named, ready
from dlspec.data.go import planes as p
from dlspec.data.go.board import Board
from dlspec.data.go.games import replay
from dlspec.data.go.source import FORMAT, GAMES, read_go_games, read_records
from dlspec.data.packages import GO_ARCHIVE
from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.data import BadDataSetting, CacheCorrupt


def test_positions_and_the_moves_played_there() -> None:
    parts = open_source("go_games", {"games": 10})
    assert parts.validation is not None and parts.test is not None
    assert str(parts.train.fields["planes"]) == "uint8[N, 48, 19, 19]"
    every = [parts.train, parts.validation, parts.test]
    games = [set(part["game"].tolist()) for part in every]
    assert sorted(g for part in games for g in part) == list(range(10)), "split by game"
    for part in every:
        planes, move = part["planes"], part["move"]
        board = planes.reshape(len(part), p.COUNT, -1)
        assert set(np.unique(planes)) == {0, 1}
        at_move = board[np.arange(len(part)), :, move]
        assert (at_move[:, p.NONE] == 1).all()
        assert (at_move[:, p.AFTER : p.AFTER + 8].sum(1) == 1).all(), "played moves are allowed"
        assert (board[:, :3].sum(1) == 1).all() and (board[:, p.ONES] == 1).all()
        stones = board[:, p.OWN] + board[:, p.FOE]
        for first in (p.TURNS, p.LIBERTIES):
            assert (board[:, first : first + 8].sum(1) == stones).all()
        assert not board[:, p.ZEROS].any()
        assert (at_move[:, p.SENSIBLE] == 1).mean() > 0.98


def test_what_moves_are_like() -> None:
    """Players answer near the last move, take stones where they can, and run from ladders."""
    columns = read_go_games(10)
    planes, move = np.asarray(columns["planes"]), np.asarray(columns["move"])
    flat = planes.reshape(len(move), p.COUNT, -1)
    rows = np.arange(len(move))
    for plane in (p.LADDER_CAPTURE, p.LADDER_ESCAPE, p.CAPTURES + 2):
        there = flat[:, plane].any(1)
        free = flat[there, p.NONE].sum(1)
        by_chance = (flat[there, plane].sum(1) / free).mean()
        assert flat[rows, plane, move][there].mean() > 2 * by_chance
    last = flat[:, p.TURNS].argmax(1)
    apart = np.abs(last // 19 - move // 19) + np.abs(last % 19 - move % 19)
    assert np.median(apart[flat[:, p.TURNS].any(1)]) < 7


@pytest.mark.slow
def test_every_record_is_read() -> None:
    records = read_records(ready(package_named("go_games")) / GO_ARCHIVE)
    assert len(records) == GAMES == 699
    board = Board()
    moves = sum(1 for record in records[:100] for _ in replay(record, board))
    recorded = sum(move is not None for record in records[:100] for _, move in record.moves)
    assert moves / recorded > 0.99, "hardly a game has a move that is not allowed"


def test_more_games_than_there_are() -> None:
    with pytest.raises(DlspecError) as caught:
        open_source("go_games", {"games": GAMES + 1})
    found = caught.value.diagnostics[0]
    assert isinstance(found, BadDataSetting) and "699" in str(found)


def test_a_damaged_shard_is_told() -> None:
    read_go_games(10)
    shard = data_folder() / "go_games" / f"planes-{FORMAT}" / "000.npz"
    whole = shard.read_bytes()
    try:
        for content in (b"", whole[: len(whole) // 2], b"nothing"):
            shard.write_bytes(content)
            with pytest.raises(DlspecError) as caught:
                read_go_games(5)
            assert isinstance(caught.value.diagnostics[0], CacheCorrupt)
    finally:
        shard.write_bytes(whole)
