"""The probe takes only what is as exact as float32, and changes no weights."""

from __future__ import annotations

import time

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


def test_the_faster_setting_is_taken_and_noise_is_not() -> None:
    def slow_with_many() -> None:
        time.sleep(0.004 if torch.get_num_threads() > 1 else 0.001)

    with kept_settings():
        torch.set_num_threads(2)
        assert probe(slow_with_many, CPU, matmul="highest", seconds=0.1).threads == 1
        torch.set_num_threads(2)
        assert probe(lambda: time.sleep(0.002), CPU, matmul="highest", seconds=0.1).threads == 2


def test_an_inexact_precision_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "MATMUL_MARGIN", 0.0)

    def fast_when_medium() -> None:
        time.sleep(0.001 if torch.get_float32_matmul_precision() == "medium" else 0.004)

    with kept_settings():
        assert probe(fast_when_medium, CPU, threads=1, seconds=0.1).matmul == "highest"
