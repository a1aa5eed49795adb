"""Specs drawn from the grammar: every construct in every place, meaningful or not."""

from __future__ import annotations

import random
from functools import cache
from typing import Any

from dlspec.syntax.build_table import load_grammar
from tests.fuzz.seeds import names

MOST = 400
"""Symbols of one text, from which on the shortest way to its end is taken."""
_FIXED = {
    "NUMBER": ("0", "1", "2", "3", "12", "0.5", "3e-4", "15%", "28"),
    "PRIMED": ("h'", "x'"),
    "STRING": ('"a.dl"', '"library/dropout.dl"', '"*.weight"', '"x # y"'),
    "TIMES": ("*", "/", "//", "%", "@"),
    "COMPARE": ("==", "<", ">=", "!="),
    "_NL": ("\n", "\n\n", "  # why\n"),
}


@cache
def _rules() -> dict[str, list[list[tuple[str, bool]]]]:
    """The ways to write each symbol, as names with whether they are terminals."""
    found: dict[str, list[list[tuple[str, bool]]]] = {}
    for rule in load_grammar().rules:
        way = [(str(s.name), bool(s.is_term)) for s in rule.expansion]
        found.setdefault(str(rule.origin.name), []).append(way)
    return found


@cache
def _least() -> dict[str, int]:
    """The smallest number of terminals that each symbol can become."""
    least: dict[str, int] = {}
    while True:
        before = dict(least)
        for name, ways in _rules().items():
            costs = [
                sum(1 if term else least.get(part, 10**6) for part, term in way) for way in ways
            ]
            least[name] = min(costs)
        if least == before:
            return least


@cache
def _texts() -> dict[str, str]:
    return {t.name: t.pattern.value for t in load_grammar().terminals}


def _terminal(name: str, rng: random.Random) -> str:
    if name == "NAME":
        return rng.choice(names())
    if name in _FIXED:
        return rng.choice(_FIXED[name])
    return _texts()[name]


def drawn(rng: random.Random) -> bytes:
    """A text of the grammar."""
    pending: list[tuple[str, bool]] = [("start", False)]
    words: list[str] = []
    while pending:
        name, terminal = pending.pop()
        if terminal:
            words.append(_terminal(name, rng))
            continue
        ways: list[Any] = _rules()[name]
        if len(words) + len(pending) > rng.randint(MOST // 8, MOST):
            least = _least()
            costs = [sum(1 if t else least[p] for p, t in way) for way in ways]
            ways = [w for w, c in zip(ways, costs, strict=True) if c == min(costs)]
        pending += reversed(rng.choice(ways))
    return " ".join(words).encode("utf-8")
