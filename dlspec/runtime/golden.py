"""Prove an engine on this machine by the golden answers that travel with the bundle, once per
machine."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dlspec.bundle.manifest import EngineRecord
from dlspec.bundle.reader import DIGEST, GOLDEN, GoldenCase, golden_cases, verify_hashes
from dlspec.late import LateModule
from dlspec.runtime.engine import Engine
from dlspec.runtime.host import cache_folder

if TYPE_CHECKING:
    from dlspec.diagnostics import bundle as faults
else:
    faults = LateModule("dlspec.diagnostics.bundle")


@dataclass(frozen=True)
class Replay:
    """For each output the largest difference from the golden answers (NaN and Inf at other places
    count as Inf), and the bounds.

    Integer and boolean outputs count elements that differ where the reference is decided; their
    bound is 0.
    """

    differences: Mapping[str, float]
    bounds: Mapping[str, float]

    @property
    def worst(self) -> str | None:
        """The first output beyond its bound, or None where all are within."""
        return next((o for o, d in self.differences.items() if not d <= self.bounds[o]), None)


def replay(engine: Engine, cases: list[GoldenCase], bounds: Mapping[str, float]) -> Replay:
    """Run the golden inputs and measure; outputs that the engine does not compute are left out."""
    differences: dict[str, float] = {}
    limits: dict[str, float] = {}
    for case in cases:
        answers = engine.run(case.inputs)
        for output, expected in case.outputs.items():
            if output not in answers:
                continue
            got = answers[output]
            if got.shape != expected.shape:
                difference = float("inf")
            elif expected.dtype.kind == "f":
                difference = _distance(
                    np.asarray(got, np.float64), np.asarray(expected, np.float64)
                )
            else:
                decided = case.decided.get(output, np.True_)
                difference = float(np.count_nonzero((got != expected) & decided))
            differences[output] = max(difference, differences.get(output, 0.0))
            limits[output] = bounds[output] if expected.dtype.kind == "f" else 0.0
    return Replay(differences, limits)


def _distance(got: np.ndarray, expected: np.ndarray) -> float:
    finite = np.isfinite(expected)
    if not np.array_equal(np.isfinite(got), finite):
        return float("inf")
    if not np.array_equal(got[~finite], expected[~finite], equal_nan=True):
        return float("inf")
    return float(np.max(np.abs(got[finite] - expected[finite]), initial=0.0))


def prove(engine: Engine, record: EngineRecord, folder: Path, host: str) -> None:
    """Replay the golden inputs of a bundle unless this machine has passed them before; refuse an
    engine that differs.

    The verdict is kept beside other caches, never in the bundle, under the bundle's digest, the
    engine and ``host``, so that another library, driver or machine proves anew. Only a pass is
    remembered.

    Raises:
        DlspecError: DL648 where an output differs, DL656 where there is nothing to compare with.
    """
    digest = (folder / DIGEST).read_bytes()
    key = hashlib.sha256(digest + f"{record.label} {host}".encode()).hexdigest()[:32]
    state = cache_folder() / "verdicts" / f"{key}.json"
    if state.exists():
        return
    verify_hashes(folder, "quick", only=[GOLDEN])
    cases = golden_cases(folder)
    computed = set(engine.outputs)
    floats = {
        o for c in cases for o, a in c.outputs.items() if a.dtype.kind == "f" and o in computed
    }
    if not any(computed & c.outputs.keys() for c in cases):
        raise faults.DlspecError(faults.NoGolden(None, record.label, GOLDEN))
    if missing := sorted(floats - record.golden.keys()):
        raise faults.DlspecError(
            faults.NoGolden(None, record.label, f"bound for the output `{missing[0]}`")
        )
    found = replay(engine, cases, record.golden)
    if (worst := found.worst) is not None:
        difference, bound = found.differences[worst], found.bounds[worst]
        raise faults.DlspecError(
            faults.GoldenMismatch(None, record.label, worst, f"{difference:.3g}", f"{bound:.3g}")
        )
    _remember(state, record, host, found)


def _remember(state: Path, record: EngineRecord, host: str, found: Replay) -> None:
    verdict = {
        "engine": record.label,
        "host": host,
        "differences": dict(found.differences),
        "bounds": dict(found.bounds),
    }
    try:
        state.parent.mkdir(parents=True, exist_ok=True)
        aside = state.with_suffix(f".{os.getpid()}")
        aside.write_text(json.dumps(verdict, indent=1) + "\n", "utf-8")
        os.replace(aside, state)
    except OSError:
        return  # a read-only home: the proof holds for this process, and is repeated by the next
