"""What every loaded engine can do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from numpy.typing import NDArray

Array = NDArray[Any]


class Engine(Protocol):
    """A loaded engine. Safe to call from several threads.

    ``outputs`` are the names of what it computes, in its order.
    """

    outputs: Sequence[str]

    def answers(self, feeds: Mapping[str, Array]) -> list[Array]:
        """The outputs in order, for arrays by input name that have been checked."""
        ...

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """The outputs by name."""
        ...

    def describe(self) -> dict[str, Any]:
        """What it is and where it runs: library, version, device, options."""
        ...
