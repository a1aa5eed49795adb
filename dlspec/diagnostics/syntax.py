"""Mistakes in how a spec is written (DL1xx)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from dlspec.diagnostics.core import Diagnostic, Label
from dlspec.source import Span


@dataclass(frozen=True)
class Unexpected(Diagnostic):
    """Something stands where the language has no place for it.

    Wrong: ``input image float[N, 28, 28]``. Right: ``input image: float[N, 28, 28]``.
    """

    found: str
    expected: str
    context: str | None = None

    code = "DL100"
    title = "unexpected {found}"
    label = "expected {expected}"
    note = "{context}"


@dataclass(frozen=True)
class BadNumber(Diagnostic):
    """A number that cannot be read, or is too large to be one.

    Wrong: ``.5``, ``1_000``, ``0x10``, ``1e999``. Right: ``0.5``, ``1000``, ``16``, ``1e9``.
    """

    text: str
    why: str

    code = "DL118"
    title = "`{text}` is not a number that dlspec can read"
    label = "{why}"


@dataclass(frozen=True)
class TooDeep(Diagnostic):
    """Brackets, operators, chains or bodies stand too many levels inside each other.

    Give a part of the expression a name of its own, or write a loop: ``for i in 1..200 { … }``.
    """

    limit: int

    code = "DL119"
    title = "this is nested more than {limit} levels deep"
    label = "too many levels begin here"
    help = "give parts of it names of their own, or use `for` for what repeats"


@dataclass(frozen=True)
class TooLong(Diagnostic):
    """The file is larger than any spec should be; it is probably not a spec."""

    characters: int
    limit: int

    code = "DL120"
    title = "the file has {characters} characters; a spec has at most {limit}"
    help = "use `for` and `block` for what repeats, and `import` to split a spec into files"


@dataclass(frozen=True)
class TooManyErrors(Diagnostic):
    """So many syntax errors were found that the rest of the file was not looked at."""

    count: int

    code = "DL121"
    title = "stopped after {count} syntax errors"
    help = "mend the first ones; later ones may only follow from them"


@dataclass(frozen=True)
class InputsOfNetwork(Diagnostic):
    """A semicolon splits inputs from settings, and only a block has inputs in its parentheses.

    Wrong: ``network net(x; units) { … }``.
    Right: ``network net(units) { input x: float[N, 4] … }``.
    """

    kind: str
    name: str

    code = "DL123"
    title = "only a block has inputs in its parentheses"
    label = "before a `;` stand inputs, and the parentheses of `{kind}` hold settings only"
    help = "declare each input of a network or cell in its body, such as `input {name}: float[N, 2]`"


_ = (Iterable, ClassVar, Label, Span)
