"""Schedules are closed forms of the step."""

from __future__ import annotations

import pytest

from dlspec.diagnostics import DlspecError
from dlspec.ir.plan import Quantity, Schedule
from dlspec.train.schedules import curve_of

EPOCHS = Quantity(2, "epochs")


@pytest.mark.parametrize(
    ("schedule", "points"),
    [
        (Schedule("linear", (1.0, 0.0, EPOCHS)), {0: 1.0, 5: 0.75, 20: 0.0, 99: 0.0}),
        (Schedule("linear", (0.0, 2.0, Quantity(4, "steps"))), {0: 0.0, 1: 0.5, 4: 2.0, 5: 2.0}),
        (Schedule("cosine", (0.2,)), {0: 0.2, 50: 0.1, 100: 0.0}),
        (Schedule("cosine", (1.0, 0.5, EPOCHS)), {0: 1.0, 10: 0.75, 20: 0.5, 21: 0.5}),
        (Schedule("step", (1.0, 0.1, Quantity(1, "epoch"))), {0: 1.0, 9: 1.0, 10: 0.1, 25: 0.01}),
        (Schedule("exponential", (1.0, 0.25, Quantity(4, "steps"))), {0: 1.0, 2: 0.5, 4: 0.25}),
        (Schedule("warm_up", (2.0, Quantity(4, "steps"))), {0: 0.5, 3: 2.0, 50: 2.0}),
        (Schedule("inverse_sqrt", (1.0, Quantity(4, "steps"))), {0: 0.25, 3: 1.0, 15: 0.5}),
        (Schedule("one_cycle", (1.0,)), {0: 0.04, 30: 1.0, 100: 0.0001}),
    ],
)
def test_values(schedule: Schedule, points: dict[int, float]) -> None:
    curve = curve_of(schedule, steps_per_epoch=10, total_steps=100)
    assert {t: curve(t) for t in points} == pytest.approx(points)


@pytest.mark.parametrize(
    "schedule",
    [
        Schedule("wave", (1.0,)),
        Schedule("linear", (1.0, EPOCHS)),
        Schedule("linear", (1.0, 0.0, Quantity(3, "seeds"))),
        Schedule("cosine", ()),
        Schedule("step", (1.0, 0.1)),
    ],
)
def test_without_meaning(schedule: Schedule) -> None:
    with pytest.raises(DlspecError) as error:
        curve_of(schedule, 10, 100)
    assert error.value.diagnostics[0].code == "DL403"


def test_cosine_over_an_open_end_needs_a_length() -> None:
    with pytest.raises(DlspecError):
        curve_of(Schedule("cosine", (0.1,)), 10, None)
