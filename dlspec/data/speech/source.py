"""Utterances of three to eight letters and digits, made once and kept beside their package.

Synthesised voices speak them at one go or symbol by symbol; recordings of one speaker, Allison, are
put together of one clip a symbol, each at its own speed. Then all are heard through microphones
that colour and hiss. The test set is of voices that are not in the training set, or of Allison.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dlspec.data.cache import locked, writing
from dlspec.data.columns import Columns
from dlspec.data.fetch import package_named, ready
from dlspec.data.files import broken
from dlspec.data.sequences import Sequences
from dlspec.data.speech.clips import SYMBOLS
from dlspec.data.speech.voices import ACCENTS, Synthesiser, families
from dlspec.data.speech.waves import (
    Wave,
    joined,
    read_wave,
    resampled,
    through_microphone,
    trimmed,
)
from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.data import CacheCorrupt
from dlspec.randomness import generator
from dlspec.source import Span

RATE = 8000
SHORTEST, LONGEST = 3, 8
"""Symbols of an utterance."""
HELD_OUT = 7
"""Every so many-th family of voices is in the test set only."""
TESTED = 400
"""Utterances of a test set."""
ALLISON = "Allison"
LETTER_A = "[['eI]]"
"""Between others, the letter would be read as the article; so it is given as a stressed sound."""

Utterance = tuple[Wave, str, str]
"""The wave, what is said, and by whom."""


def read_spoken(
    utterances: int, recorded: int, real: bool, span: Span | None
) -> tuple[Columns, Columns]:
    """The columns to train and to test: ``wave`` float32[N, <=S] in -1..1 at 8 kHz, ``text``,
    ``speaker``.

    To train there are ``utterances`` of voices, and ``recorded`` of the recordings behind them; to
    test, voices that do not train, or what is ``real``.

    Raises:
        DlspecError: DL615 to DL618 where the package cannot be had, DL627 without voices.
    """
    folder = ready(package_named("spoken"))

    def made(name: str, make: Callable[[], list[Utterance]]) -> Columns:
        return _kept(folder, name, make, span)

    parts = [made(f"voices-{utterances}", lambda: _voices(utterances, False, span))]
    if recorded:
        parts.append(made(f"recordings-{recorded}", lambda: _recordings(folder, recorded, "learn")))
    if real:
        tested = made(f"test-recordings-{TESTED}", lambda: _recordings(folder, TESTED, "test"))
    else:
        tested = made(f"test-voices-{TESTED}", lambda: _voices(TESTED, True, span))
    return _together(parts), tested


# --- what is said ---------------------------------------------------------------------------------


def _text(rng: np.random.Generator) -> str:
    count = int(rng.integers(SHORTEST, LONGEST + 1))
    return "".join(SYMBOLS[i] for i in rng.integers(0, len(SYMBOLS), count))


def _voices(count: int, tested: bool, span: Span | None) -> list[Utterance]:
    """Utterances of the voices that are tested, or of all others, each as often."""
    synthesiser = Synthesiser(span)
    together = families(synthesiser.speakers())
    chosen = [
        name
        for place, family in enumerate(together.values())
        for name in family
        if (place % HELD_OUT == HELD_OUT // 2) == tested
    ]
    stream = f"spoken voices {'test' if tested else 'learn'}"
    found: list[Utterance] = []
    for i in range(count):
        rng = generator(0, stream, i)
        speaker, text = chosen[i % len(chosen)], _text(rng)
        wave = _spoken(synthesiser, text, speaker, rng)
        found.append((through_microphone(wave, RATE, rng), text, speaker))
    return found


def _spoken(synthesiser: Synthesiser, text: str, speaker: str, rng: np.random.Generator) -> Wave:
    """A text by one voice, at one go or symbol by symbol."""
    accent = ACCENTS[int(rng.choice(len(ACCENTS), p=(0.55, 0.15, 0.15, 0.15)))]
    speed, pitch = int(rng.integers(110, 200)), int(rng.integers(20, 80))
    gap, seed = int(rng.integers(0, 8)), int(rng.integers(1 << 31))
    tempo = rng.uniform(0.87, 1.15)  # smaller and larger heads, as a record at another speed

    def say(words: str) -> Wave:
        wave = synthesiser.say(words, speaker, accent, speed=speed, pitch=pitch, gap=gap, seed=seed)
        return trimmed(resampled(wave, RATE / synthesiser.rate / tempo))

    names = [LETTER_A if symbol == "a" else symbol.upper() for symbol in text]
    if rng.random() < 0.5:
        return joined([say(" ".join(names))], rng.integers(400, 1600, 2).tolist())
    return joined([say(name) for name in names], _gaps(len(names), rng))


def _recordings(folder: Path, count: int, stream: str) -> list[Utterance]:
    """Utterances put together of the recordings, one clip a symbol."""
    clips: dict[str, Wave] = {}
    for symbol in SYMBOLS:
        clip, rate = _recording(folder / f"{symbol}.wav")
        assert rate == RATE
        clips[symbol] = trimmed(clip)
    found: list[Utterance] = []
    for i in range(count):
        rng = generator(0, f"spoken recordings {stream}", i)
        text = _text(rng)
        parts = [resampled(clips[s], 1 / rng.uniform(0.9, 1.1)) for s in text]
        wave = joined(parts, _gaps(len(parts), rng))
        found.append((through_microphone(wave, RATE, rng), text, ALLISON))
    return found


def _recording(path: Path) -> tuple[Wave, int]:
    try:
        return read_wave(path)
    except ValueError as error:
        raise broken(path.name, "a recording", str(error)) from error


def _gaps(count: int, rng: np.random.Generator) -> list[int]:
    """50 to 200 ms at both ends, up to 150 ms between symbols, in samples."""
    ends = rng.integers(400, 1600, 2)
    return [int(ends[0]), *rng.integers(0, 1200, count - 1).tolist(), int(ends[1])]


# --- kept in the cache ----------------------------------------------------------------------------


def _kept(
    folder: Path, name: str, make: Callable[[], list[Utterance]], span: Span | None
) -> Columns:
    """Utterances as columns, made and written at the first use."""
    target = folder / f"made-{name}"
    if not target.is_dir():
        with writing(folder), locked(folder / ".made.lock"):
            if not target.is_dir():
                print(f"speaking {name} into the cache, once", file=sys.stderr, flush=True)
                _write(target, make())
    try:
        columns = {c: np.load(target / f"{c}.npy") for c in ("wave", "lengths", "text", "speaker")}
    except (OSError, ValueError, EOFError) as error:
        raise DlspecError(CacheCorrupt(span, "spoken", str(target), f"({error})")) from error
    wave = columns["wave"].astype(np.float32)
    wave /= 32768
    return {
        "wave": Sequences(wave, columns["lengths"]),
        "text": columns["text"],
        "speaker": columns["speaker"],
    }


def _write(target: Path, utterances: Sequence[Utterance]) -> None:
    """Writes the columns into a folder that appears when it is whole; waves have 16 bits."""
    waves = [np.clip(np.rint(w * 32768), -32768, 32767).astype(np.int16) for w, _, _ in utterances]
    columns: Mapping[str, NDArray[np.generic]] = {
        "wave": np.concatenate(waves),
        "lengths": np.array([len(w) for w in waves], np.int32),
        "text": np.array([text for _, text, _ in utterances]),
        "speaker": np.array([speaker for _, _, speaker in utterances]),
    }
    part = Path(tempfile.mkdtemp(prefix=f".{target.name}.part-", dir=target.parent))
    try:
        for name, column in columns.items():
            with (part / f"{name}.npy").open("wb") as file:
                np.save(file, column, allow_pickle=False)
                file.flush()
                os.fsync(file.fileno())
        os.replace(part, target)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _together(parts: Sequence[Columns]) -> Columns:
    if len(parts) == 1:
        return parts[0]
    waves = [p["wave"] for p in parts]
    lengths = np.concatenate([w.lengths for w in waves if isinstance(w, Sequences)])
    values = np.concatenate([w.store for w in waves if isinstance(w, Sequences)])
    found: Columns = {"wave": Sequences(values, lengths)}
    for name in ("text", "speaker"):
        found[name] = np.concatenate([np.asarray(p[name]) for p in parts])
    return found
