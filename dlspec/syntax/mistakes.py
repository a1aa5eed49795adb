"""Which mistake it is: common slips, each with a message of its own."""

from __future__ import annotations

from dataclasses import dataclass

from dlspec.diagnostics.core import Diagnostic
from dlspec.diagnostics.syntax import Unexpected
from dlspec.source import SourceFile, Span
from dlspec.syntax.lexer import Token

ITEM_WORDS = frozenset(
    "import const network block cell data recipe engine experiment check".split()
)


@dataclass(frozen=True)
class Situation:
    """Where the parser stood when a token fitted nowhere; indices are into ``tokens``.

    ``head`` is where the statement begins, ``brackets`` and ``braces`` are the open ones, ``expected``
    the terminals that would have fitted.
    """

    source: SourceFile
    tokens: list[Token]
    index: int
    head: int
    brackets: tuple[int, ...]
    braces: tuple[int, ...]
    expected: frozenset[str]

    @property
    def definition_begins(self) -> int | None:
        return None


def diagnose(at: Situation) -> Diagnostic:
    token = at.tokens[at.index]
    return Unexpected(Span(at.source, token.start, token.end), found=token.text, expected=str(sorted(at.expected)))
