"""Losses and metrics of a data set: means over its examples."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dlspec.data.dataset import Array, Dataset
from dlspec.ir.plan import RecipePlan
from dlspec.train.feed import Feed, memory_for_data
from dlspec.train.machine import Choice, device_of, kept_settings
from dlspec.train.player import Caller, Precision
from dlspec.train.program import Program, flat, metric_names, program_of

if TYPE_CHECKING:
    import torch


def measured_names(plan: RecipePlan) -> list[str]:
    """The names of what `measure` gives: `loss` and the metrics, with several steps
    `<step>.loss`."""
    if len(plan.steps) == 1:
        return metric_names(plan.steps[0])
    found: dict[str, None] = {}
    for step in plan.steps:
        for name in metric_names(step):
            found.setdefault(f"{step.name}.loss" if name == "loss" else name)
    return list(found)


class Measure:
    """Measures a program on one data set."""

    def __init__(self, program: Program, feed: Feed, seed: int) -> None:
        self._program = program
        self._feed = feed
        self._precision = Precision(program.plan.precision, program.device)
        self._callers = [
            Caller(m, seed, f"evaluate/{s.name}", program.device)
            for m, s in zip(program.evaluate, program.plan.steps, strict=True)
        ]

    def __call__(self) -> dict[str, float]:
        """Each loss and metric: the mean over the batches, weighted by their numbers of examples
        (of steps, where it is a mean over steps)."""
        import torch

        plan = self._program.plan
        sums: dict[str, float] = dict.fromkeys(measured_names(plan), 0.0)
        rows: list[tuple[dict[str, float], list[torch.Tensor]]] = []
        with torch.inference_mode(), self._precision.autocast():
            for index, batch in enumerate(self._feed.evaluate()):
                count = len(next(iter(batch.values()))) if batch else 0
                results: dict[str, torch.Tensor] = {}
                weights: dict[str, float] = {}
                for step, caller in zip(plan.steps, self._callers, strict=True):
                    given = caller(batch, index)
                    values = given if isinstance(given, tuple) else (given,)
                    for name, value in zip(metric_names(step), values, strict=True):
                        several = len(plan.steps) > 1 and name == "loss"
                        called = f"{step.name}.loss" if several else name
                        results.setdefault(called, value)
                        lengths = batch.get(step.per.get(name, ""))
                        weights[called] = count if lengths is None else float(lengths.sum())
                rows.append((weights, [results[n].float() for n in sums]))
            if not rows:
                return {}
            table = torch.stack([torch.stack(values) for _, values in rows]).cpu().double().numpy()
        for (weights, _), values in zip(rows, table, strict=True):
            for name, value in zip(sums, values, strict=True):
                sums[name] += float(value) * weights[name]
        totals = {name: sum(weights[name] for weights, _ in rows) for name in sums}
        return {name: value / totals[name] for name, value in sums.items()}


def evaluate(
    plan: RecipePlan,
    weights: Mapping[str, Mapping[str, Array]],
    dataset: Dataset,
    *,
    device: str = "auto",
    seed: int | None = None,
    threads: int | None = None,
    source: Path | None = None,
) -> dict[str, float]:
    """Loss and metrics of trained weights (by network and key) on a data set.

    ``source`` is where the emitted module is written; without one, in a temporary folder.
    """
    import tempfile

    place = device_of(device)
    chosen = plan.seed if seed is None else seed
    with tempfile.TemporaryDirectory(prefix="dlspec-") as folder, kept_settings():
        program = program_of(plan, source or Path(folder) / "recipe.py", chosen, place)
        program.load(flat(weights))
        if threads:
            Choice(threads).apply()
        feed = Feed(
            dataset, program.fields, plan.batch, chosen, place, memory_for_data(place), "evaluation"
        )
        return Measure(program.part(-1), feed, chosen)()
