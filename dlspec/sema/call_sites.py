"""Mistakes inside a block tell where the block was applied."""

from __future__ import annotations

import dataclasses

from dlspec.diagnostics import CallSite, Diagnostic, Sink


class CallSites(Sink):
    """Passes diagnostics on to another sink, each with the applications that it is inside of."""

    def __init__(self, inner: Sink) -> None:
        super().__init__()
        self.inner = inner
        self.diagnostics = inner.diagnostics
        self.open: list[CallSite] = []

    def report(self, diagnostic: Diagnostic) -> None:
        """Keep a diagnostic with the open applications, the innermost first."""
        if self.open and not diagnostic.calls:
            diagnostic = dataclasses.replace(diagnostic, calls=tuple(reversed(self.open)))
        self.inner.report(diagnostic)
