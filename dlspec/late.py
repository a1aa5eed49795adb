"""What is made when it is first used: modules, and the methods of dataclasses.

The catalogue of diagnostics costs more to import than a small model costs to load, and a program
that makes no mistake needs none of it.
"""

from __future__ import annotations

import dataclasses
from importlib import import_module
from threading import RLock
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


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


@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field,))
def late_dataclass(cls: type[T]) -> type[T]:
    """A frozen dataclass whose methods are made with the first instance.

    Python compiles half a dozen methods for each dataclass, which for some hundred classes is most
    of the time that importing them takes, and a run makes instances of few. An instance has all of
    it; `dataclasses.fields` of the class itself, and a subclass that is an ordinary dataclass, need
    `finished(cls)` first.
    """
    _unfinished.add(cls)
    cls.__new__ = _new
    return cls


def finished(cls: type[T]) -> type[T]:
    """The class with all methods of a dataclass, and so its bases."""
    with _lock:
        for base in reversed(cls.__mro__):
            if base in _unfinished:
                dataclasses.dataclass(frozen=True)(base)
                _unfinished.discard(base)
        _ready.add(cls)  # last: until then other threads wait for the lock
    return cls


def _new(cls: type[T], *_: object, **__: object) -> T:
    if cls not in _ready:
        finished(cls)
    return object.__new__(cls)


_unfinished: set[type] = set()
_ready: set[type] = set()
_lock = RLock()
