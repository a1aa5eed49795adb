from __future__ import annotations

ENGINE_FAULTS: tuple = ()
