"""Words that settings take without their quotes."""

from __future__ import annotations

import pytest

from dlspec.diagnostics import Sink
from dlspec.diagnostics.words import WORDS
from dlspec.sema.analyse import analyse
from dlspec.source import SourceFile

TAKES = {
    "fan": ("conv(4, kernel = 3, weight = kaiming(fan = {}))",),
    "mode": ("pad(1, mode = {})", "resize(scale = 2, mode = {})"),
    "pad": ("conv(4, kernel = 3, pad = {})", "reshape(3, 64) -> conv(4, kernel = 3, pad = {})"),
}


def checked(call: str) -> Sink:
    text = f"network n {{ input x: float[N, 3, 8, 8]; output y = x -> {call} }}"
    sink = Sink()
    analyse(SourceFile("words.dl", text), sink)
    return sink


@pytest.mark.parametrize(("setting", "word"), [(s, w) for s, known in WORDS.items() for w in known])
def test_each_word_is_taken_with_quotes_and_hinted_at_without(setting: str, word: str) -> None:
    quoted = f'"{word}"'
    fitting = [c for c in TAKES[setting] if not checked(c.format(quoted)).errors]
    assert fitting
    for call in fitting:
        told = checked(call.format(word)).errors
        assert [f"{setting} = {quoted}" in str(d.helps) for d in told] == [True], told


@pytest.mark.parametrize("written", ["reflect", "reflct", "Reflect"])
def test_a_word_without_quotes_is_hinted_at_where_it_is_misspelt_too(written: str) -> None:
    (told,) = checked(f"pad(1, mode = {written})").errors
    assert told.helps == ['a word is written in quotes: `mode = "reflect"`']


def test_names_of_other_settings_are_not_taken_for_words() -> None:
    (told,) = checked("dense(reflect)").errors
    assert "quotes" not in str(told.helps)
