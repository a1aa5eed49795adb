"""What a caller asks of a training, and what it gets back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Row = dict[str, float]
"""One line of the history: `epoch`, `step`, `seconds`, `samples_per_s`, `train.loss`,
`validation.…`."""


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """How to carry a recipe out on this machine.

    Attributes:
        run_dir: the run's own directory; made where it is missing.
        device: ``auto`` (the first GPU, else the CPU), ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
        seed: instead of the recipe's.
        resume: go on from the directory's checkpoint, exactly.
        epochs: instead of the recipe's.
        threads, matmul: instead of the probe's choice (``matmul`` as
            `torch.set_float32_matmul_precision` takes it).
            With both nothing is probed, and runs of one seed come out alike on one machine.
        quiet: no progress on the terminal.
        init_from: a bundle, or a safetensors file, whose weights are taken where name and shape
            fit.
        save_seconds: how often to save within an epoch.
        folder: where relative paths of the recipe (`load … from`) begin, the spec's own; without
            one, the current folder.
        memory: bytes of data that may lie on the device; None asks the machine. More is streamed.
    """

    run_dir: Path
    device: str = "auto"
    seed: int | None = None
    resume: bool = False
    epochs: int | None = None
    threads: int | None = None
    matmul: Literal["highest", "high", "medium"] | None = None
    quiet: bool = False
    init_from: Path | None = None
    save_seconds: float = 30.0
    memory: int | None = None
    folder: Path | None = None


@dataclass(frozen=True)
class TrainResult:
    """What was learnt.

    ``weights`` holds parameters and buffers by network and key, those of the best epoch where the
    recipe stops early; ``metrics`` are theirs (`validation.loss`, `test.accuracy`).
    ``weight_hash`` is the SHA-256 of all weights; ``seconds`` and ``samples_per_s`` count learning
    alone, over all sessions of the run.
    """

    weights: Mapping[str, Mapping[str, Array]]
    metrics: Mapping[str, float]
    weight_hash: str
    epochs: int
    steps: int
    best_epoch: int | None
    seconds: float
    samples_per_s: float
    run_dir: Path
    history: list[Row] = field(default_factory=list[Row])


def hash_weights(weights: Mapping[str, Array]) -> str:
    """SHA-256 over names, types, shapes and bytes, in the order of names."""
    import hashlib

    digest = hashlib.sha256()
    for name in sorted(weights):
        array = np.ascontiguousarray(weights[name])
        digest.update(f"{name}:{array.dtype.name}:{array.shape};".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
