"""`load net.part from "build/other"`: weights to begin with, by the path below the part.

The source may be the part itself (a bundle of the encoder alone), or have the part in it (under the
same path, or in a layer of the part's name). The one that fits most counts.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.train import LoadedPartly, LoadFitsNothing, LoadMissing
from dlspec.ir.plan import LoadPlan, RecipePlan
from dlspec.train.options import hash_weights
from dlspec.train.start_weights import listed, read_weights, renamed

Array = NDArray[Any]
Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Loaded:
    """What a `load` found: weights by their names in the recipe. ``left`` are names of the source,
    near what was taken, that nothing of the recipe takes."""

    plan: LoadPlan
    path: Path
    weights: Mapping[str, Array]
    left: tuple[str, ...]
    warning: LoadedPartly | None

    @property
    def line(self) -> str:
        """What was done, in a line."""
        count, all_of = len(self.weights), len(self.plan.keys)
        how_many = f"all {count}" if count == all_of else f"{count} of {all_of}"
        rest = f"; not taken: {listed(self.left)}" if self.left else ""
        return f"loaded {how_many} weights of {self.plan.part} from {self.plan.source}{rest}"

    @property
    def topic(self) -> str:
        """What its content is called among what may not change."""
        return topic_of(self.plan)

    @property
    def content(self) -> str:
        """Says which weights they are."""
        return hash_weights(self.weights)[:16]


def topic_of(plan: LoadPlan) -> str:
    """What the content of a `load` is called among what may not change."""
    return f"weights loaded into `{plan.part}`"


def place_of(plan: LoadPlan, folder: Path | None) -> Path:
    """Where a source is: a relative path begins at the spec's folder."""
    return (folder or Path.cwd()) / plan.source


def missing_sources(plan: RecipePlan, folder: Path | None) -> list[LoadMissing]:
    """What is not there of what a recipe loads."""
    found: list[LoadMissing] = []
    for load in plan.loads:
        path = place_of(load, folder)
        if path.exists():
            continue
        here = Path(load.source)
        beside = None
        if folder is not None and not here.is_absolute() and here.exists():
            beside = os.path.relpath(here.resolve(), folder.resolve())
        near = (
            sorted(p.name for p in path.parent.iterdir() if p.is_dir())
            if (path.parent.is_dir())
            else []
        )
        found.append(LoadMissing(load.span, load.source, str(path), listed(near), beside))
    return found


def load_all(plan: RecipePlan, folder: Path | None) -> list[Loaded]:
    """The weights of every `load` of a recipe, in order.

    Raises:
        DlspecError: DL411 for sources that are not there, DL412 where nothing fits, and what a
            damaged bundle raises.
    """
    missing = missing_sources(plan, folder)
    if missing:
        raise DlspecError(*missing)
    graphs = [g for s in plan.all_steps for g in (s.learn, s.evaluate)]
    shapes = {w.name: _shape(w.type.shape) for g in graphs for w in g.weights}
    return [_loaded(load, place_of(load, folder), shapes) for load in plan.loads]


def _loaded(plan: LoadPlan, path: Path, shapes: Shapes) -> Loaded:
    source = read_weights(path)
    wanted = {k: shapes[k] for k in plan.keys if k in shapes}
    there = {n: a.shape for n, a in source.items()}
    begin = plan.part if all(k.startswith(f"{plan.part}.") for k in wanted) else _parent(plan.part)
    below = {k: k[len(begin) + 1 :] for k in wanted}

    def names(prefix: str) -> dict[str, str]:
        return {k: f"{prefix}.{b}" if prefix else b for k, b in below.items()}

    def fitting(prefix: str) -> dict[str, str]:
        return {k: n for k, n in names(prefix).items() if there.get(n) == wanted[k]}

    prefix = max(_places(begin, there), key=lambda p: len(fitting(p)))
    fits = fitting(prefix)
    lacking = {k: wanted[k] for k in wanted if k not in fits}
    own = f"{prefix}." if prefix else ""
    left = {n: s for n, s in there.items() if n.startswith(own) and n not in fits.values()}
    other = [
        f"`{k}` is {list(wanted[k])} here and {list(there[n])} there"
        for k, n in names(prefix).items()
        if n in there and k in lacking
    ]
    again = renamed(lacking, left)
    if not fits:
        raise DlspecError(
            LoadFitsNothing(
                plan.span, plan.part, str(path), listed(list(there)), listed(other), again
            )
        )
    warning = None
    if lacking:
        warning = LoadedPartly(
            plan.span,
            plan.part,
            str(path),
            len(lacking),
            listed(list(lacking)),
            listed(other),
            again,
        )
    taken = {k: source[n] for k, n in fits.items()}
    return Loaded(plan, path, taken, tuple(left), warning)


def _places(part: str, there: Iterable[str]) -> list[str]:
    """Where a part may be in a source, the most exact first: under its own path, with and without
    the network's name; as the whole; in a layer of its name; in the only network there."""
    within = part.partition(".")[2]
    last = part.rpartition(".")[2]
    scopes = {n[:at] for n in there for at, letter in enumerate(n) if letter == "."}
    roots = {n.partition(".")[0] for n in there}
    root = roots.pop() if len(roots) == 1 else ""
    named = sorted(s for s in scopes if s.rpartition(".")[2] == last)
    found = [part, within, "", *named, root, f"{root}.{within}" if root and within else ""]
    return list(dict.fromkeys(p for p in found if not p or p in scopes)) or [""]


def _parent(part: str) -> str:
    return part.rpartition(".")[0]


def _shape(shape: Iterable[Any]) -> tuple[int, ...]:
    return tuple(d.value for d in shape)
