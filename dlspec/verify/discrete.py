"""Which elements of an integer output are decided: where rounding cannot change the choice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlspec.ir.graph import Value
from dlspec.ops.reduction import Argmax
from dlspec.verify.bound import Bound

Array = NDArray[Any]

MARGIN = 16.0
"""A choice is decided where its score leads by more than this many times the score's bound."""

_PASS_ON = frozenset({"cast"})
"""Ops that keep the places of what they are given."""


@dataclass(frozen=True)
class Decision:
    """An output that is the place of the largest score along an axis."""

    score: Value
    axis: int


def decision(value: Value) -> Decision | None:
    """The score that decides an integer value, found by walking back to its argmax; None where
    there is none."""
    while value.producer is not None:
        node = value.producer
        first = node.inputs[0] if node.inputs else None
        if isinstance(node.op, Argmax):
            if first is None or not first.type.dtype.is_float:
                return None
            return Decision(first, node.op.axis)
        if node.op.name not in _PASS_ON or first is None or first.type.dtype.is_float:
            return None
        value = first
    return None


def decided(found: Decision, score: Array, bound: Bound) -> Array:
    """True where the best score leads the second by more than 16 B (or is the only one)."""
    axis = found.axis
    if score.shape[axis] < 2:
        lead = np.full(np.take(score, 0, axis=axis).shape, np.inf)
    else:
        ordered = np.partition(-score, 1, axis=axis)
        with np.errstate(invalid="ignore"):
            lead = np.take(ordered, 1, axis=axis) - np.take(ordered, 0, axis=axis)
    return lead > MARGIN * bound.largest + bound.floor
