"""Dimension texts of a manifest, read back: `28`, `N`, `2*T + 1`, `(T + 1)//4`."""

from __future__ import annotations

import re

from dlspec.dims import Dim

_TOKEN = re.compile(r"\s*(?:(\d+)|([A-Za-z_]\w*)|(//|[-+*()]))")


def dim_of(text: str) -> Dim:
    """The dimension of a text; `//` (floor division by an integer) binds closer than `*`, as `Dim`
    prints it.

    Raises:
        ValueError: where the text is no dimension.
    """
    tokens: list[str] = []
    position = 0
    stripped = text.rstrip()
    while position < len(stripped):
        match = _TOKEN.match(stripped, position)
        if match is None:
            raise ValueError(f"`{text}` is not a dimension")
        tokens.append(match[0].strip())
        position = match.end()
    reader = _Reader(tokens, text)
    found = reader.sum()
    if reader.rest:
        raise reader.wrong()
    return found


class _Reader:
    """Recursive descent over sum := product (± product)*, product := part (* part)*, part := atom
    (// integer)*."""

    def __init__(self, tokens: list[str], text: str) -> None:
        self.rest = tokens[::-1]
        self.text = text

    def wrong(self) -> ValueError:
        return ValueError(f"`{self.text}` is not a dimension")

    def take(self, *wanted: str) -> str | None:
        return self.rest.pop() if self.rest and self.rest[-1] in wanted else None

    def sum(self) -> Dim:
        total = -self.product() if self.take("-") else self.product()
        while sign := self.take("+", "-"):
            right = self.product()
            total = total + right if sign == "+" else total - right
        return total

    def product(self) -> Dim:
        total = self.part()
        while self.take("*"):
            total = total * self.part()
        return total

    def part(self) -> Dim:
        found = self.atom()
        while self.take("//"):
            if not self.rest or not self.rest[-1].isdigit() or int(self.rest[-1]) == 0:
                raise self.wrong()
            found = found // int(self.rest.pop())
        return found

    def atom(self) -> Dim:
        if not self.rest:
            raise self.wrong()
        token = self.rest.pop()
        if token == "(":
            found = self.sum()
            if not self.take(")"):
                raise self.wrong()
            return found
        if token.isdigit():
            return Dim.of(int(token))
        if token in ("+", "-", "*", "//", ")"):
            raise self.wrong()
        return Dim.of(token)
