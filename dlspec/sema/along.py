"""`generate(…, steps = like(x))`: as many steps as a tensor with time has, each row its own number.
It is a scan along that tensor, whose cell is fed with its own choices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.names import MissingArgument, NotYet, TooManyArguments, UnknownSetting
from dlspec.diagnostics.time import NoTime
from dlspec.sema.arguments import Arguments
from dlspec.sema.cells import closed
from dlspec.sema.choosing import chosen
from dlspec.sema.context import Frame
from dlspec.sema.feeding import Request, first_fed, one_step
from dlspec.sema.loops import Loop, State, inside
from dlspec.sema.ragged import lengths_of
from dlspec.sema.tensors import as_tensor
from dlspec.sema.values import Like, Record, Tensor
from dlspec.syntax import ast

if TYPE_CHECKING:
    from dlspec.sema.elaborate import Elaborator


def like(
    el: Elaborator, arguments: Arguments, node: ast.Node, frame: Frame, path: str | None
) -> Like:
    """`like(x)`: the steps of a tensor with time."""
    for name, (_, place) in arguments.named.items():
        raise DlspecError(UnknownSetting(place, name, "like"))
    given = [*([arguments.piped] if arguments.piped else []), *arguments.positional]
    if not given:
        raise DlspecError(MissingArgument(node.span, "x", "like"))
    if len(given) > 1:
        raise DlspecError(TooManyArguments(given[1][1], "like", 1))
    x = as_tensor(el.context.builder, *given[0])
    if x.type.rank < 2:
        raise DlspecError(NoTime(given[0][1], "like", str(x.type)))
    return Like(x)


def generated_along(el: Elaborator, request: Request, x: Like) -> Record:
    """The record of such a generation: the choices, the cell's outputs and states."""
    for name, reason in (("stop", "`stop`"), ("at_most", "`at_most`")):
        if name in request.settings:
            place = request.settings[name][1]
            raise DlspecError(NotYet(place, f"{reason} beside `steps = like(…)`"))
    choose, path, fed, span = request.choose, request.path, request.fed, request.span
    if choose.kind == "beam":
        raise DlspecError(NotYet(span, "`beam` with `steps = like(…)`"))
    context, outer = el.context, el.context.builder
    batch, time = x.value.type.shape[:2]
    loop = Loop(outer, outer.body(path), path, x.value, time, request.starts, fed=fed)
    loop.step("like", x.value, span)
    u = None
    if choose.kind == "sample":
        drawn = outer.root.noise(f"{path}.u", "uniform", (0.0, 1.0), "float", batch, time)
        u = loop.step("u", drawn, span)
    actual = {n: (Tensor(as_tensor(outer, v, s)), s) for n, (v, s) in request.given.items()}
    outputs = one_step(el, loop, request, actual, {})
    formal, first = loop.fed_input, first_fed(loop, request)
    assert formal is not None
    with inside(context, loop):
        scores = next(iter(outputs.values()))
        choice = chosen(el, scores, choose, u, path, span)
    loop.states.append(State((fed,), formal, first, span, choice))
    loop.fed_input = None  # a state like any other
    lengths = [lengths_of(context, time, x.value.type)] if 1 in x.value.type.ragged else []
    made, final = closed(el, loop, {**outputs, fed: choice}, lengths, (False, 0), span)
    ends = {n: v for n, v in final.names.items() if n != fed}
    found = {**made, "final": Record("final", ends, tuple(ends))}
    return Record(request.definition.name, found, (fed,))
