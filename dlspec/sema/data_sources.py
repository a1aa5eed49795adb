"""Sources of data as a spec names them, and their columns. Nothing is opened here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlspec.diagnostics import DlspecError, did_you_mean
from dlspec.diagnostics.meaning import BadValue
from dlspec.diagnostics.names import (
    MissingArgument,
    NotYet,
    RepeatedArgument,
    TooManyArguments,
    UnknownName,
    UnknownSetting,
    WrongKind,
)
from dlspec.ir.data_plan import SOURCES, SourceCall
from dlspec.sema.context import Frame
from dlspec.sema.values import describe
from dlspec.syntax import ast

if TYPE_CHECKING:
    from dlspec.sema.elaborate import Elaborator

SOURCES_LATER = (
    "gym",
    "folder",
    "tsv",
    "lines",
    "emoji_32",
    "babi_task",
    "copy_task",
    "shapes_world",
    "shuffle",
    "windows",
)


@dataclass(frozen=True)
class Source:
    """A source bound to a name, while a data body is read."""

    call: SourceCall


@dataclass(frozen=True)
class Column:
    """A column of a source."""

    source: Source
    name: str


def source_call(value: ast.Expr, el: Elaborator, frame: Frame) -> SourceCall:
    """`mnist(validation = 5000)` with its settings checked against what the source takes."""
    call = value if isinstance(value, ast.Call) else None
    named = call.function if call is not None else value
    if not isinstance(named, ast.Name):
        raise DlspecError(WrongKind(value.span, "a source of data, such as `mnist()`", "this"))
    if named.id in SOURCES_LATER:
        raise DlspecError(NotYet(named.span, f"the source `{named.id}`"))
    schema = SOURCES.get(named.id)
    if schema is None:
        raise DlspecError(
            UnknownName(
                named.span,
                named.id,
                did_you_mean(named.id, SOURCES),
                f"sources of data are {', '.join(SOURCES)}",
            )
        )
    order = [s.name for s in schema.settings]
    known = ", ".join(f"`{n}`" for n in order)
    settings: dict[str, object] = {}
    for position, argument in enumerate(call.arguments if call is not None else ()):
        if argument.name is None and position >= len(order):
            raise DlspecError(TooManyArguments(argument.span, schema.name, len(order), known))
        key = argument.name or order[position]
        setting = schema.setting(key)
        if setting is None:
            raise DlspecError(
                UnknownSetting(argument.span, key, schema.name, did_you_mean(key, order), known)
            )
        if key in settings:
            raise DlspecError(RepeatedArgument(argument.span, key, schema.name))
        given = el.evaluate(argument.value, frame)
        if not setting.accepts(given):
            raise DlspecError(BadValue(argument.span, key, describe(given), setting.expected))
        settings[key] = given
    for setting in schema.settings:
        if setting.required and setting.name not in settings:
            raise DlspecError(MissingArgument(value.span, setting.name, schema.name, known))
    return SourceCall(schema.name, settings, value.span)
