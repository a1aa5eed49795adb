"""Functions of the language that this version has not."""

from __future__ import annotations

LATER = frozenset(
    [
        "attend",
        "average",
        "babi",
        "bidirectional",
        "copy",
        "crop",
        "ctc",
        "edit_distance",
        "einsum",
        "explore",
        "fixed",
        "frame",
        "gather",
        "gru",
        "huber",
        "image",
        "jitter",
        "kl_divergence",
        "l1",
        "l2",
        "like",
        "lstm",
        "masked_conv",
        "mfcc",
        "mixup",
        "mu_law",
        "mu_law_decode",
        "mu_law_encode",
        "norm",
        "one_hot",
        "pick",
        "random_crop",
        "resample",
        "resize",
        "rnn",
        "rotate",
        "shift",
        "spectrogram",
        "top_k",
        "width",
    ]
)
"""Names that get `NotYet` instead of a misleading unknown name.
"""
