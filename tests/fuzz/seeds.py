"""The specs that mutations begin with."""

from __future__ import annotations

from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
MOST = 6000
"""Characters: longer ones take their time and find nothing more."""


@cache
def seeds() -> list[str]:
    """Every spec of the repository: the zoo, the library, tests and examples."""
    paths = sorted(
        p for folder in ("specs", "examples", "tests") for p in (ROOT / folder).rglob("*.dl")
    )
    texts = [p.read_text(encoding="utf-8") for p in paths]
    return [t for t in texts if len(t) <= MOST]


@cache
def names() -> list[str]:
    """Names that mean something: ops, functions and blocks."""
    from dlspec.ops import REGISTRY
    from dlspec.sema.compile_time import FUNCTIONS, INITIALIZERS
    from dlspec.sema.program import library

    found = [*REGISTRY, *FUNCTIONS, *INITIALIZERS, *library()]
    own = ["x", "y", "h", "N", "D", "T", "image", "label", "logits", "training"]
    return [*sorted(found), *own]
