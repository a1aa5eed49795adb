"""Typed diagnostics with stable codes and one renderer."""

from dlspec.diagnostics.core import (
    CATALOGUE,
    CallSite,
    Diagnostic,
    DlspecError,
    Label,
    Severity,
    Sink,
    did_you_mean,
)

__all__ = [
    "CATALOGUE",
    "CallSite",
    "Diagnostic",
    "DlspecError",
    "Label",
    "Severity",
    "Sink",
    "did_you_mean",
]
