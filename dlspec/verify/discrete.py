"""What is chosen, not computed: which elements of an integer output are decided, and which ops
give exactly what they are given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlspec.ir.graph import Value
from dlspec.ops.base import Op
from dlspec.ops.reduction import Argmax
from dlspec.verify.bound import SMALLEST, UNIT, Bound, root_mean_square
from dlspec.verify.jumps import MARGIN

Array = NDArray[Any]

_PASS_ON = frozenset({"cast"})
"""Ops that keep the places of what they are given."""


_CHOOSING = frozenset(
    {
        "relu",
        "relu6",
        "hard_tanh",
        "threshold",
        "neg",
        "abs",
        "sign",
        "floor",
        "ceil",
        "round",
        "trunc",
        "clip",
        "maximum",
        "minimum",
        "max",
        "min",
        "argmax",
        "argmin",
        "top_k",
        "sort",
        "argsort",
        "max_pool",
        "global_max_pool",
        "adaptive_max_pool",
        "equal",
        "not_equal",
        "less",
        "less_equal",
        "greater",
        "greater_equal",
        "isnan",
        "isinf",
        "any",
        "all",
        "logical_and",
        "logical_or",
        "logical_not",
        "logical_xor",
        "where",
        "cast",
        "masked",
        "full",
        "embed",
        "one_hot",
        "pick",
        "gather",
        "slice",
        "crop",
        "split",
        "chunk",
        "reshape",
        "flatten",
        "unflatten",
        "expand",
        "transpose",
        "permute",
        "unsqueeze",
        "squeeze",
        "concat",
        "stack",
        "tile",
        "repeat",
        "pad",
        "reverse",
        "shift",
        "last",
        "first",
        "triu",
        "tril",
        "depth_to_space",
        "space_to_depth",
    }
)


def is_choice(op: Op) -> bool:
    """Whether an op moves, compares or selects numbers and does not compute new ones: on the same
    inputs every engine has to give the same result, but for the rounding of its own settings."""
    return op.name in _CHOOSING


def exactly(exact: Array, precision: str = "float32") -> Bound:
    """The bound of what an op chooses: half an ulp of it; every integer is decided."""
    if exact.dtype.kind != "f":
        return Bound(0.0, 0.0, 0.0, np.ones(exact.shape, bool))
    unit = UNIT[precision]
    finite = exact[np.isfinite(exact)]
    largest = unit * float(np.abs(finite).max(initial=0.0))
    return Bound(largest, unit * root_mean_square(exact), SMALLEST[precision])


def on_grid(array: Array) -> Array:
    """Floats as the nearest halves of their size, so that ties, zeros, ones and halves occur in all
    tensors alike; what is no float stays."""
    size = root_mean_square(array)
    if array.dtype.kind != "f" or size == 0:
        return array
    with np.errstate(all="ignore"):  # some numbers may be as large as there are
        return np.asarray(np.round(2 * (array / array.dtype.type(size))) / 2)


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
