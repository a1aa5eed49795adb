"""Cells applied: stepped over time by `scan`, or one step inside another cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlspec.diagnostics import DlspecError, did_you_mean
from dlspec.diagnostics.names import (
    MissingArgument,
    NotYet,
    UnknownSetting,
    WrongKind,
)
from dlspec.diagnostics.time import NothingStepped, StepRank, TimesDiffer
from dlspec.dims import Dim
from dlspec.ir.builder import free_values
from dlspec.ir.graph import Value
from dlspec.ops.control import Scan
from dlspec.sema import fused
from dlspec.sema.arguments import Arguments, Given
from dlspec.sema.context import Context, Frame
from dlspec.sema.inputs import by_position, inputs_of
from dlspec.sema.loops import Loop, inside
from dlspec.sema.ragged import lengths_of
from dlspec.sema.tensors import as_tensor
from dlspec.sema.values import Layer, Poisoned, Record, Tensor, describe
from dlspec.source import Span
from dlspec.syntax import ast

if TYPE_CHECKING:
    from dlspec.sema.elaborate import Elaborator


def scan(
    el: Elaborator, arguments: Arguments, node: ast.Node, frame: Frame, path: str | None
) -> Record:
    """`x -> scan(cell)`, `scan(cell, word = …, memory = …, h = start, reverse = true)`."""
    layer, rest = cell_of(el, arguments, node, frame)
    if isinstance(layer.definition, type):
        return fused.scan(el, layer, arguments, rest, node, frame, path)
    definition = layer.definition
    assert isinstance(definition, ast.Definition)
    options = dict(arguments.named)
    reverse = flag_of(options.pop("reverse", None), "reverse")
    truncate = truncate_of(el, options.pop("truncate", None))
    starts = states_from(options.pop("from", None))
    inputs = inputs_of(definition)
    tensors = ([arguments.piped] if arguments.piped else []) + rest
    given = by_position(definition, tensors)
    for name, value in options.items():
        if name in inputs:
            given[name] = value
        else:
            starts[name] = value  # its body tells which states there are
    where = layer.path or path or el.context.sites.path(frame.prefix, definition.name, node)
    ways = (reverse, truncate)
    return _scanned(el, layer, given, starts, ways, where, node.span)


def cell_of(
    el: Elaborator, arguments: Arguments, node: ast.Node, frame: Frame
) -> tuple[Layer, list[Given]]:
    """The cell to step, and the tensors beside it."""
    if not arguments.positional:
        raise DlspecError(MissingArgument(node.span, "cell", "scan"))
    (value, place), *rest = arguments.positional
    if isinstance(value, ast.Definition):
        value = Layer(value, {}, None, place)
    if not is_cell(value):
        advice = None
        if isinstance(value, Layer):
            advice = "`each(f)` applies a layer that knows no time at every step"
        raise DlspecError(WrongKind(place, "a cell", describe(value), advice))
    return value, rest


def is_cell(value: Any) -> bool:
    """Whether a value is a layer that keeps states from step to step."""
    if not isinstance(value, Layer):
        return False
    if isinstance(value.definition, ast.Definition):
        return value.definition.kind == "cell"
    return bool(value.definition.carries)


def flag_of(given: Given | None, name: str) -> bool:
    if given is None:
        return False
    if not isinstance(given[0], bool):
        raise DlspecError(WrongKind(given[1], f"true or false for `{name}`", describe(given[0])))
    return given[0]


def truncate_of(el: Elaborator, given: Given | None) -> int:
    """`truncate = 20`: how many steps gradients go back; 0 for all, and where nothing is learnt."""
    if given is None:
        return 0
    value, place = given
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        wanted = "a whole number of steps from 1 for `truncate`"
        raise DlspecError(WrongKind(place, wanted, describe(value)))
    return value if el.context.mode.learning else 0


def states_from(given: Given | None) -> dict[str, Given]:
    """The states of a record, `from = heard.final`."""
    if given is None:
        return {}
    value, span = given
    if not isinstance(value, Record):
        raise DlspecError(
            WrongKind(span, "states such as `heard.final`", describe(value), "name a single state")
        )
    return {name: (inner, span) for name, inner in value.names.items()}


def check_starts(loop: Loop, definition: ast.Definition, settings: tuple[str, ...]) -> None:
    """Every start that the caller gave is one of a state, or of a cell within.

    Raises:
        DlspecError: DL205 for the first that is not.
    """
    states = list(dict.fromkeys(s.keys[0] for s in loop.states))
    for name, (_, span) in loop.starts.items():
        if name not in states:
            known = [*inputs_of(definition), *states, *settings]
            listed = ", ".join(f"`{k}`" for k in known)
            hint = did_you_mean(name, known)
            raise DlspecError(UnknownSetting(span, name, definition.name, hint, listed))


def _scanned(
    el: Elaborator,
    layer: Layer,
    given: dict[str, Given],
    starts: dict[str, Given],
    ways: tuple[bool, int],
    path: str,
    span: Span,
) -> Record:
    definition = layer.definition
    assert isinstance(definition, ast.Definition)
    context = el.context
    if context.loop is not None:
        raise DlspecError(NotYet(span, "a `scan` inside a cell"))
    actual = {n: as_tensor(context.builder, v, s) for n, (v, s) in given.items()}
    stepped = _stepped(definition, actual, given, span)
    first = actual[stepped[0]]
    time = first.type.shape[1]
    outer = context.builder
    loop = Loop(outer, outer.body(path), path, first, time, starts)
    inputs = {
        n: (Tensor(loop.step(n, v, given[n][1]) if n in stepped else v), given[n][1])
        for n, v in actual.items()
    }
    within = _lengths_within(context, loop, [actual[n] for n in stepped])
    with inside(context, loop, within):
        inner = cell_body(el, layer, inputs, path, span, ())
        results = inner.names | inner.put_out
        outputs = {n: as_tensor(context.builder, results[n], span) for n in inner.outputs}
    if not outputs:
        from dlspec.diagnostics.names import NoOutput

        raise DlspecError(NoOutput(definition.name_span, "cell", definition.name, "`output`"))
    if context.sink.errors and any(s.following is None for s in loop.states):
        raise Poisoned  # a mistake in the body stands in the way, and is told
    check_starts(loop, definition, ("reverse", "from", "truncate"))
    lengths = [lengths_of(context, time, first.type)] if _has_lengths(actual, stepped) else []
    made, final = closed(el, loop, outputs, lengths, ways, span)
    return Record(definition.name, {**made, "final": final}, tuple(outputs))


def closed(
    el: Elaborator,
    loop: Loop,
    outputs: dict[str, Value],
    lengths: list[Value],
    ways: tuple[bool, int],
    span: Span,
) -> tuple[dict[str, Any], Record]:
    """The loop as a node: its outputs with time, and the states after it. ``ways`` are whether it
    goes backwards, and how many steps gradients go back."""
    path = loop.path
    loop.close()
    for state in loop.states:
        assert state.following is not None
        loop.body.output(f"{'.'.join(state.keys)}'", state.following)
    for name, value in outputs.items():
        loop.body.output(name, value)
    captures = free_values(loop.body.graph)
    reverse, truncate = ways
    op = Scan(
        loop.body.graph,
        len(loop.stepped),
        len(loop.states),
        reverse,
        bool(lengths),
        captures,
        truncate,
    )
    names = [f"{path}.{n}" if len(outputs) > 1 else path for n in outputs]
    names += [f"{path}.final.{'.'.join(s.keys)}" for s in loop.states]
    made = loop.outer.apply(
        op,
        *(v for _, v in loop.stepped),
        *(s.start for s in loop.states),
        *lengths,
        *captures,
        path=path,
        name=names,
        span=span,
    )
    el.context.count_nodes(made, span)
    found: dict[str, Any] = {n: Tensor(v) for n, v in zip(outputs, made, strict=False)}
    return found, loop.final(made[len(outputs) :])


def _lengths_within(context: Context, loop: Loop, stepped: list[Value]) -> dict[Dim, Value]:
    """Where steps differ in length themselves: the lengths of this one, which are stepped too."""
    found: dict[Dim, Value] = {}
    for value in stepped:
        for axis in sorted(a for a in value.type.ragged if a > 1):
            dim = value.type.shape[axis]
            lengths = lengths_of(context, dim, value.type)
            if dim not in found and lengths.type.rank > 1:
                found[dim] = loop.step(f"{dim}_lengths", lengths, value.span)
    return found


def _has_lengths(actual: dict[str, Value], stepped: list[str]) -> bool:
    return any(1 in actual[n].type.ragged for n in stepped)


def _stepped(
    definition: ast.Definition, actual: dict[str, Value], given: dict[str, Given], span: Span
) -> list[str]:
    """Which inputs have time; the others are held for all steps."""
    found: list[str] = []
    for name, statement in inputs_of(definition).items():
        if name not in actual:
            raise DlspecError(MissingArgument(span, name, definition.name))
        kind = actual[name].type
        rank = len(statement.type.dims or ())
        if kind.rank == rank + 1:
            if found and actual[found[0]].type.shape[1] != kind.shape[1]:
                raise DlspecError(
                    TimesDiffer(
                        given[name][1],
                        name,
                        str(kind),
                        str(kind.shape[1]),
                        found[0],
                        str(actual[found[0]].type.shape[1]),
                    )
                )
            found.append(name)
        elif kind.rank != rank:
            raise DlspecError(
                StepRank(given[name][1], name, str(kind), statement.type.span.text, kind.rank)
            )
    if not found:
        declared = ", ".join(s.span.text for s in inputs_of(definition).values())
        raise DlspecError(NothingStepped(span, definition.name, declared))
    return found


def cell_body(
    el: Elaborator,
    layer: Layer,
    inputs: dict[str, Given],
    path: str,
    span: Span,
    within: tuple[str, ...],
) -> Frame:
    """Carry out a cell's body for one step, in the loop that is open."""
    from dlspec.sema.apply import WORK_OF_APPLYING, bind_settings

    definition = layer.definition
    assert isinstance(definition, ast.Definition)
    el.context.spend(WORK_OF_APPLYING, span)
    inner = Frame(
        definition.name,
        "cell",
        path,
        el.context.program.home(definition),
        later=el.context.places_of(definition),
    )
    inner.within = within
    with el.context.deeper(definition.name, span):
        bind_settings(el, definition, layer.settings, inner, span)
        inner.given = inputs
        el.run(definition.body, inner)
    return inner


def state_key(el: Elaborator, layer: Layer, kind: str, frame: Frame) -> str:
    """What the states of a cell within are called by: the layer's name, else its kind with an
    ordinal, as its parameters."""
    named = layer.path is not None and layer.path.startswith(f"{frame.scope}.")
    wanted = layer.path.rpartition(".")[2] if named and layer.path else kind
    loop = el.context.loop
    depth = len(frame.within)
    taken = {s.keys[depth] for s in loop.states if s.keys[:depth] == frame.within} if loop else ()
    key, ordinal = wanted, 1
    while key in taken:
        ordinal += 1
        key = f"{wanted}{ordinal}"
    return key


def step(
    el: Elaborator,
    layer: Layer,
    given: dict[str, Given],
    node: ast.Node,
    frame: Frame,
    path: str | None,
) -> Record:
    """A cell applied in a cell: one step, and its states join those of the cell around it."""
    definition = layer.definition
    assert isinstance(definition, ast.Definition)
    for name in inputs_of(definition):
        if name not in given:
            raise DlspecError(MissingArgument(node.span, name, definition.name))
    where = layer.path or path or el.context.sites.path(frame.prefix, definition.name, node)
    key = state_key(el, layer, definition.name, frame)
    inner = cell_body(el, layer, given, where, node.span, (*frame.within, key))
    return Record(
        definition.name,
        inner.names | inner.put_out,
        tuple(inner.outputs),
        inner.result,
        inner.families,
    )
