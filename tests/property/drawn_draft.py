"""A network in the making."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from dlspec.ir.types import DType, TensorType

FLOAT, INT, BYTE, BOOL = DType.float32, DType.int64, DType.uint8, DType.bool_


@dataclass
class Variable:
    """A name in the network, its type, and for ids how many there are."""

    name: str
    type: TensorType
    count: int | None = None
    used: bool = False


@dataclass
class Draft:
    """A network in the making; ``lines`` are statements, outputs left out."""

    name: str
    random: random.Random
    variables: list[Variable] = field(default_factory=list[Variable])
    lines: list[str] = field(default_factory=list[str])
    tops: list[str] = field(default_factory=list[str])
    made: int = 0

    def fresh(self, stem: str = "h") -> str:
        """A name that is not used."""
        self.made += 1
        return f"{stem}{self.made}"

    def add(self, name: str, kind: TensorType, text: str, count: int | None = None) -> Variable:
        """A statement that binds a name."""
        self.lines.append(text)
        self.variables.append(Variable(name, kind, count))
        return self.variables[-1]

    def pick(self, fits: Callable[[Variable], bool]) -> Variable | None:
        """A variable that fits, one that nobody has read yet if there is one."""
        found = [v for v in self.variables if fits(v)]
        if not found:
            return None
        unread = [v for v in found if not v.used]
        chosen = self.random.choice(unread if unread and self.random.random() < 0.7 else found)
        chosen.used = True
        return chosen
