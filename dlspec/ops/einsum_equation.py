"""Einstein's summation convention, as NumPy and PyTorch write it: `nsd,nd->ns`.

A letter is an axis; one that two operands have is paired, one that the result lacks is summed over,
one that an operand has twice is that operand's diagonal. `...` stands for any further axes, which
broadcast. Without `->` the result has the letters that stand once, in alphabetical order, after
`...`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

ELLIPSIS = "..."


class MalformedEquation(ValueError):
    """An equation that means nothing; its text says why."""


@dataclass(frozen=True)
class Equation:
    """The letters of each operand and of the result; `...` is one of them."""

    operands: tuple[tuple[str, ...], ...]
    result: tuple[str, ...]

    def __str__(self) -> str:
        return f"{','.join(map(''.join, self.operands))}->{''.join(self.result)}"


@cache
def parse_equation(text: str) -> Equation:
    """Parse an equation.

    Raises:
        MalformedEquation: saying what is wrong.
    """
    before, arrow, after = text.replace(" ", "").partition("->")
    operands = tuple(_letters(part) for part in before.split(","))
    every = [x for operand in operands for x in operand]
    if not arrow:
        once = sorted(x for x in set(every) if every.count(x) == 1 and x != ELLIPSIS)
        return Equation(operands, (*((ELLIPSIS,) if ELLIPSIS in every else ()), *once))
    result = _letters(after)
    for letter in result:
        if result.count(letter) > 1:
            raise MalformedEquation(f"`{letter}` stands twice in the result")
        if letter not in every:
            raise MalformedEquation(f"`{letter}` of the result is in no operand")
    if ELLIPSIS in every and ELLIPSIS not in result:
        raise MalformedEquation("the result lacks the `...` of the operands")
    return Equation(operands, result)


def _letters(part: str) -> tuple[str, ...]:
    found: list[str] = []
    while part:
        if part.startswith(ELLIPSIS):
            letter = ELLIPSIS
            if letter in found:
                raise MalformedEquation("`...` stands twice in one operand")
        else:
            letter = part[0]
            if not (letter.isascii() and letter.isalpha()):
                raise MalformedEquation(f"`{letter}` is no letter")
        found.append(letter)
        part = part[len(letter) :]
    return tuple(found)
