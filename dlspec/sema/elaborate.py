"""Carries out statements and evaluates expressions: text becomes graph."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlspec.diagnostics import Diagnostic, DlspecError, did_you_mean
from dlspec.diagnostics.meaning import TooLarge
from dlspec.diagnostics.names import (
    AbsentHere,
    MisplacedStatement,
    NotYet,
    OutputTwice,
    ReadBeforeBound,
    UnknownName,
    WrongKind,
)
from dlspec.ir.graph import Value
from dlspec.ir.plan import Quantity
from dlspec.ops import REGISTRY
from dlspec.sema import apply, compile_time, declarations, operators, states, tensors
from dlspec.sema.bindings import bound_names
from dlspec.sema.context import MAX_ROUNDS, Context, Exhausted, Frame
from dlspec.sema.members import attribute, index
from dlspec.sema.names import file_name
from dlspec.sema.program import library
from dlspec.sema.types import unify, vocabulary_of
from dlspec.sema.values import (
    POISON,
    Layer,
    Poisoned,
    Record,
    Tensor,
    Vocabulary,
    describe,
    is_tensor_like,
)
from dlspec.source import Span
from dlspec.syntax import ast


class Elaborator:
    """Elaborates bodies in one context. Recipes extend it with their own names and statements."""

    def __init__(self, context: Context) -> None:
        self.context = context

    # --- statements -------------------------------------------------------------------------------

    def run(self, body: tuple[ast.Statement, ...], frame: Frame) -> None:
        """Carry out statements from top to bottom; one that fails is told, poisons its names, and
        the next goes on.
        """
        given: dict[str, Span] = {}
        for statement in body:
            if frame.returned:
                return
            if isinstance(statement, ast.Output):
                self._once(statement, given)
            try:
                self.statement(statement, frame)
            except Exhausted:
                raise
            except DlspecError as error:
                for diagnostic in error.diagnostics:
                    self.context.sink.report(_placed(diagnostic, statement.span))
                self._poison(statement, frame)
                self.context.count_mistake(statement.span)
            except Poisoned:
                self._poison(statement, frame)

    def _once(self, statement: ast.Output, given: dict[str, Span]) -> None:
        """An output that takes another's place is a mistake; under a condition it may."""
        target = statement.target
        first = given.setdefault(target.name, target.span)
        if first is not target.span and not target.primed:
            self.context.sink.report(OutputTwice(target.span, target.name, first))

    def _poison(self, statement: ast.Statement, frame: Frame) -> None:
        for name in bound_names(statement):
            frame.names[name] = POISON
            if isinstance(statement, ast.Output):
                frame.put_out[name.removesuffix("'")] = POISON
                if name.removesuffix("'") not in frame.outputs:
                    frame.outputs.append(name.removesuffix("'"))
        if isinstance(statement, ast.Return):
            frame.result, frame.returned = POISON, True

    def statement(self, statement: ast.Statement, frame: Frame) -> None:
        """Carry out one statement."""
        frame.target = ""
        match statement:
            case ast.Assign():
                self.assign(statement, frame)
            case ast.Output():
                self.output(statement, frame)
            case ast.Input():
                declarations.declare_input(self, statement, frame)
            case ast.Noise():
                declarations.declare_noise(self, statement, frame)
            case ast.Param():
                declarations.declare_parameter(self, statement, frame)
            case ast.Return():
                values = [self.evaluate(v, frame) for v in statement.values]
                frame.result = values[0] if len(values) == 1 else tuple(values)
                frame.returned = True
            case ast.For():
                self.loop(statement, frame)
            case ast.If():
                taken = self.condition(statement.condition, frame)
                self._absent(statement.orelse if taken else statement.body, frame)
                self.run(statement.body if taken else statement.orelse, frame)
            case ast.Guarded():
                if self.condition(statement.condition, frame):
                    self.statement(statement.statement, frame)
                else:
                    self._absent((statement.statement,), frame)
            case ast.State():
                states.declare_state(self, statement, frame)
            case _:
                self.other(statement, frame)

    def other(self, statement: ast.Statement, frame: Frame) -> None:
        """Statements of recipes; in a network they are misplaced."""
        word = statement.span.text.split(None, 1)[0]
        raise DlspecError(
            MisplacedStatement(
                statement.span, word, frame.kind, f"`{word}` belongs into a `recipe`"
            )
        )

    def _absent(self, body: tuple[ast.Statement, ...], frame: Frame) -> None:
        for statement in body:
            for name in bound_names(statement):
                if name not in frame.names:
                    frame.absent[name] = statement.span

    def condition(self, expr: ast.Expr, frame: Frame) -> bool:
        """A compile-time truth."""
        value = self.evaluate(expr, frame)
        if not isinstance(value, (bool, np.bool_)):
            advice = "use `where(c, a, b)` to choose by the values of a tensor"
            raise DlspecError(
                WrongKind(
                    expr.span,
                    "true or false",
                    describe(value),
                    advice if is_tensor_like(value) else None,
                )
            )
        return bool(value)

    def assign(self, statement: ast.Assign, frame: Frame) -> None:
        """`a = …`, `a, b = …`."""
        targets = statement.targets
        if any(t.primed for t in targets):
            states.give_states(self, statement, frame)
            return
        for target in targets:
            if len(target.path) > 1:
                raise DlspecError(NotYet(target.span, "a dotted name on the left"))
        values = self.values_of(statement, frame)
        for target, value in zip(targets, values, strict=True):
            if statement.type is not None:
                tensor = self.tensor(value, statement.span)
                unify(
                    target.name, statement.type, tensor.type, statement.span, frame, self.evaluate
                )
                value = value if isinstance(value, (Tensor, Record)) else Tensor(tensor)
            self.bind(target.name, value, target.span, frame)

    def values_of(self, statement: ast.Assign, frame: Frame) -> list[Any]:
        """The values on the right, as many as there are names on the left."""
        targets = statement.targets
        frame.target = "_".join(t.name for t in targets)
        values: list[Any] = [self.evaluate(v, frame) for v in statement.values]
        if len(values) == 1 and len(targets) > 1:
            values = self.unpacked(values[0], len(targets), statement.values[0].span)
        elif len(values) > 1 and len(targets) == 1:
            values = [tuple(values)]
        if len(values) != len(targets):
            raise DlspecError(
                WrongKind(statement.span, f"{len(targets)} values", f"{len(values)} values")
            )
        return values

    def unpacked(self, value: Any, count: int, span: Span) -> list[Any]:
        """The parts of a list, or of an application that returns several values."""
        if isinstance(value, Record):
            value = (
                value.result
                if isinstance(value.result, tuple)
                else [value.names[o] for o in value.outputs]
            )
        if not isinstance(value, (list, tuple)) or len(value) != count:
            found = f"{len(value)}" if isinstance(value, (list, tuple)) else describe(value)
            raise DlspecError(WrongKind(span, f"{count} values", found))
        return list(value)

    def bind(self, name: str, value: Any, span: Span, frame: Frame) -> None:
        """Give a name its value: a layer is planted, a tensor made by this statement is called by
        the name.
        """
        if isinstance(value, Layer) and value.path is None:
            value = Layer(value.definition, value.settings, frame.place(name), span)
        tensor = tensors.single(value)
        if tensor is not None:
            self.name_value(tensor, frame.place(name), span)
        frame.names[name] = value
        frame.bound[name] = span
        frame.absent.pop(name, None)
        frame.aliases.discard(name)
        if frame.rounds:
            frame.families.setdefault(name, {})[frame.rounds] = value

    def name_value(self, value: Value, wanted: str, span: Span) -> None:
        """Call a value by the name it is bound to, if so far it has only its node's."""
        if value.producer is not None and value.name == value.producer.path:
            self.context.builder.rename(value, wanted)
            value.span = value.span or span

    def output(self, statement: ast.Output, frame: Frame) -> None:
        """`output y = …`, or `output y` of what is bound."""
        name, primed = statement.target.name, statement.target.primed
        frame.target = name
        if statement.value is not None:
            value = self.evaluate(statement.value, frame)
            if primed:
                value = states.give_state(self, name, value, statement.target.span, frame)
        elif primed:
            value = states.next_of(self, name, statement.target.span, frame)
        else:
            value = self.lookup(ast.Name(statement.target.span, name), frame)
        tensor = self.tensor(value, statement.value.span if statement.value else statement.span)
        if statement.type is not None:
            unify(name, statement.type, tensor.type, statement.span, frame, self.evaluate)
        names = vocabulary_of(statement.type, frame, self.evaluate)  # `output words: … of words`
        value = value if isinstance(value, Record) else Tensor(tensor)
        if primed:
            frame.put_out[name] = value
        else:
            self.bind(name, value, statement.target.span, frame)
        if name not in frame.outputs:
            frame.outputs.append(name)
        self.output_made(name, tensor, names, frame)

    def output_made(self, name: str, tensor: Value, names: Vocabulary | None, frame: Frame) -> None:
        """Hook: what an output means for the graph (the outermost network's are the graph's)."""

    def loop(self, statement: ast.For, frame: Frame) -> None:
        """`for i in 1..n { … }`, unrolled. Rounds over a range are named by its numbers, other
        rounds are counted from 1.
        """
        iterables = [self.evaluate(e, frame) for e in statement.iterables]
        if len(iterables) == 1 and not isinstance(iterables[0], (list, tuple, compile_time.Range)):
            raise DlspecError(
                WrongKind(
                    statement.iterables[0].span,
                    "a list or a range such as `1..3`",
                    describe(iterables[0]),
                )
            )
        source: Any = iterables[0] if len(iterables) == 1 else iterables
        numbered = isinstance(source, compile_time.Range)
        if numbered and len(source) > MAX_ROUNDS:
            raise Exhausted(
                TooLarge(statement.iterables[0].span, what=f"more than {MAX_ROUNDS:,} rounds")
            )
        outer = frame.rounds
        for position, item in enumerate(source, start=1):
            self.context.count_round(statement.span)
            names = statement.names
            items = [item] if len(names) == 1 else self.unpacked(item, len(names), statement.span)
            for target, value in zip(names, items, strict=True):
                frame.names[target.name] = value
                frame.bound[target.name] = target.span
                frame.read.add(target.name)
            frame.rounds = (*outer, str(item if numbered else position))
            try:
                self.run(statement.body, frame)
            finally:
                frame.rounds = outer
            if frame.returned:
                return

    # --- expressions ------------------------------------------------------------------------------

    def evaluate(self, expr: ast.Expr, frame: Frame) -> Any:
        """The value of an expression."""
        self.context.spend(1, expr.span)
        match expr:
            case ast.Number():
                return compile_time.bounded(expr.value, expr.span)
            case ast.String() | ast.Bool():
                return expr.value
            case ast.Quantity():
                return Quantity(float(expr.value), expr.unit)
            case ast.Name():
                return self.lookup(expr, frame)
            case ast.Primed():
                return states.next_of(self, expr.id, expr.span, frame)
            case ast.List() | ast.Tuple():
                items = [self.evaluate(i, frame) for i in expr.items]
                return items if isinstance(expr, ast.List) else tuple(items)
            case ast.Unary():
                return operators.unary(self, expr, frame)
            case ast.Binary():
                return operators.binary(self, expr, frame)
            case ast.Call():
                return apply.call(self, expr, frame)
            case ast.Pipe():
                return apply.pipe(self, expr, frame)
            case ast.Attribute():
                return attribute(self, expr, frame)
            case ast.Index():
                return index(self, expr, frame)

    def lookup(self, expr: ast.Name, frame: Frame) -> Any:
        """What a name means here."""
        name = expr.id
        frame.read.add(name)
        if name in frame.names:
            value = frame.names[name]
            if value is POISON:
                raise Poisoned
            return value
        if name in frame.dims:
            return compile_time.simplified(frame.dims[name])
        if name in frame.absent:
            raise DlspecError(
                AbsentHere(expr.span, name, str(self.context.mode), frame.absent[name])
            )
        if name in ("training", "learning"):
            return (
                self.context.mode.training
                if name == "training"
                else self.context.learning_at(frame.scope)
            )
        if name == "none":
            return None
        found = file_name(self, name, frame)
        if found is not None:
            return found
        if name in frame.later:
            raise DlspecError(ReadBeforeBound(expr.span, name, frame.later[name]))
        known = [*frame.names, *frame.dims, *frame.program.definitions, *library(), *REGISTRY]
        known += [*compile_time.FUNCTIONS, *self.extra_names(frame)]
        raise DlspecError(
            UnknownName(expr.span, name, did_you_mean(name, known), self.advice(name, frame))
        )

    def missing_input(self, statement: ast.Input, frame: Frame) -> Value:
        """Hook: an input that nothing is given for; it is the graph's own."""
        return declarations.graph_input(self, statement, frame)

    def extra_names(self, frame: Frame) -> list[str]:
        """Hook: further names for did-you-mean."""
        return []

    def advice(self, name: str, frame: Frame) -> str | None:
        """Hook: what to say of an unknown name."""
        return None

    def tensor(self, value: Any, span: Span, dtype_hint: ast.TypeExpr | None = None) -> Value:
        """The one tensor that a value stands for."""
        return tensors.as_tensor(self.context.builder, value, span, dtype_hint)


def _placed(diagnostic: Diagnostic, span: Span) -> Diagnostic:
    import dataclasses

    return diagnostic if diagnostic.span is not None else dataclasses.replace(diagnostic, span=span)
