"""Numbers that change while training: closed forms of the step, so that resuming needs no state.

    linear(a, b, T)   a + (b - a) · min(t / T, 1)
    cosine(a, b, T)   b + (a - b) · (1 + cos(π · min(t / T, 1))) / 2;  b = 0 and T = the whole
    recipe where left out
                      (Loshchilov & Hutter 2017, arXiv:1608.03983, without restarts)
    step(a, f, T)     a · f ^ ⌊t / T⌋
    exponential(a, f, T)   a · f ^ (t / T)
    warm_up(a, T)          a · min((t + 1) / T, 1)
    inverse_sqrt(a, T)     a · min((t + 1) / T, √(T / (t + 1)))  (Vaswani et al. 2017)
    one_cycle(a, T)        up from a / 25 to a in the first 30 % of T, down to a / 10⁴ in the rest,
                           both along a cosine (Smith & Topin 2018); T = the whole recipe

t counts steps (with a batch each), and T is in steps or epochs.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.train import BadSchedule
from dlspec.ir.plan import Quantity, Schedule
from dlspec.source import Span

Curve = Callable[[int], float]
"""The value at step t, counted from 0."""


def curve_of(
    schedule: Schedule, steps_per_epoch: int, total_steps: int | None, span: Span | None = None
) -> Curve:
    """The closed form of a schedule.

    Raises:
        DlspecError: DL403 for a kind or arguments that have no meaning.
    """

    def bad(reason: str) -> DlspecError:
        return DlspecError(BadSchedule(span, schedule.kind, reason))

    numbers = [a for a in schedule.arguments if not isinstance(a, Quantity)]
    lengths = [a for a in schedule.arguments if isinstance(a, Quantity)]
    if len(lengths) > 1:
        raise bad("it has more than one length")
    over = _steps(lengths[0], steps_per_epoch) if lengths else total_steps
    if lengths and not over:
        raise bad(f"its length {lengths[0].value:g} {lengths[0].unit} is not some epochs or steps")

    if schedule.kind == "linear":
        if len(numbers) != 2 or over is None:
            raise bad("it needs two values and a length")
        first, last = numbers
        return lambda t: first + (last - first) * min(t / over, 1.0)
    if schedule.kind == "cosine":
        if len(numbers) not in (1, 2):
            raise bad("it needs one or two values")
        if over is None:
            raise bad("the recipe has no `epochs`, so it needs a length")
        first, last = numbers[0], numbers[1] if len(numbers) == 2 else 0.0
        return lambda t: last + (first - last) * (1 + math.cos(math.pi * min(t / over, 1.0))) / 2
    if schedule.kind == "one_cycle":
        if len(numbers) != 1:
            raise bad("it needs one value")
        if over is None:
            raise bad("the recipe has no `epochs`, so it needs a length")
        return _one_cycle(numbers[0], over)
    if schedule.kind in ("warm_up", "inverse_sqrt"):
        if len(numbers) != 1 or not lengths or over is None:
            raise bad("it needs a value and a length")
        peak = numbers[0]
        if schedule.kind == "warm_up":
            return lambda t: peak * min((t + 1) / over, 1.0)
        return lambda t: peak * min((t + 1) / over, math.sqrt(over / (t + 1)))
    if schedule.kind == "exponential":
        if len(numbers) != 2 or not lengths or over is None:
            raise bad("it needs a value, a factor and a length")
        first, factor = numbers
        return lambda t: first * _power(factor, t / over)
    if schedule.kind == "step":
        if len(numbers) != 2 or not lengths or over is None:
            raise bad("it needs a value, a factor and a length")
        first, factor = numbers
        return lambda t: first * _power(factor, t // over)
    raise bad("there is no such schedule")


def _power(factor: float, times: float) -> float:
    """As a float has it: without end where it is too large, which training then tells."""
    try:
        return factor**times
    except OverflowError:
        return math.inf


def _one_cycle(peak: float, over: int) -> Curve:
    rise = max(1, round(0.3 * over))

    def between(a: float, b: float, share: float) -> float:
        return b + (a - b) * (1 + math.cos(math.pi * min(share, 1.0))) / 2

    def at(t: int) -> float:
        if t < rise:
            return between(peak / 25, peak, t / rise)
        return between(peak, peak / 10_000, (t - rise) / max(1, over - rise))

    return at


def _steps(length: Quantity, steps_per_epoch: int) -> int | None:
    unit = length.unit.rstrip("s")
    if unit == "epoch":
        return round(length.value * steps_per_epoch)
    return round(length.value) if unit == "step" else None
