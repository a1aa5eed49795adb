"""What of a file could not be read, so that nothing is said of what follows from that."""

from __future__ import annotations

from dataclasses import dataclass, field

from dlspec.source import Span


@dataclass
class Damage:
    """The statements that were given up while parsing.

    ``places`` are offsets of them, ``names`` what their definitions are called; ``whole`` is set
    where so much is missing (an import, the rest of the file) that no name can be called unknown.
    """

    places: list[int] = field(default_factory=list[int])
    names: set[str] = field(default_factory=set[str])
    whole: bool = False

    def within(self, span: Span) -> bool:
        """Whether something in a span could not be read."""
        return any(span.start <= place < span.end for place in self.places)
