from __future__ import annotations

MEANING_FAULTS: tuple = ()
