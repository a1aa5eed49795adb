"""Real parallel text: what software packages are, in English and in another language."""

from __future__ import annotations

import re

import numpy as np

from dlspec.data.columns import Columns
from dlspec.data.fetch import package_named, ready
from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.data import CacheCorrupt
from dlspec.source import Span

TOKEN = re.compile(r"\b(?:[cdjlmnst]|qu|jusqu|lorsqu|puisqu)'|\w+|[^\w\s]")
"""A word, a French one that has lost its last vowel (`l'`, `qu'`), or a mark."""
ALIKE = str.maketrans({"’": "'", "–": "-", "—": "-", "−": "-", "⋅": None})
FAMILY = re.compile(r"\s+[(–-]+|\s*:\s+|\s*[,;]\s+")
"""Where the part begins that tells packages of one project apart: `… (data files)`."""


def read_descriptions(language: str, span: Span | None = None) -> Columns:
    """``english`` and ``translation``, texts in lower case with punctuation apart, and ``family``,
    the beginning that packages of one project share, so that no part of a split knows another's.

    Raises:
        DlspecError: DL615 to DL618 where the lists cannot be had.
    """
    path = ready(package_named("descriptions")) / f"{language}.tsv"
    lines = path.read_text("utf-8").splitlines()
    pairs = [line.split("\t") for line in lines]
    if not pairs or any(len(pair) != 2 for pair in pairs):
        raise DlspecError(CacheCorrupt(span, "descriptions", str(path), "is no table of pairs"))
    family = [FAMILY.split(english.lower())[0] for english, _ in pairs]
    return {
        "english": np.array([tokens(english) for english, _ in pairs], object),
        "translation": np.array([tokens(other) for _, other in pairs], object),
        "family": np.array(family, object),
    }


def tokens(text: str) -> str:
    """Words in lower case and marks, a blank between each two."""
    return " ".join(TOKEN.findall(text.lower().translate(ALIKE)))
