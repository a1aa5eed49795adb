"""Modules that are imported when something of them is first used.

The catalogue of diagnostics costs more to import than a small model costs to load, and a program
that makes no mistake needs none of it.
"""

from __future__ import annotations

from importlib import import_module


class LateModule:
    """Stands for a module until the first use.

    ::

        if TYPE_CHECKING:
            from dlspec.diagnostics import bundle as faults
        else:
            faults = LateModule("dlspec.diagnostics.bundle")
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> object:
        found = getattr(import_module(self._name), name)
        setattr(self, name, found)
        return found
