"""What an experiment tries: settings in all their combinations, each with several seeds."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass

from dlspec.source import Span


@dataclass(frozen=True)
class Factor:
    """Settings that change together: ``values`` has for each level one text of the language a
    name. ``keys`` are the names as `--set` takes them, ``names`` as they were written."""

    names: tuple[str, ...]
    keys: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    span: Span


@dataclass(frozen=True)
class ExperimentPlan:
    """`experiment name runs recipe { … }`.

    ``given`` are settings that all runs have; ``report`` names what is compared, such as
    `test.accuracy`, and is empty where all that is measured is.
    """

    name: str
    recipe: str
    given: Mapping[str, str]
    factors: tuple[Factor, ...]
    repeat: int
    report: tuple[str, ...]
    span: Span

    @property
    def names(self) -> tuple[str, ...]:
        """The settings that change, in the order in which they were written."""
        return tuple(n for f in self.factors for n in f.names)

    @property
    def runs(self) -> int:
        """How many runs there are."""
        return math.prod(len(f.values) for f in self.factors) * self.repeat

    def combinations(self) -> list[Combination]:
        """All combinations, the last factor changing fastest."""
        keys = [k for f in self.factors for k in f.keys]
        found: list[Combination] = []
        for levels in itertools.product(*(f.values for f in self.factors)):
            texts = tuple(t for level in levels for t in level)
            settings = dict(self.given) | dict(zip(keys, texts, strict=True))
            found.append(Combination(dict(zip(self.names, texts, strict=True)), settings))
        return found


@dataclass(frozen=True)
class Combination:
    """One value of each setting: ``values`` as they are shown, ``settings`` as `--set` takes
    them."""

    values: Mapping[str, str]
    settings: Mapping[str, str]

    def __str__(self) -> str:
        return ", ".join(f"{n} = {v}" for n, v in self.values.items()) or "as it is"
