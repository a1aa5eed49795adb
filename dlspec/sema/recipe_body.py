"""The body of a recipe in one mode: data fields, networks as layers, goals and metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.meaning import (
    BadValue,
    NotMean,
    SeveralGoals,
)
from dlspec.diagnostics.names import (
    AmbiguousName,
    NotYet,
)
from dlspec.dims import Dim
from dlspec.ir.figures import Figure
from dlspec.ir.graph import Input, Value
from dlspec.ops import REGISTRY
from dlspec.sema import apply, ragged, tensors
from dlspec.sema.apply_op import apply_op
from dlspec.sema.arguments import Arguments
from dlspec.sema.bindings import bound_places
from dlspec.sema.context import Context, Frame
from dlspec.sema.data import DataFields
from dlspec.sema.elaborate import Elaborator
from dlspec.sema.figures import METRICS
from dlspec.sema.inputs import input_names
from dlspec.sema.recipe_metrics import figure_of
from dlspec.sema.recipe_stages import Loading, Settings, carry_out, keep_load
from dlspec.sema.values import (
    Layer,
    Namespace,
    Poisoned,
    Record,
    Tensor,
    describe,
)
from dlspec.source import Span
from dlspec.syntax import ast

SETTINGS = (
    "batch",
    "epochs",
    "steps",
    "stop",
    "optimizer",
    "metrics",
    "precision",
    "seed",
    "init",
    "clip",
    "buckets",
    "accumulate",
)
LATER = ("keep", "warm_up", "act", "search")


@dataclass
class Goal:
    """A `minimize` of one elaboration: its loss as a scalar, and what was written around it.
    ``names`` are those that its choices and optimisers may read."""

    step: str
    loss: Value
    statement: ast.Goal
    times: int = 1
    stage: str = ""
    names: Mapping[str, Any] = field(default_factory=dict[str, Any])


class RecipeElaborator(Elaborator):
    """A recipe's body: networks are layers, fields are tensors, and `logits` is the only network's
    value.
    """

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
        self.stage = ""
        self.only: str | None = None
        self.loads: list[Loading] = []
        self.measured: dict[str, dict[str, Value]] = {}
        self.sources_at: Span | None = None
        self.read_fields: dict[str, Value] = {}
        self.per: dict[str, str] = {}
        self.figures: dict[str, Figure] = {}
        self.applied: dict[tuple[Any, ...], tuple[Record, list[Any]]] = {}
        self.missing_from: Frame | None = None

    # --- names ------------------------------------------------------------------------------------

    def lookup(self, expr: ast.Name, frame: Frame) -> Any:
        """Own bindings, networks and data, then fields, then the values of the only network."""
        name = expr.id
        field_of = next((d for d in self.fields.values() if name in d.types), None)
        # a field that a statement binds anew `when learning` is there without it
        absent = name in frame.absent and field_of is None
        if frame.kind != "recipe" or name in frame.names or absent:
            return super().lookup(expr, frame)
        frame.read.add(name)
        if name in self.networks:
            return self.networks[name]
        if name in self.fields:
            found = self.fields[name]
            return Namespace(name, {f: Tensor(self.field(f)) for f in found.types})
        if len(self.networks) == 1:
            alias, layer = next(iter(self.networks.items()))
            definition = layer.definition
            assert isinstance(definition, ast.Definition)
            places = bound_places(definition.body)
            if name in places and name not in input_names(definition):
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
        known = self.read_fields.get(name)
        if known is not None:
            return known
        found = next(d for d in self.fields.values() if name in d.types)
        kind = found.types[name]
        made = self.context.builder.input(
            name,
            kind.dtype,
            Dim.of("N"),
            *kind.shape,
            ragged=[a + 1 for a in sorted(kind.ragged)],
            classes=found.classes.get(name),
            vocabulary=found.vocabularies.get(name),
        )
        self.read_fields[name] = ragged.opened(self.context, made, None)
        return self.read_fields[name]

    def automatic(self, alias: str, layer: Layer, node: ast.Node, frame: Frame) -> Record:
        """The only network applied to what has its inputs' names; the same inputs give the same
        application.
        """
        definition = layer.definition
        assert isinstance(definition, ast.Definition)
        own = {n: frame.names[n] for n in input_names(definition) if n in frame.names}
        key = (alias, *((n, id(value)) for n, value in own.items()))
        if key not in self.applied:
            target = frame.target
            empty = Arguments(None, [], {})
            record = apply.apply_layer_definition(self, layer, empty, node, frame, None)
            self.applied[key] = record, list(own.values())  # held, so that their ids stay theirs
            frame.target = target
        return self.applied[key][0]

    def answers(self) -> dict[str, tuple[str, ...]]:
        """The networks' outputs for the data as it is: the names of each and of its lengths."""
        found: dict[str, tuple[str, ...]] = {}
        for (alias, *own), (record, _) in self.applied.items():
            for name in () if own else record.outputs:
                value = record.names.get(name)
                if isinstance(value, Tensor):
                    kind = value.value.type
                    lengths = [self.context.lengths.get(kind.shape[a]) for a in sorted(kind.ragged)]
                    made = ("" if v is None or v.producer is None else v.name for v in lengths)
                    found[f"{alias}.{name}"] = (value.value.name, *made)
        return found

    def missing_input(self, statement: ast.Input, frame: Frame) -> Value:
        """A network applied without an input takes the own name or field of that name."""
        outer = self.missing_from
        place = statement.name_span
        if outer is not None and statement.name in outer.names:
            outer.read.add(statement.name)
            value: Any = outer.names[statement.name]
            place = outer.bound.get(statement.name, place)
        elif any(statement.name in d.types for d in self.fields.values()):
            value = Tensor(self.field(statement.name))
        else:
            known = [n for d in self.fields.values() for n in d.types]
            from dlspec.diagnostics.names import MissingArgument

            listed = ", ".join(f"`{n}`" for n in known) or "none"
            raise DlspecError(
                MissingArgument(
                    self.sources_at or statement.name_span,
                    statement.name,
                    frame.owner,
                    declared=statement.name_span,
                    advice="in a recipe it comes from a field of that name; "
                    f"the fields are {listed}",
                )
            )
        from dlspec.sema.types import unify

        tensor = self.tensor(value, statement.span)
        unify(statement.name, statement.type, tensor.type, place, frame, self.evaluate)
        return tensor

    def extra_names(self, frame: Frame) -> list[str]:
        """Fields, networks and their values."""
        names = [
            *METRICS,
            *self.networks,
            *self.fields,
            *(n for d in self.fields.values() for n in d.types),
        ]
        for layer in self.networks.values():
            if isinstance(layer.definition, ast.Definition):
                names += bound_places(layer.definition.body)
        return names

    def advice(self, name: str, frame: Frame) -> str | None:
        """In a recipe: what the data has."""
        if frame.kind != "recipe":
            return None
        if name in METRICS:
            return f"`{name}({', '.join(METRICS[name][0])})` is a metric"
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
                settings = self.settings.stages[self.stage] if self.stage else self.settings
                settings.keep(name, statement)
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
            case ast.Turn() if frame.kind == "recipe":
                carry_out(self, statement, frame)
            case ast.Load() if frame.kind == "recipe":
                keep_load(self, statement, frame)
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
                apply_op(
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
            if (goal.stage, goal.step) == (self.stage, self.step):
                raise DlspecError(SeveralGoals(statement.span, goal.statement.span))
        names = dict(frame.names)
        self.goals.append(Goal(self.step, loss, statement, 1, self.stage, names))

    def ends_with_stop(self, value: Value) -> bool:
        """Whether a value is a field, as it is, whose texts `ending` gave a stop symbol."""
        while value.producer is not None and value.producer.op.name in ("masked", "cast"):
            source = value.producer.inputs[0]
            assert source is not None
            value = source
        field_of = (d for d in self.fields.values() if value.name in d.types)
        return isinstance(value, Input) and any(value.name in d.ending for d in field_of)

    def mean(self, value: Any, expr: ast.Expr, what: str, frame: Frame) -> Value:
        """The mean over examples and all axes, a float scalar."""
        tensor = self.tensor(value, expr.span)
        if not tensor.type.dtype.is_float:
            raise DlspecError(NotMean(expr.span, what, str(tensor.type)))
        if tensor.type.rank == 0:
            return tensor
        for axis in tensor.type.ragged:
            self.per[frame.target] = f"{tensor.type.shape[axis]}_lengths"
        axes = tuple(range(tensor.type.rank))
        made = REGISTRY["mean"](axis=axes)  # type: ignore[call-arg]
        result = apply_op(
            self, made, [(Tensor(tensor), expr.span)], {}, f"{frame.target}.mean", expr.span
        )
        return tensors.as_tensor(self.context.builder, result, expr.span)

    def metrics(self, frame: Frame) -> dict[str, Value]:
        """What a batch gives of each metric, named by its function or its name."""
        found: dict[str, Value] = {}
        for expr in self.settings.of(self.stage).several.get("metrics", ()):
            items = expr.items if isinstance(expr, (ast.Tuple, ast.List)) else (expr,)
            for item in items:
                name = metric_name(item)
                label, ordinal = name, 1
                while label in found or label == "loss":
                    ordinal += 1
                    label = f"{name}{ordinal}"
                frame.target = label
                try:
                    made = figure_of(self, item, frame, label)
                    if made is None:
                        value = self.evaluate(item, frame)
                        frame.target = label
                        made = self.mean(value, item, "a metric", frame), "mean"
                    found[label], self.figures[label] = made
                    self.name_value(found[label], label, item.span)
                except DlspecError as error:
                    for diagnostic in error.diagnostics:
                        self.context.sink.report(diagnostic)
                except Poisoned:
                    pass
        return found


def metric_name(expr: ast.Expr) -> str:
    """What a metric is called: the function that it is, or the value."""
    if isinstance(expr, ast.Call):
        return metric_name(expr.function)
    if isinstance(expr, ast.Attribute):
        return expr.name
    if isinstance(expr, ast.Name):
        return expr.id
    if isinstance(expr, ast.Pipe):
        return metric_name(expr.function)
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
