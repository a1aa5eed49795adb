"""dlspec: a network, how it learns and where it runs, in one text file, compiled and verified.

Applications need `load`, and `read_picture` for files; everything else is imported when it is asked
for, so that ``import dlspec`` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlspec.diagnostics.core import DlspecError
    from dlspec.driver import compile
    from dlspec.runtime import load, read_picture

__version__ = "0.1.0"

__all__ = ["DlspecError", "__version__", "compile", "load", "read_picture"]

_PLACES = {
    "load": "dlspec.runtime",
    "read_picture": "dlspec.runtime",
    "compile": "dlspec.driver",
    "DlspecError": "dlspec.diagnostics.core",
}


def __getattr__(name: str) -> object:
    place = _PLACES.get(name)
    if place is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found = getattr(import_module(place), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted([*globals(), *_PLACES])
