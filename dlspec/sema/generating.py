"""`generate`: a cell that is fed with its own choices, as one loop in the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.meaning import BadValue
from dlspec.diagnostics.names import (
    MissingArgument,
    NotYet,
    TooManyArguments,
    UnknownSetting,
    WrongKind,
)
from dlspec.diagnostics.time import NotOneFed, StateChanges
from dlspec.dims import Dim
from dlspec.ir.builder import GraphBuilder, free_values
from dlspec.ir.graph import Value
from dlspec.ir.types import DType, TensorType
from dlspec.ops.base import Op
from dlspec.ops.beam import Beam
from dlspec.ops.generation import Generate
from dlspec.ops.lengths import Full
from dlspec.sema.arguments import Arguments, Given
from dlspec.sema.beams import MOST_BEAMS, Beams
from dlspec.sema.context import Frame
from dlspec.sema.loops import Loop, State, inside
from dlspec.sema.tensors import as_tensor
from dlspec.sema.values import Choose, Form, Layer, Poisoned, Record, Tensor, describe, is_number
from dlspec.source import Span
from dlspec.syntax import ast

if TYPE_CHECKING:
    from dlspec.sema.elaborate import Elaborator

SETTINGS = ("start", "stop", "at_most", "steps", "choose", "from")


def sample(
    el: Elaborator, arguments: Arguments, node: ast.Node, frame: Frame, path: str | None
) -> Choose:
    """`sample(temperature = 0.8)`: draw from softmax(scores / temperature)."""
    value, place = _only(arguments, "sample", "temperature") or (1.0, node.span)
    if not is_number(value) or value <= 0:
        raise DlspecError(BadValue(place, "temperature", describe(value), "a number above 0"))
    return Choose("sample", float(value))


def beam(
    el: Elaborator, arguments: Arguments, node: ast.Node, frame: Frame, path: str | None
) -> Choose:
    """`beam(4)`: the likeliest of several texts; with one it is `greedy`."""
    given = _only(arguments, "beam", "width")
    if given is None:
        raise DlspecError(MissingArgument(node.span, "width", "beam"))
    value, place = given
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or not 1 <= value <= MOST_BEAMS:
        wanted = f"a whole number from 1 to {MOST_BEAMS}"
        raise DlspecError(BadValue(place, "width", describe(value), wanted))
    return Choose("greedy") if value == 1 else Choose("beam", width=value)


def _only(arguments: Arguments, name: str, setting: str) -> Given | None:
    """The one setting of a way to choose, by its name or without."""
    given = dict(arguments.named)
    value = given.pop(setting, None)
    if given:
        unknown, (_, span) = next(iter(given.items()))
        raise DlspecError(UnknownSetting(span, unknown, name, None, f"`{setting}`"))
    positional = arguments.positional
    if len(positional) + (value is not None) > 1:
        raise DlspecError(TooManyArguments(positional[-1][1], name, 1))
    return positional[0] if positional else value


def _choice(given: Given | None) -> Choose:
    if given is None:
        return Choose("greedy")
    value, place = given
    if isinstance(value, Form) and value.name in ("greedy", "sample", "same"):
        return Choose(value.name)
    if not isinstance(value, Choose):
        known = "`greedy`, `sample(temperature = 0.8)`, `beam(4)` or `same`"
        raise DlspecError(WrongKind(place, known, describe(value)))
    return value


def _whole(given: Given, name: str) -> int:
    value, place = given
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise DlspecError(BadValue(place, name, describe(value), "a whole number"))
    return value


def generate(
    el: Elaborator, arguments: Arguments, node: ast.Node, frame: Frame, path: str | None
) -> Record:
    """`generate(cell, memory = …, h = …, start = 1, stop = 2, at_most = 40, choose = greedy)`."""
    from dlspec.sema.cells import cell_of, inputs_of, states_from

    layer, rest = cell_of(el, arguments, node, frame)
    definition = layer.definition
    if isinstance(definition, type):
        raise DlspecError(
            WrongKind(node.span, "a cell with scores", f"the cell `{definition.name}`")
        )
    if el.context.loop is not None:
        raise DlspecError(NotYet(node.span, "a `generate` inside a cell"))
    options = dict(arguments.named)
    settings = {n: options.pop(n) for n in SETTINGS if n in options}
    inputs = inputs_of(definition)
    given: dict[str, Given] = dict(zip(inputs, rest, strict=False))
    starts = states_from(settings.pop("from", None))
    for name, value in options.items():
        if name in inputs:
            given[name] = value
        else:
            starts[name] = value  # its body tells which states there are
    missing = [n for n in inputs if n not in given]
    if len(missing) != 1:
        left = ", ".join(f"`{n}`" for n in missing) or "none"
        raise DlspecError(NotOneFed(node.span, definition.name, left))
    where = layer.path or path or el.context.sites.path(frame.prefix, definition.name, node)
    return _generated(el, layer, given, missing[0], starts, settings, where, node.span)


def _steps(settings: dict[str, Given], span: Span) -> int:
    name = "steps" if "steps" in settings else "at_most"
    if name not in settings:
        raise DlspecError(MissingArgument(span, "at_most", "generate"))
    steps = _whole(settings[name], name)
    if not steps:
        raise DlspecError(BadValue(settings[name][1], name, "0", "a whole number from 1"))
    return steps


def _generated(
    el: Elaborator,
    layer: Layer,
    given: dict[str, Given],
    fed: str,
    starts: dict[str, Given],
    settings: dict[str, Given],
    path: str,
    span: Span,
) -> Record:
    from dlspec.sema.cells import cell_body, check_starts

    definition = layer.definition
    assert isinstance(definition, ast.Definition)
    context = el.context
    choose = _choice(settings.get("choose"))
    at_most = _steps(settings, span)
    stop = _whole(settings["stop"], "stop") if "stop" in settings else None
    start = _whole(settings["start"], "start") if "start" in settings else 0
    if "start" not in settings and choose.kind != "same":
        raise DlspecError(MissingArgument(span, "start", "generate"))
    outer = context.builder
    actual = {n: (Tensor(as_tensor(outer, v, s)), s) for n, (v, s) in given.items()}
    like = _like(outer, [*starts.values(), *actual.values()], span)
    beams = Beams(el.context, path, choose.width, like.type.shape[0])
    actual = {n: beams.repeated(g) for n, g in actual.items()}
    starts = {n: beams.repeated(g) for n, g in starts.items()}
    like = beams.rows(like)
    loop = Loop(outer, outer.body(path), path, like, Dim.of(at_most), starts, fed=fed)
    with inside(context, loop, beams.lengths(t.value for t, _ in actual.values())):
        inner = cell_body(el, layer, dict(actual), path, span, ())
        results = inner.names | inner.put_out
        outputs = {n: as_tensor(context.builder, results[n], span) for n in inner.outputs}
    if context.sink.errors and any(s.following is None for s in loop.states):
        raise Poisoned
    check_starts(loop, definition, SETTINGS)
    own = len(loop.states)
    if not any(s.formal.type.rank for s in loop.states):
        _count_rows(loop, span)
    loop.close()
    if not outputs:
        from dlspec.diagnostics.names import NoOutput

        raise DlspecError(NoOutput(definition.name_span, "cell", definition.name, "`output`"))
    _check_fed(loop, next(iter(outputs.values())), choose, fed, span)
    for state in loop.states:
        assert state.following is not None
        loop.body.output(f"{'.'.join(state.keys)}'", state.following)
    for name, value in outputs.items():
        loop.body.output(name, value)
    noise: list[Value] = []
    if choose.kind == "sample":
        batch = loop.like.type.shape[0]
        u = outer.root.noise(f"{path}.u", "uniform", (0.0, 1.0), "float", batch, at_most)
        noise.append(u)
    captures = free_values(loop.body.graph)
    symbol = "" if stop is None else _fresh_symbol(el, f"{path.replace('.', '_')}_steps")
    shared = (loop.body.graph, len(loop.states), start, stop, at_most)
    op: Op = (
        Beam(*shared, choose.width, captures, symbol)
        if choose.kind == "beam"
        else Generate(*shared, choose.kind, choose.temperature, captures, symbol)
    )
    names = [fed, *(["lengths"] if stop is not None else []), *outputs]
    names += [f"final.{'.'.join(s.keys)}" for s in loop.states]
    made = outer.apply(
        op,
        *(s.start for s in loop.states),
        *noise,
        *captures,
        path=path,
        name=[f"{path}.{n}" for n in names],
        span=span,
    )
    context.count_nodes(made, span)
    if stop is not None:
        context.lengths[Dim.of(symbol)] = made[1]
    kept = [made[0], *made[1 if stop is None else 2 :]]
    found: dict[str, Any] = {n: Tensor(v) for n, v in zip((fed, *outputs), kept, strict=False)}
    del loop.states[own:]
    ends = kept[1 + len(outputs) :]
    found["final"] = loop.final(ends[:own])
    return Record(definition.name, found, (fed,))


def _like(outer: GraphBuilder, given: list[Given], span: Span) -> Value:
    """A tensor whose rows are those of the generation."""
    tensors = [as_tensor(outer, v, s) for each in given for v, s in _leaves(each)]
    tensors = [t for t in tensors if t.type.rank]
    if not tensors:
        raise DlspecError(NotYet(span, "a `generate` of nothing given, whose N is unknown"))
    # a table has no rows of the batch, whose number is not known
    return next((t for t in tensors if t.type.shape[0].value is None), tensors[0])


def _count_rows(loop: Loop, span: Span) -> None:
    """A state of the loop's own, of which nothing is read but how many rows it has: the cell has
    none that tells."""
    rows, name = loop.like.type.shape[0], f"{loop.path}._rows"
    start = loop.outer.one(Full((), 0, "int32"), loop.like, path=f"{name}.start", span=span)
    formal = loop.body.input(name, DType.int32, rows, origin="state", span=span)
    loop.states.append(State(("_rows",), formal, start, span, formal))


def _leaves(given: Given) -> list[Given]:
    """The starts of states, those of a cell within one by one."""
    value, span = given
    if not isinstance(value, Record):
        return [given]
    return [leaf for inner in value.names.values() for leaf in _leaves((inner, span))]


def _fresh_symbol(el: Elaborator, wanted: str) -> str:
    """A name of a step axis that no other generation of this graph has."""
    symbol, ordinal = wanted, 1
    while Dim.of(symbol) in el.context.lengths:
        ordinal += 1
        symbol = f"{wanted}{ordinal}"
    return symbol


def _check_fed(loop: Loop, scores: Value, choose: Choose, fed: str, span: Span) -> None:
    """What is fed must be what `choose` makes of the first output."""
    formal = loop.fed_input
    assert formal is not None
    kind = formal.type
    made = scores.type
    if choose.kind in ("sample", "beam") and not made.dtype.is_float:
        shown = str(_of_rows(made, choose.width))
        raise DlspecError(WrongKind(span, f"scores of floats for `{choose.kind}`", shown))
    if choose.kind != "same":
        made = made.with_shape(made.shape[:-1]).with_dtype(DType.int64)
    if (made.dtype, made.shape) != (kind.dtype, kind.shape):
        told, declared = (str(_of_rows(k, choose.width)) for k in (made, kind))
        raise DlspecError(StateChanges(span, fed, "choice", told, declared, formal.span))


def _of_rows(kind: TensorType, width: int) -> TensorType:
    """A type as the spec has it, without the beams of each row."""
    rows = kind.shape[0].divided_by(width) if kind.rank else None
    return kind if rows is None else kind.with_shape((rows, *kind.shape[1:]), kind.ragged)
