"""Calls: *definition → (settings) → layer → (inputs) → record*."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dlspec.diagnostics import DlspecError, did_you_mean
from dlspec.diagnostics.names import (
    MissingArgument,
    NoOutput,
    NotCallable,
    NotYet,
    RepeatedArgument,
    TooManyArguments,
    UnknownSetting,
)
from dlspec.diagnostics.time import CellOutsideLoop
from dlspec.ir.plan import Schedule
from dlspec.ops import REGISTRY
from dlspec.ops.base import Op
from dlspec.sema.context import Frame
from dlspec.sema.inputs import by_position, input_names
from dlspec.sema.names import callee
from dlspec.sema.tensors import as_tensor
from dlspec.sema.values import (
    Builtin,
    Form,
    Layer,
    Record,
    Tensor,
    describe,
    is_tensor_like,
)
from dlspec.source import Span
from dlspec.syntax import ast

if TYPE_CHECKING:
    from dlspec.sema.elaborate import Elaborator

from dlspec.sema import cells, time
from dlspec.sema.apply_op import apply_layer_op, call_op, constant_like
from dlspec.sema.arguments import Arguments, Given, call_builtin, evaluate_arguments, weigh

WORK_OF_APPLYING = 25


def call(el: Elaborator, expr: ast.Call, frame: Frame) -> Any:
    """`f(a, k = b)`."""
    called = callee(el, expr.function, frame)
    arguments = evaluate_arguments(el, expr.arguments, frame, None)
    return invoke(el, called, arguments, expr, frame, None)


def pipe(el: Elaborator, expr: ast.Pipe, frame: Frame) -> Any:
    """`a -> f(b)`: the arrow gives the first input."""
    value = el.evaluate(expr.value, frame)
    function = expr.function
    written: Sequence[ast.Argument] = ()
    if isinstance(function, ast.Call):
        function, written = function.function, function.arguments
    called = callee(el, function, frame)
    arguments = evaluate_arguments(el, written, frame, (value, expr.value.span))
    if expr.alias is None:
        return invoke(el, called, arguments, expr.function, frame, None)
    result = invoke(el, called, arguments, expr.function, frame, frame.place(expr.alias))
    target = frame.target
    el.bind(expr.alias, result, expr.alias_span or expr.span, frame)
    frame.aliases.add(expr.alias)
    frame.target = target
    return result


def invoke(
    el: Elaborator,
    called: Any,
    arguments: Arguments,
    node: ast.Node,
    frame: Frame,
    path: str | None,
) -> Any:
    """Apply whatever is called; ``path`` names the layer where the spec does (`as name`)."""
    if isinstance(called, Builtin):
        if called.name == "cosine" and arguments.has_tensor:  # of numbers it is a schedule
            return call_op(el, REGISTRY["cosine_similarity"], arguments, node, frame, path)
        return weigh(el, call_builtin(called, arguments, node.span), node.span)
    if isinstance(called, Form):
        if called.name not in time.FORMS:
            raise DlspecError(NotCallable(node.span, describe(called)))
        return time.FORMS[called.name](el, arguments, node, frame, path)
    if isinstance(called, Layer):
        if isinstance(called.definition, ast.Definition):
            return apply_layer_definition(el, called, arguments, node, frame, path)
        return apply_layer_op(el, called, arguments, node, frame, path)
    if isinstance(called, type) and issubclass(called, Op):
        return call_op(el, called, arguments, node, frame, path)
    if isinstance(called, ast.Definition):
        return call_definition(el, called, arguments, node, frame, path)
    advice = None
    if isinstance(node, (ast.Call, ast.Name)):
        name = node.function if isinstance(node, ast.Call) else node
        if isinstance(name, ast.Name) and name.id in frame.names and name.id in REGISTRY:
            advice = f"here `{name.id}` is a name of your own, which hides the op `{name.id}`"
    raise DlspecError(NotCallable(node.span, describe(called), advice))


def call_definition(
    el: Elaborator,
    definition: ast.Definition,
    arguments: Arguments,
    node: ast.Node,
    frame: Frame,
    path: str | None,
) -> Any:
    """A block or network called: without any input a layer, else applied."""
    inputs = input_names(definition)
    settings = [p.name for p in definition.settings]
    applied = arguments.has_tensor or any(n in inputs for n in arguments.named)
    tensors: list[Given] = [arguments.piped] if arguments.piped else []
    rest = list(arguments.positional)
    while (
        applied
        and rest
        and len(tensors) < len(inputs)
        and (is_tensor_like(rest[0][0]) or constant_like(rest[0][0]))
    ):
        tensors.append(rest.pop(0))
    known = ", ".join(f"`{n}`" for n in [*inputs, *settings]) or "nothing"
    if len(rest) > len(settings):
        most = len(settings) + len(inputs)
        raise DlspecError(TooManyArguments(rest[len(settings)][1], definition.name, most, known))
    given: dict[str, Given] = dict(zip(settings, rest, strict=False))
    named_inputs: dict[str, Given] = {}
    for name, value in arguments.named.items():
        place = value[1]
        if name in inputs:
            if inputs.index(name) < len(tensors):
                raise DlspecError(RepeatedArgument(place, name, definition.name))
            named_inputs[name] = value
        elif name in settings:
            if name in given:
                raise DlspecError(RepeatedArgument(place, name, definition.name))
            given[name] = value
        else:
            raise DlspecError(
                UnknownSetting(
                    place, name, definition.name, did_you_mean(name, [*inputs, *settings]), known
                )
            )
    layer = Layer(definition, given, None, node.span)
    if not applied:
        return layer
    return apply_layer_definition(
        el, layer, Arguments(None, tensors, named_inputs), node, frame, path
    )


def apply_layer_definition(
    el: Elaborator,
    layer: Layer,
    arguments: Arguments,
    node: ast.Node,
    frame: Frame,
    path: str | None,
) -> Record:
    """A layer of a block or network, applied to its inputs."""
    definition = layer.definition
    assert isinstance(definition, ast.Definition)
    inputs = input_names(definition)
    given = ([arguments.piped] if arguments.piped else []) + arguments.positional
    bound = by_position(definition, given)
    for name, value in arguments.named.items():
        if name not in inputs:
            raise DlspecError(
                UnknownSetting(value[1], name, definition.name, did_you_mean(name, inputs))
            )
        if name in bound:
            raise DlspecError(RepeatedArgument(value[1], name, definition.name))
        bound[name] = value
    if definition.kind == "cell":
        if el.context.loop is None:
            raise DlspecError(CellOutsideLoop(node.span, definition.name))
        return cells.step(el, layer, bound, node, frame, path)
    where = layer.path or path or el.context.sites.path(frame.prefix, definition.name, node)
    return apply_definition(el, definition, layer.settings, bound, where, node.span)


def apply_definition(
    el: Elaborator,
    definition: ast.Definition,
    settings: dict[str, Given],
    inputs: dict[str, Given],
    path: str,
    span: Span,
) -> Record:
    """Carry out a body with its inputs and settings bound: text inlined at a path."""
    el.context.spend(WORK_OF_APPLYING, span)
    program = el.context.program.home(definition)
    places = el.context.places_of(definition)
    inner = Frame(definition.name, definition.kind, path, program, later=places)
    with el.context.deeper(definition.name, span):
        if definition.kind == "block":
            for parameter in definition.inputs:
                if parameter.name not in inputs:
                    known = ", ".join(f"`{p.name}`" for p in definition.inputs)
                    raise DlspecError(MissingArgument(span, parameter.name, definition.name, known))
        bind_settings(el, definition, settings, inner, span)
        if definition.kind == "block":
            for parameter in definition.inputs:
                value, place = inputs[parameter.name]
                tensor = as_tensor(el.context.builder, value, place)
                if parameter.type is not None:
                    from dlspec.sema.types import unify

                    unify(parameter.name, parameter.type, tensor.type, place, inner, el.evaluate)
                inner.names[parameter.name] = Tensor(tensor)
        else:
            inner.given = inputs
        el.run(definition.body, inner)
    if definition.kind == "block" and not inner.returned:
        raise DlspecError(NoOutput(definition.name_span, "block", definition.name, "`return`"))
    return Record(definition.name, inner.names, tuple(inner.outputs), inner.result, inner.families)


def bind_settings(
    el: Elaborator, definition: Any, settings: dict[str, Given], inner: Frame, span: Span
) -> None:
    """Bind the settings of a definition; defaults may read those before them."""
    for parameter in definition.settings:
        if parameter.name in settings:
            inner.names[parameter.name] = settings[parameter.name][0]
        elif parameter.default is not None:
            inner.names[parameter.name] = el.evaluate(parameter.default, inner)
        else:
            known = ", ".join(f"`{p.name}`" for p in definition.settings)
            raise DlspecError(MissingArgument(span, parameter.name, definition.name, known))
        value = inner.names[parameter.name]
        if isinstance(value, Schedule):
            place = settings[parameter.name][1] if parameter.name in settings else parameter.span
            raise DlspecError(NotYet(place, "a schedule as a setting of a network"))
