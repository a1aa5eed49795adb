"""Calls: *definition → (settings) → layer → (inputs) → record*."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dlspec.diagnostics import DlspecError, did_you_mean
from dlspec.diagnostics.meaning import BadValue, Impossible, SharedLayer
from dlspec.diagnostics.names import (
    MissingArgument,
    NoOutput,
    NotCallable,
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
from dlspec.ops.base import Op, initializer
from dlspec.sema import compile_time
from dlspec.sema.context import Frame
from dlspec.sema.tensors import as_tensor, constant, promoted, single
from dlspec.sema.values import (
    Builtin,
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

Given = tuple[Any, Span]
WORK_OF_APPLYING = 25
_LOGIC = ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")


@dataclasses.dataclass
class Arguments:
    """Arguments evaluated: ``piped`` came by the arrow."""

    piped: Given | None
    positional: list[Given]
    named: dict[str, Given]

    @property
    def has_tensor(self) -> bool:
        """Whether an input is given."""
        return self.piped is not None or any(is_tensor_like(v) for v, _ in self.positional)


def evaluate_arguments(
    el: Elaborator, arguments: Sequence[ast.Argument], frame: Frame, piped: Given | None
) -> Arguments:
    """The values of the arguments of a call."""
    found = Arguments(piped, [], {})
    for argument in arguments:
        value = el.evaluate(argument.value, frame)
        if argument.name is None:
            found.positional.append((value, argument.value.span))
        elif argument.name in found.named:
            raise DlspecError(RepeatedArgument(argument.span, argument.name, "this call"))
        else:
            found.named[argument.name] = (value, argument.span)
    return found


def call(el: Elaborator, expr: ast.Call, frame: Frame) -> Any:
    """`f(a, k = b)`."""
    callee = el.callee(expr.function, frame)
    arguments = evaluate_arguments(el, expr.arguments, frame, None)
    return invoke(el, callee, arguments, expr, frame, None)


def pipe(el: Elaborator, expr: ast.Pipe, frame: Frame) -> Any:
    """`a -> f(b)`: the arrow gives the first input."""
    value = el.evaluate(expr.value, frame)
    function = expr.function
    written: Sequence[ast.Argument] = ()
    if isinstance(function, ast.Call):
        function, written = function.function, function.arguments
    callee = el.callee(function, frame)
    arguments = evaluate_arguments(el, written, frame, (value, expr.value.span))
    if expr.alias is None:
        return invoke(el, callee, arguments, expr.function, frame, None)
    result = invoke(el, callee, arguments, expr.function, frame, frame.place(expr.alias))
    target = frame.target
    el.bind(expr.alias, result, expr.alias_span or expr.span, frame)
    frame.aliases.add(expr.alias)
    frame.target = target
    return result


def invoke(
    el: Elaborator,
    callee: Any,
    arguments: Arguments,
    node: ast.Node,
    frame: Frame,
    path: str | None,
) -> Any:
    """Apply whatever is called; ``path`` names the layer where the spec does (`as name`)."""
    if isinstance(callee, Builtin):
        return weigh(el, call_builtin(callee, arguments, node.span), node.span)
    if isinstance(callee, Layer):
        if isinstance(callee.definition, ast.Definition):
            return apply_layer_definition(el, callee, arguments, node, frame, path)
        return apply_layer_op(el, callee, arguments, node, frame, path)
    if isinstance(callee, type) and issubclass(callee, Op):
        return call_op(el, callee, arguments, node, frame, path)
    if isinstance(callee, ast.Definition):
        return call_definition(el, callee, arguments, node, frame, path)
    advice = None
    if isinstance(node, (ast.Call, ast.Name)):
        name = node.function if isinstance(node, ast.Call) else node
        if isinstance(name, ast.Name) and name.id in frame.names and name.id in REGISTRY:
            advice = f"here `{name.id}` is a name of your own, which hides the op `{name.id}`"
    raise DlspecError(NotCallable(node.span, describe(callee), advice))


def weigh(el: Elaborator, value: Any, span: Span) -> Any:
    """The value, once its size is counted: lists are copied where they grow, arrays take memory."""
    if isinstance(value, np.ndarray):
        el.context.count_literal(value.size, span)
    elif isinstance(value, (list, tuple)):
        el.context.spend(len(value) // 8, span)
    return value


def call_builtin(function: Builtin, arguments: Arguments, span: Span) -> Any:
    """A function on compile-time values."""
    given = ([arguments.piped] if arguments.piped else []) + arguments.positional
    if arguments.named:
        name, (_, place) = next(iter(arguments.named.items()))
        raise DlspecError(UnknownSetting(place, name, function.name))
    try:
        return function.function(*(v for v, _ in given))
    except compile_time.ArgumentError as error:
        raise DlspecError(Impossible(span, f"`{function.name}` takes {error}")) from None
    except TypeError:
        raise DlspecError(
            Impossible(span, f"`{function.name}` does not take {len(given)} such arguments")
        ) from None


# --- ops -------------------------------------------------------------------------------------------


def spelling(attribute: str) -> str:
    """How a spec writes an attribute; Python's keywords have a trailing underscore in the op."""
    return attribute.rstrip("_")


def op_settings(op: type[Op]) -> dict[str, str]:
    """The settings that a spec may give an op: attributes and parameters, by their spelling."""
    names = {spelling(n): n for n in op.attributes() if n not in ("training", "body", "captures")}
    return names | {slot.name: slot.name for slot in op.rule.parameters}


def call_op(
    el: Elaborator,
    op: type[Op],
    arguments: Arguments,
    node: ast.Node,
    frame: Frame,
    path: str | None,
) -> Any:
    """An op called: with inputs a node, without a layer, with numbers alone a number where it is a function of numbers too."""
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
    plain = not op_settings(op) and positional and not op.variadic
    if not (arguments.has_tensor or plain or any(n in slots for n in arguments.named)):
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
        while rest and (is_tensor_like(rest[0][0]) or _tensors_listed(rest[0][0])):
            value, span = rest.pop(0)
            inputs += [(v, span) for v in value] if isinstance(value, list) else [(value, span)]
        return inputs, rest
    wanted = list(op.rule.tensors)
    while rest and len(inputs) < len(wanted):
        value = rest[0][0]
        if is_tensor_like(value) or (not wanted[len(inputs)].optional and _constant_like(value)):
            inputs.append(rest.pop(0))
        else:
            break
    return inputs, rest


def _tensors_listed(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(is_tensor_like(v) for v in value)


def _constant_like(value: Any) -> bool:
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
        if name in parameters:
            continue
        if isinstance(value, Schedule):
            raise DlspecError(NotYet(place, "a schedule inside a network"))
        if isinstance(value, list):
            value = tuple(value)
        if not isinstance(value, (int, float, str, bool, tuple, Dim)) and value is not None:
            raise DlspecError(WrongKind(place, f"a value for `{name}`", describe(value)))
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
        parameters = layer_parameters(el, op, values, weights, path, span)
        outputs = builder.apply(op, *values, path=path, span=span, parameters=parameters)
    except DlspecError as error:
        raise DlspecError(
            *(_with_operands(d, span, operands, values) for d in error.diagnostics)
        ) from None
    el.context.count_nodes(outputs, span)
    own = len(outputs) - len(op.buffers) if len(outputs) > 1 else 1
    for slot, value in zip(op.buffers, outputs[own:], strict=False):
        builder.update(parameters[slot], value)  # type: ignore[arg-type]
    if own == 1:
        return Tensor(outputs[0])
    names = [s.name for s in op.rule.outputs][:own]
    if len(names) != own:
        return tuple(Tensor(v) for v in outputs[:own])
    return Record(
        op.name, {n: Tensor(v) for n, v in zip(names, outputs, strict=False)}, tuple(names)
    )


def _with_operands(
    diagnostic: Any, span: Span, operands: Sequence[Given], values: Sequence[Value]
) -> Any:
    if diagnostic.span is None:
        diagnostic = dataclasses.replace(diagnostic, span=span)
    if isinstance(diagnostic, ShapeDiagnostic) and not diagnostic.operands:
        shown = tuple(
            Operand(_shown_name(value, place), str(value.type), value.span)
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
    # a written number takes the type of the tensors beside it, unless it has a fraction and they have none
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
    """The op's own starting value; a bias that starts as its layer's weights do has their fan-in."""
    if slot not in op.init:
        return None
    init = initializer(type(op), slot)
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
    """A starting value as written: an initialiser, a number, a literal array, `none`, or a tensor to be used in its place."""
    if value is None:
        return None
    tensor = single(value)
    if tensor is not None:
        return tensor
    if isinstance(value, Initial):
        return value.init
    if isinstance(value, Builtin) and value.name in (*compile_time.INITIALIZERS, "zeros", "ones"):
        return (
            Initializer(value.name)
            if value.name in ("zeros", "ones")
            else compile_time.INITIALIZERS[value.name].function().init
        )
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


# --- definitions ------------------------------------------------------------------------------------


def input_names(definition: ast.Definition) -> list[str]:
    """The inputs that a definition has: a block's parameters, a network's `input` statements."""
    if definition.kind == "block":
        return [p.name for p in definition.inputs]
    names: list[str] = []
    for statement in definition.body:
        inner = statement.statement if isinstance(statement, ast.Guarded) else statement
        if isinstance(inner, ast.Input):
            names.append(inner.name)
    return names


def call_definition(
    el: Elaborator,
    definition: ast.Definition,
    arguments: Arguments,
    node: ast.Node,
    frame: Frame,
    path: str | None,
) -> Any:
    """A block or network called: without any input a layer, else applied."""
    if definition.kind == "cell":
        raise DlspecError(NotYet(node.span, "a `cell`"))
    inputs = input_names(definition)
    settings = [p.name for p in definition.settings]
    applied = arguments.has_tensor or any(n in inputs for n in arguments.named)
    tensors: list[Given] = [arguments.piped] if arguments.piped else []
    rest = list(arguments.positional)
    while (
        applied
        and rest
        and len(tensors) < len(inputs)
        and (is_tensor_like(rest[0][0]) or _constant_like(rest[0][0]))
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
    if len(given) > len(inputs):
        raise DlspecError(TooManyArguments(given[len(inputs)][1], definition.name, len(inputs)))
    bound: dict[str, Given] = dict(zip(inputs, given, strict=False))
    for name, value in arguments.named.items():
        if name not in inputs:
            raise DlspecError(
                UnknownSetting(value[1], name, definition.name, did_you_mean(name, inputs))
            )
        if name in bound:
            raise DlspecError(RepeatedArgument(value[1], name, definition.name))
        bound[name] = value
    where = layer.path or path or el.context.sites.path(frame.prefix, definition.name, node)
    return apply_definition(el, definition, layer.settings, bound, where, node.span, frame)


def apply_definition(
    el: Elaborator,
    definition: ast.Definition,
    settings: dict[str, Given],
    inputs: dict[str, Given],
    path: str,
    span: Span,
    caller: Frame,
) -> Record:
    """Carry out a body with its inputs and settings bound: text inlined at a path."""
    el.context.spend(WORK_OF_APPLYING, span)
    program = caller.program.home(definition)
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
