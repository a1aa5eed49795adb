"""Functions of the language that this version has not."""

from __future__ import annotations

LATER = frozenset(
    [
        "average",
        "babi",
        "copy",
        "explore",
        "fixed",
        "image",
        "jitter",
        "masked_conv",
        "mixup",
        "mu_law",
        "mu_law_decode",
        "mu_law_encode",
        "resample",
        "spectrogram",
        "width",
    ]
)
"""Names that get `NotYet` instead of a misleading unknown name.
"""
