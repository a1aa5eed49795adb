"""`dlspec explain CODE`: what a diagnostic means, with a wrong and a right example."""

from __future__ import annotations

import argparse
import inspect
from importlib import import_module
from pathlib import Path
from typing import Any


def add_parser(verbs: Any) -> None:
    """Add the verb."""
    parser: argparse.ArgumentParser = verbs.add_parser("explain", help="explain a diagnostic")
    parser.add_argument("code", nargs="?", help="such as DL302; without one, all codes are listed")


def catalogue() -> dict[str, type[Any]]:
    """Every diagnostic by code, from all modules of the catalogue."""
    import dlspec.diagnostics as package

    for path in sorted(Path(str(package.__file__)).parent.glob("*.py")):
        if path.stem not in ("__init__", "render", "snippet"):
            import_module(f"dlspec.diagnostics.{path.stem}")
    return dict(sorted(package.CATALOGUE.items()))


def run(args: argparse.Namespace) -> int:
    """Print one explanation, or the list."""
    from dlspec.cli.output import say
    from dlspec.diagnostics import DlspecError, did_you_mean
    from dlspec.diagnostics.internal import BadOption

    known = catalogue()
    if args.code is None:
        for code, kind in known.items():
            say(f"{code}  {(inspect.getdoc(kind) or '').splitlines()[0]}"[:80])
        return 0
    code = args.code.upper()
    if code not in known:
        near = did_you_mean(code, known)
        advice = f"did you mean `{near}`?" if near else "`dlspec explain` lists all"
        raise DlspecError(BadOption(None, "code", args.code, "a code such as `DL302`", advice))
    say(f"{code} ({known[code].severity})\n\n{inspect.getdoc(known[code])}")
    return 0
