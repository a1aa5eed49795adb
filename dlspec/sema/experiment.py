"""`experiment name runs recipe { … }`: what changes, how often each is run, what is compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dlspec.diagnostics import DlspecError, did_you_mean
from dlspec.diagnostics.experiments import (
    AmbiguousFactor,
    FactorTwice,
    UnevenFactor,
    UnknownFactor,
    UnknownReport,
)
from dlspec.diagnostics.meaning import BadValue
from dlspec.diagnostics.names import (
    NotYet,
    TooManyArguments,
    UnknownName,
    UnknownSetting,
    WrongKind,
)
from dlspec.ir.experiment_plan import ExperimentPlan, Factor
from dlspec.ir.plan import RecipePlan
from dlspec.sema.program import Program
from dlspec.sema.recipe_body import SETTINGS as RECIPE_SETTINGS
from dlspec.source import Span
from dlspec.syntax import ast

MOST_RUNS = 10_000
CHANGING = tuple(s for s in RECIPE_SETTINGS if s not in ("metrics", "seed"))
"""What of a recipe's own settings may change; its metrics are what runs are compared by, and seeds
are what `repeat` gives."""
MEASURED_TOO = ("parameters", "seconds", "epochs")
PARTS = ("test", "validation")


@dataclass
class _Reader:
    """Reads one experiment."""

    item: ast.Experiment
    program: Program

    def plan(self, recipes: Mapping[str, RecipePlan]) -> ExperimentPlan:
        """The plan.

        Raises:
            DlspecError: with every mistake.
        """
        use = self.item.runs[0]
        if len(self.item.runs) > 1:
            raise DlspecError(NotYet(self.item.runs[1].span, "an experiment of several recipes"))
        recipe, given = self._recipe(use.value)
        known = self._settings(recipe, given)
        factors: list[Factor] = []
        places: dict[str, Span] = {}
        repeat, report = 1, tuple[str, ...]()
        for statement in self.item.body:
            if not isinstance(statement, ast.Assign) or statement.type is not None:
                raise DlspecError(
                    WrongKind(
                        statement.span,
                        "a line such as `units = 32, 64`",
                        f"`{statement.span.text.split(chr(10))[0]}`",
                    )
                )
            names = [".".join(t.path) for t in statement.targets]
            if names == ["repeat"]:
                repeat = _repeat(statement)
            elif names == ["report"]:
                report = tuple(
                    self._reported(v, recipe, recipes.get(recipe.name)) for v in statement.values
                )
            else:
                factors.append(self._factor(statement, recipe, known))
            for target, name in zip(statement.targets, names, strict=True):
                if name in places:
                    raise DlspecError(FactorTwice(target.span, name, places[name]))
                places[name] = target.span
        plan = ExperimentPlan(
            self.item.name,
            recipe.name,
            given,
            tuple(factors),
            repeat,
            report,
            self.item.name_span,
        )
        count = plan.runs
        if count > MOST_RUNS:
            limit = f"at most {MOST_RUNS:,} runs"
            raise DlspecError(BadValue(plan.span, plan.name, f"{count:,} runs", limit))
        return plan

    def _recipe(self, value: ast.Expr) -> tuple[ast.Recipe, dict[str, str]]:
        """The recipe that is run, and the settings that all its runs have."""
        head = value.function if isinstance(value, ast.Call) else value
        found = {r.name: r for r in self.program.of_kind(ast.Recipe)}
        name = head.id if isinstance(head, ast.Name) else head.span.text
        if name not in found:
            if name in self.program.definitions:
                raise DlspecError(WrongKind(head.span, "a recipe", f"`{name}`"))
            listed = f"the recipes here are {', '.join(found)}" if found else "there are no recipes"
            raise DlspecError(UnknownName(head.span, name, did_you_mean(name, found), listed))
        recipe = found[name]
        given: dict[str, str] = {}
        order = [p.name for p in recipe.settings]
        for position, argument in enumerate(value.arguments if isinstance(value, ast.Call) else ()):
            if argument.name is None and position >= len(order):
                raise DlspecError(TooManyArguments(argument.span, name, len(order)))
            key = argument.name or order[position]
            if key not in order:
                listed = ", ".join(f"`{o}`" for o in order)
                near = did_you_mean(key, order)
                raise DlspecError(UnknownSetting(argument.span, key, name, near, listed or None))
            given[key] = argument.value.span.text
        return recipe, given

    def _settings(self, recipe: ast.Recipe, given: Mapping[str, str]) -> dict[str, list[str]]:
        """What may change: the name as it is written, to the keys that `--set` takes."""
        found: dict[str, list[str]] = {p.name: [p.name] for p in recipe.settings}
        written = {t.name for s in recipe.body if isinstance(s, ast.Assign) for t in s.targets}
        for name in CHANGING:
            if name == "optimizer" and name not in written:
                continue  # each goal has its own, `with adam(0.01)`
            found.setdefault(name, [f"{recipe.name}.{name}"])
        passed = _passed_on(recipe)
        for definition in [*self._networks(recipe, given), *self._data(recipe)]:
            for parameter in definition.settings:
                key = f"{definition.name}.{parameter.name}"
                found[key] = [key]
                if parameter.name not in passed | {*CHANGING}:
                    found.setdefault(parameter.name, []).append(key)
        for name in [p.name for p in recipe.settings]:
            whole = f"{recipe.name}.{name}"
            if len(found[name]) > 1:  # the network's own setting of that name stays as it is
                found[name][0] = whole
                found[whole] = [whole]
            else:
                found[whole] = [name]
        return found

    def _data(self, recipe: ast.Recipe) -> list[ast.Data]:
        heads = [
            u.value.function if isinstance(u.value, ast.Call) else u.value for u in recipe.data
        ]
        named = [self.program.definitions.get(h.id) for h in heads if isinstance(h, ast.Name)]
        return [d for d in named if isinstance(d, ast.Data)]

    def _networks(self, recipe: ast.Recipe, given: Mapping[str, str]) -> list[ast.Definition]:
        held = {p.name: p.default for p in recipe.settings}
        found: list[ast.Definition] = []
        for use in recipe.networks:
            head = use.value.function if isinstance(use.value, ast.Call) else use.value
            name = head.id if isinstance(head, ast.Name) else ""
            if name in held:  # a setting of the recipe holds the network
                default = held[name]
                name = given.get(name, "" if default is None else default.span.text)
                name = name.partition("(")[0].strip()
            definition = self.program.definitions.get(name)
            if isinstance(definition, ast.Definition):
                found.append(definition)
        return found

    def _factor(
        self, statement: ast.Assign, recipe: ast.Recipe, known: Mapping[str, list[str]]
    ) -> Factor:
        names: list[str] = []
        keys: list[str] = []
        for target in statement.targets:
            name = ".".join(target.path)
            if name not in known:
                short = {k[0]: n for n, k in known.items() if "." not in n and len(k) == 1}
                shown = [n for n in known if n not in CHANGING and short.get(known[n][0], n) == n]
                shown += [n for n in ("epochs", "batch", "optimizer") if n in known]
                listed = ", ".join(f"`{n}`" for n in shown if len(known[n]) == 1)
                raise DlspecError(
                    UnknownFactor(target.span, name, recipe.name, did_you_mean(name, known), listed)
                )
            if len(known[name]) > 1:
                listed = " or ".join(f"`{k}`" for k in known[name])
                raise DlspecError(AmbiguousFactor(target.span, name, listed))
            names.append(name)
            keys.append(known[name][0])
        values: list[tuple[str, ...]] = []
        places: dict[tuple[str, ...], Span] = {}
        for value in statement.values:
            items = value.items if isinstance(value, ast.Tuple) else (value,)
            if len(items) != len(names):
                what = "one value" if len(items) == 1 else f"{len(items)} values"
                example = f"({', '.join('…' for _ in names)})"
                raise DlspecError(
                    UnevenFactor(value.span, ", ".join(names), len(names), what, example)
                )
            texts = tuple(i.span.text for i in items)
            if texts in places:
                told = f"{', '.join(names)} = {', '.join(texts)}"
                raise DlspecError(FactorTwice(value.span, told, places[texts]))
            places[texts] = value.span
            values.append(texts)
        return Factor(tuple(names), tuple(keys), tuple(values), statement.span)

    def _reported(self, value: ast.Expr, recipe: ast.Recipe, plan: RecipePlan | None) -> str:
        """`test.accuracy`, `validation.loss`, `parameters`."""
        name = value.span.text
        if plan is None:  # its own mistakes are told already
            return name
        measured = {m: None for s in plan.all_steps for m in (o.name for o in s.evaluate.outputs)}
        if len(plan.all_steps) > 1:
            for step in plan.all_steps:
                measured[f"{step.name}.loss"] = None
        known = [f"{part}.{m}" for part in PARTS for m in measured] + [*MEASURED_TOO]
        if name not in known:
            near = did_you_mean(name, known)
            listed = ", ".join(f"`{k}`" for k in known)
            raise DlspecError(UnknownReport(value.span, name, recipe.name, near, listed))
        return name


def _passed_on(recipe: ast.Recipe) -> set[str]:
    """The recipe's settings that it gives its networks and data: `for net(units)`."""
    calls = [u.value for u in (*recipe.networks, *recipe.data) if isinstance(u.value, ast.Call)]
    values = [a.value.id for c in calls for a in c.arguments if isinstance(a.value, ast.Name)]
    return {p.name for p in recipe.settings} & {*values}


def _repeat(statement: ast.Assign) -> int:
    """`repeat = 3 seeds`."""
    (value,) = statement.values[:1]
    fits = isinstance(value, (ast.Number, ast.Quantity)) and isinstance(value.value, int)
    unit = value.unit if isinstance(value, ast.Quantity) else "seeds"
    wanted = "a number of seeds: `repeat = 3 seeds`"
    if not fits or unit not in ("seed", "seeds") or len(statement.values) > 1:
        shown = ", ".join(v.span.text for v in statement.values)
        raise DlspecError(BadValue(value.span, "repeat", shown, wanted))
    assert isinstance(value, (ast.Number, ast.Quantity))
    if value.value < 1:
        raise DlspecError(BadValue(value.span, "repeat", value.span.text, wanted))
    return int(value.value)


def experiment_plan(
    item: ast.Experiment, program: Program, recipes: Mapping[str, RecipePlan]
) -> ExperimentPlan:
    """The plan of an experiment over the recipes of its spec; one that is wrong is left out of
    ``recipes``.

    Raises:
        DlspecError: DL480 to DL484 and those of settings.
    """
    return _Reader(item, program).plan(recipes)
