"""Numbers that change while training: closed forms of the step, so that resuming needs no state.

    linear(a, b, T)   a + (b - a) · min(t / T, 1)
    cosine(a, b, T)   b + (a - b) · (1 + cos(π · min(t / T, 1))) / 2;  b = 0 and T = the whole
    recipe where left out
                      (Loshchilov & Hutter 2017, arXiv:1608.03983, without restarts)
    step(a, f, T)     a · f ^ ⌊t / T⌋

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
    if schedule.kind == "step":
        if len(numbers) != 2 or not lengths or over is None:
            raise bad("it needs a value, a factor and a length")
        first, factor = numbers
        return lambda t: first * factor ** (t // over)
    raise bad("there is no such schedule")


def _steps(length: Quantity, steps_per_epoch: int) -> int | None:
    unit = length.unit.rstrip("s")
    if unit == "epoch":
        return round(length.value * steps_per_epoch)
    return round(length.value) if unit == "step" else None
