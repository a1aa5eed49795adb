"""Words that settings take, and that are written in quotes."""

from __future__ import annotations

import re

from dlspec.diagnostics.core import did_you_mean
from dlspec.source import Span

WORDS: dict[str, tuple[str, ...]] = {
    "fan": ("in", "out"),
    "mode": ("constant", "reflect", "replicate", "circular", "nearest", "linear"),
    "pad": ("same", "causal"),
}
"""Settings of ops and of initialisers whose values are words."""

_NAMED = re.compile(r"[(,]\s*([a-z_]+)\s*=\s*$")
_MAX_READ = 80


def word_advice(span: Span) -> str | None:
    """What to write instead of the unknown name at a place, where it is the value of such a
    setting: `pad(1, mode = reflect)`."""
    named = _NAMED.search(span.source.text[max(0, span.start - _MAX_READ) : span.start])
    if named is None:
        return None
    setting, word = named.group(1), span.text
    if (setting, word) == ("pad", "valid"):
        return "no padding is `pad = 0`"
    known = WORDS.get(setting, ())
    meant = word if word in known else did_you_mean(word, known)
    return f'a word is written in quotes: `{setting} = "{meant}"`' if meant else None
