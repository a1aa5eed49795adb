"""Arithmetic and functions on compile-time values, all bounded: a spec from a stranger cannot
exhaust the machine.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, cast

import numpy as np

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.meaning import Impossible, TooLarge
from dlspec.dims import Dim
from dlspec.ir.plan import SCHEDULES, Quantity, Schedule
from dlspec.sema import sound
from dlspec.sema.starts import INITIALIZERS as INITIALIZERS
from dlspec.sema.starts import ArgumentError
from dlspec.sema.values import Builtin, Range, Vocabulary, is_number
from dlspec.source import Span

MAX_ELEMENTS = 1_000_000
"""Elements of a compile-time list or array."""
MAX_LIST = 100_000
"""Items of a list that is put together."""
MAX_DIM_TEXT = 200
"""Characters of a size written out: sums and products of free sizes stay readable, and quick."""
MAX_NUMBER = 1e15
"""Compile-time integers stay exact and small."""

_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
}
_COMPARISON: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _impossible(span: Span, reason: str) -> DlspecError:
    return DlspecError(Impossible(span, reason=reason))


def bounded(value: Any, span: Span) -> Any:
    """A number that is finite and not absurd, or the diagnostic that it is."""
    if is_number(value) and not abs(value) <= MAX_NUMBER and not isinstance(value, float):
        raise DlspecError(TooLarge(span, what=f"a whole number beyond {MAX_NUMBER:.0e}"))
    if isinstance(value, float) and not np.isfinite(value):
        raise _impossible(span, "the result is not finite")
    return value


def binary(op: str, left: Any, right: Any, span: Span) -> Any:
    """The value of ``left op right`` where both are known at compile time; NotImplemented where the
    kinds do not go together.
    """
    if op in ("==", "!=") and (left is None or right is None or isinstance(left, str)):
        same = left is right or left == right
        return same if op == "==" else not same
    if isinstance(left, list) and isinstance(right, list) and op == "+":
        if len(left) + len(right) > MAX_LIST:
            raise DlspecError(TooLarge(span, what=f"a list of more than {MAX_LIST:,} items"))
        return [*left, *right]
    if isinstance(left, np.ndarray) or isinstance(right, np.ndarray):
        return _array_binary(op, left, right, span)
    if isinstance(left, bool) and isinstance(right, bool) and op in ("==", "!="):
        return _COMPARISON[op](left, right)
    if not all(is_number(v) or isinstance(v, Dim) for v in (left, right)):
        return NotImplemented
    if isinstance(left, Dim) or isinstance(right, Dim):
        return _dim_binary(op, left, right, span)
    if op in _COMPARISON:
        return _COMPARISON[op](left, right)
    try:
        if op == "**":
            base, exponent = cast("tuple[Any, Any]", (left, right))
            if abs(base) > 1 and abs(exponent) > 64:
                raise DlspecError(TooLarge(span, what=f"{left} ** {right}"))
            result = base**exponent
            if isinstance(result, complex):
                raise _impossible(span, "a root of a negative number")
            return bounded(result, span)
        if op in _ARITHMETIC:
            return bounded(_ARITHMETIC[op](left, right), span)
    except ZeroDivisionError:
        raise _impossible(span, "division by zero") from None
    except OverflowError:
        raise DlspecError(TooLarge(span, what="the result of this operation")) from None
    return NotImplemented


def _dim_binary(op: str, left: Any, right: Any, span: Span) -> Any:
    if op in ("==", "!="):
        known = Dim.of(left) == Dim.of(right)
        return known if op == "==" else not known
    if op in ("+", "-", "*"):
        a, b = (Dim.of(v) if not isinstance(v, float) else None for v in (left, right))
        if a is None or b is None:
            return NotImplemented
        return _short(_ARITHMETIC[op](a, b), span)
    if op in ("//", "/"):
        a, b = Dim.of(left), Dim.of(right)
        try:
            exact = a.divided_by(b)
            return _short(exact if exact is not None else a // b, span)
        except ValueError as error:
            raise _impossible(span, str(error)) from None
    if op in _COMPARISON:
        raise _impossible(
            span,
            f"{left} {op} {right} is not known at compile time; a free size may have any value",
        )
    return NotImplemented


def _short(dim: Dim, span: Span) -> Dim | int:
    if len(dim.terms) > MAX_DIM_TEXT or len(str(dim)) > MAX_DIM_TEXT:
        raise DlspecError(TooLarge(span, what="a size made of so many parts"))
    return simplified(dim)


def _array_binary(op: str, left: Any, right: Any, span: Span) -> Any:
    function = _ARITHMETIC.get(op) or _COMPARISON.get(op) or (operator.pow if op == "**" else None)
    if function is None or not all(
        isinstance(v, np.ndarray) or is_number(v) for v in (left, right)
    ):
        return NotImplemented
    try:
        with np.errstate(all="ignore"):
            result = np.asarray(function(left, right))
    except ValueError:
        raise _impossible(span, "the two arrays do not broadcast") from None
    if result.size > MAX_ELEMENTS:
        raise DlspecError(TooLarge(span, what=f"an array of {result.size} elements"))
    return result


def simplified(dim: Dim) -> Dim | int:
    """A dimension as a plain number where it is one."""
    value = dim.value
    return dim if value is None else value


def make_range(first: Any, last: Any, span: Span) -> Range:
    """`first..last`, both whole numbers, not absurdly long."""
    if not all(isinstance(v, int) and not isinstance(v, bool) for v in (first, last)):
        raise _impossible(span, "the ends of a range are whole numbers known at compile time")
    found = Range(first, last)
    if len(found) > MAX_ELEMENTS * 1000:
        raise DlspecError(TooLarge(span, what=f"a range of {len(found)} numbers"))
    return found


# --- functions ------------------------------------------------------------------------------------


def _whole(*values: Any) -> tuple[int, ...]:
    if not all(isinstance(v, int) and not isinstance(v, bool) and v >= 0 for v in values):
        raise ArgumentError("whole numbers")
    return values


def _array(fill: Callable[..., Any]) -> Callable[..., Any]:
    def make(*dims: Any) -> Any:
        shape = _whole(*dims)
        if np.prod(shape, dtype=float) > MAX_ELEMENTS:
            raise ArgumentError(f"a shape of at most {MAX_ELEMENTS:,} elements")
        return fill(shape, dtype=np.float32)

    return make


def _sequence(value: Any) -> list[Any]:
    if isinstance(value, Range):
        if len(value) > MAX_ELEMENTS:
            raise ArgumentError("a shorter range")
        return list(value)
    if isinstance(value, (list, tuple)):
        return list(value)
    raise ArgumentError("a list")


def _zip(*lists: Any) -> list[Any]:
    columns = [_sequence(v) for v in lists]
    if len({len(c) for c in columns}) > 1:
        raise ArgumentError(f"lists of one length, not {', '.join(str(len(c)) for c in columns)}")
    return [tuple(row) for row in zip(*columns, strict=True)]


def _append(items: Any, item: Any) -> list[Any]:
    found = [*_sequence(items), item]
    if len(found) > MAX_LIST:
        raise ArgumentError(f"a list of at most {MAX_LIST:,} items")
    return found


def _vocabulary(*words: Any) -> Vocabulary:
    listed = (
        _sequence(words[0]) if len(words) == 1 and not isinstance(words[0], str) else list(words)
    )
    if not listed or not all(isinstance(w, str) or (is_number(w) and w == int(w)) for w in listed):
        raise ArgumentError("class names: texts, or a range such as `0..9`")
    names = tuple(str(w) for w in listed)
    if len(set(names)) != len(names):
        raise ArgumentError("class names that differ")
    return Vocabulary(names)


def _schedule(kind: str) -> Callable[..., Schedule]:
    def make(*positional: Any, **named: Any) -> Schedule:
        values = (*positional, *named.values())
        if not values or not all(is_number(v) or isinstance(v, Quantity) for v in values):
            raise ArgumentError("numbers and durations such as `10 epochs`")
        return Schedule(kind, tuple(values))

    return make


def _extreme(choose: Callable[..., Any]) -> Callable[..., Any]:
    def make(*values: Any) -> Any:
        numbers = _sequence(values[0]) if len(values) == 1 else list(values)
        if not numbers or not all(is_number(v) for v in numbers):
            raise ArgumentError("numbers")
        return choose(numbers)

    return make


def _sum(values: Any) -> Any:
    numbers = _sequence(values)
    if not all(is_number(v) for v in numbers):
        raise ArgumentError("a list of numbers")
    return sum(numbers)


_SCHEDULES = {n: Builtin(n, _schedule(n), form.named) for n, form in SCHEDULES.items()}

FUNCTIONS: dict[str, Builtin] = {
    name: Builtin(name, function)
    for name, function in {
        "length": lambda items: len(items) if isinstance(items, Range) else len(_sequence(items)),
        "zip": _zip,
        "append": _append,
        "reversed": lambda items: _sequence(items)[::-1],
        "vocabulary": _vocabulary,
        "zeros": _array(np.zeros),
        "ones": _array(np.ones),
    }.items()
} | (_SCHEDULES | sound.FUNCTIONS)
"""Functions that only compile-time values have."""

NUMBER_FUNCTIONS: dict[str, Builtin] = {
    "max": Builtin("max", _extreme(max)),
    "min": Builtin("min", _extreme(min)),
    "sum": Builtin("sum", _sum),
}
"""Ops that are functions on numbers too, used where no argument is a tensor and one is a number or
a list.
"""
