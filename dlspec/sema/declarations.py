"""What a body declares: inputs, noises and parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.names import MisplacedStatement, MissingArgument
from dlspec.ir.graph import Value
from dlspec.sema import compile_time, ragged
from dlspec.sema.context import Frame
from dlspec.sema.distributions import distribution_of
from dlspec.sema.parameters import bare_parameter
from dlspec.sema.types import declared_type, unify, vocabulary_of
from dlspec.sema.values import Tensor
from dlspec.syntax import ast

if TYPE_CHECKING:
    from dlspec.sema.elaborate import Elaborator


def declare_input(el: Elaborator, statement: ast.Input, frame: Frame) -> None:
    """`input x: …`: the given tensor, or the graph's own input."""
    if frame.kind not in ("network", "cell"):
        raise DlspecError(MisplacedStatement(statement.span, "input", frame.kind))
    given = frame.given.get(statement.name)
    if given is None and frame.kind == "cell":
        value = _fed(el, statement, frame)
    elif given is None:
        value = el.missing_input(statement, frame)
    else:
        value = el.tensor(given[0], given[1], dtype_hint=statement.type)
        unify(statement.name, statement.type, value.type, given[1], frame, el.evaluate)
    frame.names[statement.name] = Tensor(value)
    frame.bound[statement.name] = statement.name_span


def _fed(el: Elaborator, statement: ast.Input, frame: Frame) -> Value:
    """The input of a cell that nothing is given for: what a generation chose."""
    loop = el.context.loop
    if loop is None or loop.fed != statement.name or frame.within:
        raise DlspecError(MissingArgument(statement.name_span, statement.name, frame.owner))
    frame.dims.setdefault("N", loop.like.type.shape[0])
    kind = declared_type(statement.type, frame, el.evaluate)
    loop.fed_input = loop.body.input(
        frame.place(statement.name),
        kind.dtype,
        *kind.shape,
        origin="step",
        span=statement.name_span,
    )
    return loop.fed_input


def graph_input(el: Elaborator, statement: ast.Input, frame: Frame) -> Value:
    """An input of the graph itself."""
    kind = declared_type(statement.type, frame, el.evaluate)
    names = vocabulary_of(statement.type, frame, el.evaluate)
    made = el.context.builder.input(
        frame.place(statement.name),
        kind.dtype,
        *kind.shape,
        ragged=sorted(kind.ragged),
        classes=None if names is None else names.classes,
        vocabulary=None if names is None else names.fitted,
        span=statement.name_span,
    )
    return ragged.opened(el.context, made, statement.name_span)


def declare_noise(el: Elaborator, statement: ast.Noise, frame: Frame) -> None:
    """`noise e: … ~ normal(0, 1)`: an input of the graph, drawn anew for each application."""
    kind = declared_type(statement.type, frame, el.evaluate)
    distribution = distribution_of(el, statement.distribution, frame)
    loop = el.context.loop
    if loop is not None:
        place = frame.place(statement.name)
        step = loop.noise(place, kind, distribution, statement.name_span)
        frame.names[statement.name] = Tensor(step)
        frame.bound[statement.name] = statement.name_span
        return
    value = el.context.builder.input(
        frame.place(statement.name),
        kind.dtype,
        *kind.shape,
        distribution=distribution,
        span=statement.name_span,
    )
    frame.names[statement.name] = Tensor(value)
    frame.bound[statement.name] = statement.name_span


def declare_parameter(el: Elaborator, statement: ast.Param, frame: Frame) -> None:
    """`param bias: float[19, 19] = zeros`."""
    kind = declared_type(statement.type, frame, el.evaluate)
    init = (
        el.evaluate(statement.value, frame)
        if statement.value is not None
        else compile_time.INITIALIZERS["kaiming"]
    )
    name = frame.place(statement.name)
    value = bare_parameter(el, name, kind, init, statement.name_span)
    frame.names[statement.name] = Tensor(value)
    frame.bound[statement.name] = statement.name_span
