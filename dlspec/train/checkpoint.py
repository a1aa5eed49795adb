"""A run on disk: one safetensors file, replaced as a whole, with the numbers as JSON among its
metadata.

Tensors: `weights/<name>`, `best/<name>` (the best epoch's, where the recipe stops early), and
`optimizer/<step>/<group>/<parameter>/<slot>` of the stage that the run is in.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from dlspec.bundle.safetensors import read_tensors_and_metadata, write_tensors
from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.train import CheckpointBroken
from dlspec.train.rundir import write_file

Array = NDArray[Any]
FORMAT = 2


@dataclass
class RunState:
    """Where a run stands: everything but tensors.

    ``position`` counts the rounds of steps done in epoch ``epoch``; ``step`` those of the stage,
    which is the ``stage``-th from 0. ``epochs_before`` and ``steps_before`` are those of earlier
    stages, ``best_epoch`` counts them in.
    ``loss_sums`` adds up the losses of the epoch by step name. ``learning_seconds`` counts
    learning alone, ``epoch_seconds`` that of this epoch.
    """

    epoch: int = 0
    position: int = 0
    step: int = 0
    stage: int = 0
    epochs_before: int = 0
    steps_before: int = 0
    learning_seconds: float = 0.0
    epoch_seconds: float = 0.0
    loss_sums: dict[str, float] = field(default_factory=dict[str, float])
    loss_counts: dict[str, int] = field(default_factory=dict[str, int])
    history: list[dict[str, float]] = field(default_factory=list[dict[str, float]])
    best_value: float | None = None
    best_epoch: int | None = None
    probe: dict[str, Any] = field(default_factory=dict[str, Any])
    environment: dict[str, str] = field(default_factory=dict[str, str])
    recipe: dict[str, str] = field(default_factory=dict[str, str])
    scaler: dict[str, float] = field(default_factory=dict[str, float])

    @property
    def all_epochs(self) -> int:
        """Epochs done in all stages, whole ones."""
        return self.epochs_before + self.epoch

    @property
    def all_steps(self) -> int:
        """Steps done in all stages."""
        return self.steps_before + self.step

    def following(self) -> RunState:
        """The beginning of the next stage: everything of this stage's own begins anew."""
        return replace(
            self,
            stage=self.stage + 1,
            epochs_before=self.all_epochs + (self.position > 0),
            steps_before=self.all_steps,
            epoch=0,
            position=0,
            step=0,
            epoch_seconds=0.0,
            loss_sums={},
            loss_counts={},
            best_value=None,
            best_epoch=None,
            scaler={},
        )


def save(path: Path, state: RunState, tensors: Mapping[str, Array]) -> None:
    """Write a checkpoint; the old one stays whole until the new one is on the disk."""
    numbers = json.dumps({"format": FORMAT, **asdict(state)})

    def write(file: Any) -> None:
        write_tensors(file, tensors, {"dlspec.run": numbers})

    write_file(path, write)


def load(path: Path) -> tuple[RunState, dict[str, Array]]:
    """Read a checkpoint.

    Raises:
        DlspecError: DL692, also where the file is damaged.
    """
    try:
        tensors, metadata = read_tensors_and_metadata(path)
    except DlspecError as error:
        reason = getattr(error.diagnostics[0], "reason", "it is damaged")
        raise DlspecError(CheckpointBroken(None, str(path), reason)) from error
    try:
        raw = cast("dict[str, Any]", json.loads(metadata["dlspec.run"]))
        written = int(raw.pop("format"))
        if written > FORMAT:
            raise DlspecError(CheckpointBroken(None, str(path), "it was written by a newer dlspec"))
        return RunState(**raw), tensors
    except (KeyError, TypeError, ValueError) as error:
        raise DlspecError(
            CheckpointBroken(None, str(path), "it is not a checkpoint of dlspec's")
        ) from error


def under(prefix: str, tensors: Mapping[str, Array]) -> dict[str, Array]:
    """The tensors below a prefix, without it."""
    return {n[len(prefix) :]: a for n, a in tensors.items() if n.startswith(prefix)}


def weights_of(path: Path) -> dict[str, Array]:
    """The weights in a checkpoint: the best where there are some, else the last."""
    _, tensors = load(path)
    return under("best/", tensors) or under("weights/", tensors)


def below(prefix: str, tensors: Mapping[str, Array]) -> dict[str, Array]:
    """Tensors put below a prefix."""
    return {f"{prefix}{n}": np.ascontiguousarray(a) for n, a in tensors.items()}
