"""Spoken letters and digits: waves as they are made, real recordings, synthesised voices."""

from __future__ import annotations

import os
import sys
import wave as wav
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlspec.data.fetch import folder_of, package_named, ready
from dlspec.data.sequences import Sequences
from dlspec.data.sources import load_source
from dlspec.data.speech import source
from dlspec.data.speech.clips import SYMBOLS
from dlspec.data.speech.voices import ACCENTS, Synthesiser, families
from dlspec.data.speech.waves import (
    joined,
    read_wave,
    resampled,
    smooth,
    through_microphone,
    trimmed,
)
from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.data import BadDataSetting, FetchFailed, MissingVoices, NoClient


@pytest.fixture(scope="module")
def folder() -> Path:
    """The recordings; machines without apt skip, builds do not."""
    try:
        return ready(package_named("spoken"))
    except DlspecError as error:
        absent = any(isinstance(d, NoClient | FetchFailed) for d in error.diagnostics)
        if not absent or os.environ.get("CI"):
            raise
        pytest.skip("no asterisk-core-sounds-en-wav: apt is not here, or offline")


# --- waves ----------------------------------------------------------------------------------------


@given(st.integers(200, 4000), st.floats(0.3, 2.5), st.sampled_from([0.01, 0.05, 0.1]))
def test_a_tone_resampled_is_the_tone(steps: int, factor: float, frequency: float) -> None:
    tone = np.sin(2 * np.pi * frequency * np.arange(steps))
    fade = np.hanning(steps)
    found = resampled(tone * fade, factor)
    assert abs(len(found) - steps * factor) <= 1 + steps * factor / 500
    at = np.arange(len(found)) / float(Fraction(factor).limit_denominator(500))
    expected = np.sin(2 * np.pi * frequency * at) * np.interp(at, np.arange(steps), fade)
    inner = slice(len(found) // 8, -len(found) // 8)
    assert np.abs(found - expected)[inner].max() < 0.02


def test_what_the_lower_rate_cannot_hold_is_gone() -> None:
    high = np.sin(2 * np.pi * 0.4 * np.arange(4000)) * np.hanning(4000)
    assert np.abs(resampled(high, 0.5)).max() < 0.01


@given(st.integers(1, 10**6))
def test_smooth_numbers_have_small_factors(least: int) -> None:
    number = rest = smooth(least)
    for factor in (2, 3, 5):
        while rest % factor == 0:
            rest //= factor
    assert rest == 1 and least <= number <= 2 * least


def test_waves_are_trimmed_and_joined() -> None:
    wave = np.array([0, 0.001, 0.5, 0, -1, 0.01, 0])
    assert trimmed(wave).tolist() == [0.5, 0, -1]
    assert trimmed(np.zeros(3)).tolist() == []
    assert joined([np.ones(2), np.ones(1)], [1, 2, 0]).tolist() == [0, 1, 1, 0, 0, 1]


def test_a_microphone_colours_and_hisses() -> None:
    tone = np.sin(np.arange(8000) * 0.3)
    found = [through_microphone(tone, 8000, np.random.default_rng(s)) for s in (1, 1, 2)]
    np.testing.assert_array_equal(found[0], found[1])
    assert np.abs(found[0] - found[2]).max() > 0.01
    for wave in found:
        assert len(wave) == 8000 and 0.09 < np.abs(wave).max() < 1.1


# --- voices and recordings ------------------------------------------------------------------------


def test_speakers_that_sound_alike_are_a_family() -> None:
    found = families(["f1", "f2", "m8", "steph", "steph2", "steph3", "zac"])
    assert found["steph"] == ["steph", "steph2", "steph3"]
    assert [len(v) for v in found.values()] == [1, 1, 1, 3, 1]


def test_a_voice_speaks_as_it_is_told() -> None:
    synthesiser = Synthesiser()
    speakers = synthesiser.speakers()
    assert len(speakers) > 70 and {"f1", "m3"} <= set(speakers) and "whisper" not in speakers

    def say(speaker: str, speed: int = 150) -> float:
        wave = synthesiser.say("K 7", speaker, ACCENTS[0], speed=speed, pitch=50, gap=0, seed=4)
        assert 0.1 < np.abs(wave).max() <= 1
        return len(wave) / synthesiser.rate

    seconds = say("f1")
    assert 0.3 < seconds < 1.5 and say("f1", 100) > 1.2 * seconds
    assert say("f1") == pytest.approx(seconds, rel=0.01)  # a little of what was said lingers
    with pytest.raises(ValueError, match="no voice"):
        say("nobody at all")


def test_every_symbol_was_recorded(folder: Path) -> None:
    for symbol in SYMBOLS:
        wave, rate = read_wave(folder / f"{symbol}.wav")
        assert rate == 8000 and 0.2 < len(trimmed(wave)) / rate < 1.2


def test_a_recording_that_is_cut_off_is_named(tmp_path: Path) -> None:
    for symbol in SYMBOLS:
        with wav.open(str(tmp_path / f"{symbol}.wav"), "wb") as file:
            file.setparams((1, 2, source.RATE, 0, "NONE", ""))
            file.writeframes(bytes(400))
    whole = (tmp_path / "a.wav").read_bytes()
    (tmp_path / "a.wav").write_bytes(whole[:-100])
    with pytest.raises(DlspecError) as caught:
        source._recordings(tmp_path, 1, "learn")
    told = str(caught.value)
    assert "a.wav" in told and "header tells of 200 samples, it has 150" in told


# --- the source -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def few(folder: Path) -> dict[str, source.Columns]:
    """A hundred utterances to train, and both test sets."""
    made = {}
    for test in ("voices", "recordings"):
        settings = {"utterances": 100, "recorded": 20, "real": test == "recordings"}
        found = load_source("spoken", settings, folder=folder)
        assert found.test_columns is not None
        made |= {"train": found.columns, test: found.test_columns}
    return made


def test_utterances_are_what_they_say(few: dict[str, source.Columns]) -> None:
    for name, size in (("train", 120), ("voices", 400), ("recordings", 400)):
        wave, text = few[name]["wave"], few[name]["text"]
        assert isinstance(wave, Sequences) and len(wave) == len(text) == size
        assert wave.dtype == np.float32 and np.abs(wave.store).max() <= 1
        assert all(3 <= len(t) <= 8 and set(t) <= set(SYMBOLS) for t in text)
        seconds = wave.lengths / 8000
        assert seconds.min() > 0.5 and seconds.max() < 10
        # who says more takes longer
        assert np.corrcoef(seconds, [len(t) for t in text])[0, 1] > 0.5


def test_nobody_who_trains_is_tested(few: dict[str, source.Columns]) -> None:
    learnt = set(map(str, few["train"]["speaker"]))
    tested = set(map(str, few["voices"]["speaker"]))
    assert source.ALLISON in learnt and len(learnt) > 50 and len(tested) > 8
    assert not set(families(learnt)) & set(families(tested))
    assert set(map(str, few["recordings"]["speaker"])) == {source.ALLISON}
    texts = [set(map(str, few[name]["text"])) for name in ("train", "voices", "recordings")]
    assert len(texts[0] & texts[1]) < 5 and len(texts[1] & texts[2]) < 5


def test_what_is_made_is_kept(few: dict[str, source.Columns], folder: Path) -> None:
    assert folder == folder_of(package_named("spoken"))
    before = (folder / "made-voices-100" / "wave.npy").stat().st_mtime_ns
    again = load_source("spoken", {"utterances": 100}, folder=folder).columns["wave"]
    assert (folder / "made-voices-100" / "wave.npy").stat().st_mtime_ns == before
    assert isinstance(again, Sequences) and len(again) == 100


def test_settings_are_checked(folder: Path) -> None:
    with pytest.raises(DlspecError) as caught:
        load_source("spoken", {"real": "both"}, folder=folder)
    assert [type(d) for d in caught.value.diagnostics] == [BadDataSetting]


def test_without_the_synthesiser_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(DlspecError) as caught:
        Synthesiser()
    (diagnostic,) = caught.value.diagnostics
    assert isinstance(diagnostic, MissingVoices) and "dlspec[speech]" in str(caught.value)
