"""Which spec or bundle a command means when none is named."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.internal import BadOption, WhichOne
from dlspec.driver.files import specs_here


def the_spec(given: str | None) -> Path:
    """The named spec, or the only one here."""
    if given is not None:
        return Path(given)
    found = specs_here()
    if len(found) == 1:
        return found[0]
    listed = "\n".join(f"  {p}" for p in found)
    if found:
        raise DlspecError(
            WhichOne(None, "spec", f"the specs here are\n{listed}", "name one of them")
        )
    raise DlspecError(
        WhichOne(None, "spec", "there is no `.dl` file here", "name one, such as `specs/lenet.dl`")
    )


def whole(least: int) -> Callable[[str], int]:
    """An option's type: whole numbers from ``least``; anything else is a usage error."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise argparse.ArgumentTypeError(f"expected a whole number from {least}, not {text!r}")
        return value

    return read


def bundles_here(root: Path = Path("build")) -> list[Path]:
    """The bundles below a folder, the newest first."""
    current = [p for p in root.glob("*/current") if p.is_file()]
    return [p.parent for p in sorted(current, key=lambda p: p.stat().st_mtime, reverse=True)]


def the_bundle(given: str | None) -> Path:
    """The named bundle, or the newest here."""
    if given is not None:
        return Path(given)
    found = bundles_here()
    if found:
        return found[0]
    raise DlspecError(
        WhichOne(
            None,
            "bundle",
            "there is none below `build/`",
            "make one: `dlspec train specs/lenet.dl`",
        )
    )


def settings(pairs: Sequence[str] | None) -> dict[str, str]:
    """`--set name=value` options."""
    found: dict[str, str] = {}
    for pair in pairs or ():
        name, equals, value = pair.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise DlspecError(BadOption(None, "--set", pair, "name=value", "`--set epochs=30`"))
        found[name.strip()] = value.strip()
    return found
