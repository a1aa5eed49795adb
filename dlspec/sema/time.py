"""Functions of time on tensors: `last`, `reverse`, `each`; `scan` and `generate` have modules."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.names import (
    MissingArgument,
    TooManyArguments,
    UnknownSetting,
    WrongKind,
)
from dlspec.diagnostics.time import NoTime
from dlspec.ir.graph import Value
from dlspec.ops import REGISTRY
from dlspec.ops.sequence import LastStep, Reversed, RowsAsSteps, StepsAsRows
from dlspec.sema import along, cells, choosing, generating
from dlspec.sema.apply_op import apply_op
from dlspec.sema.arguments import Arguments, Given
from dlspec.sema.context import Frame
from dlspec.sema.ragged import covered, lengths_of, marked
from dlspec.sema.tensors import as_tensor
from dlspec.sema.values import Form, Layer, Tensor, describe
from dlspec.syntax import ast

if TYPE_CHECKING:
    from dlspec.sema.elaborate import Elaborator

FormFunction = Callable[["Elaborator", Arguments, ast.Node, Frame, "str | None"], Any]


def _timed(
    el: Elaborator, name: str, given: list[Given], node: ast.Node, least: int = 2
) -> tuple[Value, Value | None]:
    """The tensor that a function of time is of, and its lengths."""
    if not given:
        raise DlspecError(MissingArgument(node.span, "x", name))
    if len(given) > 1:
        raise DlspecError(TooManyArguments(given[1][1], name, 1))
    x = as_tensor(el.context.builder, *given[0])
    if x.type.rank < least:
        raise DlspecError(NoTime(given[0][1], name, str(x.type)))
    ragged = 1 in x.type.ragged
    return x, lengths_of(el.context, x.type.shape[1], x.type) if ragged else None


def _alone(arguments: Arguments, name: str) -> list[Given]:
    if arguments.named:
        setting, (_, place) = next(iter(arguments.named.items()))
        raise DlspecError(UnknownSetting(place, setting, name))
    return ([arguments.piped] if arguments.piped else []) + arguments.positional


def last(
    el: Elaborator, arguments: Arguments, node: ast.Node, frame: Frame, path: str | None
) -> Tensor:
    """`x -> last`: the last step of each row."""
    given = _alone(arguments, "last")
    x, lengths = _timed(el, "last", given, node)
    where = path or el.context.sites.path(frame.prefix, "last", node)
    if lengths is not None:
        y = el.context.builder.one(LastStep(), x, lengths, path=where, span=node.span)
        return Tensor(y)
    cut = REGISTRY["slice"](starts=(None, -1), stops=(None, None))  # type: ignore[call-arg]
    step = apply_op(el, cut, [(Tensor(x), given[0][1])], {}, where, node.span)
    squeeze = REGISTRY["squeeze"](axis=1)  # type: ignore[call-arg]
    return apply_op(el, squeeze, [(step, node.span)], {}, f"{where}.squeeze", node.span)


def reverse(
    el: Elaborator, arguments: Arguments, node: ast.Node, frame: Frame, path: str | None
) -> Tensor:
    """`x -> reverse`: each row's steps from the last to the first."""
    given = _alone(arguments, "reverse")
    x, lengths = _timed(el, "reverse", given, node)
    where = path or el.context.sites.path(frame.prefix, "reverse", node)
    if lengths is not None:
        y = el.context.builder.one(Reversed(), x, lengths, path=where, span=node.span)
        return Tensor(y)
    mirror = REGISTRY["mirror"](axis=1)  # type: ignore[call-arg]
    return apply_op(el, mirror, [(Tensor(x), given[0][1])], {}, where, node.span)


def each(
    el: Elaborator, arguments: Arguments, node: ast.Node, frame: Frame, path: str | None
) -> Any:
    """`x -> each(f)`: a layer that knows no time, applied at every step."""
    from dlspec.sema.apply import invoke

    layers = [g for g in arguments.positional if _is_layer(g[0])]
    if len(layers) != 1:
        found = describe(arguments.positional[0][0]) if arguments.positional else "nothing"
        raise DlspecError(WrongKind(node.span, "one layer for `each`", found))
    tensors = [g for g in arguments.positional if g is not layers[0]]
    given = _alone(Arguments(arguments.piped, tensors, arguments.named), "each")
    x, _ = _timed(el, "each", given, node)
    builder, where = el.context.builder, path or el.context.sites.path(frame.prefix, "each", node)
    whole = covered(el.context, x, 1, 0.0, keep=False) if 1 in x.type.ragged else x
    rows = builder.one(StepsAsRows(), whole, path=f"{where}.rows", span=node.span)
    with _lengths_within(el, x, rows, where):
        given_rows = Arguments((Tensor(rows), node.span), [], {})
        made = invoke(el, layers[0][0], given_rows, node, frame, path)
    y = as_tensor(builder, made, node.span)
    steps = builder.one(RowsAsSteps(), y, whole, path=where, span=node.span)
    return Tensor(marked(el.context, steps, 1) if 1 in x.type.ragged else steps)


@contextmanager
def _lengths_within(el: Elaborator, x: Value, rows: Value, where: str) -> Generator[None]:
    """While steps are rows, the lengths within a step are those of a row, and statistics of a batch
    are those of the steps that are there."""
    known, steps = el.context.lengths, el.context.steps
    el.context.lengths = dict(known)
    if 1 in x.type.ragged:
        el.context.steps = {**steps, rows.type.shape[0]: x}
    for axis in sorted(a for a in x.type.ragged if a > 1):
        lengths = lengths_of(el.context, x.type.shape[axis], x.type)
        if lengths.type.rank > 1:
            lengths = el.context.builder.one(StepsAsRows(), lengths, path=f"{where}.lengths")
        el.context.lengths[x.type.shape[axis]] = lengths
    try:
        yield
    finally:
        el.context.lengths, el.context.steps = known, steps


def _is_layer(value: Any) -> bool:
    return isinstance(value, (Layer, Form, ast.Definition, type))


FORMS: Mapping[str, FormFunction] = {
    "scan": cells.scan,
    "generate": generating.generate,
    "sample": choosing.sample,
    "beam": choosing.beam,
    "like": along.like,
    "last": last,
    "reverse": reverse,
    "each": each,
}
"""By name."""
