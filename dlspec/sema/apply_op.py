"""Ops applied to tensors: which arguments are inputs, and the node that is made."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.names import (
    MissingArgument,
    RepeatedArgument,
    TooManyArguments,
    WrongKind,
)
from dlspec.ir.graph import Value
from dlspec.ops import REGISTRY
from dlspec.ops.base import Op
from dlspec.ops.measured import Measured
from dlspec.ops.normalization import BatchNorm
from dlspec.sema import compile_time, fused, ragged, windows
from dlspec.sema.arguments import Arguments, Given, call_builtin, weigh
from dlspec.sema.choices import with_parameters
from dlspec.sema.context import Frame
from dlspec.sema.measured import measured
from dlspec.sema.op_settings import known_text, make_op, op_settings, settings_of_op
from dlspec.sema.operands import brought_together, with_operands
from dlspec.sema.parameters import layer_parameters
from dlspec.sema.values import (
    Choice,
    Layer,
    Record,
    Tensor,
    describe,
    is_tensor_like,
    literal_array,
)
from dlspec.source import Span
from dlspec.syntax import ast

if TYPE_CHECKING:
    from dlspec.sema.elaborate import Elaborator


def call_op(
    el: Elaborator,
    op: type[Op],
    arguments: Arguments,
    node: ast.Node,
    frame: Frame,
    path: str | None,
) -> Any:
    """An op called: with inputs a node, without a layer, with numbers alone a number where it is a
    function of numbers too.
    """
    if op.many:
        arguments = with_parameters(el, arguments)
    positional = arguments.positional
    if arguments.has_tensor or not op_settings(op):
        _refuse_layers(op, arguments, node)
    if not arguments.has_tensor and not arguments.named:
        values = [v for v, _ in positional]
        if op.name in compile_time.NUMBER_FUNCTIONS and values:
            function = compile_time.NUMBER_FUNCTIONS[op.name]
            return weigh(el, call_builtin(function, arguments, node.span), node.span)
    if op.name in ("max", "min") and arguments.has_tensor:
        together = ([arguments.piped] if arguments.piped else []) + positional
        if len(together) == 2:  # `max(x, 0)` is of two values; an axis is given by its name
            op = REGISTRY[f"{op.name}imum"]
            arguments = Arguments(None, together, arguments.named)
    slots = [s.name for s in op.rule.tensors]
    # more than it has settings that are no yes or no: `one_hot(0, 4)` is applied to a number
    flags = sum(isinstance(getattr(op, name, None), bool) for name in op_settings(op).values())
    plain = len(positional) > len(op_settings(op)) - flags and not op.variadic
    listed = op.many and any(_tensors_listed(value) for value, _ in positional)
    if not (arguments.has_tensor or listed or plain or any(n in slots for n in arguments.named)):
        return Layer(
            op, settings_of_op(op, positional, arguments.named, node.span), None, node.span
        )
    inputs, rest = take_inputs(op, arguments)
    named = {n: g for n, g in arguments.named.items() if n not in slots}
    for position, slot in enumerate(slots):
        if slot in arguments.named:
            if position < len(inputs):
                raise DlspecError(RepeatedArgument(arguments.named[slot][1], slot, op.name))
            inputs.append(arguments.named[slot])
    settings = settings_of_op(op, rest, named, node.span)
    return apply_layer_op(
        el, Layer(op, settings, None, node.span), Arguments(None, inputs, {}), node, frame, path
    )


def _refuse_layers(op: type[Op], arguments: Arguments, node: ast.Node) -> None:
    """What has not been applied is no tensor, where one is wanted."""
    given = [*([arguments.piped] if arguments.piped else []), *arguments.positional]
    for value, place in given if op.many else given[: len(op.rule.tensors)]:
        advice = None
        if isinstance(value, (Layer, ast.Definition)):
            advice = f"a layer gives a tensor once it is applied: `x -> {place.text}`"
            if arguments.piped is not None and value is arguments.piped[0]:
                advice = (
                    f"layers are put together in a `block`: `x -> {place.text} -> {node.span.text}`"
                )
        elif isinstance(value, Choice):
            head, _, name = place.text.rpartition(".")
            advice = f"an output of a recipe's network is called by its own name, `{name}`"
            advice += f"; of another it is `{head}(…).{name}`" if head else ""
        if advice is not None:
            raise DlspecError(WrongKind(place, "a tensor", describe(value), advice))


def take_inputs(op: type[Op], arguments: Arguments) -> tuple[list[Given], list[Given]]:
    """Which arguments are inputs, and which are left for the settings."""
    inputs: list[Given] = [arguments.piped] if arguments.piped else []
    rest = list(arguments.positional)
    if op.many:
        if len(inputs) == 1 and isinstance(inputs[0][0], list):
            inputs = [(v, inputs[0][1]) for v in inputs[0][0]]
        words: list[Given] = []  # `einsum("nd,nkd->nk", a, b)`
        while rest and isinstance(rest[0][0], str):
            words.append(rest.pop(0))
        while rest and (is_tensor_like(rest[0][0]) or _tensors_listed(rest[0][0])):
            value, span = rest.pop(0)
            inputs += [(v, span) for v in value] if isinstance(value, list) else [(value, span)]
        return inputs, words + rest
    wanted = list(op.rule.tensors)
    while rest and len(inputs) < len(wanted):
        value = rest[0][0]
        if is_tensor_like(value) or (not wanted[len(inputs)].optional and constant_like(value)):
            inputs.append(rest.pop(0))
        else:
            break
    return inputs, rest


def _tensors_listed(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(is_tensor_like(v) for v in value)


def constant_like(value: Any) -> bool:
    """Whether a value is known at compile time and can be a tensor."""
    return isinstance(value, bool) or literal_array(value) is not None


def apply_layer_op(
    el: Elaborator,
    layer: Layer,
    arguments: Arguments,
    node: ast.Node,
    frame: Frame,
    path: str | None,
) -> Any:
    """An op's layer, applied to its inputs."""
    op = layer.definition
    assert isinstance(op, type)
    if op.carries:
        return fused.step(el, layer, arguments, node, frame, path)
    inputs, rest = take_inputs(op, arguments)
    if rest or arguments.named:
        place = rest[0][1] if rest else next(iter(arguments.named.values()))[1]
        raise DlspecError(TooManyArguments(place, layer.path or op.name, len(op.rule.tensors)))
    required = [s for s in op.rule.tensors if not s.optional]
    if not op.many and len(inputs) < len(required):
        raise DlspecError(
            MissingArgument(node.span, required[len(inputs)].name, op.name, known_text(op))
        )
    made = make_op(op, layer.settings, node.span)
    weights = {n: g for n, g in layer.settings.items() if n in {s.name for s in op.rule.parameters}}
    where = layer.path or path or el.context.sites.path(frame.prefix, op.name, node)
    return apply_op(el, made, inputs, weights, where, node.span)


def apply_op(
    el: Elaborator,
    op: Op,
    operands: Sequence[Given],
    weights: dict[str, Given],
    path: str,
    span: Span,
) -> Any:
    """A node: operands as tensors of fitting element types, parameters made or shared."""
    builder = el.context.builder
    if "training" in op.attributes():
        op = dataclasses.replace(op, training=el.context.learning_at(path))  # type: ignore[call-arg]
    values = brought_together(el, op, operands, span)
    try:
        op = ragged.with_axis(op, values)
        given = values
        fitted = ragged.lowered(el.context, op, values, path, span)
        if isinstance(fitted, Value):
            return Tensor(fitted)
        values = fitted or values
        parameters = layer_parameters(el, op, values, weights, path, span)
        buffers = {n: v for n, v in parameters.items() if n in op.buffers and v is not None}
        if getattr(op, "training", False):
            parameters |= {n: builder.latest(v) for n, v in buffers.items()}
        outputs = _applied(el, op, values, parameters, path, span)
        if op.ragged == "window":
            outputs = [windows.closed(el.context, given[0], outputs[0])]
    except DlspecError as error:
        raise DlspecError(
            *(with_operands(d, span, operands, values) for d in error.diagnostics)
        ) from None
    el.context.count_nodes(outputs, span)
    results = list(outputs)
    own = len(results) - len(op.buffers) if len(results) > 1 else 1
    for slot, value in zip(op.buffers, outputs[own:], strict=False):
        builder.update(buffers[slot], value)
    for doubt in op.doubts(*values):
        el.context.sink.report(with_operands(doubt, span, operands, values))
    if own == 1:
        return Tensor(results[0])
    names = [s.name for s in op.rule.outputs][:own]
    if len(names) != own:
        return tuple(Tensor(v) for v in outputs[:own])
    return Record(
        op.name, {n: Tensor(v) for n, v in zip(names, outputs, strict=False)}, tuple(names)
    )


def _applied(
    el: Elaborator,
    op: Op,
    values: Sequence[Value],
    parameters: dict[str, Value | None],
    path: str,
    span: Span,
) -> Sequence[Value]:
    """The node's outputs; statistics of a batch with lengths are written out."""
    context, kind = el.context, values[0].type
    uneven = bool(kind.ragged) or (kind.rank > 0 and kind.shape[0] in context.steps)
    if isinstance(op, BatchNorm) and op.training and uneven:
        return windows.batch_norm(el.context, op, values[0], parameters, path, span)
    if isinstance(op, Measured):
        return measured(el.context, op, values, path, span)
    return el.context.builder.apply(op, *values, path=path, span=span, parameters=parameters)
