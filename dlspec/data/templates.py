"""Templates of sentences, and sentences drawn from them.

A template is a text with `(one|of|these)`, `[perhaps this]`, `(these;in any order)`, `{list}` or
`{list:slot}` for what a slot takes, and `<rule>` for another template: what Home Assistant writes
its sentences in. Only the drawing is here; lists and rules are the caller's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

Piece = tuple[str, str | None]
"""A piece of a sentence, and the slot it fills."""
_MARKS = re.compile(r"([()\[\]|;{}<>])")
_CLOSING = {"(": ")", "[": "]"}


@dataclass(frozen=True)
class Literal:
    """Text as it stands."""

    text: str


@dataclass(frozen=True)
class Filled:
    """A value of a list, which fills a slot."""

    name: str
    slot: str


@dataclass(frozen=True)
class Rule:
    """Another template, by its name."""

    name: str


@dataclass(frozen=True)
class Choice:
    """One of several; an `optional` one may also be left out."""

    ways: tuple[Template, ...]
    optional: bool


@dataclass(frozen=True)
class Permuted:
    """All of them in any order."""

    parts: tuple[Template, ...]


Template = tuple[Literal | Filled | Rule | Choice | Permuted, ...]


def parse(text: str) -> Template:
    """A template's parts; `ValueError` where brackets do not fit."""
    marks = [m for m in _MARKS.split(text) if m]
    found, end = _alternatives(marks, 0, None)
    if end != len(marks):
        raise ValueError(f"`{marks[end]}` opens nowhere in {text!r}")
    return found


def _alternatives(marks: list[str], at: int, closing: str | None) -> tuple[Template, int]:
    """What stands up to a closing bracket, and the place of that bracket."""
    ways: list[Template] = []
    way: list[Literal | Filled | Rule | Choice | Permuted] = []
    separators: set[str] = set()
    while at < len(marks) and marks[at] not in (")", "]"):
        mark = marks[at]
        if mark in _CLOSING:
            inner, at = _alternatives(marks, at + 1, _CLOSING[mark])
            way.append(Choice((inner,), mark == "["))
        elif mark in "{<":
            if marks[at + 2 : at + 3] != ["}" if mark == "{" else ">"]:
                raise ValueError(f"`{mark}` is not closed")
            name, _, slot = marks[at + 1].partition(":")
            way.append(Filled(name, slot or name) if mark == "{" else Rule(name))
            at += 2
        elif mark in "|;":
            separators.add(mark)
            ways.append(tuple(way))
            way = []
        else:
            way.append(Literal(mark))
        at += 1
    if closing is not None and marks[at : at + 1] != [closing]:
        raise ValueError(f"`{closing}` is missing")
    ways.append(tuple(way))
    if len(separators) > 1:
        raise ValueError("`|` beside `;`")
    if separators == {";"}:
        return (Permuted(tuple(ways)),), at
    return (ways[0] if len(ways) == 1 else (Choice(tuple(ways), False),)), at


@dataclass(frozen=True)
class Speaker:
    """Draws sentences: ``value`` draws what fills a list, ``rules`` are templates by name."""

    rules: Mapping[str, Template]
    value: Callable[[str], str]
    rng: np.random.Generator

    def say(self, template: Template) -> list[Piece]:
        """The pieces of one sentence."""
        pieces: list[Piece] = []
        for part in template:
            pieces += self._part(part)
        return pieces

    def _part(self, part: Literal | Filled | Rule | Choice | Permuted) -> list[Piece]:
        if isinstance(part, Literal):
            return [(part.text, None)]
        if isinstance(part, Filled):
            return [(self.value(part.name), part.slot)]
        if isinstance(part, Rule):
            return self.say(self.rules[part.name])
        if isinstance(part, Choice):
            drawn = self._below(len(part.ways) * (2 if part.optional else 1))
            return self.say(part.ways[drawn]) if drawn < len(part.ways) else []
        order = list(range(len(part.parts)))
        pieces: list[Piece] = []
        while order:
            inner = self.say(part.parts[order.pop(self._below(len(order)))])
            pieces += [(" ", None), *inner, (" ", None)]
        return pieces

    def _below(self, count: int) -> int:
        # NumPy may change how it draws integers; these are the raw draws of the generator
        return int(self.rng.random() * count)


def tagged(pieces: list[Piece]) -> tuple[list[str], list[str]]:
    """The words of a sentence in lower case, and a tag for each: `B-area` begins what fills the
    slot `area`, `I-area` goes on with it, `O` fills none.

    A word that only in part fills a slot (`50` of `50%`) has its tag.
    """
    words: list[str] = []
    tags: list[str] = []
    filling: int | None = None
    inside = False
    for number, (text, slot) in enumerate(pieces):
        for run in re.findall(r"\s+|\S+", text):
            if run.isspace():
                inside = False
                continue
            if not inside:
                words.append("")
                tags.append("O")
                inside = True
            words[-1] += run.lower()
            if slot is not None and tags[-1] == "O":
                tags[-1] = f"{'I' if filling == number else 'B'}-{slot}"
                filling = number
    return words, tags
