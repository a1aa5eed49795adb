"""From a parsed file to plans: every network a graph, every recipe its objective graphs, engines
and checks attached.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dlspec.diagnostics import DlspecError, Sink, did_you_mean
from dlspec.diagnostics.meaning import TooLarge
from dlspec.diagnostics.names import NotYet, UnknownName, WrongKind
from dlspec.ir.builder import GraphBuilder
from dlspec.ir.data_plan import DataPlan
from dlspec.ir.experiment_plan import ExperimentPlan
from dlspec.ir.graph import Graph
from dlspec.ir.plan import CheckPlan, EnginePlan, NetworkPlan, RecipePlan
from dlspec.sema import apply
from dlspec.sema.arguments import Given, evaluate_arguments
from dlspec.sema.checks import Checker
from dlspec.sema.context import ENGINE, Context, Frame, Sites
from dlspec.sema.data import definition_plan
from dlspec.sema.elaborate import Elaborator
from dlspec.sema.engine import default_engine, engine_plan
from dlspec.sema.engine_subject import subject_of
from dlspec.sema.experiment import experiment_plan
from dlspec.sema.leftovers import unknown_override, warn_unread
from dlspec.sema.muffled import Muffled
from dlspec.sema.names import constant
from dlspec.sema.network import network_graph
from dlspec.sema.overrides import parsed
from dlspec.sema.program import Loader, Program
from dlspec.sema.recipe import SETTINGS as RECIPE_SETTINGS
from dlspec.sema.recipe import recipe_job
from dlspec.sema.values import Layer, Poisoned, written
from dlspec.source import SourceFile, Span
from dlspec.syntax import ast


@dataclass
class Spec:
    """What a spec means: networks, recipes, data and experiments by name."""

    source: SourceFile
    networks: dict[str, NetworkPlan] = field(default_factory=dict[str, NetworkPlan])
    recipes: dict[str, RecipePlan] = field(default_factory=dict[str, RecipePlan])
    data: dict[str, DataPlan] = field(default_factory=dict[str, DataPlan])
    experiments: dict[str, ExperimentPlan] = field(default_factory=dict[str, ExperimentPlan])


def analyse(
    source: SourceFile,
    sink: Sink,
    *,
    folder: Path | None = None,
    overrides: Mapping[str, str] | None = None,
) -> Spec:
    """The meaning of a spec; mistakes go to ``sink``.

    Args:
        source: the text.
        sink: collects every diagnostic; the result is whole only if it has no errors.
        folder: where imports are looked up; they may not leave it.
        overrides: settings given from outside (`--set epochs=30`, `--set lenet.units=5`), as text
            of the language.
    """
    loader = Loader(sink, folder)
    program = loader.load(source, folder)
    spec = Spec(source)
    if loader.damage.whole or any(not e.code.startswith("DL1") for e in sink.errors):
        return spec  # what could not be read would make names seem missing
    if loader.damage.names:
        sink = Muffled(sink, loader.damage.names)
    return _Analysis(program, sink, spec, parsed(overrides or {}, sink)).run()


class _Analysis:
    def __init__(
        self, program: Program, sink: Sink, spec: Spec, overrides: dict[str, ast.Expr]
    ) -> None:
        self.program = program
        self.sink = sink
        self.spec = spec
        self.overrides = overrides
        self.used_overrides: set[str] = set()
        self.whole: set[str] = set()
        for item in program.of_kind(ast.Data):
            self.data_overrides(item)
        self.sites: dict[str, Sites] = {}
        self.uses: dict[str, list[tuple[str, ast.Definition]]] = {}
        self.bound: dict[str, dict[str, Given]] = {}
        self.place = Span(self.spec.source, 0, 0)
        self.el = Elaborator(Context(program, sink, ENGINE, GraphBuilder("file"), Sites()))
        self.frame = Frame("file", "file", "", program)

    def run(self) -> Spec:
        """Constants, data, networks, recipes, engines, checks; each mistake is told."""
        for item in self.program.of_kind(ast.Const):
            self.place = item.name_span
            self.guarded(lambda item=item: constant(self.el, item, self.program))
        for item in self.program.of_kind(ast.Data):
            self.place = item.name_span
            self.guarded(lambda item=item: self.data(item))
        self.bound = self.recipe_networks()
        for definition in self.program.networks:
            settings = self.bound.get(definition.name)
            given = self.overrides.keys()
            required = [
                p
                for p in definition.settings
                if p.default is None and not {p.name, f"{definition.name}.{p.name}"} & given
            ]
            if settings is None and required:
                continue  # waits for settings that no recipe gives; another network may apply it
            self.place = definition.name_span
            self.guarded(lambda d=definition, s=settings or {}: self.network(d, s))
        for recipe in self.program.of_kind(ast.Recipe):
            self.place = recipe.name_span
            self.guarded(lambda recipe=recipe: self.recipe(recipe))
        for item in self.program.experiments:
            self.place = item.name_span
            self.guarded(lambda item=item: self.experiment(item))
        self.engines()
        self.checks()
        warn_unread(self.program, self.spec.source, self.sink)
        for name, expr in self.overrides.items():
            if name not in self.used_overrides:
                unknown_override(name, expr, self.program, self.spec.source, self.sink)
        return self.spec

    def guarded(self, work: Any) -> None:
        """Do a part; its mistakes are kept, and the next part goes on."""
        try:
            work()
        except DlspecError as error:
            for diagnostic in error.diagnostics:
                self.sink.report(diagnostic)
        except Poisoned:
            pass
        except RecursionError:
            self.sink.report(
                TooLarge(self.place, what="definitions and expressions nested so deep")
            )

    def data(self, item: ast.Data) -> None:
        """A data definition on its own, if its settings have defaults."""
        self.frame.program.failed.add(item.name)
        if all(p.default is not None for p in item.settings):
            self.spec.data[item.name] = definition_plan(item, (), self.el, self.frame)
        self.frame.program.failed.discard(item.name)

    def data_overrides(self, item: ast.Data) -> None:
        """Note what is given from outside to a data definition, as `size` or `points.size`."""
        for parameter in item.settings:
            whole = f"{item.name}.{parameter.name}"
            for key in (parameter.name, whole):
                if key in self.overrides and (key == whole or key not in RECIPE_SETTINGS):
                    self.used_overrides.add(key)
                    self.program.given[whole] = self.overrides[key]

    def experiment(self, item: ast.Experiment) -> None:
        """The plan of an experiment."""
        plan = experiment_plan(item, self.program, self.spec.recipes)
        self.spec.experiments[item.name] = plan

    # --- networks ---------------------------------------------------------------------------------

    def recipe_networks(self) -> dict[str, dict[str, Given]]:
        """The settings that recipes give their networks, by network."""
        found: dict[str, dict[str, Given]] = {}
        for recipe in self.program.of_kind(ast.Recipe):
            for use in recipe.networks:
                self.guarded(
                    lambda use=use, recipe=recipe: self._recipe_network(use, recipe, found)
                )
        return found

    def _recipe_network(
        self, use: ast.Use, recipe: ast.Recipe, found: dict[str, dict[str, Given]]
    ) -> None:
        value = use.value
        head = value.function if isinstance(value, ast.Call) else value
        names = [d.name for d in self.program.networks]
        definition = self.program.definitions.get(head.id) if isinstance(head, ast.Name) else None
        if isinstance(head, ast.Name) and isinstance(definition, ast.Recipe):
            raise DlspecError(WrongKind(head.span, "a network", f"the recipe `{head.id}`"))
        if not isinstance(definition, ast.Definition) or definition.kind != "network":
            # a setting of the recipe may hold the network: `recipe r(reader = lenet) for reader`
            parameter = next(
                (p for p in recipe.settings if isinstance(head, ast.Name) and p.name == head.id),
                None,
            )
            if parameter is not None and parameter.default is not None:
                override = self.overrides.get(parameter.name)
                if override is not None:
                    self.used_overrides.add(parameter.name)
                inner = ast.Use(
                    use.span, override or parameter.default, use.alias or parameter.name
                )
                self._recipe_network(
                    inner,
                    ast.Recipe(recipe.span, recipe.name, recipe.name_span, (), (), (), ()),
                    found,
                )
                return
            shown = head.id if isinstance(head, ast.Name) else head.span.text
            raise DlspecError(
                UnknownName(
                    head.span,
                    shown,
                    did_you_mean(shown, names),
                    f"the networks here are {', '.join(names)}"
                    if names
                    else "this file defines no network",
                )
            )
        frame = self.recipe_frame(recipe)
        given = value.arguments if isinstance(value, ast.Call) else ()
        arguments = evaluate_arguments(self.el, given, frame, None)
        layer = apply.call_definition(self.el, definition, arguments, value, frame, None)
        if not isinstance(layer, Layer):
            advice = "the recipe gives the inputs; write settings only"
            raise DlspecError(WrongKind(value.span, "a network", "an application", advice))
        settings: dict[str, Given] = layer.settings | self.network_overrides(definition)
        known = found.get(definition.name, settings)
        if {k: v for k, (v, _) in known.items()} != {k: v for k, (v, _) in settings.items()}:
            raise DlspecError(
                NotYet(use.span, f"`{definition.name}` with different settings in two recipes")
            )
        found[definition.name] = settings
        self.uses.setdefault(recipe.name, []).append((use.alias or definition.name, definition))

    def recipe_frame(self, recipe: ast.Recipe) -> Frame:
        """A recipe's settings in reach: `recipe r(units = 3) for net(units)`."""
        frame = Frame(recipe.name, "recipe", "", self.program)
        for parameter in recipe.settings:
            written = self.overrides.get(parameter.name, parameter.default)
            if written is not None:
                frame.names[parameter.name] = self.el.evaluate(written, frame)
        return frame

    def network_overrides(self, definition: ast.Definition) -> dict[str, Given]:
        """Settings of a network given from outside, as `units` or `lenet.units`."""
        found: dict[str, Given] = {}
        for parameter in definition.settings:
            for key in (parameter.name, f"{definition.name}.{parameter.name}"):
                if key in self.overrides and (key != parameter.name or key not in RECIPE_SETTINGS):
                    self.used_overrides.add(key)
                    expr = self.overrides[key]
                    found[parameter.name] = (self.el.evaluate(expr, self.frame), expr.span)
        return found

    def network(self, definition: ast.Definition, settings: dict[str, Given]) -> None:
        """The plan of a network."""
        settings = settings or self.network_overrides(definition)
        sites = self.sites.setdefault(definition.name, Sites())
        before = len(self.sink.errors)
        made = network_graph(
            self.program, self.sink, definition, settings, sites, definition.name_span
        )
        if len(self.sink.errors) == before:
            self.whole.add(definition.name)
        if made is not None:
            graph, frame = made
            shown = {p.name: written(frame.names.get(p.name)) for p in definition.settings}
            self.spec.networks[definition.name] = NetworkPlan(
                definition.name, graph, settings=shown, span=definition.name_span
            )

    # --- recipes ----------------------------------------------------------------------------------

    def recipe(self, recipe: ast.Recipe) -> None:
        """The plan of a recipe; its networks learn from it."""
        uses = self.uses.get(recipe.name, [])
        if not uses:
            if not recipe.networks:
                self.sink.report(
                    UnknownName(
                        recipe.name_span,
                        "for",
                        None,
                        "say which network learns: `recipe r for net on data`",
                    )
                )
            return
        networks: dict[str, tuple[ast.Definition, dict[str, Given]]] = {}
        for alias, definition in uses:
            networks[alias] = (definition, self.bound.get(definition.name, {}))
        known = {p.name for p in recipe.settings} | set(RECIPE_SETTINGS)
        mine = {}
        for key, expr in self.overrides.items():
            short = key.removeprefix(f"{recipe.name}.")
            if short in known:
                mine[short] = expr
                self.used_overrides.add(key)
        job = recipe_job(recipe, self.program, self.sink, networks, mine)
        plan = job.plan(
            lambda: {
                alias: self.spec.networks[d.name]
                for alias, d in uses
                if d.name in self.spec.networks
            }
        )
        if plan is not None:
            self.spec.recipes[recipe.name] = plan
            for _, definition in uses:
                if definition.name in self.spec.networks:
                    network = self.spec.networks[definition.name]
                    self.spec.networks[definition.name] = replace(network, recipe=plan)

    # --- engines and checks -----------------------------------------------------------------------

    def engines(self) -> None:
        """Attach each engine to its network; a network without one gets the default."""
        found: dict[str, list[EnginePlan]] = {}
        for engine in self.program.engines:
            self.guarded(lambda engine=engine: self._engine(engine, found))
        for name, network in self.spec.networks.items():
            plans = tuple(found.get(name, ())) or (default_engine(network.graph),)
            self.spec.networks[name] = replace(network, engines=plans)

    def _engine(self, engine: ast.Engine, found: dict[str, list[EnginePlan]]) -> None:
        name, recipe = subject_of(engine, self.program, self.uses)
        network = self.spec.networks.get(name) if name in self.whole else None
        if network is not None:  # of one with mistakes, the dimensions are not all known
            plan = engine_plan(engine, network.graph, self.el, self.frame)
            found.setdefault(network.name, []).append(replace(plan, recipe=recipe))

    def checks(self) -> None:
        """Decide the checks of compile time, attach the others."""

        def graph_of(
            definition: ast.Definition, settings: dict[str, Given], span: Span
        ) -> Graph | None:
            made = network_graph(self.program, self.sink, definition, settings, Sites(), span)
            return made[0] if made is not None else None

        networks, recipes = self.spec.networks, self.spec.recipes
        checker = Checker(self.el, self.frame, networks, recipes, graph_of)
        found: dict[str, list[CheckPlan]] = {}
        failed = bool(self.sink.errors)

        def one(check: ast.Check) -> None:
            try:
                read = checker.read(check)
            except DlspecError:
                if failed:  # what it is about failed already
                    return
                raise
            if read is not None:
                found.setdefault(read[0], []).append(read[1])

        for check in self.program.checks:
            self.guarded(lambda check=check: one(check))
        for name, plans in found.items():
            self.spec.networks[name] = replace(self.spec.networks[name], checks=tuple(plans))
