"""Vocabularies that are made from the training examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from dlspec.ir.data_plan import VocabularyPlan
from dlspec.text import SPECIAL, pieces


def fitted(plan: VocabularyPlan, examples: Iterable[Any]) -> tuple[str, ...]:
    """The vocabulary's words by id: the special ones, then the most frequent pieces (of equally
    frequent ones the first in the alphabet)."""
    if plan.by == "bytes":
        found = [f"{b:02x}" for b in range(256)]
    else:
        counts = Counter(p for text in examples for p in pieces(text, plan.by))
        found = [p for p, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    return (*SPECIAL, *found[: plan.size - len(SPECIAL)])
