"""Training on texts in buckets of similar length against padding all to the longest.

    python -m tests.bench.bench_bucketing [--pairs 9] [--steps 24]

Both train `specs/sentiment.dl` as it is, on its own data, in one process, taking turns; a row's
ratio is the median over pairs of (tokens/s in buckets) / (tokens/s of the peer), where tokens are
those of the texts, not the padding. The peers: every batch as long as the longest text of all, and
every batch as long as its own longest text, without buckets.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from dlspec.data.dataset import Dataset, Splits
from dlspec.data.sequences import Sequences
from dlspec.driver import open_spec
from dlspec.driver.training import open_splits
from dlspec.ir.plan import RecipePlan
from dlspec.train.machine import Choice, device_of
from dlspec.train.options import TrainOptions
from dlspec.train.program import program_of
from dlspec.train.rundir import RunDir
from dlspec.train.session import Limits, Session
from tests.bench.pairs import save

SPEC = Path(__file__).resolve().parents[2] / "specs" / "sentiment.dl"


class Longest(Sequences):
    """A column whose batches are as long as the longest of all its examples."""

    def places(self, rows: Any) -> tuple[Any, Any]:
        """As of any column, with room behind."""
        at, valid = super().places(rows)
        room = ((0, 0), (0, int(self.lengths.max()) - at.shape[1]))
        return np.pad(at, room), np.pad(valid, room)


def padded(data: Dataset) -> Dataset:
    """The data with every text as long as the longest."""
    columns = {n: data[n] for n in data.fields}
    wide = {
        n: Longest(c.values, c.lengths, c.starts) if isinstance(c, Sequences) else c
        for n, c in columns.items()
    }
    return Dataset(wide, data.fields)


class Side:
    """One way to batch, trained step by step."""

    def __init__(self, recipe: RecipePlan, data: Dataset, folder: Path, buckets: int) -> None:
        self.recipe = replace(recipe, epochs=10**6, buckets=buckets)
        self.tokens_each = float(np.mean(data["text"].lengths))  # type: ignore[union-attr]
        self.run = RunDir(folder)
        self.run.__enter__()
        options = TrainOptions(run_dir=folder, quiet=True)
        program = program_of(self.recipe, self.run.source, 0, device_of("cpu"))
        splits = Splits(data, None, None)
        self.session = Session(program, splits, options, self.run, 0, lambda event: None)
        Choice(1).apply()

    def speed(self, steps: int) -> float:
        """Tokens a second over some steps: examples are drawn alike on all sides, and so is how
        many tokens they have, over an epoch."""
        before = self.session.state.learning_seconds
        self.session.limits = Limits(None, self.session.state.step + steps)
        self.session.run()
        spent = self.session.state.learning_seconds - before
        return steps * self.recipe.batch * self.tokens_each / spent


def main() -> int:
    """Compare; 1 where buckets are less than 1.5 times as fast as padding to the longest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--steps", type=int, default=24)
    given = parser.parse_args()
    compilation = open_spec(SPEC)
    recipe = compilation.recipe("judge")
    train = open_splits(compilation, recipe).train
    assert train is not None
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        ours = Side(recipe, train, place / "ours", recipe.buckets)
        for name, data, promise in (
            ("buckets / padded to the longest", padded(train), ">= 1.5"),
            ("buckets / none", train, ""),
        ):
            peer = Side(recipe, data, place / name.split()[-1], 1)
            for side in (ours, peer):
                side.speed(given.steps)
            pairs: list[tuple[float, float]] = []
            for turn in range(given.pairs):
                sides = (ours, peer) if turn % 2 else (peer, ours)
                found = {side: side.speed(given.steps) for side in sides}
                pairs.append((found[ours], found[peer]))
            ratios = sorted(a / b for a, b in pairs)
            rows.append(
                {
                    "name": name,
                    "ratio": round(statistics.median(ratios), 4),
                    "low": round(ratios[0], 4),
                    "high": round(ratios[-1], 4),
                    "ours_tokens_per_s": round(statistics.median(a for a, _ in pairs)),
                    "peer_tokens_per_s": round(statistics.median(b for _, b in pairs)),
                    "pairs": given.pairs,
                    "promise": promise,
                }
            )
            print(rows[-1], flush=True)
    save("bucketing", rows)
    return int(rows[0]["ratio"] < 1.5)


if __name__ == "__main__":
    sys.exit(main())
