"""Spoken letters and digits: the listener learns a little, is verified at lengths of all kinds, and
answers for waves of different lengths, for a WAV file and over HTTP."""

from __future__ import annotations

import json
import os
import wave
from pathlib import Path

import numpy as np
import pytest

from dlspec.cli.main import main
from dlspec.data.fetch import package_named, ready
from dlspec.data.speech.clips import SYMBOLS
from dlspec.data.speech.waves import read_wave
from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.data import FetchFailed, NoClient
from tests.zoo.carried_out import ROOT, CarriedOut, carried_out
from tests.zoo.test_zoo import assert_builds, whole

FEW = {"count": "96", "units": "12"}


@pytest.fixture(scope="module")
def recordings() -> Path:
    """The recordings; machines without apt skip, builds do not."""
    try:
        return ready(package_named("spoken"))
    except DlspecError as error:
        absent = any(isinstance(d, NoClient | FetchFailed) for d in error.diagnostics)
        if not absent or os.environ.get("CI"):
            raise
        pytest.skip("no asterisk-core-sounds-en-wav: apt is not here, or offline")


@pytest.fixture(scope="module")
def done(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> CarriedOut:
    """The spec's recipe in small."""
    folder = tmp_path_factory.mktemp("listener")
    return carried_out("listener", "learn", folder, settings=FEW, examples=96, epochs=2)


def test_it_learns(done: CarriedOut) -> None:
    losses = done.losses()
    assert np.isfinite(losses).all() and losses[-1] < losses[0]


def test_each_wave_has_an_answer_of_its_own(done: CarriedOut) -> None:
    waves = [np.asarray(done.test["wave"][i]) for i in range(4)]
    together = done.model(wave=waves)
    assert isinstance(together["scores"], np.ndarray)
    for row, one in enumerate(waves):
        alone = done.model(wave=[one])
        steps = int(alone["scores_lengths"][0])
        assert steps == together["scores_lengths"][row] == (len(one) + 64) // 320
        a, b = together["scores"][row, :steps], alone["scores"][0]
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)
        assert set(together.names("text")[row]) <= set(SYMBOLS) | set("<unknown>")


def test_it_answers_over_http(done: CarriedOut) -> None:
    one = np.asarray(done.test["wave"][0])[None]
    served = done.served(wave=one)
    expected = done.model(wave=one)
    np.testing.assert_allclose(served["scores"], expected["scores"].ravel(), atol=1e-5)


def test_it_hears_files(
    done: CarriedOut, tmp_path: Path, recordings: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    bundle = str(done.model.path)
    clip = recordings / "a.wav"
    samples, _ = read_wave(clip)
    expected = done.model(wave=[samples.astype(np.float32)])
    assert main(["predict", bundle, str(clip), "--json"]) == 0
    answer = json.loads(capfd.readouterr().out)["answer"]
    np.testing.assert_allclose(answer["scores"], expected["scores"], atol=1e-5)
    fast = tmp_path / "fast.wav"
    with wave.open(str(fast), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(bytes(32000))
    assert main(["predict", bundle, f"wave={fast}"]) == 1
    assert "16,000 samples a second, and `wave` has 8,000" in capfd.readouterr().err


@pytest.mark.filterwarnings("ignore:.*proved less")
def test_it_is_measured_on_recordings(done: CarriedOut, capfd: pytest.CaptureFixture[str]) -> None:
    """The same engine on another test set of its data."""
    found = []
    for real in ("false", "true"):
        given = [f"--set={n}={v}" for n, v in (FEW | {"real": real}).items()]
        assert main(["evaluate", str(done.model.path), "--json", *given]) == 0
        found.append(json.loads(capfd.readouterr().out))
    assert found[0]["examples"] == found[1]["examples"] == 400
    assert found[0]["loss"] != found[1]["loss"]


def test_what_is_less_than_a_frame_says_nothing(done: CarriedOut) -> None:
    spoken, none = np.zeros(8000, np.float32), np.zeros(255, np.float32)
    assert [len(t) for t in done.model(wave=[none]).rows("text")] == [0]
    assert [len(t) for t in done.model(wave=[spoken, none]).rows("text")][1] == 0


def test_every_length_is_proved(tmp_path: Path) -> None:
    spec = whole(ROOT / "specs" / "listener.dl", units="8")
    assert_builds(spec.networks["listener"], spec, tmp_path, fast=False)
