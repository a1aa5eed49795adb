"""How `generate` chooses what it feeds next: what a spec writes for it, and its nodes in a body."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.meaning import BadValue
from dlspec.diagnostics.names import (
    MissingArgument,
    TooManyArguments,
    UnknownSetting,
    WrongKind,
)
from dlspec.ir.graph import Value
from dlspec.ops import REGISTRY
from dlspec.sema.apply_op import apply_op
from dlspec.sema.arguments import Arguments, Given
from dlspec.sema.beams import MOST_BEAMS
from dlspec.sema.context import Frame
from dlspec.sema.tensors import as_tensor, constant
from dlspec.sema.values import Choose, Form, Tensor, describe, is_number
from dlspec.source import Span
from dlspec.syntax import ast

if TYPE_CHECKING:
    from dlspec.sema.elaborate import Elaborator


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


def choice_of(given: Given | None) -> Choose:
    """What the setting `choose` says; `greedy` without it."""
    if given is None:
        return Choose("greedy")
    value, place = given
    if isinstance(value, Form) and value.name in ("greedy", "sample", "same"):
        return Choose(value.name)
    if not isinstance(value, Choose):
        known = "`greedy`, `sample(temperature = 0.8)`, `beam(4)` or `same`"
        raise DlspecError(WrongKind(place, known, describe(value)))
    return value


def chosen(
    el: Elaborator, scores: Value, choose: Choose, u: Value | None, path: str, span: Span
) -> Value:
    """What is chosen of the scores of a step, as nodes of the body that is open. ``u`` is drawn
    from [0, 1) for `sample`, which takes the first class whose cumulated probability is above."""
    if choose.kind == "same":
        return scores

    def node(name: str, *operands: Any, **settings: Any) -> Value:
        op = REGISTRY[name](**settings)
        made = apply_op(el, op, [(o, span) for o in operands], {}, f"{path}.{name}", span)
        return as_tensor(el.context.builder, made, span)

    if u is None:
        return node("argmax", Tensor(scores), axis=-1)
    scaled = node("div", Tensor(scores), choose.temperature)
    cumulated = node("cumsum", Tensor(node("softmax", Tensor(scaled), axis=-1)), axis=-1)
    drawn = node("unsqueeze", Tensor(u), axis=-1)
    passed = node("less_equal", Tensor(cumulated), Tensor(drawn))
    number = node("sum", Tensor(node("cast", Tensor(passed), dtype="int64")), axis=-1)
    last = scores.type.shape[-1].value
    assert last is not None
    # rounding may leave the last cumulated probability below 1
    most = constant(el.context.builder, last - 1, number.type.dtype)
    return node("minimum", Tensor(number), Tensor(most))
