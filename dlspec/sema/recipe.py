"""Recipes: what is minimised, over what, with what. A recipe's body becomes objective graphs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

from dlspec.diagnostics import DlspecError, Sink, did_you_mean
from dlspec.diagnostics.meaning import (
    ChoosesNothing,
    NoGoal,
    NoOptimizer,
)
from dlspec.diagnostics.names import (
    NotYet,
    UnreadName,
    WrongKind,
)
from dlspec.diagnostics.recipes import GoalOutsideStage, StageWithoutGoal
from dlspec.dims import Dim
from dlspec.ir.builder import GraphBuilder
from dlspec.ir.data_plan import DataPlan
from dlspec.ir.figures import Figure
from dlspec.ir.graph import Graph, Output, Parameter, Value, pruned
from dlspec.ir.plan import (
    GroupPlan,
    LoadPlan,
    NetworkPlan,
    RecipePlan,
    StepPlan,
)
from dlspec.sema.advice import advice
from dlspec.sema.arguments import Given
from dlspec.sema.bindings import bound_places, names_read
from dlspec.sema.context import EVALUATE, LEARN, Context, Frame, Mode, Sites
from dlspec.sema.data import DataFields, data_fields
from dlspec.sema.elaborate import Elaborator
from dlspec.sema.inputs import input_names
from dlspec.sema.program import Program
from dlspec.sema.recipe_body import SETTINGS, Goal, RecipeElaborator
from dlspec.sema.recipe_settings import SettingReader
from dlspec.sema.recipe_stages import Loading, Settings
from dlspec.sema.values import (
    Choice,
    Layer,
    describe,
)
from dlspec.syntax import ast


@dataclass
class Elaborated:
    """One mode of a recipe: goals, metrics, and the weights by key."""

    goals: list[Goal]
    metrics: dict[str, Value]
    graph: Graph
    weights: dict[str, Value]
    per: dict[str, str]
    figures: dict[str, Figure]
    answers: dict[str, tuple[str, ...]]
    loads: list[Loading]


@dataclass
class RecipeJob:
    """A recipe with its settings bound, ready to be elaborated in each mode."""

    recipe: ast.Recipe
    program: Program
    sink: Sink
    frame_names: dict[str, Any]
    networks: dict[str, Layer]
    data: dict[str, tuple[DataPlan, DataFields]]
    overrides: Mapping[str, ast.Expr]
    sites: Sites = field(default_factory=Sites)
    settings: Settings = field(default_factory=Settings)
    used: set[str] = field(default_factory=set[str])

    def reader(self, stage: str = "", names: Mapping[str, Any] | None = None) -> SettingReader:
        """Reads the settings of a stage that the last elaboration found."""
        settings = self.settings.of(stage)
        known = dict(self.frame_names | dict(names or settings.names))
        frame = Frame(self.recipe.name, "recipe", "", self.program, known)
        context = Context(self.program, self.sink, LEARN, GraphBuilder("setting"), self.sites)
        return SettingReader(settings, Elaborator(context), frame, self.sink)

    def elaborate(
        self, mode: Mode, frozen: tuple[str, ...] = (), only: str | None = None
    ) -> Elaborated:
        """The graph of one mode, of one stage or of all."""
        builder = GraphBuilder(self.recipe.name, "objective")
        context = Context(self.program, self.sink, mode, builder, self.sites)
        context.frozen = frozen
        fields = {n: f for n, (_, f) in self.data.items()}
        for name, expr in self.overrides.items():
            if name in SETTINGS:
                self.settings.give(name, expr)
        el = RecipeElaborator(context, self.networks, fields, self.settings)
        el.only = only
        frame = Frame(self.recipe.name, "recipe", "", self.program, dict(self.frame_names))
        frame.later = bound_places(self.recipe.body)
        kinds = [k for f in fields.values() for k in f.types.values()]
        frame.dims = {s: Dim.of(s) for k in kinds for d in k.shape for s in d.symbols}
        el.missing_from = frame
        if self.recipe.data:
            el.sources_at = self.recipe.data[0].span.to(self.recipe.data[-1].span)
        el.run(self.recipe.body, frame)
        if only is None:
            metrics = {} if self.settings.stages else el.metrics(frame)
            self._unread(el, frame)
        else:
            metrics = el.measured[only]
        return Elaborated(
            el.goals,
            metrics,
            builder.graph,
            context.weights,
            el.per,
            el.figures,
            el.answers(),
            el.loads,
        )

    def _unread(self, el: RecipeElaborator, frame: Frame) -> None:
        written = names_read(self.recipe.body) if self.sink.errors else set[str]()
        read_by_networks = {
            n
            for layer in self.networks.values()
            if isinstance(layer.definition, ast.Definition)
            for n in input_names(layer.definition)
        }
        for name, span in frame.bound.items():
            if name in frame.read or name in read_by_networks or name in written:
                continue  # where a mistake stood in the way, whoever names it may have read it
            near = did_you_mean(name, SETTINGS)
            self.sink.report(UnreadName(span, name, near))

    def plan(self, networks: Callable[[], Mapping[str, NetworkPlan]]) -> RecipePlan | None:
        """The recipe's plan; None where a mistake stood in the way (it is in the sink)."""
        learn = self.elaborate(LEARN)
        if not learn.goals:
            if not self.sink.errors:
                self.sink.report(NoGoal(self.recipe.name_span, self.recipe.name))
            self.reader().numbers()
            if "optimizer" in self.settings.written:
                self.reader().optimizer(self.settings.written["optimizer"][0])
            return None
        self._staged(learn)
        stages = {name: self.part(name, learn) for name in self.settings.stages}
        loads = tuple(p for load in learn.loads if (p := self.load(load, learn)) is not None)
        last = list(stages.values())[-1] if stages else self.part("", learn)
        if last is None or self.sink.errors:
            return None
        made = networks()
        parts = tuple(replace(s, networks=made) for s in stages.values() if s is not None)
        return replace(
            last,
            name=self.recipe.name,
            networks=made,
            stages=parts,
            loads=loads,
            span=self.recipe.name_span,
        )

    def _staged(self, learn: Elaborated) -> None:
        """Each goal has its stage, and each stage a goal."""
        places = self.settings.stages
        if not places:
            return
        for goal in learn.goals:
            if not goal.stage:
                first = next(iter(places.values())).place
                self.sink.report(GoalOutsideStage(goal.statement.span, first))
        with_goal = {goal.stage for goal in learn.goals}
        for name, settings in places.items():
            if name not in with_goal and not self.sink.errors:
                self.sink.report(StageWithoutGoal(settings.place, name))

    def part(self, stage: str, whole: Elaborated) -> RecipePlan | None:
        """The plan of a stage, or of a recipe without; None where a mistake stood in the way."""
        only = stage or None
        learn = whole if only is None else self.elaborate(LEARN, only=only)
        groups = [self.groups(goal, whole) for goal in learn.goals]
        moved = {k for group in groups for g in group for k in g.parameters}
        parameters = [k for k, v in whole.weights.items() if isinstance(v, Parameter)]
        frozen = frozen_scopes(parameters, moved)
        if frozen:
            learn = self.elaborate(LEARN, frozen, only)
        evaluate = self.elaborate(EVALUATE, frozen, only)
        numbers = self.reader(stage).numbers()
        if self.sink.errors:
            return None
        for warning in advice(learn.graph):
            self.sink.report(warning)
        steps: list[StepPlan] = []
        for goal, judged, group in zip(learn.goals, evaluate.goals, groups, strict=True):
            metrics = [Output(n, v) for n, v in evaluate.metrics.items()]
            taught = pruned(learn.graph, [Output("loss", goal.loss)])
            steps.append(
                StepPlan(
                    goal.step or stage or self.recipe.name,
                    taught,
                    pruned(evaluate.graph, [Output("loss", judged.loss), *metrics]),
                    _reached(group, taught),
                    goal.times,
                    _per(evaluate, goal.step),
                    {n: f for n, f in evaluate.figures.items() if f != "mean"},
                    evaluate.answers,
                )
            )
        data = next(iter(self.data.values()))[0] if self.data else None
        return RecipePlan(
            stage or self.recipe.name,
            {},
            data,
            tuple(steps),
            metrics=tuple(evaluate.metrics),
            span=self.settings.of(stage).place or self.recipe.name_span,
            **numbers,
        )

    def load(self, loading: Loading, learn: Elaborated) -> LoadPlan | None:
        """What a `load` fills: parameters and buffers below a layer."""
        statement = loading.statement
        keys = self.chosen(statement.choice, list(learn.weights), loading.names)
        value = self.choice(statement.choice, loading.names) if keys else None
        if value is None:
            return None
        return LoadPlan(value.prefix, tuple(keys), loading.source, statement.span)

    # --- what goals are over ----------------------------------------------------------------------

    def groups(self, goal: Goal, learn: Elaborated) -> tuple[GroupPlan, ...]:
        """The parameters that a goal changes, each with its optimiser; the first group that fits a
        parameter counts.
        """
        keys = [k for k, v in learn.weights.items() if isinstance(v, Parameter)]
        statement = goal.statement
        default = statement.optimizer
        reader = self.reader(goal.stage, goal.names)
        if default is None and "optimizer" in reader.settings.written:
            default = reader.settings.written["optimizer"][0]
        if not statement.over:
            if default is None:
                self.sink.report(NoOptimizer(statement.span))
                return ()
            made = reader.optimizer(default)
            return (GroupPlan(tuple(keys), made),) if made else ()
        found: list[GroupPlan] = []
        taken: set[str] = set()
        for position, group in enumerate(statement.over):
            later = [g.optimizer for g in statement.over[position:] if g.optimizer is not None]
            written = later[0] if later else default
            if written is None:
                self.sink.report(NoOptimizer(group.span))
                continue
            chosen = [k for k in self.chosen(group.choice, keys, goal.names) if k not in taken]
            taken.update(chosen)
            made = reader.optimizer(written)
            if made is not None and chosen:
                found.append(GroupPlan(tuple(chosen), made))
        return tuple(found)

    def choice(self, expr: ast.Expr, names: Mapping[str, Any]) -> Choice | None:
        """What a choice such as `net.head` or `net["*.bias"]` means; a mistake is told."""
        known = self.frame_names | {n: v for n, v in names.items() if n not in self.networks}
        sink_frame = Frame(self.recipe.name, "recipe", "", self.program, known)
        context = Context(self.program, self.sink, LEARN, GraphBuilder("choice"), self.sites)
        fields = {n: f for n, (_, f) in self.data.items()}
        el = RecipeElaborator(context, self.networks, fields, self.settings)
        el.missing_from = sink_frame
        try:
            value = el.evaluate(expr, sink_frame)
        except DlspecError as error:
            for diagnostic in error.diagnostics:
                self.sink.report(diagnostic)
            return None
        if isinstance(value, Layer) and value.path is not None:
            value = Choice(value.path, None, expr.span.text)
        if not isinstance(value, Choice):
            self.sink.report(
                WrongKind(expr.span, "a layer or a choice of parameters", describe(value))
            )
            return None
        return value

    def chosen(self, expr: ast.Expr, keys: list[str], names: Mapping[str, Any]) -> list[str]:
        """The keys that a choice means."""
        value = self.choice(expr, names)
        if value is None:
            return []
        found = [
            k
            for k in keys
            if (k == value.prefix or k.startswith(value.prefix + "."))
            and (value.pattern is None or fnmatchcase(k[len(value.prefix) + 1 :], value.pattern))
        ]
        if not found:
            near = did_you_mean(value.prefix, {k.rsplit(".", n)[0] for k in keys for n in (1, 2)})
            listed = ", ".join(f"`{k}`" for k in keys[:8]) + (", …" if len(keys) > 8 else "")
            self.sink.report(ChoosesNothing(expr.span, value.text, listed, near))
        return found


def _reached(groups: tuple[GroupPlan, ...], learn: Graph) -> tuple[GroupPlan, ...]:
    """The groups, with those parameters alone that a loss reads."""
    read = {p.name for p in learn.parameters}
    kept = [(g, tuple(k for k in g.parameters if k in read)) for g in groups]
    return tuple(replace(g, parameters=keys) for g, keys in kept if keys)


def _per(evaluate: Elaborated, step: str) -> dict[str, str]:
    """What is a mean over steps, by the name that it has in the plan of a step: `loss`, metrics."""
    inputs = {i.name for i in evaluate.graph.inputs if i.origin == "lengths"}
    own = {"loss": evaluate.per.get(f"{step}_loss" if step else "loss")}
    own |= {name: evaluate.per.get(name) for name in evaluate.metrics}
    return {name: lengths for name, lengths in own.items() if lengths in inputs}


def frozen_scopes(keys: list[str], moved: set[str]) -> tuple[str, ...]:
    """The outermost scopes with parameters of which none is changed: they run as in the engine."""
    moving = {scope for key in moved for scope in scopes(key)}
    found: dict[str, None] = {}
    for key in keys:
        if key not in moved:
            outermost = next((s for s in scopes(key) if s not in moving), None)
            if outermost is not None:
                found.setdefault(outermost)
    return tuple(found)


def scopes(key: str) -> list[str]:
    """The layers that a parameter is in, the outermost first: `net`, `net.head`."""
    parts = key.split(".")
    return [".".join(parts[:depth]) for depth in range(1, len(parts))]


def recipe_job(
    recipe: ast.Recipe,
    program: Program,
    sink: Sink,
    networks: Mapping[str, tuple[ast.Definition, dict[str, Given]]],
    overrides: Mapping[str, ast.Expr],
) -> RecipeJob:
    """Bind a recipe's settings, networks and data. ``networks`` maps aliases to definitions with
    settings' values.
    """
    frame = Frame(recipe.name, "recipe", "", program)
    context = Context(program, sink, LEARN, GraphBuilder("settings"), Sites())
    el = Elaborator(context)
    for parameter in recipe.settings:
        written = overrides.get(parameter.name, parameter.default)
        if written is None:
            from dlspec.diagnostics.names import MissingArgument

            raise DlspecError(MissingArgument(parameter.span, parameter.name, recipe.name))
        frame.names[parameter.name] = el.evaluate(written, frame)
    layers: dict[str, Layer] = {}
    for alias, (definition, settings) in networks.items():
        layers[alias] = Layer(definition, settings, alias, recipe.name_span)
    data: dict[str, tuple[DataPlan, DataFields]] = {}
    for use in recipe.data:
        plan, fields = data_fields(use, program, el, frame)
        data[fields.name] = (plan, fields)
    if len(recipe.data) > 1:
        raise DlspecError(NotYet(recipe.data[1].span, "several sources of data in one recipe"))
    return RecipeJob(recipe, program, sink, frame.names, layers, data, overrides)
