"""The picture of an experiment: a panel for each figure, its seeds as points."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dlspec.driver.experiment import Prepared, Trial
from dlspec.ir.experiment_plan import ExperimentPlan
from dlspec.ir.figures import is_share

_BLUE, _ORANGE, _GREY, _PALE = "#2563eb", "#ea580c", "#6b7280", "#e5e7eb"
_COLOURS = (_BLUE, _ORANGE, "#16a34a", "#9333ea", "#0891b2", "#be123c")


def draw(
    path: Path, plan: ExperimentPlan, every: Sequence[Prepared], trials: Sequence[Trial]
) -> list[Path]:
    """Replace the picture; nothing is drawn where matplotlib is not installed, or all diverged.

    A setting of three or more numbers is an axis, with a line for each combination of the others;
    else each combination is a row.
    """
    from dlspec.driver.experiment_results import reported

    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:  # the picture is an extra; the numbers are in the table
        return []
    names = [n for n in reported(plan, trials) if any(t.value(n) is not None for t in trials)]
    if not names:
        return []
    lined = _number_setting(plan, every)
    height = 3.6 if lined is not None else 1.3 + 0.34 * len(every)
    figure = Figure(figsize=(5.6 * len(names), height), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    figure.suptitle(plan.name, x=0.02, ha="left", fontsize=12, fontweight="bold")
    panels = figure.subplots(1, len(names), squeeze=False)[0]
    for number, (axes, name) in enumerate(zip(panels, names, strict=True)):
        if lined is None:
            _rows(axes, name, every, trials, labelled=number == 0)
        else:
            _lines(axes, name, lined, plan, every, trials)
        _dressed(axes, name, lined)
    from dlspec.train.rundir import write_file

    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=160, metadata={"Software": None})
    write_file(path, lambda file: file.write(picture.getvalue()), flush=False)
    return [path]


def _number_setting(plan: ExperimentPlan, every: Sequence[Prepared]) -> str | None:
    """The setting that is an axis: the first whose values are numbers, three or more, and that
    changes alone."""
    for factor in plan.factors:
        numbers = all(_number(v[0]) is not None for v in factor.values)
        if len(factor.names) == 1 and len(factor.values) >= 3 and numbers:
            return factor.names[0]
    return None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _rows(
    axes: Any, name: str, every: Sequence[Prepared], trials: Sequence[Trial], *, labelled: bool
) -> None:
    from dlspec.driver.experiment_results import as_good, figures

    row = figures(trials, len(every), name)
    won = as_good(name, row)
    for index, found in enumerate(row):
        if found is None:
            axes.annotate(
                "diverged",
                (0.02, index),
                xycoords=("axes fraction", "data"),
                va="center",
                fontsize=8,
                color=_ORANGE,
            )
            continue
        colour = _ORANGE if index in won else _BLUE
        axes.plot(
            found.values, [index] * len(found.values), "o", ms=4, color=colour, alpha=0.35, mew=0
        )
        axes.errorbar(
            found.mean,
            index,
            xerr=found.spread or None,
            fmt="D",
            ms=5,
            color=colour,
            capsize=3,
            lw=1.4,
        )
    axes.set_ylim(len(every) - 0.5, -0.5)
    labels = [", ".join(p.combination.values.values()) or "as it is" for p in every]
    axes.set_yticks(range(len(every)), labels if labelled else [""] * len(every))


def _lines(
    axes: Any,
    name: str,
    lined: str,
    plan: ExperimentPlan,
    every: Sequence[Prepared],
    trials: Sequence[Trial],
) -> None:
    from dlspec.driver.experiment_results import figures

    row = figures(trials, len(every), name)
    groups: dict[str, list[tuple[float, int]]] = {}
    for index, one in enumerate(every):
        values = dict(one.combination.values)
        x = _number(values.pop(lined))
        assert x is not None
        label = ", ".join(f"{n} = {v}" for n, v in values.items())
        groups.setdefault(label, []).append((x, index))
    for number, (label, points) in enumerate(groups.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        there = [(x, f) for x, i in sorted(points) if (f := row[i]) is not None]
        if not there:
            continue
        axes.errorbar(
            [x for x, _ in there],
            [f.mean for _, f in there],
            yerr=[f.spread for _, f in there] if plan.repeat > 1 else None,
            marker="o",
            ms=4,
            lw=1.8,
            capsize=2.5,
            elinewidth=1.1,
            color=colour,
            label=label or None,
        )
    lost = {x for points in groups.values() for x, i in points if row[i] is None}
    for x in lost:
        axes.annotate(
            "diverged",
            (x, 0.03),
            xycoords=("data", "axes fraction"),
            ha="center",
            rotation=90,
            fontsize=8,
            color=_ORANGE,
        )
    levels = sorted({x for points in groups.values() for x, _ in points})
    if levels[0] > 0 and levels[-1] >= 8 * levels[0]:
        axes.set_xscale("log")
    axes.set_xticks(levels, [f"{x:g}" for x in levels])
    axes.minorticks_off()
    if any(groups):
        axes.legend(frameon=False, fontsize=8)


def _dressed(axes: Any, name: str, lined: str | None) -> None:
    from matplotlib.ticker import PercentFormatter

    along = axes.xaxis if lined is None else axes.yaxis
    if is_share(name):
        along.set_major_formatter(PercentFormatter(1.0))
        low, high = axes.get_xlim() if lined is None else axes.get_ylim()
        low = max(low, -0.03 * high)  # no share is below 0 %: room for a point on it
        (axes.set_xlim if lined is None else axes.set_ylim)(low, high)
    axes.set_title(name, loc="left", fontsize=10, color="#374151")
    if lined is not None:
        axes.set_xlabel(lined, fontsize=9, color=_GREY)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#d1d5db")
    axes.tick_params(colors=_GREY, labelsize=8, length=3)
    axes.grid(axis="x" if lined is None else "y", color=_PALE, lw=0.8)
    axes.set_axisbelow(True)
