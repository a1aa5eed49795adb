"""WAV files given to `dlspec predict`."""

from __future__ import annotations

import struct
import wave
from pathlib import Path

import numpy as np
import pytest

from dlspec.bundle.manifest import InputSpec
from dlspec.cli.predict_inputs import Question, questions
from dlspec.diagnostics import DlspecError

WAVE = InputSpec("wave", "float32", ("N", "S"), rate=8000)
LEVELS = [0, 0.5, -0.5, -1]


def written(path: Path, *, width: int = 2, channels: int = 1, rate: int = 8000) -> str:
    """A file of a few samples, each channel alike."""
    whole = [int(level * 2 ** (8 * width - 1)) for level in LEVELS for _ in range(channels)]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        if width == 1:
            file.writeframes(bytes(n + 128 for n in whole))
        else:
            packed = b"".join(n.to_bytes(width, "little", signed=True) for n in whole)
            file.writeframes(packed)
    return str(path)


def asked(spec: InputSpec, *given: str) -> Question:
    (question,) = questions([spec], given)
    return question


def refused(spec: InputSpec, file: str) -> str:
    with pytest.raises(DlspecError) as caught:
        asked(spec, file)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "DL437"
    return str(caught.value)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_samples_are_between_minus_one_and_one(width: int, tmp_path: Path) -> None:
    file = written(tmp_path / "a.wav", width=width)
    for given in (file, f"wave={file}"):
        found = asked(WAVE, given).feeds["wave"]
        assert isinstance(found, np.ndarray) and found.dtype == np.float32
        np.testing.assert_array_equal(found, [LEVELS])


def test_a_network_that_names_no_rate_takes_any_and_says_so(tmp_path: Path) -> None:
    question = asked(InputSpec("x", "float32", ("S",)), written(tmp_path / "a.wav", rate=11025))
    assert np.shape(question.feeds["x"]) == (4,)
    assert "11,025 samples a second" in question.notes[0]
    assert asked(WAVE, written(tmp_path / "b.wav")).notes == []


def test_what_is_wrong_is_told(tmp_path: Path) -> None:
    other = refused(WAVE, written(tmp_path / "r.wav", rate=16000))
    assert "16,000 samples a second, and `wave` has 8,000" in other
    assert "2 channels" in refused(WAVE, written(tmp_path / "s.wav", channels=2))
    assert "no such file" in refused(WAVE, str(tmp_path / "absent.wav"))
    picture = InputSpec("image", "uint8", ("N", "28", "28"))
    assert "no wave of any length" in refused(picture, written(tmp_path / "i.wav"))
    text = tmp_path / "t.wav"
    text.write_text("not a wave")
    assert "damaged, or no WAV" in refused(WAVE, str(text))
    floats = tmp_path / "f.wav"  # a format of 3: numbers with fractions
    chunk = struct.pack("<4sIHHIIHH", b"fmt ", 16, 3, 1, 8000, 32000, 4, 32)
    floats.write_bytes(b"RIFF" + struct.pack("<I", 36) + b"WAVE" + chunk + b"data" + bytes(4))
    assert "no WAV file of whole numbers" in refused(WAVE, str(floats))
    empty = tmp_path / "e.wav"
    with wave.open(str(empty), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
    assert "holds no sample" in refused(WAVE, str(empty))


def test_a_file_that_is_cut_off(tmp_path: Path) -> None:
    whole = Path(written(tmp_path / "w.wav")).read_bytes()
    for missing, there in ((4, 2), (3, 2), (8, 0)):
        (tmp_path / "c.wav").write_bytes(whole[:-missing])
        told = refused(WAVE, str(tmp_path / "c.wav"))
        assert f"it is cut off: its header tells of 4 samples, it has {there}" in told
        assert "help: copy or record it again, whole" in told
    (tmp_path / "c.wav").write_bytes(whole[:20])
    told = refused(WAVE, str(tmp_path / "c.wav"))
    assert "damaged, or no WAV" in told and "()" not in told


def test_a_header_that_was_written_before_the_end_was_known(tmp_path: Path) -> None:
    whole = Path(written(tmp_path / "w.wav")).read_bytes()
    place = whole.index(b"data") + 4
    stream = whole[:place] + b"\xff\xff\xff\xff" + whole[place + 4 :]
    (tmp_path / "s.wav").write_bytes(stream)
    found = asked(WAVE, str(tmp_path / "s.wav")).feeds["wave"]
    np.testing.assert_array_equal(found, [LEVELS])
