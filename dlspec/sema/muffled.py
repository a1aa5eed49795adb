"""Says nothing of what only follows from definitions that could not be read."""

from __future__ import annotations

from dlspec.diagnostics import Diagnostic, Sink
from dlspec.diagnostics.names import NoOutput, UnknownDimension, UnknownName, UnknownSetting


class Muffled(Sink):
    """Passes on to another sink all but what the missing definitions would explain."""

    def __init__(self, inner: Sink, missing: set[str]) -> None:
        super().__init__()
        self.diagnostics = inner.diagnostics
        self.missing = missing
        self.silent = False

    def report(self, diagnostic: Diagnostic) -> None:
        """Keep a diagnostic, unless it is of a name that may be among the missing."""
        if (
            isinstance(diagnostic, (UnknownName, UnknownDimension))
            and diagnostic.name in self.missing
        ):
            self.silent = True
            return
        if isinstance(diagnostic, NoOutput) and self.silent:
            return  # the output may be what the missing name gives
        span = diagnostic.span
        if isinstance(diagnostic, UnknownSetting) and span and span.source.name.startswith("--set"):
            return  # the setting may be one of theirs
        super().report(diagnostic)
