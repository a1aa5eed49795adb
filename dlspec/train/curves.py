"""A picture of the history: losses on the left, metrics on the right."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dlspec.ir.figures import is_share, panels
from dlspec.ir.plan import RecipePlan
from dlspec.train.options import Row
from dlspec.train.rundir import write_file

_COLOURS = ("#2563eb", "#ea580c", "#16a34a", "#9333ea", "#0891b2", "#be123c")
_GREY = "#6b7280"


def draw_curves(path: Path, plan: RecipePlan, rows: Sequence[Row], best_epoch: int | None) -> None:
    """Replace the picture; nothing is drawn without rows, or where matplotlib is not installed."""
    if not rows:
        return
    try:
        from matplotlib.figure import Figure
    except ImportError:  # the picture is an extra; the numbers are in history.csv
        return
    names = [
        n
        for n in dict.fromkeys(k for row in rows for k in row)
        if n.startswith(("train.", "validation."))
    ]
    drawn = panels(names)
    figure = Figure(figsize=(5.2 * len(drawn), 3.6), layout="constrained", facecolor="white")
    figure.suptitle(plan.name, x=0.02, ha="left", fontsize=12, fontweight="bold")
    for axes, (title, shown) in zip(
        figure.subplots(1, len(drawn), squeeze=False)[0], drawn, strict=True
    ):
        _panel(axes, title, shown, rows, best_epoch)
        _stages(axes, rows, [stage.name for stage in plan.stages])
    picture = io.BytesIO()
    figure.savefig(picture, format="svg", metadata={"Date": None})
    write_file(path, lambda file: file.write(picture.getvalue()), flush=False)


def _stages(axes: Any, rows: Sequence[Row], names: Sequence[str]) -> None:
    """A line where a stage ends, and each one's name above its epochs."""
    begins = {int(row["stage"]): row["epoch"] for row in reversed(rows) if "stage" in row}
    for number, epoch in sorted(begins.items()):
        if number > 1:
            axes.axvline(epoch - 0.5, color=_GREY, lw=0.8, ls=":", zorder=0)
        name = names[number - 1] if len(begins) <= 6 else str(number)
        axes.annotate(
            name,
            (epoch - 0.5 if number > 1 else epoch, 1),
            xycoords=("data", "axes fraction"),
            xytext=(2, 2),
            textcoords="offset points",
            fontsize=7,
            color=_GREY,
        )


def _panel(
    axes: Any, title: str, names: Sequence[str], rows: Sequence[Row], best: int | None
) -> None:
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    for name, colour in zip(names, _COLOURS * (1 + len(names) // len(_COLOURS)), strict=False):
        points = [(row["epoch"], row[name]) for row in rows if name in row]
        mark = "o" if len(points) < 30 else None
        axes.plot(*zip(*points, strict=True), color=colour, lw=1.8, marker=mark, ms=3.5, label=name)
    if best is not None:
        axes.axvline(best, color=_GREY, lw=1, ls=(0, (4, 3)), zorder=0)
        axes.annotate(
            f"best: {best}",
            (best, 1),
            xycoords=("data", "axes fraction"),
            xytext=(3, -3),
            textcoords="offset points",
            va="top",
            fontsize=8,
            color=_GREY,
        )
    staged = any("stage" in row for row in rows)
    axes.set_title(title, loc="left", fontsize=10, color="#374151", pad=14 if staged else None)
    axes.set_xlabel("epoch", fontsize=9, color=_GREY)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if all(is_share(n) for n in names):
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#d1d5db")
    axes.tick_params(colors=_GREY, labelsize=8, length=3)
    axes.grid(axis="y", color="#e5e7eb", lw=0.8)
    axes.set_axisbelow(True)
    axes.legend(frameon=False, fontsize=8)
