"""`generate`: a cell that is fed with its own choices, as one loop in the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.meaning import BadValue
from dlspec.diagnostics.names import MissingArgument, NotYet, WrongKind
from dlspec.diagnostics.time import NotOneFed
from dlspec.dims import Dim
from dlspec.ir.builder import GraphBuilder, free_values
from dlspec.ir.graph import Value
from dlspec.ops.base import Op
from dlspec.ops.beam import Beam
from dlspec.ops.generation import Generate
from dlspec.sema.along import generated_along
from dlspec.sema.arguments import Arguments, Given
from dlspec.sema.beams import Beams
from dlspec.sema.cells import cell_of, states_from
from dlspec.sema.choosing import choice_of
from dlspec.sema.context import Frame
from dlspec.sema.feeding import SETTINGS, Request, first_fed, one_step
from dlspec.sema.inputs import inputs_of
from dlspec.sema.loops import Loop
from dlspec.sema.tensors import as_tensor
from dlspec.sema.values import Like, Record, Tensor
from dlspec.source import Span
from dlspec.syntax import ast

if TYPE_CHECKING:
    from dlspec.sema.elaborate import Elaborator


def generate(
    el: Elaborator, arguments: Arguments, node: ast.Node, frame: Frame, path: str | None
) -> Record:
    """`generate(cell, memory = …, h = …, start = 1, stop = 2, at_most = 40, choose = greedy)`."""
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
    choose = choice_of(settings.get("choose"))
    if "start" not in settings and choose.kind != "same":
        raise DlspecError(MissingArgument(node.span, "start", "generate"))
    where = layer.path or path or el.context.sites.path(frame.prefix, definition.name, node)
    request = Request(layer, given, missing[0], starts, settings, choose, where, node.span)
    steps = settings["steps"][0] if "steps" in settings else None
    if isinstance(steps, Like):
        return generated_along(el, request, steps)
    return _generated(el, request)


def _steps(request: Request) -> int:
    settings = request.settings
    if "steps" in settings and "at_most" in settings:
        told = f"{request.whole('at_most')} beside `steps`"
        raise DlspecError(BadValue(settings["at_most"][1], "at_most", told, "one of the two"))
    name = "steps" if "steps" in settings else "at_most"
    steps = request.whole(name)
    if steps is None:
        raise DlspecError(MissingArgument(request.span, "at_most", "generate"))
    if not steps:
        raise DlspecError(BadValue(settings[name][1], name, "0", "a whole number from 1"))
    return steps


def _generated(el: Elaborator, request: Request) -> Record:
    context, choose, path, fed = el.context, request.choose, request.path, request.fed
    at_most, stop = _steps(request), request.whole("stop")
    outer = context.builder
    actual = {n: (Tensor(as_tensor(outer, v, s)), s) for n, (v, s) in request.given.items()}
    started = [request.settings["start"]] if "start" in request.settings else []
    like = _like(outer, [*request.starts.values(), *actual.values(), *started], request.span)
    beams = Beams(context, path, choose.width, like.type.shape[0])
    actual = {n: beams.repeated(g) for n, g in actual.items()}
    starts = {n: beams.repeated(g) for n, g in request.starts.items()}
    like = beams.rows(like)
    loop = Loop(outer, outer.body(path), path, like, Dim.of(at_most), starts, fed=fed)
    within = beams.lengths(as_tensor(outer, *g) for g in actual.values())
    outputs = one_step(el, loop, request, actual, within)
    first = first_fed(loop, request, beams)
    loop.close()
    for state in loop.states:
        assert state.following is not None
        loop.body.output(f"{'.'.join(state.keys)}'", state.following)
    for name, value in outputs.items():
        loop.body.output(name, value)
    noise: list[Value] = []
    if choose.kind == "sample":
        u = outer.root.noise(
            f"{path}.u", "uniform", (0.0, 1.0), "float", like.type.shape[0], at_most
        )
        noise.append(u)
    captures = free_values(loop.body.graph)
    symbol = "" if stop is None else _fresh_symbol(el, f"{path.replace('.', '_')}_steps")
    shared = (loop.body.graph, len(loop.states), stop, at_most)
    op: Op = (
        Beam(*shared, choose.width, captures, symbol)
        if choose.kind == "beam"
        else Generate(*shared, choose.kind, choose.temperature, captures, symbol)
    )
    names = [fed, *(["lengths"] if stop is not None else []), *outputs]
    names += [f"final.{'.'.join(s.keys)}" for s in loop.states]
    made = outer.apply(
        op,
        first,
        *(s.start for s in loop.states),
        *noise,
        *captures,
        path=path,
        name=[f"{path}.{n}" for n in names],
        span=request.span,
    )
    context.count_nodes(made, request.span)
    if stop is not None:
        context.lengths[Dim.of(symbol)] = made[1]
    told = made[1 if stop is None else 2 :]
    found: dict[str, Any] = {n: Tensor(v) for n, v in zip(outputs, told, strict=False)}
    found[fed] = Tensor(made[0])
    found["final"] = loop.final(told[len(outputs) :])
    return Record(request.definition.name, found, (fed,))


def _like(outer: GraphBuilder, given: list[Given], span: Span) -> Value:
    """A tensor whose rows are those of the generation. A table has no rows of the batch, whose
    number is not known."""
    tensors = [as_tensor(outer, v, s) for each in given for v, s in _leaves(each)]
    for tensor in tensors:
        if tensor.type.rank and tensor.type.shape[0].value is None:
            return tensor
    raise DlspecError(NotYet(span, "a `generate` of nothing given, whose N is unknown"))


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
