"""Text as ids: a closed set of steps, so that any language can do them from a bundle's manifest.

A text is parted into pieces (`words`: at spaces; `characters`; `bytes` of its UTF-8; `items`: not
at all, a list as it stands), and each piece is the id of its place in the vocabulary, 0 where it
has none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlspec.ir.data_plan import SPECIAL, STOP, UNKNOWN, Pieces, VocabularyPlan


def pieces(text: Any, by: Pieces) -> Sequence[str]:
    """The pieces of one example; a list of texts is in pieces already."""
    if not isinstance(text, str):
        return [str(p) for p in text]
    if by == "words":
        return text.split()
    if by == "characters":
        return list(text)
    if by == "bytes":
        return [f"{b:02x}" for b in text.encode()]
    return [text]


def fitted(plan: VocabularyPlan, examples: Iterable[Any]) -> tuple[str, ...]:
    """The vocabulary's words by id: the special ones, then the most frequent pieces (of equally
    frequent ones the first in the alphabet)."""
    if plan.by == "bytes":
        found = [f"{b:02x}" for b in range(256)]
    else:
        counts = Counter(p for text in examples for p in pieces(text, plan.by))
        found = [p for p, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    return (*SPECIAL, *found[: plan.size - len(SPECIAL)])


def encoded(
    text: Any, by: Pieces, ids: dict[str, int], *, ending: bool = False
) -> NDArray[np.int64]:
    """The ids of a text; with ``ending`` the stop symbol behind them."""
    found = [ids.get(p, UNKNOWN) for p in pieces(text, by)]
    return np.array([*found, STOP] if ending else found, np.int64)


def decoded(ids: Sequence[int], by: Pieces, words: Sequence[str]) -> str:
    """The text of ids: unknown ones as `<unknown>`, no start or stop."""
    named = [words[i] if 0 <= i < len(words) else f"#{i}" for i in ids if i not in (1, STOP)]
    if by == "bytes":
        return bytes(int(p, 16) for p in named if not p.startswith(("<", "#"))).decode(
            errors="replace"
        )
    return ("" if by == "characters" else " ").join(named)
