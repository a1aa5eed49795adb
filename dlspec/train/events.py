"""What a training tells while it runs: to the progress display, and to whoever passes
``on_event``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dlspec.diagnostics import Diagnostic
from dlspec.train.options import Row, TrainResult


@dataclass(frozen=True)
class Started:
    """Learning begins, or goes on."""

    recipe: str
    device: str
    threads: int
    matmul: str
    precision: str
    parameters: int
    examples: int
    epochs: int | None
    steps_per_epoch: int
    step: int
    resident: bool


@dataclass(frozen=True)
class StageBegan:
    """A stage begins, or goes on: the ``number``-th of ``of``. ``learns`` are the layers that it
    changes."""

    name: str
    number: int
    of: int
    epochs: int | None
    steps_per_epoch: int
    learns: tuple[str, ...]


@dataclass(frozen=True)
class StageEnded:
    """A stage is over, and another follows."""

    name: str
    reason: str


@dataclass(frozen=True)
class Progressed:
    """Some steps were done; about ten times a second. ``epoch`` counts from 1 in each stage."""

    epoch: int
    position: int
    steps_per_epoch: int
    step: int
    loss: float
    samples_per_s: float
    seconds_left: float | None


@dataclass(frozen=True)
class EpochEnded:
    """An epoch was measured; ``best`` says that it is the best so far by what early stop
    watches. ``epoch`` counts from 1 in each stage, that of the row over all."""

    row: Row
    best: bool
    seconds_left: float | None
    stage: str = ""
    epoch: int = 0


@dataclass(frozen=True)
class Saved:
    """A checkpoint was written."""

    path: Path
    step: int
    seconds: float


@dataclass(frozen=True)
class WeightsLoaded:
    """Weights were taken from elsewhere; ``line`` says which."""

    line: str


@dataclass(frozen=True)
class Noted:
    """A warning."""

    diagnostic: Diagnostic


@dataclass(frozen=True)
class Finished:
    """Everything is learnt and measured."""

    result: TrainResult
    reason: str


Event = (
    Started
    | StageBegan
    | StageEnded
    | WeightsLoaded
    | Progressed
    | EpochEnded
    | Saved
    | Noted
    | Finished
)
Listener = Callable[[Event], None]
