"""The probe takes only what is as exact as float32, and changes no weights."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from dlspec.train import machine
from dlspec.train.machine import Choice, kept_settings, probe, products_error

CPU = torch.device("cpu")


def test_products_are_measured_against_float64() -> None:
    with kept_settings():
        assert 1e-8 < products_error("highest") < 1e-4


def test_what_is_given_is_not_probed() -> None:
    calls: list[int] = []
    with kept_settings():
        assert probe(lambda: calls.append(1), CPU, threads=1, matmul="medium") == Choice(
            1, "medium"
        )
        assert torch.get_float32_matmul_precision() == "medium" and not calls


class Clock:
    """Stands in for the module ``time``; it goes on by what a turn is said to take."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now

    def turn(self, seconds: Callable[[], float]) -> Callable[[], None]:
        def taken() -> None:
            self.now += seconds()

        return taken


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(machine, "time", made)
    return made


def test_the_faster_setting_is_taken_and_noise_is_not(clock: Clock) -> None:
    def with_many(taken: float) -> Callable[[], None]:
        return clock.turn(lambda: taken if torch.get_num_threads() > 1 else 1.0)

    with kept_settings():
        for taken, threads in ((4.0, 1), (1.2, 1), (1.1, 2), (1.0, 2), (0.5, 2)):
            torch.set_num_threads(2)
            chosen = probe(with_many(taken), CPU, matmul="highest", seconds=20)
            assert chosen.threads == threads == torch.get_num_threads(), taken


def test_the_shortest_time_of_several_rounds_counts(clock: Clock) -> None:
    """Another program's work in one round makes no setting slow."""
    taken = iter([9.0, 9.0, 9.0] + [1.0] * 1000)
    with kept_settings():
        torch.set_num_threads(2)
        assert (
            probe(clock.turn(lambda: next(taken)), CPU, matmul="highest", seconds=60).threads == 2
        )


def test_an_inexact_precision_is_not_taken(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    def medium() -> bool:
        return torch.get_float32_matmul_precision() == "medium"

    fast_when_medium = clock.turn(lambda: 1.0 if medium() else 4.0)
    with kept_settings():
        monkeypatch.setattr(machine, "MATMUL_MARGIN", float("inf"))
        assert probe(fast_when_medium, CPU, threads=1, seconds=20).matmul == "medium"
        monkeypatch.setattr(machine, "MATMUL_MARGIN", 0.0)
        assert probe(fast_when_medium, CPU, threads=1, seconds=20).matmul == "highest"
