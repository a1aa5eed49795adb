"""Carries out statements and evaluates expressions: text becomes graph."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlspec.diagnostics import Diagnostic, DlspecError, did_you_mean
from dlspec.diagnostics.meaning import Impossible
from dlspec.diagnostics.names import (
    AbsentHere,
    MisplacedStatement,
    NotYet,
    ReadBeforeBound,
    UnknownName,
    WrongKind,
)
from dlspec.dims import Dim
from dlspec.ir.graph import Distribution, Value
from dlspec.ir.plan import Quantity
from dlspec.ops import REGISTRY
from dlspec.sema import apply, compile_time, tensors
from dlspec.sema.apply_op import apply_op, bare_parameter
from dlspec.sema.arguments import weigh
from dlspec.sema.context import Context, Exhausted, Frame
from dlspec.sema.members import attribute, index
from dlspec.sema.program import library, root_name
from dlspec.sema.types import classes_of, declared_type, unify
from dlspec.sema.values import (
    POISON,
    Layer,
    Poisoned,
    Record,
    Tensor,
    describe,
    is_number,
    is_tensor_like,
)
from dlspec.source import Span
from dlspec.syntax import ast

SHORT_NAMES = {"bce": "binary_cross_entropy"}
"""Second names of ops."""
_OPERATORS = {
    "+": "add",
    "-": "sub",
    "*": "mul",
    "/": "div",
    "//": "floor_div",
    "%": "mod",
    "**": "pow",
    "@": "matmul",
    "==": "equal",
    "!=": "not_equal",
    "<": "less",
    "<=": "less_equal",
    ">": "greater",
    ">=": "greater_equal",
    "and": "logical_and",
    "or": "logical_or",
}
_LATER = frozenset(
    [
        "adaptive_avg_pool",
        "adaptive_max_pool",
        "attend",
        "average",
        "babi",
        "bidirectional",
        "copy",
        "crop",
        "ctc",
        "each",
        "edit_distance",
        "einsum",
        "explore",
        "final",
        "fixed",
        "frame",
        "gather",
        "generate",
        "gru",
        "huber",
        "image",
        "jitter",
        "kl_divergence",
        "l1",
        "l2",
        "last",
        "like",
        "lrn",
        "lstm",
        "masked_conv",
        "mfcc",
        "mixup",
        "mu_law",
        "mu_law_decode",
        "mu_law_encode",
        "norm",
        "normalize",
        "one_hot",
        "pick",
        "random_crop",
        "resample",
        "resize",
        "reverse",
        "rnn",
        "rotate",
        "scan",
        "shift",
        "spectrogram",
        "top_k",
        "width",
    ]
)
"""Functions of the language that this version has not: `NotYet` instead of a misleading unknown
name.
"""


class Elaborator:
    """Elaborates bodies in one context. Recipes extend it with their own names and statements."""

    def __init__(self, context: Context) -> None:
        self.context = context

    # --- statements -------------------------------------------------------------------------------

    def run(self, body: tuple[ast.Statement, ...], frame: Frame) -> None:
        """Carry out statements from top to bottom; one that fails is told, poisons its names, and
        the next goes on.
        """
        for statement in body:
            if frame.returned:
                return
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

    def _poison(self, statement: ast.Statement, frame: Frame) -> None:
        for name in bound_names(statement):
            frame.names[name] = POISON
            if isinstance(statement, ast.Output) and name not in frame.outputs:
                frame.outputs.append(name)
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
                self.input(statement, frame)
            case ast.Noise():
                self.noise(statement, frame)
            case ast.Param():
                self.param(statement, frame)
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
                raise DlspecError(NotYet(statement.span, "a `state`"))
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
        for target in targets:
            if target.primed:
                raise DlspecError(NotYet(target.span, "a next state"))
            if len(target.path) > 1:
                raise DlspecError(NotYet(target.span, "a dotted name on the left"))
        frame.target = targets[0].name if len(targets) == 1 else "_".join(t.name for t in targets)
        values: list[Any] = [self.evaluate(v, frame) for v in statement.values]
        if len(values) == 1 and len(targets) > 1:
            values = self.unpacked(values[0], len(targets), statement.values[0].span)
        elif len(values) > 1 and len(targets) == 1:
            values = [tuple(values)]
        if len(values) != len(targets):
            raise DlspecError(
                WrongKind(statement.span, f"{len(targets)} values", f"{len(values)} values")
            )
        for target, value in zip(targets, values, strict=True):
            if statement.type is not None:
                tensor = self.tensor(value, statement.span)
                unify(
                    target.name, statement.type, tensor.type, statement.span, frame, self.evaluate
                )
                value = value if isinstance(value, (Tensor, Record)) else Tensor(tensor)
            self.bind(target.name, value, target.span, frame)

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
        if statement.target.primed:
            raise DlspecError(NotYet(statement.target.span, "a next state"))
        name = statement.target.name
        frame.target = name
        if statement.value is None:
            value = self.lookup(ast.Name(statement.target.span, name), frame)
        else:
            value = self.evaluate(statement.value, frame)
        tensor = self.tensor(value, statement.value.span if statement.value else statement.span)
        if statement.type is not None:
            unify(name, statement.type, tensor.type, statement.span, frame, self.evaluate)
        self.bind(
            name,
            value if isinstance(value, Record) else Tensor(tensor),
            statement.target.span,
            frame,
        )
        if name not in frame.outputs:
            frame.outputs.append(name)
        self.output_made(name, tensor, classes_of(statement.type, frame, self.evaluate), frame)

    def output_made(
        self, name: str, tensor: Value, classes: tuple[str, ...] | None, frame: Frame
    ) -> None:
        """Hook: what an output means for the graph (the outermost network's are the graph's)."""

    def input(self, statement: ast.Input, frame: Frame) -> None:
        """`input x: …`: the given tensor, or the graph's own input."""
        if frame.kind != "network":
            raise DlspecError(MisplacedStatement(statement.span, "input", frame.kind))
        given = frame.given.get(statement.name)
        if given is None:
            value = self.missing_input(statement, frame)
        else:
            value = self.tensor(given[0], given[1], dtype_hint=statement.type)
            unify(statement.name, statement.type, value.type, given[1], frame, self.evaluate)
        frame.names[statement.name] = Tensor(value)
        frame.bound[statement.name] = statement.name_span

    def missing_input(self, statement: ast.Input, frame: Frame) -> Value:
        """An input of the graph itself."""
        kind = declared_type(statement.type, frame, self.evaluate)
        return self.context.builder.input(
            frame.place(statement.name),
            kind.dtype,
            *kind.shape,
            classes=classes_of(statement.type, frame, self.evaluate),
            span=statement.name_span,
        )

    def noise(self, statement: ast.Noise, frame: Frame) -> None:
        """`noise e: … ~ normal(0, 1)`: an input of the graph, drawn anew for each application."""
        kind = declared_type(statement.type, frame, self.evaluate)
        distribution = self.distribution(statement.distribution, frame)
        value = self.context.builder.input(
            frame.place(statement.name),
            kind.dtype,
            *kind.shape,
            distribution=distribution,
            span=statement.name_span,
        )
        frame.names[statement.name] = Tensor(value)
        frame.bound[statement.name] = statement.name_span

    def distribution(self, expr: ast.Expr, frame: Frame) -> Distribution:
        """`normal(0, 1)`, `uniform(0, 1)`, `bernoulli(0.5)`."""
        known = {"normal": 2, "uniform": 2, "bernoulli": 1}
        if isinstance(expr, ast.Call) and isinstance(expr.function, ast.Name):
            kind = expr.function.id
            if kind == "categorical":
                raise DlspecError(NotYet(expr.span, "a categorical noise"))
            if kind in known:
                values = [self.evaluate(a.value, frame) for a in expr.arguments]
                for argument, value in zip(expr.arguments, values, strict=True):
                    if not is_number(value):
                        raise DlspecError(
                            WrongKind(
                                argument.value.span,
                                "a number",
                                describe(value),
                                "write `mu + sigma * e` for a noise that depends on tensors"
                                if is_tensor_like(value)
                                else None,
                            )
                        )
                if len(values) == known[kind]:
                    return Distribution(kind, tuple(map(float, values)))
        raise DlspecError(
            WrongKind(
                expr.span, "a distribution such as `normal(0, 1)` or `bernoulli(0.5)`", "this"
            )
        )

    def param(self, statement: ast.Param, frame: Frame) -> None:
        """`param bias: float[19, 19] = zeros`."""
        kind = declared_type(statement.type, frame, self.evaluate)
        init = (
            self.evaluate(statement.value, frame)
            if statement.value is not None
            else compile_time.INITIALIZERS["kaiming"]
        )
        name = frame.place(statement.name)
        value = bare_parameter(self, name, kind, init, statement.name_span)
        frame.names[statement.name] = Tensor(value)
        frame.bound[statement.name] = statement.name_span

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
                raise DlspecError(NotYet(expr.span, "a next state"))
            case ast.List() | ast.Tuple():
                items = [self.evaluate(i, frame) for i in expr.items]
                return items if isinstance(expr, ast.List) else tuple(items)
            case ast.Unary():
                return self.unary(expr, frame)
            case ast.Binary():
                return self.binary(expr, frame)
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
        found = self.file_name(name, frame)
        if found is not None:
            return found
        if name in frame.later:
            raise DlspecError(ReadBeforeBound(expr.span, name, frame.later[name]))
        known = [*frame.names, *frame.dims, *frame.program.definitions, *library(), *REGISTRY]
        known += [*compile_time.FUNCTIONS, *self.extra_names(frame)]
        raise DlspecError(
            UnknownName(expr.span, name, did_you_mean(name, known), self.advice(name, frame))
        )

    def callee(self, expr: ast.Expr, frame: Frame) -> Any:
        """What is called. A name given in a chain (`-> conv(8) as conv`) does not hide the function
        of that name.
        """
        if not isinstance(expr, ast.Name):
            return self.evaluate(expr, frame)
        name = expr.id
        if name in frame.aliases and is_tensor_like(frame.names.get(name)):
            found = self.file_name(name, frame)
            if found is not None:
                return found
        own = name in frame.names or name in frame.later
        if name in _LATER and not own and self.file_name(name, frame) is None:
            raise DlspecError(NotYet(expr.span, f"`{name}`"))
        return self.evaluate(expr, frame)

    def file_name(self, name: str, frame: Frame) -> Any:
        """A definition, constant, op or function; None where there is none."""
        program = frame.program
        if name in program.imported:
            return program.imported[name]
        item = root_name(program, name)
        if isinstance(item, ast.Const):
            return self.constant(item, program)
        if item is not None:
            return item
        if name in compile_time.FUNCTIONS:
            return compile_time.FUNCTIONS[name]
        name = SHORT_NAMES.get(name, name)
        if name in REGISTRY and name not in _LATER:  # loops take cells, which come later
            return REGISTRY[name]
        return compile_time.INITIALIZERS.get(name)

    def constant(self, item: ast.Const, program: Any) -> Any:
        """A file-level constant, evaluated once."""
        if item.name in program.working:
            raise DlspecError(Impossible(item.name_span, f"`{item.name}` is made from itself"))
        if item.name not in program.constants:
            program.constants[item.name] = POISON  # stays where the value cannot be worked out
            program.working.add(item.name)
            try:
                frame = Frame(item.name, "const", "", program)
                program.constants[item.name] = self.evaluate(item.value, frame)
            finally:
                program.working.discard(item.name)
        value = program.constants[item.name]
        if value is POISON:
            raise Poisoned
        return value

    def extra_names(self, frame: Frame) -> list[str]:
        """Hook: further names for did-you-mean."""
        return []

    def advice(self, name: str, frame: Frame) -> str | None:
        """Hook: what to say of an unknown name."""
        return None

    def unary(self, expr: ast.Unary, frame: Frame) -> Any:
        """`-x`, `not x`."""
        value = self.evaluate(expr.operand, frame)
        if expr.op == "-" and (is_number(value) or isinstance(value, (Dim, np.ndarray))):
            return -value
        if expr.op == "not" and isinstance(value, bool):
            return not value
        return self.op(
            "neg" if expr.op == "-" else "logical_not", [(value, expr.operand.span)], expr, frame
        )

    def binary(self, expr: ast.Binary, frame: Frame) -> Any:
        """`a + b` and its kin: on compile-time values at once, on tensors as a node."""
        left = self.evaluate(expr.left, frame)
        if expr.op in ("and", "or") and isinstance(left, bool):
            if left is (expr.op == "or"):
                return left
            return self.evaluate(expr.right, frame)
        right = self.evaluate(expr.right, frame)
        if expr.op == "..":
            return compile_time.make_range(left, right, expr.span)
        if expr.op in ("==", "!=") and (left is None or right is None):
            same = left is right
            return same if expr.op == "==" else not same
        if not (is_tensor_like(left) and not isinstance(left, np.ndarray)) and not (
            is_tensor_like(right) and not isinstance(right, np.ndarray)
        ):
            value = compile_time.binary(expr.op, left, right, expr.span)
            if value is not NotImplemented:
                weigh(self, value, expr.span)
                return value
        return self.op(
            _OPERATORS[expr.op], [(left, expr.left.span), (right, expr.right.span)], expr, frame
        )

    def op(
        self, name: str, operands: list[tuple[Any, Span]], expr: ast.Expr, frame: Frame
    ) -> Tensor:
        """A node for an operator."""
        operation = REGISTRY.get(name)
        if operation is None:
            raise DlspecError(NotYet(expr.span, f"the operator of `{name}` on tensors"))
        path = self.context.sites.path(frame.prefix, name, expr)
        return apply_op(self, operation(), operands, {}, path, expr.span)

    def tensor(self, value: Any, span: Span, dtype_hint: ast.TypeExpr | None = None) -> Value:
        """The one tensor that a value stands for."""
        return tensors.as_tensor(self.context.builder, value, span, dtype_hint)


def bound_names(statement: ast.Statement) -> list[str]:
    """The names that a statement binds, also inside."""
    match statement:
        case ast.Assign():
            return [t.name for t in statement.targets] + aliases(*statement.values)
        case ast.Output():
            return [statement.target.name, *aliases(statement.value)]
        case ast.Return():
            return aliases(*statement.values)
        case ast.Input() | ast.Noise() | ast.Param() | ast.State():
            return [statement.name]
        case ast.Guarded():
            return bound_names(statement.statement)
        case ast.For():
            return [t.name for t in statement.names] + [
                n for s in statement.body for n in bound_names(s)
            ]
        case ast.If():
            return [n for s in (*statement.body, *statement.orelse) for n in bound_names(s)]
        case ast.Turn():
            return [n for s in statement.body for n in bound_names(s)]
        case _:
            return []


def aliases(*expressions: ast.Expr | None) -> list[str]:
    """The names that `-> f as name` binds in chains."""
    found: list[str] = []
    for expr in expressions:
        chain = expr
        while isinstance(chain, (ast.Pipe, ast.Attribute, ast.Index)):
            if isinstance(chain, ast.Pipe):
                if chain.alias is not None:
                    found.append(chain.alias)
                chain = chain.value
            else:
                chain = chain.object
        if isinstance(chain, ast.Binary):
            found += aliases(chain.left, chain.right)
        elif isinstance(chain, ast.Call):
            found += aliases(*(a.value for a in chain.arguments))
    return found


def bound_places(body: tuple[ast.Statement, ...]) -> dict[str, Span]:
    """Where each name of a body is first bound."""
    found: dict[str, Span] = {}
    for statement in body:
        for name in bound_names(statement):
            found.setdefault(name, statement.span)
    return found


def names_read(node: Any) -> set[str]:
    """Every name that is read anywhere below a syntax node, attributes included."""
    found: set[str] = set()
    stack: list[Any] = [node]
    while stack:
        current = stack.pop()
        if isinstance(current, (ast.Name, ast.Primed)):
            found.add(current.id)
        elif isinstance(current, ast.Attribute):
            found.add(current.name)
        elif isinstance(current, ast.Output):
            found.add(current.target.name)
        elif isinstance(current, ast.Argument) and current.name is not None:
            found.add(current.name)
        if isinstance(current, tuple):
            stack.extend(current)
        elif isinstance(current, ast.Node):
            stack.extend(getattr(current, f) for f in current.__dataclass_fields__ if f != "span")
    return found


def _placed(diagnostic: Diagnostic, span: Span) -> Diagnostic:
    import dataclasses

    return diagnostic if diagnostic.span is not None else dataclasses.replace(diagnostic, span=span)
