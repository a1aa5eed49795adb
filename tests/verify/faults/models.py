from __future__ import annotations

MODEL_FAULTS: tuple = ()
