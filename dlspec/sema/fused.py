"""The standard recurrent cells applied: over time as one kernel, or one step inside a cell."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

from dlspec.diagnostics import DlspecError, did_you_mean
from dlspec.diagnostics.names import (
    MissingArgument,
    NotYet,
    TooManyArguments,
    UnknownSetting,
)
from dlspec.diagnostics.time import CellOutsideLoop, NothingStepped
from dlspec.ir.graph import Value
from dlspec.ir.types import DType, TensorType
from dlspec.ops.recurrent import Recurrent
from dlspec.ops.steps import STEPS
from dlspec.sema.arguments import Arguments, Given
from dlspec.sema.context import Frame
from dlspec.sema.op_settings import make_op
from dlspec.sema.parameters import layer_parameters
from dlspec.sema.ragged import lengths_of
from dlspec.sema.tensors import as_tensor
from dlspec.sema.values import Layer, Record, Tensor
from dlspec.syntax import ast

if TYPE_CHECKING:
    from dlspec.sema.elaborate import Elaborator


def scan(
    el: Elaborator,
    layer: Layer,
    arguments: Arguments,
    rest: list[Given],
    node: ast.Node,
    frame: Frame,
    path: str | None,
) -> Record:
    """`x -> scan(lstm(128), h = start, reverse = true)`."""
    from dlspec.sema.cells import flag_of, states_from, truncate_of

    op = _operation(layer, node)
    options = dict(arguments.named)
    reverse = flag_of(options.pop("reverse", None), "reverse")
    truncate = truncate_of(el, options.pop("truncate", None))
    starts = states_from(options.pop("from", None))
    tensors = ([arguments.piped] if arguments.piped else []) + rest
    if "x" in options:
        tensors.append(options.pop("x"))
    for name, given in options.items():
        if name not in op.carries:
            known = [*op.carries, "x", "reverse", "from", "truncate"]
            raise DlspecError(UnknownSetting(given[1], name, op.name, did_you_mean(name, known)))
        starts[name] = given
    if not tensors:
        raise DlspecError(MissingArgument(node.span, "x", op.name))
    if len(tensors) > 1:
        raise DlspecError(TooManyArguments(tensors[1][1], op.name, 1))
    if el.context.loop is not None:
        raise DlspecError(NotYet(node.span, "a `scan` inside a cell"))
    builder = el.context.builder
    x = as_tensor(builder, *tensors[0])
    if x.type.rank != 3:
        raise DlspecError(NothingStepped(tensors[0][1], op.name, "input x: float[N, D]"))
    if truncate:
        return _truncated(el, layer, x, starts, (reverse, truncate), node, frame, path)
    states = [as_tensor(builder, *starts[s]) if s in starts else None for s in op.carries]
    ragged = 1 in x.type.ragged
    lengths = lengths_of(el.context, x.type.shape[1], x.type) if ragged else None
    where = layer.path or path or el.context.sites.path(frame.prefix, op.name, node)
    made = dataclasses.replace(op, reverse=reverse)
    weights = layer_parameters(el, made, [x], _starts(layer, op), where, node.span)
    outputs = builder.apply(
        made,
        x,
        *states,
        lengths,
        path=where,
        name=[where, *(f"{where}.final.{s}" for s in op.carries)],
        span=node.span,
        parameters=weights,
    )
    el.context.count_nodes(outputs, node.span)
    ends = {s: Tensor(v) for s, v in zip(op.carries, outputs[1:], strict=True)}
    final = Record("final", ends, tuple(ends))
    return Record(op.name, {"h": Tensor(outputs[0]), "final": final}, ("h",))


def _truncated(
    el: Elaborator,
    layer: Layer,
    x: Value,
    starts: Mapping[str, Given],
    ways: tuple[bool, int],
    node: ast.Node,
    frame: Frame,
    path: str | None,
) -> Record:
    """The cell as a loop of its steps, whose gradients can end within: no kernel does that."""
    from dlspec.sema.cells import closed, state_key
    from dlspec.sema.loops import Loop, inside

    op = _operation(layer, node)
    context, time = el.context, x.type.shape[1]
    where = layer.path or path or context.sites.path(frame.prefix, op.name, node)
    loop = Loop(context.builder, context.builder.body(where), where, x, time)
    lengths = [lengths_of(context, time, x.type)] if 1 in x.type.ragged else []
    with inside(context, loop):
        key = state_key(el, layer, op.name, frame)
        given = Record("starts", {n: value for n, (value, _) in starts.items()})
        loop.starts = {key: (given, node.span)} if starts else {}
        fed = (Tensor(loop.step("x", x, node.span)), node.span)
        made = step(el, layer, Arguments(fed, [], {}), node, frame, where)
        h = as_tensor(context.builder, made.names["h"], node.span)
    found, final = closed(el, loop, {"h": h}, lengths, ways, node.span)
    for name in (*frame.within, key):
        final = final.names[name]
    return Record(op.name, {**found, "final": final}, ("h",))


def step(
    el: Elaborator,
    layer: Layer,
    arguments: Arguments,
    node: ast.Node,
    frame: Frame,
    path: str | None,
) -> Record:
    """`x -> lstm(64)` in a cell: one step, and its states join those of the cell around it."""
    from dlspec.sema.cells import state_key
    from dlspec.sema.states import open_state

    op = _operation(layer, node)
    loop = el.context.loop
    if loop is None:
        raise DlspecError(CellOutsideLoop(node.span, op.name))
    tensors = ([arguments.piped] if arguments.piped else []) + arguments.positional
    if not tensors:
        raise DlspecError(MissingArgument(node.span, "x", op.name))
    if len(tensors) > 1 or arguments.named:
        place = tensors[1][1] if len(tensors) > 1 else next(iter(arguments.named.values()))[1]
        raise DlspecError(TooManyArguments(place, op.name, 1))
    builder = el.context.builder
    x = as_tensor(builder, *tensors[0])
    where = layer.path or path or el.context.sites.path(frame.prefix, op.name, node)
    inner = Frame(op.name, "cell", where, frame.program)
    inner.within = (*frame.within, state_key(el, layer, op.name, frame))
    kind = TensorType.of(DType.float32, x.type.shape[0], op.units)
    before = len(loop.states)
    states: list[Value] = [open_state(el, loop, s, kind, 0.0, node.span, inner) for s in op.carries]
    settings = {f: getattr(op, f) for f in op.attributes()}
    made = STEPS[op.name](**settings)
    weights = layer_parameters(el, made, [x], _starts(layer, op), where, node.span)
    names = [f"{where}.{s}_next" for s in op.carries]
    outputs = builder.apply(
        made, x, *states, path=where, name=names, span=node.span, parameters=weights
    )
    for state, value in zip(loop.states[before:], outputs, strict=True):
        state.following = value
    found = {s: Tensor(v) for s, v in zip(op.carries, outputs, strict=True)}
    return Record(op.name, found, ("h",))


def _starts(layer: Layer, op: Recurrent) -> dict[str, Given]:
    """The starting values that the layer gives its parameters, by the parameters' own names."""
    return {op.aliases.get(n, n): given for n, given in layer.settings.items()}


def _operation(layer: Layer, node: ast.Node) -> Recurrent:
    """The op of a layer, with its settings."""
    assert isinstance(layer.definition, type)
    made = make_op(layer.definition, layer.settings, node.span)
    assert isinstance(made, Recurrent)
    return made
