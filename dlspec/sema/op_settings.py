"""The settings of an op as a spec writes them, and the op that they make."""

from __future__ import annotations

import dataclasses
from typing import Any

from dlspec.diagnostics import DlspecError, did_you_mean
from dlspec.diagnostics.names import (
    MissingArgument,
    NotYet,
    RepeatedArgument,
    TooManyArguments,
    UnknownSetting,
    WrongKind,
)
from dlspec.dims import Dim
from dlspec.ir.plan import Schedule
from dlspec.ops.base import Op
from dlspec.sema.arguments import Given
from dlspec.sema.values import Builtin, Form, describe
from dlspec.source import Span


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
                TooManyArguments(positional[len(order)][1], op.name, most, known_text(op))
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


def known_text(op: type[Op]) -> str:
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
        if value is None and isinstance(op.attributes()[known[name]].default, str):
            value = "none"  # where words are chosen from, `none` is one of them
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
            raise DlspecError(MissingArgument(span, spelling(name), op.name, known_text(op)))
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
