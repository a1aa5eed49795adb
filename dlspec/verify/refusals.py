"""Errors by which an engine says that it will not run: these are findings, all others are faults
of ours."""

from __future__ import annotations

import sys

from dlspec.diagnostics import DlspecError


def refusals() -> tuple[type[Exception], ...]:
    """DlspecError, the errors that engines' bindings raise, and ONNX Runtime's own (which have no
    common base)."""
    state = sys.modules.get("onnxruntime.capi.onnxruntime_pybind11_state")
    own = (
        [c for c in vars(state).values() if isinstance(c, type) and issubclass(c, Exception)]
        if state
        else []
    )
    return (DlspecError, RuntimeError, ValueError, *own)
