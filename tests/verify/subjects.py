"""Networks written as specs, fresh and really trained, for faults to be injected into."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dlspec.data import Dataset, Field, Splits
from dlspec.data.dataset import Column
from dlspec.data.sequences import Sequences
from dlspec.driver.phases import Compilation
from dlspec.ir.graph import Graph
from dlspec.ir.plan import NetworkPlan, StepPlan
from dlspec.randomness import initial_weights
from dlspec.source import SourceFile
from dlspec.train import TrainOptions, train

Array = NDArray[Any]
Kind = Literal["fresh", "trained"]
SPECS = Path(__file__).parent / "specs"
EXAMPLES = 192


@dataclass(frozen=True)
class Subject:
    """A network of ``specs/<name>.dl``; ``draw`` makes what it learns from, where it learns."""

    name: str
    draw: Callable[[np.random.Generator], Mapping[str, Column]] | None = None

    def compile(self) -> Compilation:
        """The spec on its way, anew: passes run again."""
        path = SPECS / f"{self.name}.dl"
        return Compilation(SourceFile(path.name, path.read_text(encoding="utf-8")), SPECS)

    @property
    def plan(self) -> NetworkPlan:
        """The network after the passes."""
        return _plan(self.name)

    @property
    def graph(self) -> Graph:
        """Its inference graph."""
        return self.plan.graph

    def step(self) -> StepPlan:
        """The only step of its recipe."""
        (step,) = self.compile().recipe().steps
        return step

    def weights(self, kind: Kind) -> dict[str, Array]:
        """Its weights as they begin, or as its recipe leaves them."""
        return initial_weights(self.graph, 3) if kind == "fresh" else dict(_trained(self.name))

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Which weights there are."""
        return ("fresh", "trained") if self.draw is not None else ("fresh",)


def _picture(rng: np.random.Generator) -> Mapping[str, Array]:
    """Bright quarters of a noisy picture, one of four a class."""
    kind = rng.integers(0, 4, EXAMPLES)
    image = rng.integers(0, 120, (EXAMPLES, 3, 11, 9))
    for quarter in range(4):
        rows = slice(0, 5) if quarter < 2 else slice(6, 11)
        columns = slice(0, 4) if quarter % 2 == 0 else slice(5, 9)
        image[kind == quarter, :, rows, columns] += 120
    return {"image": image.astype(np.uint8), "kind": kind}


def _mixed(rng: np.random.Generator) -> Mapping[str, Array]:
    """A smooth function of two points."""
    x, y = rng.normal(size=(2, EXAMPLES, 6)).astype(np.float32)
    goal = np.stack([np.sin(x.sum(1)), (x * y).mean(1), np.tanh(y[:, 0])], 1)
    return {"x": x, "y": y, "goal": goal.astype(np.float32)}


def _sentence(rng: np.random.Generator) -> Mapping[str, Array]:
    """Each word is followed by itself and the one before, modulo the words."""
    word = rng.integers(0, 11, (EXAMPLES, 7))
    return {"word": word, "following": (word + np.roll(word, 1, 1)) % 11}


def _rewritten(rng: np.random.Generator) -> Mapping[str, Array]:
    """Numbers of no meaning, to move the weights."""
    x = rng.normal(size=(EXAMPLES, 6, 5)).astype(np.float32)
    image = rng.normal(size=(EXAMPLES, 2, 6, 6)).astype(np.float32)
    return {"x": x, "image": image, "goal": x.sum((1, 2))}


def _memory(rng: np.random.Generator) -> Mapping[str, Column]:
    """Walks of 1 to 7 steps, and where they end."""
    lengths = rng.integers(1, 8, EXAMPLES)
    walks = [rng.normal(size=(n, 4)).astype(np.float32) for n in lengths]
    ends = np.stack([np.tanh([w[:, 0].sum(), w[-1, 1]]) for w in walks])
    return {
        "x": Sequences.of(walks, np.float32),
        "start": rng.normal(size=(EXAMPLES, 6)).astype(np.float32),
        "wanted": ends.astype(np.float32),
    }


SUBJECTS = {
    s.name: s
    for s in (
        Subject("picture", _picture),
        Subject("mixed", _mixed),
        Subject("sentence", _sentence),
        Subject("integers"),
        Subject("rewritten", _rewritten),
        Subject("memory", _memory),
    )
}


@cache
def _plan(name: str) -> NetworkPlan:
    (plan,) = SUBJECTS[name].compile().networks.values()
    return plan


@cache
def _trained(name: str) -> Mapping[str, Array]:
    subject = SUBJECTS[name]
    assert subject.draw is not None
    columns = subject.draw(np.random.default_rng(5))
    data = Dataset(columns, {n: Field.of(n, c) for n, c in columns.items()})
    with TemporaryDirectory() as folder:
        options = TrainOptions(
            run_dir=Path(folder) / "run", device="cpu", threads=1, matmul="highest", quiet=True
        )
        result = train(subject.compile().recipe(), Splits(data, None, None), options)
    (weights,) = result.weights.values()
    fresh = initial_weights(subject.graph, 0)
    assert any(np.abs(weights[n] - fresh[n]).max() > 0.01 for n in fresh), "nothing was learnt"
    return weights
