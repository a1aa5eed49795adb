"""Figures of a data set, made of sums over all its batches: how examples fall into batches is
nothing that a loss or a metric may depend on.

What a batch gives is a vector of sums, or a mean with the number of examples or steps that it is
of, which is the same. The vectors of all batches are added up, and the figure is made of that:

* ``mean``: sum / count. Losses, `accuracy`, `exact`, and whatever else is a mean.
* ``ratio``: sum / sum. `error_rate`: edits over symbols of the references.
* ``perplexity``: e ** (sum / count), of cross-entropies.
* ``bleu``: BLEU-4 (Papineni et al. 2002, section 2.3), from 0 to 1: the geometric mean of the
  shares p_n of the texts' runs of n = 1, 2, 3, 4 symbols that are in their references, clipped;
  times ``e ** (1 - r / c)`` where the c symbols of all texts are fewer than the r of all
  references. 0 where no run of some length is right.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Figure = Literal["mean", "ratio", "perplexity", "bleu"]


class Tally:
    """Adds up what batches give under a name, for one figure."""

    def __init__(self, figure: Figure = "mean") -> None:
        self._figure: Figure = figure
        self._sums: NDArray[Any] | None = None

    def add(self, value: Any, weight: float) -> None:
        """A batch's mean over ``weight`` examples or steps, or its sums."""
        given = np.asarray(value, np.float64)
        sums = given if given.ndim else np.array([float(given) * weight, weight])
        self._sums = sums if self._sums is None else self._sums + sums

    @property
    def value(self) -> float:
        """The figure of all batches so far; NaN of nothing."""
        if self._sums is None:
            return math.nan
        if self._figure == "bleu":
            return bleu(self._sums)
        total, count = (float(s) for s in self._sums)
        mean = total / count if count else math.nan
        if self._figure == "perplexity":
            return math.exp(mean) if mean < _HIGHEST else math.inf
        return mean


def bleu(sums: NDArray[Any]) -> float:
    """BLEU-4 of the sums that `ngram_matches` gives: right runs of 1 to 4 symbols, all runs,
    symbols of the texts and of the references."""
    right, runs = sums[:4], sums[4:8]
    texts, references = float(sums[8]), float(sums[9])
    if not right.all():
        return 0.0
    brevity = min(0.0, 1 - references / texts)
    return math.exp(brevity + float(np.log(right / runs).mean()))


_HIGHEST = math.log(1e300)
_FALLING = re.compile(
    r"loss|error|perplexity|entropy|distance|nll|mse|mae|huber|hinge|margin|triplet|divergence"
    r"|^(smooth_)?l[12]|contrastive|cosine_embedding|ctc"
)


def falls(name: str) -> bool:
    """Whether a figure is the better the less it is: losses, error rates, perplexity."""
    return _FALLING.search(name.rsplit(".", 1)[-1]) is not None


def plain_name(name: str) -> str:
    """The function that a metric is called by: `error_rate` of `validation.error_rate2`."""
    return re.sub(r"\d+$", "", name.rsplit(".", 1)[-1])


_SHARES = ("accuracy", "error_rate", "exact")


def is_share(name: str) -> bool:
    """Whether a figure is read in percent."""
    return any(share in plain_name(name) for share in _SHARES)


def panels(names: Iterable[str]) -> list[tuple[str, list[str]]]:
    """Figures that are drawn on one scale, with a title: losses; shares and what else rises;
    perplexities, distances and what else falls."""
    found: dict[str, list[str]] = {"loss": [], "metrics": []}
    for name in names:
        called = plain_name(name)
        own = called if falls(name) and not is_share(name) else "metrics"
        found.setdefault("loss" if called.endswith("loss") else own, []).append(name)
    return [(title, shown) for title, shown in found.items() if shown]


def figure_text(name: str, value: float) -> str:
    """A figure as people read it: shares in percent, BLEU times 100, others with four digits."""
    called = plain_name(name)
    if is_share(name) and math.isfinite(value):
        return f"{100 * value:.2f} %"
    if called == "bleu":
        return f"{100 * value:.1f}"
    if called == "perplexity":
        return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"
    return f"{value:.4g}"
