"""How long a test waits before it calls a thing hung, and how much work a thing is without a clock.

Machines that run tests are shared: no test may pass or fail by how fast one happens to be.
"""

from __future__ import annotations

import cProfile
from collections.abc import Callable

PATIENCE = 240
"""Seconds to wait for what must come. Only a hang takes so long."""


def calls(work: Callable[[], object]) -> int:
    """How many Python functions ``work`` calls: a measure that is the same on every machine."""
    profile = cProfile.Profile(builtins=False)
    profile.runcall(work)
    return sum(entry.callcount for entry in profile.getstats())
