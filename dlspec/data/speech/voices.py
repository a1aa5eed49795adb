"""Voices of the speech synthesiser eSpeak NG, through its library: no program is run, nothing is
played.

The Python package espeakng-loader brings the library with its voices. A voice is a language's
accent with a variant: formants, breath and roughness of one speaker.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterable
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.data import MissingVoices
from dlspec.source import Span

INSTALL = "pip install 'dlspec[speech]'"
ACCENTS = ("gmw/en-US", "gmw/en", "gmw/en-GB-x-rp", "gmw/en-GB-scotland")
UNNATURAL = re.compile(r"robo|whisper|demonic|anxious|tweaky|croak|fast|klatt|kaukovalta|mr ", re.I)
"""Variants that are effects, languages of their own or another synthesiser, not speakers."""

_SYNCHRONOUS = 2
_UTF8, _PHONEMES = 1, 0x100
_RATE, _PITCH, _GAP = 1, 3, 7
_lock = Lock()


class Synthesiser:
    """The library, ready to speak; one at a time in a process."""

    def __init__(self, span: Span | None = None) -> None:
        try:
            import espeakng_loader  # type: ignore[import-untyped]
        except ImportError as error:
            raise DlspecError(MissingVoices(span, INSTALL)) from error
        loader: Any = espeakng_loader
        data = Path(loader.get_data_path())
        self._variants = data / "voices" / "!v"
        try:
            self._library: Any = ctypes.CDLL(loader.get_library_path())
        except OSError as error:
            raise DlspecError(MissingVoices(span, INSTALL)) from error
        self.rate = int(
            self._library.espeak_Initialize(_SYNCHRONOUS, 0, str(data.parent).encode(), 0)
        )
        if self.rate <= 0:
            raise DlspecError(MissingVoices(span, INSTALL))
        self._parts: list[NDArray[np.int16]] = []
        kind = ctypes.CFUNCTYPE(
            ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
        )
        self._callback = kind(self._take)  # the library calls it as long as it lives
        self._library.espeak_SetSynthCallback(self._callback)

    def _take(self, wave: Any, count: int, events: Any) -> int:
        if wave and count > 0:
            self._parts.append(np.ctypeslib.as_array(wave, (count,)).copy())
        return 0

    def speakers(self) -> list[str]:
        """The variants that sound like people, in the order of the alphabet."""
        names = (path.name for path in self._variants.iterdir())
        return sorted(name for name in names if not UNNATURAL.search(name))

    def say(
        self, text: str, speaker: str, accent: str, *, speed: int, pitch: int, gap: int, seed: int
    ) -> NDArray[np.float64]:
        """A text as a wave in -1..1 at ``rate``.

        ``speed`` is in words a minute, ``pitch`` 0 to 99, ``gap`` between words in 10 ms; breath
        and hiss are drawn by ``seed``, though the library keeps a little of what it said before.
        What stands in ``[[ ]]`` is phonemes.
        """
        with _lock:
            library = self._library
            self._parts.clear()
            library.espeak_ng_SetRandSeed(ctypes.c_long(seed))
            voice = f"{accent}+{speaker}"
            known = (self._variants / speaker).is_file()  # the library leaves out what is not there
            if not known or library.espeak_SetVoiceByName(voice.encode()) != 0:
                raise ValueError(f"no voice {voice}")
            for parameter, value in ((_RATE, speed), (_PITCH, pitch), (_GAP, gap)):
                library.espeak_SetParameter(parameter, value, 0)
            spoken = text.encode() + b"\0"
            library.espeak_Synth(spoken, len(spoken), 0, 1, 0, _UTF8 | _PHONEMES, None, None)
            library.espeak_Synchronize()
            parts = self._parts or [np.zeros(0, np.int16)]
            return np.concatenate(parts) / 32768


def families(speakers: Iterable[str]) -> dict[str, list[str]]:
    """Speakers that sound alike together: `steph`, `steph2` and `steph3` are one family; `f1` to
    `m8` are people of their own."""
    found: dict[str, list[str]] = {}
    for name in speakers:
        alone = re.fullmatch(r"[fm]\d", name)
        found.setdefault(name if alone else name.rstrip("0123456789"), []).append(name)
    return found
