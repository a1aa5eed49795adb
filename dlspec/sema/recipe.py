"""Recipes: what is minimised, over what, with what. A recipe's body becomes objective graphs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from dlspec.diagnostics import DlspecError, Sink, did_you_mean
from dlspec.diagnostics.meaning import (
    BadValue,
    ChoosesNothing,
    NoGoal,
    NoOptimizer,
    NotMean,
    SeveralGoals,
)
from dlspec.diagnostics.names import (
    AmbiguousName,
    NotYet,
    UnknownSetting,
    UnreadName,
    WrongKind,
)
from dlspec.dims import Dim
from dlspec.ir.builder import GraphBuilder
from dlspec.ir.data_plan import DataPlan
from dlspec.ir.graph import Graph, Output, Parameter, Value, pruned
from dlspec.ir.plan import (
    EarlyStop,
    GroupPlan,
    NetworkPlan,
    OptimizerPlan,
    Quantity,
    RecipePlan,
    Schedule,
    StepPlan,
)
from dlspec.ops import REGISTRY
from dlspec.sema import apply, tensors
from dlspec.sema.context import EVALUATE, LEARN, Context, Frame, Mode, Sites
from dlspec.sema.data import DataFields, data_fields
from dlspec.sema.elaborate import Elaborator, bound_places, names_read
from dlspec.sema.program import Program
from dlspec.sema.values import (
    Choice,
    Layer,
    Namespace,
    Poisoned,
    Record,
    Tensor,
    describe,
    is_number,
)
from dlspec.source import Span
from dlspec.syntax import ast

SETTINGS = ("batch", "epochs", "steps", "stop", "optimizer", "metrics", "precision", "seed")
LATER = ("clip", "accumulate", "buckets", "keep", "warm_up", "act", "search")
OPTIMIZERS: dict[str, dict[str, float | bool]] = {
    "sgd": {"lr": 0.01, "momentum": 0.0, "nesterov": False, "decay": 0.0},
    "adam": {"lr": 0.001, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "decay": 0.0},
}
OPTIMIZERS_LATER = ("rmsprop", "adagrad", "adamw", "adadelta", "lbfgs")


@dataclass
class Goal:
    """A `minimize` of one elaboration: its loss as a scalar, and what was written around it."""

    step: str
    loss: Value
    statement: ast.Goal
    times: int = 1


@dataclass
class Elaborated:
    """One mode of a recipe: goals, metrics, and the weights by key."""

    goals: list[Goal]
    metrics: dict[str, Value]
    graph: Graph
    weights: dict[str, Value]


@dataclass
class Settings:
    """The settings of a recipe as written: by name, with the value's place."""

    written: dict[str, tuple[ast.Expr, Span]] = field(
        default_factory=dict[str, tuple[ast.Expr, Span]]
    )
    several: dict[str, tuple[ast.Expr, ...]] = field(
        default_factory=dict[str, tuple[ast.Expr, ...]]
    )


class RecipeElaborator(Elaborator):
    """A recipe's body: networks are layers, fields are tensors, and `logits` is the only network's value."""

    def __init__(
        self,
        context: Context,
        networks: Mapping[str, Layer],
        fields: Mapping[str, DataFields],
        settings: Settings,
    ) -> None:
        super().__init__(context)
        self.networks = networks
        self.fields = fields
        self.settings = settings
        self.goals: list[Goal] = []
        self.step = ""
        self.applied: dict[tuple[Any, ...], Record] = {}
        self.missing_from: Frame | None = None

    # --- names ------------------------------------------------------------------------------------

    def lookup(self, expr: ast.Name, frame: Frame) -> Any:
        """Own bindings, then networks and data, then fields, then the values of the only network."""
        name = expr.id
        if frame.kind != "recipe" or name in frame.names or name in frame.absent:
            return super().lookup(expr, frame)
        frame.read.add(name)
        if name in self.networks:
            return self.networks[name]
        if name in self.fields:
            found = self.fields[name]
            return Namespace(name, {f: Tensor(self.field(f)) for f in found.types})
        field_of = next((d for d in self.fields.values() if name in d.types), None)
        if len(self.networks) == 1:
            alias, layer = next(iter(self.networks.items()))
            definition = layer.definition
            assert isinstance(definition, ast.Definition)
            places = bound_places(definition.body)
            if name in places and name not in apply.input_names(definition):
                if field_of is not None and _is_output(definition, name):
                    raise DlspecError(
                        AmbiguousName(
                            expr.span, name, f"{field_of.name}.{name}", f"{alias}().{name}"
                        )
                    )
                if field_of is None:
                    record = self.automatic(alias, layer, expr, frame)
                    value = record.names.get(name)
                    if value is not None:
                        from dlspec.sema.values import POISON, Family

                        if value is POISON:
                            raise Poisoned
                        return (
                            Family(name, record.rounds[name], value)
                            if name in record.rounds
                            else value
                        )
        if field_of is not None:
            return Tensor(self.field(name))
        return super().lookup(expr, frame)

    def field(self, name: str) -> Value:
        """A field of the data as an input of the graph, made when it is first read."""
        builder = self.context.builder
        for value in builder.graph.inputs:
            if value.name == name and value.origin == "data":
                return value
        found = next(d for d in self.fields.values() if name in d.types)
        kind = found.types[name]
        return builder.input(
            name, kind.dtype, Dim.of("N"), *kind.shape, classes=found.classes.get(name)
        )

    def automatic(self, alias: str, layer: Layer, node: ast.Node, frame: Frame) -> Record:
        """The only network applied to what has its inputs' names; the same inputs give the same application."""
        definition = layer.definition
        assert isinstance(definition, ast.Definition)
        own = tuple(
            (n, id(frame.names[n])) for n in apply.input_names(definition) if n in frame.names
        )
        key = (alias, own)
        if key not in self.applied:
            target = frame.target
            empty = apply.Arguments(None, [], {})
            self.applied[key] = apply.apply_layer_definition(self, layer, empty, node, frame, None)
            frame.target = target
        return self.applied[key]

    def missing_input(self, statement: ast.Input, frame: Frame) -> Value:
        """A network applied without an input takes the own name or field of that name."""
        outer = self.missing_from
        if outer is not None and statement.name in outer.names:
            outer.read.add(statement.name)
            value: Any = outer.names[statement.name]
        elif any(statement.name in d.types for d in self.fields.values()):
            value = Tensor(self.field(statement.name))
        else:
            known = [n for d in self.fields.values() for n in d.types]
            from dlspec.diagnostics.names import MissingArgument

            listed = ", ".join(f"`{n}`" for n in known) or "none"
            raise DlspecError(
                MissingArgument(
                    statement.name_span,
                    statement.name,
                    frame.owner,
                    advice=f"in a recipe it comes from a field of that name; the fields are {listed}",
                )
            )
        from dlspec.sema.types import unify

        tensor = self.tensor(value, statement.span)
        unify(
            statement.name, statement.type, tensor.type, statement.name_span, frame, self.evaluate
        )
        return tensor

    def extra_names(self, frame: Frame) -> list[str]:
        """Fields, networks and their values."""
        names = [*self.networks, *self.fields, *(n for d in self.fields.values() for n in d.types)]
        for layer in self.networks.values():
            if isinstance(layer.definition, ast.Definition):
                names += bound_places(layer.definition.body)
        return names

    def advice(self, name: str, frame: Frame) -> str | None:
        """In a recipe: what the data has."""
        if frame.kind != "recipe":
            return None
        known = [n for d in self.fields.values() for n in d.types]
        return f"the fields of the data are {', '.join(known)}" if known else None

    # --- statements -------------------------------------------------------------------------------

    def assign(self, statement: ast.Assign, frame: Frame) -> None:
        """A setting is kept as written; anything else is a name."""
        if frame.kind == "recipe" and len(statement.targets) == 1:
            name = statement.targets[0].name
            if name in LATER:
                raise DlspecError(NotYet(statement.span, f"the setting `{name}`"))
            if name in SETTINGS:
                self.settings.written.setdefault(name, (statement.values[0], statement.span))
                self.settings.several.setdefault(name, statement.values)
                return
        super().assign(statement, frame)

    def other(self, statement: ast.Statement, frame: Frame) -> None:
        """Goals and turns."""
        match statement:
            case ast.Goal() if frame.kind == "recipe":
                self.goal(statement, frame)
            case ast.Turn(kind="step") if frame.kind == "recipe":
                outer, self.step = self.step, statement.name
                times = 1
                own: list[ast.Statement] = []
                for inner in statement.body:
                    if isinstance(inner, ast.Assign) and inner.targets[0].name == "times":
                        value = self.evaluate(inner.values[0], frame)
                        if not isinstance(value, int) or value < 1:
                            raise DlspecError(
                                BadValue(
                                    inner.span, "times", describe(value), "a whole number from 1"
                                )
                            )
                        times = value
                    else:
                        own.append(inner)
                try:
                    before = len(self.goals)
                    self.run(tuple(own), frame)
                    for goal in self.goals[before:]:
                        goal.times = times
                finally:
                    self.step = outer
            case ast.Turn():
                raise DlspecError(NotYet(statement.name_span, "a `stage`"))
            case ast.Load():
                raise DlspecError(
                    NotYet(
                        statement.span,
                        "`load`",
                        "`dlspec train --init-from BUNDLE` begins with other weights",
                    )
                )
            case _:
                super().other(statement, frame)

    def goal(self, statement: ast.Goal, frame: Frame) -> None:
        """`minimize …`: the mean of what is left, as a scalar."""
        if statement.duration is not None:
            raise DlspecError(NotYet(statement.duration.span, "`for … steps` after a goal"))
        frame.target = "loss" if not self.step else f"{self.step}_loss"
        value = self.evaluate(statement.objective, frame)
        loss = self.mean(value, statement.objective, "a goal", frame)
        if statement.sense == "maximize":
            loss = tensors.as_tensor(
                self.context.builder,
                apply.apply_op(
                    self,
                    REGISTRY["neg"](),
                    [(Tensor(loss), statement.span)],
                    {},
                    f"{frame.target}.neg",
                    statement.span,
                ),
                statement.span,
            )
        self.name_value(loss, frame.target, statement.span)
        for goal in self.goals:
            if goal.step == self.step:
                raise DlspecError(SeveralGoals(statement.span, goal.statement.span))
        self.goals.append(Goal(self.step, loss, statement))

    def mean(self, value: Any, expr: ast.Expr, what: str, frame: Frame) -> Value:
        """The mean over examples and all axes, a float scalar."""
        tensor = self.tensor(value, expr.span)
        if not tensor.type.dtype.is_float:
            raise DlspecError(NotMean(expr.span, what, str(tensor.type)))
        if tensor.type.rank == 0:
            return tensor
        axes = tuple(range(tensor.type.rank))
        made = REGISTRY["mean"](axis=axes)  # type: ignore[call-arg]
        result = apply.apply_op(
            self, made, [(Tensor(tensor), expr.span)], {}, f"{frame.target}.mean", expr.span
        )
        return tensors.as_tensor(self.context.builder, result, expr.span)

    def metrics(self, frame: Frame) -> dict[str, Value]:
        """The metrics as scalars, each named by its function or its name."""
        found: dict[str, Value] = {}
        for expr in self.settings.several.get("metrics", ()):
            items = expr.items if isinstance(expr, (ast.Tuple, ast.List)) else (expr,)
            for item in items:
                name = _metric_name(item)
                label, ordinal = name, 1
                while label in found or label == "loss":
                    ordinal += 1
                    label = f"{name}{ordinal}"
                frame.target = label
                try:
                    found[label] = self.mean(self.evaluate(item, frame), item, "a metric", frame)
                    self.name_value(found[label], label, item.span)
                except DlspecError as error:
                    for diagnostic in error.diagnostics:
                        self.context.sink.report(diagnostic)
                except Poisoned:
                    pass
        return found


def _metric_name(expr: ast.Expr) -> str:
    if isinstance(expr, ast.Call):
        return _metric_name(expr.function)
    if isinstance(expr, ast.Attribute):
        return expr.name
    if isinstance(expr, ast.Name):
        return expr.id
    if isinstance(expr, ast.Pipe):
        return _metric_name(expr.function)
    return "metric"


def _is_output(definition: ast.Definition, name: str) -> bool:
    def outputs(body: tuple[ast.Statement, ...]) -> bool:
        for statement in body:
            inner = statement.statement if isinstance(statement, ast.Guarded) else statement
            if isinstance(inner, ast.Output) and inner.target.name == name:
                return True
            if isinstance(inner, ast.If) and (outputs(inner.body) or outputs(inner.orelse)):
                return True
            if isinstance(inner, ast.For) and outputs(inner.body):
                return True
        return False

    return outputs(definition.body)


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

    def elaborate(self, mode: Mode, frozen: tuple[str, ...]) -> Elaborated:
        """The graph of one mode."""
        builder = GraphBuilder(self.recipe.name, "objective")
        context = Context(self.program, self.sink, mode, builder, self.sites)
        context.frozen = frozen
        fields = {n: f for n, (_, f) in self.data.items()}
        for name, expr in self.overrides.items():
            if name in SETTINGS:
                self.settings.written[name] = (expr, expr.span)
                self.settings.several[name] = (expr,)
        el = RecipeElaborator(context, self.networks, fields, self.settings)
        frame = Frame(self.recipe.name, "recipe", "", self.program, dict(self.frame_names))
        frame.later = bound_places(self.recipe.body)
        el.missing_from = frame
        el.run(self.recipe.body, frame)
        metrics = el.metrics(frame)
        self._unread(el, frame)
        return Elaborated(el.goals, metrics, builder.graph, context.weights)

    def _unread(self, el: RecipeElaborator, frame: Frame) -> None:
        written = names_read(self.recipe.body) if self.sink.errors else set[str]()
        read_by_networks = {
            n
            for layer in self.networks.values()
            if isinstance(layer.definition, ast.Definition)
            for n in apply.input_names(layer.definition)
        }
        for name, span in frame.bound.items():
            if name in frame.read or name in read_by_networks or name in written:
                continue  # where a mistake stood in the way, whoever names it may have read it
            near = did_you_mean(name, SETTINGS)
            self.sink.report(UnreadName(span, name, near))

    def plan(self, networks: Callable[[], Mapping[str, NetworkPlan]]) -> RecipePlan | None:
        """The recipe's plan; None where a mistake stood in the way (it is in the sink)."""
        learn = self.elaborate(LEARN, ())
        if not learn.goals:
            if not self.sink.errors:
                self.sink.report(NoGoal(self.recipe.name_span, self.recipe.name))
            self.numbers()
            if "optimizer" in self.settings.written:
                self.optimizer(self.settings.written["optimizer"][0])
            return None
        groups = [self.groups(goal, learn) for goal in learn.goals]
        moved = {k for group in groups for g in group for k in g.parameters}
        parameters = [k for k, v in learn.weights.items() if isinstance(v, Parameter)]
        frozen = frozen_scopes(parameters, moved)
        if frozen:
            learn = self.elaborate(LEARN, frozen)
        evaluate = self.elaborate(EVALUATE, frozen)
        if self.sink.errors:
            return None
        numbers = self.numbers()
        steps: list[StepPlan] = []
        for goal, judged, group in zip(learn.goals, evaluate.goals, groups, strict=True):
            metrics = [Output(n, v) for n, v in evaluate.metrics.items()]
            steps.append(
                StepPlan(
                    goal.step or self.recipe.name,
                    pruned(learn.graph, [Output("loss", goal.loss)]),
                    pruned(evaluate.graph, [Output("loss", judged.loss), *metrics]),
                    group,
                    goal.times,
                )
            )
        data = next(iter(self.data.values()))[0] if self.data else None
        return RecipePlan(
            self.recipe.name,
            networks(),
            data,
            tuple(steps),
            metrics=tuple(evaluate.metrics),
            span=self.recipe.name_span,
            **numbers,
        )

    # --- what goals are over ------------------------------------------------------------------------

    def groups(self, goal: Goal, learn: Elaborated) -> tuple[GroupPlan, ...]:
        """The parameters that a goal changes, each with its optimiser; the first group that fits a parameter counts."""
        keys = [k for k, v in learn.weights.items() if isinstance(v, Parameter)]
        statement = goal.statement
        default = statement.optimizer
        if default is None and "optimizer" in self.settings.written:
            default = self.settings.written["optimizer"][0]
        if not statement.over:
            if default is None:
                self.sink.report(NoOptimizer(statement.span))
                return ()
            made = self.optimizer(default)
            return (GroupPlan(tuple(keys), made),) if made else ()
        found: list[GroupPlan] = []
        taken: set[str] = set()
        for position, group in enumerate(statement.over):
            later = [g.optimizer for g in statement.over[position:] if g.optimizer is not None]
            written = later[0] if later else default
            if written is None:
                self.sink.report(NoOptimizer(group.span))
                continue
            chosen = [k for k in self.chosen(group.choice, keys) if k not in taken]
            taken.update(chosen)
            made = self.optimizer(written)
            if made is not None and chosen:
                found.append(GroupPlan(tuple(chosen), made))
        return tuple(found)

    def chosen(self, expr: ast.Expr, keys: list[str]) -> list[str]:
        """The keys that a choice such as `net.head` or `net["*.bias"]` means."""
        sink_frame = Frame(self.recipe.name, "recipe", "", self.program, dict(self.frame_names))
        context = Context(self.program, self.sink, LEARN, GraphBuilder("choice"), self.sites)
        el = RecipeElaborator(context, self.networks, {}, self.settings)
        try:
            value = el.evaluate(expr, sink_frame)
        except DlspecError as error:
            for diagnostic in error.diagnostics:
                self.sink.report(diagnostic)
            return []
        if isinstance(value, Layer) and value.path is not None:
            value = Choice(value.path, None, expr.span.text)
        if not isinstance(value, Choice):
            self.sink.report(
                WrongKind(expr.span, "a layer or a choice of parameters", describe(value))
            )
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

    # --- settings -------------------------------------------------------------------------------------

    def value_of(self, expr: ast.Expr) -> Any:
        """A compile-time value of a setting."""
        frame = Frame(self.recipe.name, "recipe", "", self.program, dict(self.frame_names))
        context = Context(self.program, self.sink, LEARN, GraphBuilder("setting"), self.sites)
        return Elaborator(context).evaluate(expr, frame)

    def optimizer(self, expr: ast.Expr) -> OptimizerPlan | None:
        """`adam(0.001)`, `sgd(0.01, momentum = 0.9)`."""
        try:
            return self._optimizer(expr)
        except DlspecError as error:
            for diagnostic in error.diagnostics:
                self.sink.report(diagnostic)
        except Poisoned:
            pass
        return None

    def _optimizer(self, expr: ast.Expr) -> OptimizerPlan:
        call = expr if isinstance(expr, ast.Call) else None
        name = call.function if call is not None else expr
        if isinstance(name, ast.Name) and name.id in OPTIMIZERS_LATER:
            raise DlspecError(NotYet(expr.span, f"the optimiser `{name.id}`"))
        if not isinstance(name, ast.Name) or name.id not in OPTIMIZERS:
            near = did_you_mean(name.id, OPTIMIZERS) if isinstance(name, ast.Name) else None
            raise DlspecError(
                BadValue(
                    expr.span,
                    "optimizer",
                    expr.span.text,
                    "`adam(0.001)` or `sgd(0.01, momentum = 0.9)`",
                    f"did you mean `{near}`?" if near else None,
                )
            )
        settings: dict[str, float | bool | Schedule] = dict(OPTIMIZERS[name.id])
        order = list(settings)
        for position, argument in enumerate(call.arguments if call is not None else ()):
            key = argument.name or (order[position] if position < len(order) else "")
            if key not in settings:
                raise DlspecError(
                    UnknownSetting(
                        argument.span,
                        argument.name or argument.span.text,
                        name.id,
                        did_you_mean(key, order),
                        ", ".join(f"`{o}`" for o in order),
                    )
                )
            value = self.value_of(argument.value)
            if isinstance(value, Schedule) and key != "nesterov":
                settings[key] = self.schedule(value, argument.span)
                continue
            wants_flag = isinstance(settings[key], bool)
            if wants_flag != isinstance(value, bool) or (not wants_flag and not is_number(value)):
                expected = "true or false" if wants_flag else "a number"
                raise DlspecError(BadValue(argument.span, key, describe(value), expected))
            in_unit = key in ("momentum", "beta1", "beta2")
            if not wants_flag and (
                value < 0 or (in_unit and value >= 1) or (key == "lr" and value == 0)
            ):
                expected = (
                    "from 0 up to, not including, 1"
                    if in_unit
                    else "above 0"
                    if key == "lr"
                    else "at least 0"
                )
                raise DlspecError(BadValue(argument.span, key, describe(value), expected))
            settings[key] = value if wants_flag else float(value)
        if settings.get("nesterov") and not settings.get("momentum"):
            raise DlspecError(
                BadValue(
                    expr.span,
                    "nesterov",
                    "true without momentum",
                    "a momentum above 0",
                    "add `momentum = 0.9`",
                )
            )
        return OptimizerPlan(name.id, settings, expr.span)  # type: ignore[arg-type]

    def schedule(self, value: Schedule, span: Span) -> Schedule:
        """A schedule whose arguments make sense."""
        numbers = [a for a in value.arguments if not isinstance(a, Quantity)]
        spans = [a for a in value.arguments if isinstance(a, Quantity)]
        wanted = {"linear": 2, "cosine": 1, "halving": 1}[value.kind]
        if len(numbers) != wanted or (value.kind == "linear") != (len(spans) == 1):
            expected = {
                "linear": "`linear(from, to, 10 epochs)`",
                "cosine": "`cosine(from)`",
                "halving": "`halving(from, every = …)`",
            }[value.kind]
            raise DlspecError(BadValue(span, value.kind, span.text, expected))
        for quantity in spans:
            if quantity.unit not in ("epochs", "epoch", "steps", "step") or quantity.value <= 0:
                raise DlspecError(
                    BadValue(
                        span, value.kind, span.text, "a duration such as `10 epochs` or `500 steps`"
                    )
                )
        return value

    def numbers(self) -> dict[str, Any]:
        """Batch, epochs, stop, precision, seed: checked, for the plan."""
        found: dict[str, Any] = {}
        for key, (expr, _) in self.settings.written.items():
            try:
                if key in ("batch", "epochs", "steps", "seed"):
                    value = self.value_of(expr)
                    if isinstance(value, Quantity) and value.unit.rstrip("s") == key.rstrip("s"):
                        value = int(value.value)
                    least = 0 if key == "seed" else 1
                    if not isinstance(value, int) or isinstance(value, bool) or value < least:
                        raise DlspecError(
                            BadValue(
                                expr.span, key, describe(value), f"a whole number from {least}"
                            )
                        )
                    found["max_steps" if key == "steps" else key] = value
                elif key == "precision":
                    found[key] = _precision(expr)
                elif key == "stop":
                    found[key] = self.early(expr)
            except DlspecError as error:
                for diagnostic in error.diagnostics:
                    self.sink.report(diagnostic)
        if "epochs" not in found and "max_steps" not in found:
            found["epochs"] = 10
        return found

    def early(self, expr: ast.Expr) -> EarlyStop:
        """`early(patience = 5, watch = validation.loss)`."""
        wrong = BadValue(
            expr.span, "stop", expr.span.text, "`early(patience = 5, watch = validation.loss)`"
        )
        if (
            not isinstance(expr, ast.Call)
            or not isinstance(expr.function, ast.Name)
            or expr.function.id != "early"
        ):
            raise DlspecError(wrong)
        patience, watch = 5, "validation.loss"
        for position, argument in enumerate(expr.arguments):
            key = argument.name or ("patience", "watch", "")[min(position, 2)]
            if key == "patience":
                value = self.value_of(argument.value)
                if not isinstance(value, int) or value < 1:
                    raise DlspecError(
                        BadValue(
                            argument.span,
                            "patience",
                            describe(value),
                            "a whole number of epochs from 1",
                        )
                    )
                patience = value
            elif key == "watch":
                watch = argument.value.span.text
                names = [
                    "loss",
                    *(_metric_name(e) for e in self.settings.several.get("metrics", ())),
                ]
                known = [f"validation.{n}" for n in names]
                if watch not in known:
                    near = did_you_mean(watch, known)
                    raise DlspecError(
                        BadValue(
                            argument.span,
                            "watch",
                            watch,
                            " or ".join(f"`{k}`" for k in known),
                            f"did you mean `{near}`?" if near else None,
                        )
                    )
            else:
                raise DlspecError(
                    UnknownSetting(
                        argument.span,
                        argument.name or "",
                        "early",
                        did_you_mean(key, ["patience", "watch"]),
                        "`patience`, `watch`",
                    )
                )
        falls = watch.rsplit(".", 1)[-1].startswith(("loss", "error", "perplexity"))
        return EarlyStop(patience, watch, "min" if falls else "max")


def _precision(expr: ast.Expr) -> str:
    name = expr.id if isinstance(expr, ast.Name) else expr.span.text
    known = {"float32": "float32", "float": "float32", "bfloat16": "bfloat16", "float16": "float16"}
    if name not in known:
        near = did_you_mean(name, known)
        raise DlspecError(
            BadValue(
                expr.span,
                "precision",
                name,
                "`float32`, `bfloat16` or `float16`",
                f"did you mean `{near}`?" if near else None,
            )
        )
    return known[name]


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
    networks: Mapping[str, tuple[ast.Definition, dict[str, apply.Given]]],
    overrides: Mapping[str, ast.Expr],
) -> RecipeJob:
    """Bind a recipe's settings, networks and data. ``networks`` maps aliases to definitions with settings' values."""
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
