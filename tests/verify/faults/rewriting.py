from __future__ import annotations

PASS_FAULTS: tuple = ()
