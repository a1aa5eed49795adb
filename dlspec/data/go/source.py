"""The source `go_games`: the records that come with GNU Go's tests, as AlphaGo's planes.

They are games of people and of programs on several servers, exercises left out. Planes of a
position take about 2 ms; they are made once, in shards of games, and lie packed in the cache.
"""

from __future__ import annotations

import os
import sys
import tarfile
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np

from dlspec.data.cache import locked, writing
from dlspec.data.columns import Columns
from dlspec.data.fetch import package_named, ready
from dlspec.data.go.board import Board
from dlspec.data.go.games import examples, unique
from dlspec.data.go.planes import COUNT, Encoder, unpacked
from dlspec.data.go.sgf import Record, SgfError, read_game
from dlspec.data.packages import GO_ARCHIVE
from dlspec.data.streams import permutation
from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.data import BadDataSetting, CacheCorrupt
from dlspec.source import Span

SIZE, SHORTEST = 19, 40
GAMES = 699
"""How many games the archive has: on 19 lines, of 40 moves or more, each one once."""
SHARD = 10
FORMAT = 1
"""Counted up where the planes change, so that old ones in a cache are made anew."""


def read_go_games(games: int, span: Span | None = None) -> Columns:
    """The positions of so many games, in an order of games that is always the same.

    ``planes`` uint8[N, 48, 19, 19], 0 or 1 (`dlspec.data.go.planes` tells them); ``move`` int64[N],
    ``row * 19 + column`` of the move that was played; ``game`` int64[N], the same for all positions
    of one game.

    Raises:
        DlspecError: DL602 for more games than there are, DL615 to DL618 where the package cannot be
            had.
    """
    if games > GAMES:
        expected = f"at most {GAMES}, as many as there are"
        raise DlspecError(BadDataSetting(span, "go_games", "games", str(games), expected))
    package = ready(package_named("go_games"))
    folder = package / f"planes-{FORMAT}"
    names = [f"{first:03}.npz" for first in range(0, games, SHARD)]
    if not all((folder / name).is_file() for name in names):
        with writing(folder), locked(folder / ".lock"):
            _make(package / GO_ARCHIVE, folder, names)
    planes: list[np.ndarray] = []
    moves: list[np.ndarray] = []
    numbers: list[np.ndarray] = []
    for name in names:
        try:
            with (folder / name).open("rb") as file, np.load(file) as shard:
                kept = shard["game"] < games
                planes.append(shard["planes"][kept])
                moves.append(shard["move"][kept])
                numbers.append(shard["game"][kept])
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
            reason = f"({error})"
            raise DlspecError(CacheCorrupt(None, "go_games", str(folder / name), reason)) from error
    total = sum(map(len, moves))
    whole = np.empty((total, COUNT, SIZE, SIZE), np.uint8)
    at = 0
    for part in planes:
        whole[at : at + len(part)] = unpacked(part, SIZE)
        at += len(part)
    return {"planes": whole, "move": np.concatenate(moves), "game": np.concatenate(numbers)}


def read_records(archive: Path) -> list[Record]:
    """The games of the archive, each once, in the order in which the source counts them."""
    found: list[Record] = []
    with tarfile.open(archive) as tar:
        members = {m.name: m for m in tar if m.isfile() and m.name.endswith(".sgf")}
        for name in sorted(members):
            file = tar.extractfile(members[name])
            assert file is not None
            try:
                found.append(read_game(file.read().decode("latin-1")))
            except SgfError:  # two of the exercises are no records at all
                continue
    games = unique(found, SIZE, SHORTEST)
    return [games[i] for i in permutation(len(games), 0, "go_games")]


def _make(archive: Path, folder: Path, names: list[str]) -> None:
    """Makes the shards that are not there; each appears when it is whole."""
    missing = [name for name in names if not (folder / name).is_file()]
    if not missing:
        return  # another process was faster
    told = f"reading {len(missing) * SHARD} games of Go into the cache, once: about "
    print(f"{told}{6 * len(missing)} s", file=sys.stderr, flush=True)
    begun = time.monotonic()
    records = read_records(archive)
    encoder = Encoder(Board(SIZE))
    for name in missing:
        first = int(name.removesuffix(".npz"))
        shard = [examples(r, encoder) for r in records[first : first + SHARD]]
        numbers = np.arange(first, first + len(shard))
        handle, part = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
        try:
            with os.fdopen(handle, "wb") as out:
                np.savez_compressed(
                    out,
                    planes=np.concatenate([e.planes for e in shard]),
                    move=np.concatenate([e.move for e in shard]),
                    game=np.repeat(numbers, [len(e.move) for e in shard]),
                )
                out.flush()
                os.fsync(out.fileno())
            os.replace(part, folder / name)
        except BaseException:
            os.unlink(part)
            raise
    print(f"done in {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
