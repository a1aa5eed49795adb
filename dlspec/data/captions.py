"""Pictures with captions: the emoji, and what their vendors call them."""

from __future__ import annotations

import numpy as np

from dlspec.data.columns import Columns
from dlspec.data.emoji import emoji_names, read_emoji
from dlspec.source import Span


def read_captions(size: int, span: Span | None = None) -> Columns:
    """Every emoji on white and its name in words.

    ``image`` uint8[N, 3, size, size]; ``caption`` text, such as "grinning cat with smiling eyes";
    ``style`` int64[N], the vendor; ``name`` int64[N], the same for all drawings of one emoji.

    Raises:
        DlspecError: as `read_emoji`.
    """
    columns = read_emoji(size, span)
    words = np.array([name.replace("-", " ") for name in emoji_names()])
    number = np.asarray(columns["name"])
    caption = words[number].astype(object)
    return {
        "image": columns["image"],
        "caption": caption,
        "style": columns["style"],
        "name": columns["name"],
    }
