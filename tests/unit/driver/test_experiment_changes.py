"""What differs between two runs of an experiment, in a user's words."""

from __future__ import annotations

import pytest

from dlspec.driver.experiment_changes import setting_changes, text_changes

ADAM = "adam {'lr': 0.01, 'decay': 0.0}"
COSINE = "adam {'lr': Schedule(kind='cosine', arguments=(0.1,)), 'decay': 0.0}"
LINEAR = (
    "adam {'lr': Schedule(kind='linear', arguments=(0.1, 0, Quantity(value=2.0, unit='epochs'))), "
    "'decay': 0.0}"
)


@pytest.mark.parametrize(
    ("was", "now", "told"),
    [
        ({}, {}, ""),
        ({"a": "1"}, {"a": "1"}, ""),
        ({}, {"epochs": "3"}, "without `--set epochs=3`"),
        ({"epochs": "3"}, {}, "with `--set epochs=3`"),
        ({"a": "1", "b": "2"}, {"a": "2"}, "with `--set a=1` and `--set b=2`"),
        ({"a": "1"}, {"b": "2"}, "with `--set a=1`, without `--set b=2`"),
    ],
)
def test_settings(was: dict[str, str], now: dict[str, str], told: str) -> None:
    assert setting_changes(was, now) == told


@pytest.mark.parametrize(
    ("topic", "was", "now", "told"),
    [
        ("batch", "10", "20", ["batch (10 before, 20 now)"]),
        ("length", "2 epochs, None steps", "3 epochs, None steps", ["`epochs` (2 before, 3 now)"]),
        (
            "length of stage `warm`",
            "2 epochs, None steps",
            "2 epochs, 7 steps",
            ["`steps` (none before, 7 now) of stage `warm`"],
        ),
        ("optimizer", ADAM, COSINE, ["`lr` (0.01 before, cosine(0.1) now)"]),
        ("optimizer", COSINE, LINEAR, ["`lr` (cosine(0.1) before, linear(0.1, 0, 2 epochs) now)"]),
        (
            "optimizer",
            ADAM,
            ADAM.replace("adam", "adamw"),
            ["`optimizer` (adam before, adamw now)"],
        ),
        ("optimizer", f"{ADAM}; {ADAM}", f"{COSINE}; {ADAM}", ["optimizer"]),
    ],
)
def test_topics(topic: str, was: str, now: str, told: list[str]) -> None:
    assert text_changes({topic: was}, {topic: now}) == told


def test_what_follows_from_a_network_is_not_told_again() -> None:
    topics: list[str] = ["network or loss of step `r`", "what `r` measures"]
    was, now = dict.fromkeys(topics, "0" * 16), dict.fromkeys(topics, "1" * 16)
    assert text_changes(was, now) == ["network or loss of step `r`"]
    assert text_changes({topics[1]: "0" * 16}, {topics[1]: "1" * 16}) == ["what `r` measures"]


def test_what_is_new_or_gone() -> None:
    assert text_changes({"clip": "norm 1"}, {"buckets": "4"}) == ["clip (gone)", "buckets (new)"]
