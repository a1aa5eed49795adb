"""Ops applied: settings become attributes and parameters, operands tensors of fitting types, and a
node is made.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dlspec.diagnostics import DlspecError, did_you_mean
from dlspec.diagnostics.meaning import BadValue, SharedLayer
from dlspec.diagnostics.names import (
    MissingArgument,
    NotYet,
    RepeatedArgument,
    TooManyArguments,
    UnknownSetting,
    WrongKind,
)
from dlspec.diagnostics.shapes import Operand, ShapeDiagnostic
from dlspec.dims import Dim, product, text_of
from dlspec.ir.graph import Initializer, Value
from dlspec.ir.plan import Schedule
from dlspec.ir.types import DType, TensorType
from dlspec.ops import REGISTRY
from dlspec.ops.base import Op
from dlspec.ops.measured import Measured
from dlspec.ops.normalization import BatchNorm
from dlspec.sema import compile_time, fused, ragged, windows
from dlspec.sema.context import Frame
from dlspec.sema.measured import measured
from dlspec.sema.origins import history
from dlspec.sema.starts import StartFunction, fitting
from dlspec.sema.tensors import as_tensor, constant, promoted, single
from dlspec.sema.values import (
    Builtin,
    Form,
    Initial,
    Layer,
    Record,
    Tensor,
    describe,
    is_number,
    is_tensor_like,
    literal_array,
)
from dlspec.source import Span
from dlspec.syntax import ast

if TYPE_CHECKING:
    from dlspec.sema.elaborate import Elaborator

from dlspec.sema.arguments import Arguments, Given, call_builtin, weigh
from dlspec.sema.choices import with_parameters

_LOGIC = ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")


def spelling(attribute: str) -> str:
    """How a spec writes an attribute; Python's keywords have a trailing underscore in the op."""
    return attribute.rstrip("_")


def op_settings(op: type[Op]) -> dict[str, str]:
    """The settings that a spec may give an op: attributes and parameters, by their spelling."""
    names = {spelling(n): n for n in op.attributes() if n not in hidden_settings(op)}
    return names | {slot.name: slot.name for slot in op.rule.parameters} | dict(op.aliases)


def hidden_settings(op: type[Op]) -> tuple[str, ...]:
    """Attributes that the language gives in other ways; `scan` has the direction of a cell."""
    return ("training", "body", "captures", "symbol", *(("reverse",) if op.carries else ()))


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


def settings_of_op(
    op: type[Op], positional: list[Given], named: dict[str, Given], span: Span
) -> dict[str, Given]:
    """Settings by name; positional ones fill the attributes in order."""
    known = op_settings(op)
    found: dict[str, Given] = {}
    order = [spelling(n) for n in op.attributes() if spelling(n) in known]
    if op.variadic is not None and positional:
        values = positional[0][0] if len(positional) == 1 else tuple(v for v, _ in positional)
        if isinstance(values, (list, tuple)):
            values = tuple(values)
        else:
            values = (values,)
        found[spelling(op.variadic)] = (values, positional[0][1])
    else:
        if len(positional) > len(order):
            most = len(op.rule.tensors) + len(order)
            raise DlspecError(
                TooManyArguments(positional[len(order)][1], op.name, most, _known_text(op))
            )
        found.update(dict(zip(order, positional, strict=False)))
    for name, given in named.items():
        if name not in known:
            raise DlspecError(
                UnknownSetting(
                    given[1],
                    name,
                    op.name,
                    did_you_mean(name, known),
                    ", ".join(f"`{k}`" for k in known) or None,
                )
            )
        if name in found:
            raise DlspecError(RepeatedArgument(given[1], name, op.name))
        found[name] = given
    return found


def _known_text(op: type[Op]) -> str:
    names = [s.name for s in op.rule.tensors] + list(op_settings(op))
    return ", ".join(f"`{n}`" for n in names)


def make_op(op: type[Op], settings: dict[str, Given], span: Span) -> Op:
    """The op with its attributes; a missing or impossible one is told."""
    known = op_settings(op)
    parameters = {slot.name for slot in op.rule.parameters}
    attributes: dict[str, Any] = {}
    for name, (value, place) in settings.items():
        if known[name] in parameters:
            continue
        if isinstance(value, Schedule):
            raise DlspecError(NotYet(place, "a schedule inside a network"))
        if isinstance(value, list):
            value = _as_tuple(value)
        if isinstance(value, type) and issubclass(value, Op):
            value = value.name  # `activation = relu`
        if not isinstance(value, (int, float, str, bool, tuple, Dim)) and value is not None:
            advice = None
            if isinstance(value, (Builtin, Form)):
                advice = f'a word is written in quotes: `{name} = "{value.name}"`'
            raise DlspecError(WrongKind(place, f"a value for `{name}`", describe(value), advice))
        attributes[known[name]] = value
    for name, described in op.attributes().items():
        required = (
            described.default is dataclasses.MISSING
            and described.default_factory is dataclasses.MISSING
        )
        if required and name not in attributes and spelling(name) in known:
            raise DlspecError(MissingArgument(span, spelling(name), op.name, _known_text(op)))
    try:
        return op(**attributes)
    except DlspecError as error:
        raise DlspecError(
            *(
                d if d.span is not None else dataclasses.replace(d, span=span)
                for d in error.diagnostics
            )
        ) from None


def _as_tuple(value: Any) -> Any:
    """Lists as tuples, those within too: settings never change."""
    return tuple(_as_tuple(v) for v in value) if isinstance(value, (list, tuple)) else value


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
            MissingArgument(node.span, required[len(inputs)].name, op.name, _known_text(op))
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


def with_operands(
    diagnostic: Any, span: Span, operands: Sequence[Given], values: Sequence[Value]
) -> Any:
    """A diagnostic of an op at its place, with what the op was given."""
    if diagnostic.span is None:
        diagnostic = dataclasses.replace(diagnostic, span=span)
    if isinstance(diagnostic, ShapeDiagnostic) and not diagnostic.operands:
        shown = tuple(
            Operand(_shown_name(value, place), str(value.type), value.span, history(value))
            for (_, place), value in zip(operands, values, strict=True)
        )
        diagnostic = dataclasses.replace(diagnostic, operands=shown)
    return diagnostic


def _shown_name(value: Value, place: Span) -> str:
    text = place.text
    return text if len(text) <= 40 and "\n" not in text else value.name


def brought_together(el: Elaborator, op: Op, operands: Sequence[Given], span: Span) -> list[Value]:
    """The operands as tensors of one element type, where the op wants that; casts are nodes."""
    builder = el.context.builder
    literal = [single(v) is None for v, _ in operands]
    for (value, _), known in zip(operands, literal, strict=True):
        if known and isinstance(value, (list, tuple, np.ndarray)):
            array = literal_array(value)
            el.context.count_literal(0 if array is None else array.size, span)
    values = [as_tensor(builder, v, place) for v, place in operands]
    if op.promotion == "none":
        return values
    types = [
        DType.float32
        if v.type.dtype is DType.uint8 and op.name not in _LOGIC and op.name != "where"
        else v.type.dtype
        for v in values
    ]
    # a written number takes the type of the tensors beside it, unless it has a fraction and they
    # have none
    fixed = [t for t, is_literal in zip(types, literal, strict=True) if not is_literal]
    fractions = [t for t, lit in zip(types, literal, strict=True) if lit and t.is_float]
    if fixed:
        types_for = fixed if any(t.is_float for t in fixed) else fixed + fractions
    else:
        types_for = types
    if op.name == "where":
        types_for = [t for t in types_for if t is not DType.bool_] or types_for
    wanted = promoted(types_for, to_float=op.promotion == "float")
    result: list[Value] = []
    for position, (value, is_literal) in enumerate(zip(values, literal, strict=True)):
        if (op.name == "where" and position == 0) or value.type.dtype is wanted:
            result.append(value)
        elif is_literal and not isinstance(operands[position][0], Tensor):
            array = literal_array(operands[position][0])
            result.append(constant(builder, array, wanted))
        else:
            result.append(cast(el, value, wanted, span))
    return result


def cast(el: Elaborator, value: Value, dtype: DType, span: Span) -> Value:
    """A tensor in another element type."""
    made = REGISTRY["cast"](dtype=dtype.value)  # type: ignore[call-arg]
    return el.context.builder.one(made, value, path=f"{value.name}.cast", span=span)


def layer_parameters(
    el: Elaborator,
    op: Op,
    values: Sequence[Value],
    weights: dict[str, Given],
    path: str,
    span: Span,
) -> dict[str, Value | None]:
    """The parameters of an op at a path: made at the first application, shared by the others."""
    context = el.context
    found: dict[str, Value | None] = {}
    kinds = op.parameter_types(*(v.type for v in values))
    for slot, kind in kinds.items():
        key = f"{path}.{slot}"
        known = context.weights.get(key)
        if known is not None:
            if known.type != kind:
                raise DlspecError(
                    SharedLayer(span, path, slot, str(kind), str(known.type), known.span)
                )
            found[slot] = known
            continue
        init: Any = _default(op, slot, kinds)
        if slot in weights:
            init = initial(weights[slot][0], kind, weights[slot][1], slot)
        if init is None:
            optional = next(s.optional for s in op.rule.parameters if s.name == slot)
            if not optional:
                raise DlspecError(BadValue(span, slot, "none", "a starting value"))
            found[slot] = None
        elif isinstance(init, Value):
            if init.type != kind:
                raise DlspecError(
                    SharedLayer(weights[slot][1], path, slot, str(kind), str(init.type), init.span)
                )
            found[slot] = init
        else:
            context.count_parameter(kind.shape, span)
            make = context.builder.buffer if slot in op.buffers else context.builder.parameter
            value = make(key, kind.dtype, *kind.shape, init=init, span=span)
            context.weights[key] = value
            found[slot] = value
    return found


def _default(op: Op, slot: str, kinds: dict[str, TensorType]) -> Initializer | None:
    """The op's own starting value; a bias that starts as the weights do has their fan-in."""
    init = op.default_init(slot)
    if init is None or slot.endswith("_l0"):
        return init
    if init.kind == "fan_in_uniform" and slot != "weight" and "weight" in kinds:
        fan_in = product(kinds["weight"].shape[1:]).value
        if fan_in is not None:
            return Initializer(init.kind, {"fan_in": float(fan_in)})
    return init


def bare_parameter(el: Elaborator, key: str, kind: TensorType, start: Any, span: Span) -> Value:
    """A parameter of a body's own (`param`), shared where the body is applied again."""
    known = el.context.weights.get(key)
    if known is not None:
        return known
    init = initial(start, kind, span, key)
    if not isinstance(init, Initializer):
        raise DlspecError(WrongKind(span, "a starting value", describe(start)))
    el.context.count_parameter(kind.shape, span)
    value = el.context.builder.parameter(key, kind.dtype, *kind.shape, init=init, span=span)
    el.context.weights[key] = value
    return value


def initial(value: Any, kind: TensorType, span: Span, name: str) -> Initializer | Value | None:
    """A starting value as written: an initialiser, a number, a literal array, `none`, or a tensor
    to be used in its place.
    """
    if value is None:
        return None
    tensor = single(value)
    if tensor is not None:
        return tensor
    if isinstance(value, Initial):
        return fitting(value.init, kind, span, name)
    if isinstance(value, Builtin) and value.name in ("zeros", "ones"):
        return Initializer(value.name)
    if isinstance(value, StartFunction):
        made = call_builtin(value, Arguments(None, [], {}), span)
        return fitting(made.init, kind, span, name)
    if is_number(value):
        return Initializer("constant", {"value": float(value)})
    array = literal_array(value)
    if array is None:
        raise DlspecError(WrongKind(span, f"a starting value for `{name}`", describe(value)))
    if tuple(d.value for d in kind.shape) != array.shape:
        raise DlspecError(
            BadValue(
                span, name, f"an array of shape {list(array.shape)}", f"shape {text_of(kind.shape)}"
            )
        )
    return Initializer("literal", {}, array.astype(np.float32))
