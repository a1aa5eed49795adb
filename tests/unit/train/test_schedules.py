"""Schedules are closed forms of the step."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlspec.diagnostics import DlspecError, Sink
from dlspec.ir.plan import Quantity, Schedule
from dlspec.sema.analyse import analyse
from dlspec.source import SourceFile
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


VALUES = st.sampled_from([-1.0, -0.001, 0.0, 0.001, 0.1, 0.5, 1.0, 3.0, 1e30])
FORMS = (
    "linear({}, {}, 7 steps)",
    "cosine({})",
    "cosine({}, {})",
    "cosine({}, {}, over = 2 epochs)",
    "step({}, {}, 3 steps)",
    "exponential({}, {}, 1 steps)",
    "warm_up({}, 5 steps)",
    "inverse_sqrt({}, 5 steps)",
    "one_cycle({})",
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(FORMS), VALUES, VALUES)
def test_what_a_spec_may_say_is_never_negative(form: str, first: float, second: float) -> None:
    """And what it may not say is told, and would be, or would do nothing."""
    written = form.format(first, second)
    text = f"""
    network n {{ input x: float[N, 2]; output y = x -> dense(1) }}
    data d {{ f = npz("p.npz"); output x: float[N, 2] = f.x; output t: float[N, 1] = f.t }}
    recipe r for n on d {{ minimize mse(y, t) with sgd({written}); epochs = 4 }}
    """
    sink = Sink()
    spec = analyse(SourceFile("rates.dl", text), sink)
    wrong = first < 0 or ("{}, {}" in form and second < 0)
    if sink.errors:
        assert [d.code for d in sink.errors] == ["DL442"]
        zero = 0 in (first, second) or first == 0
        assert wrong or zero
        return
    assert not wrong
    (group,) = spec.recipes["r"].steps[0].groups
    schedule = group.optimizer.settings["lr"]
    assert isinstance(schedule, Schedule)
    curve = curve_of(schedule, 10, 40)
    assert all(curve(t) >= 0 for t in (0, 1, 2, 5, 7, 39, 40, 400, 4000))


def test_a_rate_without_end() -> None:
    rising = Schedule("exponential", (0.1, 10.0, Quantity(1, "step")))
    assert curve_of(rising, 1, 1)(10_000) == float("inf")
