"""What each production of the grammar builds: one function a rule, by the rule's name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dlspec.diagnostics.core import DlspecError
from dlspec.source import SourceFile, Span
from dlspec.syntax import ast
from dlspec.syntax.lexer import Token

Children = list[Any]
Builder = Callable[[Span, Children], Any]

BUILDERS: dict[str, Builder] = {}
"""Every builder by the name of its rule; each gets the rule's place and its children."""


def builder(function: Builder) -> Builder:
    """Register a builder: ``for_`` builds the rule ``for``."""
    BUILDERS[function.__name__.strip("_")] = function
    return function


def place(source: SourceFile, token: Token) -> Span:
    """The span of a token."""
    return Span(source, token.start, token.end)


def _items(children: Children) -> tuple[Any, ...]:
    return tuple(c for c in children if c is not None)


def _listing(_: Span, children: Children) -> tuple[Any, ...]:
    return _items(children)


for _rule in (
    "uses",
    "names",
    "over",
    "loop_names",
    "targets",
    "values",
    "dims",
    "arguments",
    "body",
    "else_if",
):
    BUILDERS[_rule] = _listing


# --- expressions -------------------------------------------------------------------------------


def _value(span: Span, text: str) -> int | float:
    digits = text.removesuffix("%")
    if digits.isdigit() and digits == text:
        if len(digits) > 40:
            from dlspec.diagnostics.slips import BadNumber

            raise DlspecError(BadNumber(span, text=_short(text), why="it has more than 40 digits"))
        return int(digits)
    value = float(digits)
    if text.endswith("%"):
        value = value / 100 if "e" in digits.lower() else float(f"{digits}e-2")
    if value == float("inf"):
        from dlspec.diagnostics.slips import BadNumber

        raise DlspecError(BadNumber(span, text=_short(text), why="it is larger than 1.8e308"))
    return value


def _short(text: str) -> str:
    return text if len(text) <= 24 else f"{text[:20]}…"


@builder
def number(span: Span, c: Children) -> ast.Number:
    return ast.Number(span, _value(span, c[0].text), c[0].text)


@builder
def quantity(span: Span, c: Children) -> ast.Quantity:
    digits: Token = c[0]
    if "\n" in span.text:  # a newline between them means nothing inside brackets
        from dlspec.diagnostics.syntax import MissingComma

        gap = Span(span.source, digits.end, digits.end)
        raise DlspecError(MissingComma(gap, before=_short(digits.text), after=_short(c[1].text)))
    if c[1].start == digits.end and (c[1].text[0] == "_" or digits.text == "0"):
        from dlspec.diagnostics.slips import BadNumber

        why = "a number has digits only, such as `1000` or `1e-3`"
        raise DlspecError(BadNumber(span, text=_short(span.text), why=why))
    value = _value(place(span.source, digits), digits.text)
    return ast.Quantity(span, value, digits.text, c[1].text)


@builder
def string(span: Span, c: Children) -> ast.String:
    return ast.String(span, c[0].text[1:-1])


@builder
def bool_(span: Span, c: Children) -> ast.Bool:
    return ast.Bool(span, c[0].text == "true")


@builder
def name(span: Span, c: Children) -> ast.Name:
    return ast.Name(span, c[0].text)


@builder
def primed(span: Span, c: Children) -> ast.Primed:
    return ast.Primed(span, c[0].text[:-1])


@builder
def list_(span: Span, c: Children) -> ast.List:
    return ast.List(span, _items(c))


@builder
def tuple_(span: Span, c: Children) -> ast.Tuple:
    return ast.Tuple(span, _items(c))


@builder
def unary(span: Span, c: Children) -> ast.Unary:
    return ast.Unary(span, "not" if c[0].text == "not" else "-", c[1])


@builder
def binary(span: Span, c: Children) -> ast.Binary:
    return ast.Binary(span, c[1].text, c[0], c[2], place(span.source, c[1]))


@builder
def pipe(span: Span, c: Children) -> ast.Pipe:
    alias: Token | None = c[2]
    if isinstance(c[1], ast.Number | ast.Quantity | ast.String | ast.Bool | ast.List | ast.Tuple):
        from dlspec.diagnostics.syntax import ArrowTarget

        instead = (
            "a value is computed with by operators, as in `(x -> f) * 2`, or given as an argument"
        )
        raise DlspecError(ArrowTarget(c[1].span, found="a value, not a layer", instead=instead))
    if alias is None:
        return ast.Pipe(span, c[0], c[1], None, None)
    return ast.Pipe(span, c[0], c[1], alias.text, place(span.source, alias))


@builder
def apply(span: Span, c: Children) -> ast.Call:
    return ast.Call(span, c[0], c[1] or ())


@builder
def positional(span: Span, c: Children) -> ast.Argument:
    return ast.Argument(span, None, c[0])


@builder
def named(span: Span, c: Children) -> ast.Argument:
    return ast.Argument(span, c[0].text, c[1])


@builder
def attribute(span: Span, c: Children) -> ast.Attribute:
    return ast.Attribute(span, c[0], c[1].text, place(span.source, c[1]))


@builder
def getitem(span: Span, c: Children) -> ast.Index:
    return ast.Index(span, c[0], tuple(c[1:]))


@builder
def slice_(span: Span, c: Children) -> ast.Slice:
    return ast.Slice(span, c[0], c[1])


# --- types -------------------------------------------------------------------------------------


@builder
def type_(span: Span, c: Children) -> ast.TypeExpr:
    return ast.TypeExpr(span, c[0].text, c[1], c[2])


@builder
def exact(span: Span, c: Children) -> ast.Dim:
    return ast.Dim(span, "exact", c[0])


@builder
def ragged(span: Span, c: Children) -> ast.Dim:
    return ast.Dim(span, "ragged", c[1])


@builder
def rest(span: Span, c: Children) -> ast.Dim:
    return ast.Dim(span, "rest", None)


# --- statements --------------------------------------------------------------------------------


@builder
def target(span: Span, c: Children) -> ast.Target:
    first: Token = c[0]
    if first.kind == "PRIMED":
        return ast.Target(span, (first.text[:-1],), primed=True)
    return ast.Target(span, tuple(t.text for t in c))


@builder
def loop_name(span: Span, c: Children) -> ast.Target:
    return ast.Target(span, (c[0].text,))


@builder
def assign(span: Span, c: Children) -> ast.Assign:
    return ast.Assign(span, c[0], c[1], c[2])


@builder
def input_(span: Span, c: Children) -> ast.Input:
    return ast.Input(span, c[0].text, place(span.source, c[0]), c[1], c[2])


@builder
def output(span: Span, c: Children) -> ast.Output:
    return ast.Output(span, c[0], c[1], c[2])


@builder
def state(span: Span, c: Children) -> ast.State:
    return ast.State(span, c[0].text, place(span.source, c[0]), c[1], c[2])


@builder
def parameter(span: Span, c: Children) -> ast.Param:
    return ast.Param(span, c[0].text, place(span.source, c[0]), c[1], c[2])


@builder
def noise(span: Span, c: Children) -> ast.Noise:
    return ast.Noise(span, c[0].text, place(span.source, c[0]), c[1], c[2])


@builder
def return_(span: Span, c: Children) -> ast.Return:
    return ast.Return(span, c[0])


@builder
def goal(span: Span, c: Children) -> ast.Goal:
    chosen: tuple[ast.Group, ...] | ast.Expr | None = c[2]
    over, optimizer = (chosen, None) if isinstance(chosen, tuple) else ((), chosen)
    sense = "minimize" if c[0].text == "minimize" else "maximize"
    return ast.Goal(span, sense, c[1], over, optimizer, c[3])


@builder
def group(span: Span, c: Children) -> ast.Group:
    return ast.Group(span, c[0], c[1])


@builder
def load(span: Span, c: Children) -> ast.Load:
    return ast.Load(span, c[0], c[1])


@builder
def for_(span: Span, c: Children) -> ast.For:
    return ast.For(span, c[0], c[1], c[2])


@builder
def if_(span: Span, c: Children) -> ast.If:
    return ast.If(span, c[0], c[1], c[2] or ())


@builder
def guarded(span: Span, c: Children) -> ast.Guarded:
    return ast.Guarded(span, c[0], c[1])


@builder
def turn(span: Span, c: Children) -> ast.Turn:
    kind = "step" if c[0].text == "step" else "stage"
    return ast.Turn(span, kind, c[1].text, place(span.source, c[1]), c[2])


# --- definitions -------------------------------------------------------------------------------


@builder
def param(span: Span, c: Children) -> ast.Parameter:
    return ast.Parameter(span, c[0].text, c[1], c[2])


@builder
def params(span: Span, c: Children) -> Children:
    return c  # names before the semicolon, the semicolon, names after it


@builder
def import_(span: Span, c: Children) -> ast.Import:
    alias: Token | None = c[1]
    path: Token = c[0]
    return ast.Import(
        span, path.text[1:-1], place(span.source, path), alias.text if alias else None
    )


@builder
def const(span: Span, c: Children) -> ast.Const:
    return ast.Const(span, c[0].text, place(span.source, c[0]), c[1])


def _settings(kind: str, written: Children | None) -> tuple[ast.Parameter, ...]:
    """The parameters of a definition that has settings only; `;` after others is a mistake."""
    first, semicolon, second = written or (None, None, None)
    typed = [p for p in first or () if p.type is not None and kind in ("network", "cell")]
    if first and (semicolon or typed):
        from dlspec.diagnostics.syntax import InputsInParentheses

        named = typed[0] if typed else first[0]
        there = named.span if typed else first[0].span.to(first[-1].span)
        raise DlspecError(InputsInParentheses(there, kind=kind, name=named.name))
    return (first or ()) + (second or ())


@builder
def definition(span: Span, c: Children) -> ast.Definition:
    kind: str = c[0].text
    named_at = place(span.source, c[1])
    if kind == "block":
        first, _, second = c[2] or (None, None, None)
        return ast.Definition(span, "block", c[1].text, named_at, first or (), second or (), c[3])
    settings = _settings(kind, c[2])
    return ast.Definition(
        span, "cell" if kind == "cell" else "network", c[1].text, named_at, (), settings, c[3]
    )


@builder
def data(span: Span, c: Children) -> ast.Data:
    settings = _settings("data", c[1])
    return ast.Data(span, c[0].text, place(span.source, c[0]), settings, None, c[2])


@builder
def ready_data(span: Span, c: Children) -> ast.Data:
    settings = _settings("data", c[1])
    return ast.Data(span, c[0].text, place(span.source, c[0]), settings, c[2], ())


@builder
def use(span: Span, c: Children) -> ast.Use:
    alias: Token | None = c[1]
    return ast.Use(span, c[0], alias.text if alias else None)


@builder
def recipe(span: Span, c: Children) -> ast.Recipe:
    settings = _settings("recipe", c[1])
    named_at = place(span.source, c[0])
    return ast.Recipe(span, c[0].text, named_at, settings, c[2] or (), c[3] or (), c[4])


@builder
def engine(span: Span, c: Children) -> ast.Engine:
    return ast.Engine(span, c[0].text, place(span.source, c[0]), c[1], c[2])


@builder
def experiment(span: Span, c: Children) -> ast.Experiment:
    return ast.Experiment(span, c[0].text, place(span.source, c[0]), c[1], c[2])


@builder
def check(span: Span, c: Children) -> ast.Check:
    return ast.Check(span, c[0], c[1], c[2])


@builder
def start(span: Span, c: Children) -> ast.File:
    return ast.File(span, _items(c))
