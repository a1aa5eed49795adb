"""What came of an experiment: a table to read, a table for programs, and a picture."""

from __future__ import annotations

import csv
import io
import math
import statistics
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dlspec.driver.experiment import Prepared, Trial
from dlspec.ir.experiment_plan import ExperimentPlan
from dlspec.ir.figures import falls, figure_text

WIDTH = 80
ROOM_OF_SETTINGS, NARROWEST = 40, 8


@dataclass(frozen=True)
class Figure:
    """One figure of a combination over its seeds."""

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Of all seeds that did not diverge."""
        return statistics.fmean(self.values)

    @property
    def spread(self) -> float:
        """The standard deviation between seeds; 0 of one."""
        return statistics.stdev(self.values) if len(self.values) > 1 else 0.0


def reported(plan: ExperimentPlan, trials: Sequence[Trial]) -> list[str]:
    """The figures that are compared: those asked for, else all of the test set, or what there
    is."""
    if plan.report:
        return list(plan.report)
    every = list(dict.fromkeys(n for t in trials for n in t.metrics))
    return [n for n in every if n.startswith("test.")] or every


def figures(trials: Sequence[Trial], count: int, name: str) -> list[Figure | None]:
    """A figure of each combination; None where no seed has it."""
    found: list[Figure | None] = []
    for index in range(count):
        own = [t for t in trials if t.combination == index]
        values = [t.value(name) for t in own if not t.diverged or name == "parameters"]
        given = tuple(v for v in values if v is not None)
        found.append(Figure(given) if given else None)
    return found


def best(name: str, row: Sequence[Figure | None]) -> int | None:
    """The combination that is best at a figure; None where all are alike, or alone."""
    there = {i: f.mean for i, f in enumerate(row) if f is not None and math.isfinite(f.mean)}
    if len(set(there.values())) < 2:
        return None
    less = falls(name) or "." not in name  # fewer parameters, seconds and epochs are better
    return (min if less else max)(there, key=lambda i: there[i])


def as_good(name: str, row: Sequence[Figure | None]) -> set[int]:
    """The combinations that are best at a figure: several where they are equal."""
    first = best(name, row)
    won = None if first is None else row[first]
    return {
        i for i, f in enumerate(row) if won is not None and f is not None and f.mean == won.mean
    }


def table(plan: ExperimentPlan, every: Sequence[Prepared], trials: Sequence[Trial]) -> str:
    """The combinations as rows, 80 columns wide; `*` marks the best of each figure."""
    names = reported(plan, trials)
    shown = [*names, *(n for n in ("parameters", "seconds") if n not in names)]
    head = [*(plan.names or ("",)), *shown]
    rows: list[list[str]] = []
    columns = [figures(trials, len(every), n) for n in shown]
    marked = {n: as_good(n, c) for n, c in zip(names, columns, strict=False)}
    for index, one in enumerate(every):
        cells = list(one.combination.values.values()) or ["as it is"]
        own = [t for t in trials if t.combination == index]
        lost = sum(t.diverged for t in own)
        for name, column in zip(shown, columns, strict=True):
            text = _figure_text(name, column[index])
            if name in names and lost:
                text = f"{text} ({lost} diverged)" if column[index] is not None else "diverged"
            cells.append(f"{text} {'*' if index in marked.get(name, ()) else ' '}")
        rows.append(cells)
    return _laid_out(head, rows, len(plan.names or ("",)), plan)


def _figure_text(name: str, figure: Figure | None) -> str:
    if figure is None:
        return "–"
    if name == "parameters":
        return f"{figure.mean:,.0f}"
    if name in ("seconds", "epochs"):
        return f"{figure.mean:.0f}" if figure.mean >= 10 else f"{figure.mean:.2g}"
    text = figure_text(name, figure.mean)
    if len(figure.values) < 2:
        return text
    if text.endswith("%"):
        return f"{text.removesuffix(' %')} ± {figure_text(name, figure.spread)}"
    decimals = 0 if "e" in text else len(text.partition(".")[2])
    if not decimals:
        return f"{text} ± {figure.spread:.2g}"
    return f"{figure.mean:.{decimals}f} ± {figure.spread:.{decimals}f}"


def _laid_out(
    head: Sequence[str], rows: Sequence[Sequence[str]], settings: int, plan: ExperimentPlan
) -> str:
    """Never wider than 80 columns: long settings go on in the next line, and figures for which
    there is no room in a table of their own."""
    cells = [list(head), *map(list, rows)]
    for row in cells[1:]:
        row[settings:] = [
            c.rstrip() if not any(r[i].endswith("*") for r in rows) else c
            for i, c in enumerate(row[settings:], start=settings)
        ]
    wide = [max(len(row[i]) for row in cells) for i in range(len(head))]
    room = WIDTH - sum(w + 2 for w in wide[settings:]) + 2
    while sum(w + 2 for w in wide[:settings]) > max(room, ROOM_OF_SETTINGS):
        longest = max(range(settings), key=lambda i: wide[i])
        if wide[longest] <= NARROWEST:
            break
        wide[longest] -= 1
    blocks: list[list[int]] = []
    for i in range(settings, len(head)):
        beside = [*range(settings), *blocks[-1], i] if blocks else []
        if not beside or sum(wide[j] + 2 for j in beside) - 2 > WIDTH:
            blocks.append([])
        blocks[-1].append(i)
    tables = ["\n".join(_block(cells, wide, settings, block)) for block in blocks]
    seeds = f"mean ± standard deviation of {plan.repeat} seeds" if plan.repeat > 1 else "one seed"
    return "\n\n".join([*tables, f"{seeds}; * is best"]) + "\n"


def _block(
    cells: Sequence[Sequence[str]], wide: Sequence[int], settings: int, figures_: Sequence[int]
) -> list[str]:
    lines: list[str] = []
    under = 0
    for number, row in enumerate(cells):
        folded = [textwrap.wrap(row[i], wide[i]) or [""] for i in range(settings)]
        for turn in range(max(map(len, folded))):
            parts = [
                (f[turn] if turn < len(f) else "").ljust(w)
                for f, w in zip(folded, wide, strict=False)
            ]
            parts += [row[i].rjust(wide[i]) if turn == 0 else "" for i in figures_]
            lines.append("  ".join(parts).rstrip())
        if number == 0:
            under = len(lines)
    lines.insert(under, "─" * max(map(len, lines)))
    return lines


def shortened(text: str, width: int) -> str:
    """The text, cut where it is longer."""
    return text if len(text) <= width else text[: width - 1] + "…"


def as_csv(plan: ExperimentPlan, every: Sequence[Prepared], trials: Sequence[Trial]) -> str:
    """One line a run: its settings, seed, all figures, and `ok` or `diverged`."""
    measured = list(dict.fromkeys(n for t in trials for n in t.metrics))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    own = ("parameters", "epochs", "seconds")
    writer.writerow([*plan.names, "seed", *measured, *own, "status"])
    for trial in sorted(trials, key=lambda t: (t.combination, t.seed)):
        values = every[trial.combination].combination.values.values()
        figures_ = [trial.metrics.get(n, "") for n in measured]
        rest = (trial.parameters, trial.epochs, trial.seconds)
        status = "diverged" if trial.diverged else "ok"
        writer.writerow([*values, trial.seed, *figures_, *rest, status])
    return text.getvalue()


def write_results(
    folder: Path, plan: ExperimentPlan, every: Sequence[Prepared], trials: Sequence[Trial]
) -> list[Path]:
    """Write the table, the CSV and, with matplotlib, the picture; what was written."""
    from dlspec.driver.experiment_plot import draw
    from dlspec.train.rundir import write_text

    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / "results.txt", folder / "results.csv"]
    write_text(written[0], f"{plan.name}: runs {plan.recipe}\n\n" + table(plan, every, trials))
    write_text(written[1], as_csv(plan, every, trials))
    return [*written, *draw(folder / "results.png", plan, every, trials)]
