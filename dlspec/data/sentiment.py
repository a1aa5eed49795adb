"""Short texts and how people rated their sentiment, each the mean of twenty raters."""

from __future__ import annotations

import html
import re
import tarfile

import numpy as np

from dlspec.data.columns import Columns
from dlspec.data.fetch import package_named, ready
from dlspec.data.packages import RATED
from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.data import CacheCorrupt
from dlspec.source import Span

TEXTS = {
    "movie": "movieReviewSnippets",
    "amazon": "amazonReviewSnippets",
    "nyt": "nytEditorialSnippets",
    "tweets": "tweets",
}
"""What the texts are of, and how their file begins."""
SENTIMENTS = ("negative", "positive")
UNDECIDED = 0.5
"""Ratings go from -4 to 4; those so near to 0 take neither side."""
TOKEN = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")
"""A word with what it contracts (`don't`), or a mark."""


def read_sentiment(of: str, span: Span | None = None) -> Columns:
    """The texts of one kind (Hutto & Gilbert 2014) that lean to one side by more than 0.5.

    ``text`` in lower case, a blank between each two words and marks; ``label`` int64[N], 0 negative
    and 1 positive, the sign of ``score`` float64[N] (-4 to 4); ``document``, what the text is a
    sentence of: the sentences of one review or editorial are no strangers to each other.

    Raises:
        DlspecError: DL615 to DL618 where the package cannot be had.
    """
    path = ready(package_named("sentiment")) / RATED
    member = f"hutto_ICWSM_2014/{TEXTS[of]}_GroundTruth.txt"
    try:
        with tarfile.open(path) as archive:
            file = archive.extractfile(member)
            lines = [] if file is None else file.read().decode("latin-1").splitlines()
    except (tarfile.TarError, KeyError, OSError) as error:
        raise DlspecError(CacheCorrupt(span, "sentiment", str(path), f"({error})")) from error
    rows = [line.split("\t", 2) for line in lines]
    if not rows or any(len(row) != 3 for row in rows):
        raise DlspecError(CacheCorrupt(span, "sentiment", str(path), "holds other tables"))
    score = np.array([float(row[1]) for row in rows])
    kept = np.flatnonzero(np.abs(score) > UNDECIDED)
    texts = [" ".join(TOKEN.findall(html.unescape(rows[i][2]).lower())) for i in kept]
    return {
        "text": np.array(texts, object),
        "label": (score[kept] > 0).astype(np.int64),
        "score": score[kept],
        "document": np.array([rows[i][0].split("_")[0] for i in kept], object),
    }
