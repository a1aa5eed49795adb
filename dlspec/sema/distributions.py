"""What a noise is drawn from: `normal(0, 1)`, `uniform(low = -1, high = 1)`, `bernoulli(0.5)`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlspec.diagnostics import DlspecError, did_you_mean
from dlspec.diagnostics.meaning import Impossible
from dlspec.diagnostics.names import (
    MissingArgument,
    NotYet,
    RepeatedArgument,
    TooManyArguments,
    UnknownSetting,
    WrongKind,
)
from dlspec.ir.graph import Distribution
from dlspec.sema.arguments import Given, evaluate_arguments
from dlspec.sema.context import Frame
from dlspec.sema.values import describe, is_number, is_tensor_like
from dlspec.syntax import ast

if TYPE_CHECKING:
    from dlspec.sema.elaborate import Elaborator

_KNOWN = {"normal": ("mean", "std"), "uniform": ("low", "high"), "bernoulli": ("p",)}


def distribution_of(el: Elaborator, expr: ast.Expr, frame: Frame) -> Distribution:
    """The distribution that an expression calls, its numbers known at compile time.

    Raises:
        DlspecError: DL205 to DL208 for arguments that are not its own, DL211 for what is no
            distribution or no number, DL443 for numbers that no distribution has.
    """
    function = expr.function if isinstance(expr, ast.Call) else None
    kind = function.id if isinstance(function, ast.Name) else ""
    if kind == "categorical":
        raise DlspecError(NotYet(expr.span, "a categorical noise"))
    if not isinstance(expr, ast.Call) or kind not in _KNOWN:
        expected = "a distribution such as `normal(0, 1)` or `bernoulli(0.5)`"
        raise DlspecError(WrongKind(expr.span, expected, "this"))
    names = _KNOWN[kind]
    known = ", ".join(f"`{n}`" for n in names)
    arguments = evaluate_arguments(el, expr.arguments, frame, None)
    if len(arguments.positional) > len(names):
        place = arguments.positional[len(names)][1]
        raise DlspecError(TooManyArguments(place, kind, len(names), known))
    given = dict(zip(names, arguments.positional, strict=False))
    for name, (value, place) in arguments.named.items():
        if name not in names:
            raise DlspecError(UnknownSetting(place, name, kind, did_you_mean(name, names), known))
        if name in given:
            raise DlspecError(RepeatedArgument(place, name, kind))
        given[name] = (value, place)
    missing = next((n for n in names if n not in given), None)
    if missing is not None:
        raise DlspecError(MissingArgument(expr.span, missing, kind, known))
    numbers = {name: _number(given[name]) for name in names}
    wrong = _out_of_range(numbers)
    if wrong is not None:
        raise DlspecError(Impossible(expr.span, f"`{kind}` takes {wrong}"))
    return Distribution(kind, tuple(numbers.values()))


def _number(given: Given) -> float:
    value, place = given
    if is_number(value):
        return float(value)
    tensors = "write `mu + sigma * e` for a noise that depends on tensors"
    advice = tensors if is_tensor_like(value) else None
    raise DlspecError(WrongKind(place, "a number", describe(value), advice))


def _out_of_range(numbers: dict[str, float]) -> str | None:
    """What the numbers of a distribution must be and are not."""
    if numbers.get("std", 0.0) < 0:
        return "a `std` that is not negative"
    if "low" in numbers and numbers["low"] > numbers["high"]:
        return "a `low` that is not above `high`"
    if not 0 <= numbers.get("p", 0.0) <= 1:
        return "a `p` from 0 to 1"
    return None
