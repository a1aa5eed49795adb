"""Carry out an experiment: all its combinations are compiled first, then each is trained with each
seed, in folders of their own; what is done is kept, and is not done again.

    runs/<experiment>/
      <combination>/<seed>/     a run, as `dlspec train` keeps it, and its `result.json`
      results.txt, results.csv, results.png
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.experiments import (
    CombinationFails,
    ExperimentChanged,
    ExperimentInterrupted,
)
from dlspec.diagnostics.train import Interrupted, NotFinite
from dlspec.driver.experiment_changes import setting_changes, text_changes
from dlspec.driver.phases import Compilation
from dlspec.ir.experiment_plan import Combination, ExperimentPlan
from dlspec.ir.plan import RecipePlan

if TYPE_CHECKING:
    from dlspec.data.dataset import Splits
    from dlspec.train import TrainOptions

RESULT = "result.json"
BEGUN = "begun.json"
"""What a run that has no result yet depends on: it goes on only as what it was begun as."""


@dataclass(frozen=True)
class Trial:
    """One run of an experiment: a combination with a seed. ``metrics`` is empty and ``diverged``
    true where its loss was no number any more."""

    combination: int
    seed: int
    metrics: dict[str, float]
    parameters: int
    epochs: int
    seconds: float
    diverged: bool = False

    def value(self, name: str) -> float | None:
        """A figure by its name in a report."""
        if name in ("parameters", "epochs", "seconds"):
            return float(getattr(self, name))
        return self.metrics.get(name)


@dataclass(frozen=True)
class Prepared:
    """A combination, compiled."""

    combination: Combination
    compilation: Compilation
    recipe: RecipePlan

    @property
    def parameters(self) -> int:
        """How many numbers learn, in all networks."""
        sizes: dict[str, int] = {}
        for step in self.recipe.all_steps:
            for weight in step.learn.parameters:
                size = 1
                for dim in weight.type.shape:
                    size *= dim.evaluate({})
                sizes[weight.name] = size
        return sum(sizes.values())


def prepared(compilation: Compilation, plan: ExperimentPlan) -> list[Prepared]:
    """All combinations, compiled.

    Raises:
        DlspecError: DL485 and the errors of the first combination that has any.
    """
    found: list[Prepared] = []
    for combination in plan.combinations():
        settings = compilation.settings | dict(combination.settings)
        one = Compilation(compilation.source, compilation.folder, settings)
        try:
            found.append(Prepared(combination, one, one.recipe(plan.recipe)))
        except DlspecError as error:
            failed = CombinationFails(plan.span, str(combination))
            raise DlspecError(failed, *error.diagnostics) from error
    return found


def run_experiment(
    plan: ExperimentPlan,
    every: Sequence[Prepared],
    folder: Path,
    options: TrainOptions,
    *,
    fresh: bool = False,
    on_run: Callable[[int, Prepared, int], None] = lambda number, one, seed: None,
    on_trial: Callable[[Trial, bool], None] = lambda trial, known: None,
) -> list[Trial]:
    """Train what is not trained yet.

    Args:
        every: the plan's combinations, as `prepared` gives them.
        folder: the experiment's own.
        options: of every run; their ``run_dir``, ``seed`` and ``resume`` are set here.
        fresh: begin anew, whatever the folder holds.
        on_run: hears the number of a run (from 1), its combination and seed before it begins.
        on_trial: hears what came of it, and whether that was known from before.

    Raises:
        DlspecError: DL486 when stopped, DL487 where the folder holds runs of another text, and
            everything that training may raise but a loss that is no number.
    """
    from dlspec.driver.training import open_splits, prove_steps

    opened: dict[str, Splits] = {}
    trials: list[Trial] = []
    names = folder_names([p.combination for p in every])
    for number, (index, one, seed) in enumerate(_runs(plan, every, options), start=1):
        place = folder / names[index] / str(seed)
        data = repr(one.recipe.data)
        if data not in opened:
            opened[data] = open_splits(one.compilation, one.recipe)
        print_ = fingerprint(one.recipe, seed, opened[data])
        settings = {
            n: v
            for n, v in one.compilation.settings.items()
            if n not in dict(one.combination.settings)
        }
        record = None if fresh else _record(place, print_, settings)
        kept = None if record is None else record.trial
        if kept is None:
            on_run(number, one, seed)
            resume = record is not None
            chosen = replace(
                options,
                run_dir=place,
                seed=seed,
                resume=resume,
                folder=one.compilation.folder,
            )
            try:
                if not resume and seed == _first(plan, one, options):
                    prove_steps(one.recipe, chosen)
                _keep(place, _Record(None, print_, settings))
                trial = _train(one, index, opened[data], chosen, number, plan, folder)
            except KeyboardInterrupt:  # before its first batch
                stopped = ExperimentInterrupted(None, number, plan.runs, str(folder))
                raise DlspecError(stopped) from None
            _keep(place, _Record(trial, print_, settings))
        else:
            trial = replace(kept, combination=index)
        trials.append(trial)
        on_trial(trial, kept is not None)
    return trials


def _first(plan: ExperimentPlan, one: Prepared, options: TrainOptions) -> int:
    return one.recipe.seed if options.seed is None else options.seed


def _runs(
    plan: ExperimentPlan, every: Sequence[Prepared], options: TrainOptions
) -> Iterator[tuple[int, Prepared, int]]:
    """All combinations with the first seed, then with the next: a table is soon whole."""
    for turn in range(plan.repeat):
        for index, one in enumerate(every):
            yield index, one, _first(plan, one, options) + turn


def _train(
    one: Prepared,
    index: int,
    splits: Splits,
    options: TrainOptions,
    number: int,
    plan: ExperimentPlan,
    folder: Path,
) -> Trial:
    from dlspec.train import train

    seed = 0 if options.seed is None else options.seed
    try:
        result = train(one.recipe, splits, options)
    except DlspecError as error:
        if any(isinstance(d, NotFinite) for d in error.diagnostics):
            return Trial(index, seed, {}, one.parameters, 0, 0.0, diverged=True)
        if any(isinstance(d, Interrupted) for d in error.diagnostics):
            stopped = ExperimentInterrupted(None, number, plan.runs, str(folder))
            raise DlspecError(stopped) from error
        raise
    metrics = {n: float(v) for n, v in result.metrics.items()}
    seconds = round(result.seconds, 3)
    return Trial(index, seed, metrics, one.parameters, result.epochs, seconds)


# --- what is kept ---------------------------------------------------------------------------------


def folder_names(combinations: list[Combination]) -> list[str]:
    """A name for each combination's folder, made of its values."""
    found: list[str] = []
    for combination in combinations:
        text = "-".join(combination.values.values()) or "as-it-is"
        name = re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-.")[:60]
        if not name or name in found:
            digest = hashlib.sha256(str(combination).encode()).hexdigest()[:8]
            name = f"{name}-{digest}".strip("-")
        found.append(name)
    return found


def fingerprint(plan: RecipePlan, seed: int, splits: Splits) -> dict[str, str]:
    """What a result depends on, by topic."""
    from dlspec.train.fingerprint import graph_digest, recipe_fingerprint

    graphs = [g for s in plan.all_steps for g in (s.learn, s.evaluate)]
    fields = sorted(
        {i.name for g in graphs for i in g.inputs if i.origin not in ("noise", "lengths")}
    )
    found = recipe_fingerprint(plan, seed, splits.train, fields)
    measured = dict.fromkeys(o.name for s in plan.all_steps for o in s.evaluate.outputs)
    found["metrics"] = ", ".join(measured)
    for step in plan.all_steps:
        found[f"what `{step.name}` measures"] = graph_digest(step.evaluate)
    for part in plan.parts:
        where = f" of stage `{part.name}`" if plan.stages else ""
        found[f"length{where}"] = f"{part.epochs} epochs, {part.max_steps} steps"
        if part.stop is not None:
            found[f"stop{where}"] = str(part.stop)
        settings = [
            f"{g.optimizer.kind} {dict(g.optimizer.settings)}" for s in part.steps for g in s.groups
        ]
        found[f"optimizer{where}"] = "; ".join(settings)
    return found


@dataclass(frozen=True)
class _Record:
    """What a run's folder holds besides the run: what came of it (None: it was begun), what it
    depends on by topic, and the settings from outside."""

    trial: Trial | None
    fingerprint: dict[str, str]
    settings: dict[str, str]


def _record(place: Path, now: dict[str, str], settings: dict[str, str]) -> _Record | None:
    """The record of a run that is done, or that was begun and has a checkpoint.

    Raises:
        DlspecError: DL487 for one of another text, or of other settings.
    """
    was = _read(place / RESULT, settings)
    if was is None and (place / "checkpoint.safetensors").is_file():
        was = _read(place / BEGUN, settings)
    if was is not None and was.fingerprint != now:
        made = setting_changes(was.settings, settings)
        which = "other settings" if made else "another text"
        changed = ", ".join(text_changes(was.fingerprint, now))
        raise DlspecError(ExperimentChanged(None, str(place), which, made, changed))
    return was


def _read(file: Path, settings: dict[str, str]) -> _Record | None:
    """A record; None for none, what is not ours, or half written: the run is done again."""
    try:
        read = json.loads(file.read_text("utf-8"))
        trial = None if file.name == BEGUN else Trial(**read["trial"])
        return _Record(trial, read["fingerprint"], dict(read.get("settings", settings)))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _keep(place: Path, record: _Record) -> None:
    from dlspec.train.rundir import write_text

    place.mkdir(parents=True, exist_ok=True)
    name = BEGUN if record.trial is None else RESULT
    write_text(place / name, json.dumps(asdict(record), indent=1) + "\n")
    if record.trial is not None:
        (place / BEGUN).unlink(missing_ok=True)
