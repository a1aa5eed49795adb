"""The precompiled LALR(1) table, as data."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TABLE_PATH = Path(__file__).with_name("_table.json")


def grammar_path() -> Path:
    """The grammar's file: top level in a checkout, inside the package when installed."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "_grammars" / "dlspec.lark"
    return installed if installed.exists() else package.parent / "grammars" / "dlspec.lark"


@dataclass(frozen=True)
class Rule:
    """A production: what it makes, of how many symbols, and which of them its builder sees.

    ``shape`` has an entry ``(index, splice, nones)`` for each symbol that is kept: ``splice``
    puts a helper's children in its place, ``nones`` optional parts before it were not written.
    """

    origin: str
    length: int
    action: str
    shape: tuple[tuple[int, int, int], ...]
    trailing: int


@dataclass(frozen=True)
class Table:
    """``states[s][symbol]`` is a state to go to, or ``-r - 1`` to reduce by rule ``r``."""

    words: dict[str, str]
    token: re.Pattern[str]
    terminals: frozenset[str]
    rules: tuple[Rule, ...]
    start: int
    end: int
    states: tuple[dict[str, int], ...]


@cache
def load_table() -> Table:
    """Read the table (once a process)."""
    data = json.loads(TABLE_PATH.read_text(encoding="utf-8"))
    tokens: list[tuple[str, str]] = [(name, pattern) for name, pattern in data["tokens"]]
    rules = [
        Rule(origin, length, action, tuple((i, s, n) for i, s, n in shape), trailing)
        for origin, length, action, shape, trailing in data["rules"]
    ]
    return Table(
        words=data["words"],
        token=re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in tokens)),
        terminals=frozenset(
            {*(name for name, _ in tokens), *data["words"].values(), "_NL", "$END"}
        ),
        rules=tuple(rules),
        start=data["start"],
        end=data["end"],
        states=tuple(data["states"]),
    )
