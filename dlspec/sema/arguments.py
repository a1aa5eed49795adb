"""Arguments of calls, evaluated, and functions on compile-time values called with them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dlspec.diagnostics import DlspecError, did_you_mean
from dlspec.diagnostics.meaning import Impossible
from dlspec.diagnostics.names import (
    RepeatedArgument,
    UnknownSetting,
)
from dlspec.ir.plan import SCHEDULES
from dlspec.sema import compile_time
from dlspec.sema.context import Frame
from dlspec.sema.starts import StartFunction
from dlspec.sema.values import (
    Builtin,
    is_tensor_like,
)
from dlspec.source import Span
from dlspec.syntax import ast

if TYPE_CHECKING:
    from dlspec.sema.elaborate import Elaborator

Given = tuple[Any, Span]


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
    known = function.settings if isinstance(function, StartFunction) else function.names
    for name, (_, place) in arguments.named.items():
        if name not in known:
            shown = ", ".join(f"`{k}`" for k in known) or None
            if function.name in SCHEDULES:
                shown = f"{shown}, as in `{SCHEDULES[function.name].example}`"
            guess = did_you_mean(name, known)
            raise DlspecError(UnknownSetting(place, name, function.name, guess, shown))
    try:
        named = {n: v for n, (v, _) in arguments.named.items()}
        return function.function(*(v for v, _ in given), **named)
    except compile_time.ArgumentError as error:
        raise DlspecError(Impossible(span, f"`{function.name}` takes {error}")) from None
    except TypeError:
        raise DlspecError(
            Impossible(span, f"`{function.name}` does not take {len(given)} such arguments")
        ) from None
