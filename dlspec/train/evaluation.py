"""Losses and metrics of a data set."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dlspec.data.dataset import Array, Dataset
from dlspec.ir.figures import Tally
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
        """Each loss and metric over all examples, whatever batches they fall into."""
        import torch

        plan = self._program.plan
        tallies: dict[str, Tally] = {}
        rows: list[tuple[list[float], list[torch.Tensor]]] = []
        with torch.inference_mode(), self._precision.autocast():
            for index, batch in enumerate(self._feed.evaluate()):
                count = len(next(iter(batch.values()))) if batch else 0
                results: dict[str, tuple[float, torch.Tensor]] = {}
                for step, caller in zip(plan.steps, self._callers, strict=True):
                    given = caller(batch, index)
                    values = given if isinstance(given, tuple) else (given,)
                    for name, value in zip(metric_names(step), values, strict=True):
                        several = len(plan.steps) > 1 and name == "loss"
                        called = f"{step.name}.loss" if several else name
                        lengths = batch.get(step.per.get(name, ""))
                        weight = count if lengths is None else float(lengths.sum())
                        results.setdefault(called, (weight, value))
                        tallies.setdefault(called, Tally(step.figures.get(name, "mean")))
                parts = [results[n] for n in tallies]
                rows.append(([w for w, _ in parts], [v.float().reshape(-1) for _, v in parts]))
            if not rows:
                return {}
            table = torch.stack([torch.cat(values) for _, values in rows]).cpu().double().numpy()
        sizes = [len(v) for v in rows[0][1]]
        for (weights, _), row in zip(rows, table, strict=True):
            at = 0
            for tally, weight, size in zip(tallies.values(), weights, sizes, strict=True):
                tally.add(row[at : at + size] if size > 1 else row[at], weight)
                at += size
        return {name: tally.value for name, tally in tallies.items()}


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
            dataset,
            program.fields,
            plan.batch,
            chosen,
            place,
            memory_for_data(place),
            "evaluation",
            rooms=program.rooms,
        )
        return Measure(program.part(-1), feed, chosen)()
