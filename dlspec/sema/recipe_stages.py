"""Stages of a recipe, which follow one another, and the weights that it begins with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.names import MisplacedStatement, WrongKind
from dlspec.diagnostics.recipes import NotInStage, StageTwice
from dlspec.sema.context import Frame
from dlspec.sema.values import describe
from dlspec.source import Span
from dlspec.syntax import ast

if TYPE_CHECKING:
    from dlspec.sema.recipe_body import RecipeElaborator

WHOLE = ("seed", "precision", "init")
"""Settings of the whole recipe."""
LENGTHS = ("epochs", "steps")
"""How long a stage learns: who says one of them says it instead of the recipe's."""


@dataclass(frozen=True)
class Loading:
    """A `load`, with its source and the names that its choice may read."""

    statement: ast.Load
    source: str
    names: Mapping[str, Any]


@dataclass
class Settings:
    """The settings of a recipe as written: by name, with the value's place.

    ``stages`` holds those of each stage, in the order in which they follow one another. ``names``
    are those that the values may read; ``given`` the settings from outside, which come first.
    """

    written: dict[str, tuple[ast.Expr, Span]] = field(
        default_factory=dict[str, tuple[ast.Expr, Span]]
    )
    several: dict[str, tuple[ast.Expr, ...]] = field(
        default_factory=dict[str, tuple[ast.Expr, ...]]
    )
    stages: dict[str, Settings] = field(default_factory=dict[str, "Settings"])
    names: Mapping[str, Any] = field(default_factory=dict[str, Any])
    given: set[str] = field(default_factory=set[str])
    place: Span | None = None

    def keep(self, name: str, statement: ast.Assign) -> None:
        """Keep a setting, unless it is there already."""
        self.written.setdefault(name, (statement.values[0], statement.span))
        self.several.setdefault(name, statement.values)

    def give(self, name: str, expr: ast.Expr) -> None:
        """Take a setting from outside, which counts before what is written."""
        self.given.add(name)
        self.written[name] = (expr, expr.span)
        self.several[name] = (expr,)

    def of(self, stage: str) -> Settings:
        """The settings that count in a stage: those inside override those outside."""
        if not stage:
            return self
        inner = self.stages[stage]
        replaced = set(inner.written) - self.given
        if replaced & set(LENGTHS):
            replaced |= set(LENGTHS) - self.given
        written = {n: v for n, v in self.written.items() if n not in replaced}
        several = {n: v for n, v in self.several.items() if n not in replaced}
        for name, value in inner.written.items():
            if name in replaced:
                written[name], several[name] = value, inner.several[name]
        return Settings(written, several, names=inner.names, place=inner.place)


def carry_out(el: RecipeElaborator, statement: ast.Turn, frame: Frame) -> None:
    """`stage warm { … }`: its goals, settings and metrics; what it names ends with it."""
    if el.stage or el.step:
        where = f"stage `{el.stage}`" if el.stage else f"step `{el.step}`"
        raise DlspecError(
            MisplacedStatement(
                statement.name_span, "stage", where, "stages follow one another in the recipe"
            )
        )
    name = statement.name + "".join(f"[{r}]" for r in frame.rounds)
    settings = el.settings.stages.setdefault(name, Settings(place=statement.name_span))
    if name in el.measured:
        raise DlspecError(StageTwice(statement.name_span, name, settings.place))
    el.measured[name] = {}
    if el.only is not None and el.only != name:
        return
    before = dict(frame.names)
    el.stage = name
    try:
        for inner in statement.body:
            if isinstance(inner, ast.Assign) and inner.targets[0].name in WHOLE:
                el.context.sink.report(NotInStage(inner.span, inner.targets[0].name))
        el.run(statement.body, frame)
        settings.names = dict(frame.names)
        el.measured[name] = el.metrics(frame)
    finally:
        el.stage = ""
        frame.names.clear()
        frame.names.update(before)


def keep_load(el: RecipeElaborator, statement: ast.Load, frame: Frame) -> None:
    """`load net.part from "build/other"`: kept with the names that it may read."""
    if el.stage or el.step:
        where = f"stage `{el.stage}`" if el.stage else f"step `{el.step}`"
        advice = "weights are loaded before the first stage: write it above the stages"
        raise DlspecError(MisplacedStatement(statement.span, "load", where, advice))
    source = el.evaluate(statement.source, frame)
    if not isinstance(source, str) or not source.strip():
        raise DlspecError(
            WrongKind(
                statement.source.span, 'the folder of a bundle, `"build/net"`', describe(source)
            )
        )
    el.loads.append(Loading(statement, source, dict(frame.names)))
