"""Checks on the attributes of ops, told as DL307."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.shapes import InvalidAxis, InvalidSetting
from dlspec.ir.types import TensorType


def whole(op: str, setting: str, value: Any, least: int | None = 1) -> int:
    """A whole number from ``least``, or any."""
    bad = not isinstance(value, int) or isinstance(value, bool)
    if bad or (least is not None and value < least):
        raise DlspecError(
            InvalidSetting(
                None,
                op,
                setting=setting,
                value=_shown(value),
                expected="a whole number" if least is None else f"a whole number from {least}",
            )
        )
    return value


def limited(op: str, setting: str, value: Any, most: int) -> int:
    """A whole number from 1 to ``most``: what is written out that often in a lowering."""
    if whole(op, setting, value) > most:
        expected = f"a whole number from 1 to {most:,}"
        raise DlspecError(
            InvalidSetting(None, op, setting=setting, value=_shown(value), expected=expected)
        )
    return int(value)


def per_axis(op: str, setting: str, value: Any, rank: int, least: int = 1) -> tuple[int, ...]:
    """One whole number for each spatial axis; a single one counts for all."""
    values: Sequence[Any] = value if isinstance(value, (tuple, list)) else (value,) * rank
    if len(values) != rank:
        expected = f"one number, or {rank} for {rank} spatial axes"
        raise DlspecError(
            InvalidSetting(None, op, setting=setting, value=_shown(value), expected=expected)
        )
    return tuple(whole(op, setting, v, least) for v in values)


def number(op: str, setting: str, value: Any, least: float | None = None) -> float:
    """A number, not below ``least``."""
    bad = isinstance(value, bool) or not isinstance(value, (int, float))
    if bad or (least is not None and value < least):
        expected = "a number" if least is None else f"a number from {least:g}"
        raise DlspecError(
            InvalidSetting(None, op, setting=setting, value=_shown(value), expected=expected)
        )
    return float(value)


def flag(op: str, setting: str, value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise DlspecError(
            InvalidSetting(None, op, setting=setting, value=_shown(value), expected="true or false")
        )
    return value


def positive(op: str, setting: str, value: Any) -> float:
    """A number above 0."""
    if number(op, setting, value) <= 0:
        raise DlspecError(
            InvalidSetting(None, op, setting=setting, value=_shown(value), expected="more than 0")
        )
    return float(value)


def one_of(op: str, setting: str, value: Any, choices: Sequence[str]) -> str:
    """One of several words."""
    if value not in choices:
        expected = " or ".join(f'"{c}"' for c in choices)
        raise DlspecError(
            InvalidSetting(None, op, setting=setting, value=_shown(value), expected=expected)
        )
    return value


def axis_of(op: str, axis: Any, kind: TensorType) -> int:
    """An axis counted from 0; negative ones count from the end."""
    if not isinstance(axis, int) or isinstance(axis, bool):
        raise DlspecError(
            InvalidSetting(None, op, setting="axis", value=_shown(axis), expected="a whole number")
        )
    if not -kind.rank <= axis < kind.rank:
        raise DlspecError(InvalidAxis(None, op, axis=axis, rank=kind.rank, actual=str(kind)))
    return axis % kind.rank


def _shown(value: Any) -> str:
    return "none" if value is None else str(value)
