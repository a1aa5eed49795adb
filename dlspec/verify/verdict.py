"""Is an answer right: one output of one case compared with R within B."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dlspec.verify.bound import FACTOR, Bound, finite_difference, root_mean_square

Array = NDArray[Any]

Status = Literal["pass", "insensitive", "undetermined", "fail"]
Reason = Literal[
    "", "error", "rms", "not finite", "decision", "shape", "type", "missing", "refused"
]

_RANK: dict[Status, int] = {"pass": 0, "insensitive": 1, "undetermined": 2, "fail": 3}

CHAOTIC = 0.25
"""An output whose limit exceeds this share of its rms tells nothing; one that is 0 by its nature in
one case (the range of a single step) is within the limit or not, as in every other."""


@dataclass(frozen=True)
class Verdict:
    """What is found of one output in one case.

    Attributes:
        output, case: which.
        status: ``pass``; ``fail``; ``undetermined`` (the limit is too wide to tell);
            ``insensitive`` (the answer hardly depends on the inputs, so agreement tells nothing).
        reason: of a failure.
        error, limit: the largest absolute error and what is accepted of it.
        rms_error, rms_limit: the same of the rms.
        ratio: error / B (or rms error / rms B where that is more): up to 8 is accepted.
        scale: the rms of R.
        decided: share of the elements of a discrete output that were compared; 1 for floats.
        index: the element of the largest error, or the first wrong one.
        expected, found: R and the engine there.
        detail: of a refusal or a wrong shape.
    """

    output: str
    case: str
    status: Status
    reason: Reason = ""
    error: float = 0.0
    limit: float = 0.0
    rms_error: float = 0.0
    rms_limit: float = 0.0
    ratio: float = 0.0
    scale: float = 0.0
    decided: float = 1.0
    index: tuple[int, ...] = ()
    expected: float | None = None
    found: float | None = None
    detail: str = ""

    def with_status(self, status: Status) -> Verdict:
        """This verdict, or with a worse status."""
        return dataclasses.replace(self, status=worst((self.status, status)))


def worst(statuses: Iterable[Status]) -> Status:
    """The worst of some statuses; ``pass`` of none."""
    found: Status = "pass"
    for status in statuses:
        if _RANK[status] > _RANK[found]:
            found = status
    return found


def refusal(output: str, case: str, detail: str, reason: Reason = "refused") -> Verdict:
    """The verdict of an output that was not computed."""
    return Verdict(output, case, "fail", reason, ratio=float("inf"), detail=detail)


def compare(
    output: str,
    case: str,
    exact: Array,
    found: Array,
    bound: Bound,
    *,
    tolerance: float | None = None,
    decided: Array | None = None,
) -> Verdict:
    """Compare an engine's output with R.

    Args:
        output, case: for the verdict.
        exact: R, in float64 or an integer type.
        found: what the engine answered.
        bound: B of this output.
        tolerance: accepted error relative to R's rms, in place of the derived bound.
        decided: which elements of a discrete output to compare; without it those that no probe
            changed.
    """
    if found.shape != exact.shape:
        detail = f"{list(found.shape)} for {list(exact.shape)}"
        return Verdict(output, case, "fail", "shape", ratio=np.inf, detail=detail)
    if (found.dtype.kind == "f") != (exact.dtype.kind == "f"):
        detail = f"{found.dtype} for {exact.dtype}"
        return Verdict(output, case, "fail", "type", ratio=np.inf, detail=detail)
    if exact.dtype.kind != "f":
        return _compare_discrete(
            output, case, exact, found, bound.stable if decided is None else decided
        )
    return _compare_floats(output, case, exact, found.astype(np.float64), bound, tolerance)


def _compare_floats(
    output: str, case: str, exact: Array, found: Array, bound: Bound, tolerance: float | None
) -> Verdict:
    scale = root_mean_square(exact)
    limit, rms_limit = bound.limit, bound.rms_limit
    if tolerance is not None and scale > 0:
        limit = rms_limit = tolerance * scale
    misplaced = _misplaced(exact, found, limit)
    if misplaced.any():
        index = _position(int(np.argmax(misplaced)), exact.shape)
        return Verdict(
            output, case, "fail", "not finite", np.inf, limit, np.inf, rms_limit, np.inf, scale,
            1.0, index, float(exact[index]), float(found[index]),
        )  # fmt: skip
    difference = np.where(_both_beyond(exact, found), 0.0, finite_difference(exact, found))
    error = float(difference.max(initial=0.0))
    rms_error = root_mean_square(difference)
    index = _position(int(np.argmax(difference)), exact.shape) if difference.size else ()
    status: Status = "pass"
    reason: Reason = ""
    if error > limit:
        status, reason = "fail", "error"
    elif rms_error > rms_limit:
        status, reason = "fail", "rms"
    elif tolerance is None and FACTOR * bound.largest > CHAOTIC * scale > 0:
        status = "undetermined"
    ratio = FACTOR * max(_share(error, limit), _share(rms_error, rms_limit))
    values = (float(exact[index]), float(found[index])) if difference.size else (None, None)
    return Verdict(
        output,
        case,
        status,
        reason,
        error,
        limit,
        rms_error,
        rms_limit,
        ratio,
        scale,
        1.0,
        index,
        *values,
    )


def _misplaced(exact: Array, found: Array, limit: float) -> Array:
    """Where one is NaN and the other is not, or an infinity stands only on one side.

    A float32 engine overflows where float64 does not: an infinity is right where R is beyond its
    largest number. And its lowest number stands for minus infinity, where a pool begins with it
    (ONNX Runtime's) and finds nothing larger.
    """
    wrong = np.isnan(exact) != np.isnan(found)
    infinite = np.isinf(exact) | np.isinf(found)
    if infinite.any():
        beyond = np.isfinite(exact) & (np.abs(exact) + limit >= _LARGEST_FLOAT32) & np.isinf(found)
        lowest = (exact == -np.inf) & (found <= -_LARGEST_FLOAT32)
        wrong |= infinite & ~beyond & ~lowest & (exact != found)
    return wrong


def _both_beyond(exact: Array, found: Array) -> Array:
    """Where R is beyond float32's range, and the engine at its end on the same side."""
    end = np.abs(found) >= _LARGEST_FLOAT32
    return end & (np.abs(exact) >= _LARGEST_FLOAT32) & (np.sign(exact) == np.sign(found))


_LARGEST_FLOAT32 = float(np.finfo(np.float32).max)


def _compare_discrete(
    output: str, case: str, exact: Array, found: Array, decided: Array | None
) -> Verdict:
    chosen = (
        np.ones(exact.shape, bool) if decided is None else np.broadcast_to(decided, exact.shape)
    )
    share = float(chosen.mean()) if chosen.size else 1.0
    wrong = chosen & (exact != found)
    if wrong.any():
        index = _position(int(np.argmax(wrong)), exact.shape)
        return Verdict(
            output, case, "fail", "decision", float(wrong.sum()), 0.0, ratio=np.inf, decided=share,
            index=index, expected=float(exact[index]), found=float(found[index]),
        )  # fmt: skip
    return Verdict(output, case, "pass" if share > 0 else "undetermined", decided=share)


def _position(flat: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(flat, shape))


def _share(error: float, limit: float) -> float:
    if error == 0:
        return 0.0
    return error / limit if limit > 0 else float("inf")
