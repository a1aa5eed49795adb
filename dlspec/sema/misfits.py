"""What is wrong with a schedule or a split whose parts do not go together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dlspec.diagnostics.meaning import BadValue
from dlspec.ir.plan import SCHEDULES, Quantity, Schedule
from dlspec.source import Span


def wrong_split(told: BadValue, shares: Sequence[float]) -> BadValue:
    """What to say of `random(rows, 20, 20)`: what its parts are, and what was meant most likely."""
    if not shares:
        return told
    total = sum(shares)
    if len(shares) not in (2, 3):
        parts = "one part" if len(shares) == 1 else f"{len(shares)} parts"
        expected = "two parts or three: train, validation, test"
        return replace(told, value=parts, expected=expected)
    text = f"parts that add up to {_share(total) if total < 1.5 else f'{total:,.10g}'}"
    percent = [round(100 * s / total, 2) for s in shares]
    advice = None
    if min(shares) >= 1 and abs(sum(percent) - 100) < 1e-6:
        written = ", ".join(f"{p:g}%" for p in percent)
        advice = f"a part is a share of all examples: `random({written})`"
    return replace(told, value=text, advice=advice)


def _share(part: float) -> str:
    return f"{round(100 * part, 4):g}%"


def wrong_schedule(value: Schedule, span: Span) -> BadValue:
    """What to say of a schedule with too few or too many numbers or lengths."""
    form = SCHEDULES[value.kind]
    numbers = [a for a in value.arguments if not isinstance(a, Quantity)]
    lengths = len(value.arguments) - len(numbers)
    advice = None
    if lengths < min(form.lengths):
        wrong = "without a length"
        if len(numbers) > max(form.numbers):
            last = f"{numbers[-1]:g}"
            advice = f"a length has a unit: `{last} steps` or `{last} epochs`"
    elif lengths > max(form.lengths):
        wrong = f"of {lengths} lengths"
    else:
        wrong = f"of {len(numbers)} number{'s' * (len(numbers) != 1)}"
    return BadValue(span, value.kind, wrong, f"`{form.example}`", advice)
