"""`dlspec fmt`: the canonical layout."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any


def add_parser(verbs: Any) -> None:
    """Add the verb."""
    parser: argparse.ArgumentParser = verbs.add_parser("fmt", help="format specs")
    parser.add_argument(
        "specs", nargs="*", help="spec files, `-` for standard input; without any, those here"
    )
    parser.add_argument(
        "--check", action="store_true", help="change nothing; 1 if a file would change"
    )


def run(args: argparse.Namespace) -> int:
    """Format each spec in place, atomically."""
    from dlspec.cli.output import report, say
    from dlspec.cli.paths import the_spec
    from dlspec.diagnostics import DlspecError
    from dlspec.driver.files import read_spec, specs_here
    from dlspec.syntax import format_source

    if args.specs == ["-"]:
        sys.stdout.write(format_source(sys.stdin.read()))
        return 0
    changed = 0
    failed = False
    for path in [Path(s) for s in args.specs] or specs_here() or [the_spec(None)]:
        try:
            source = read_spec(path)
            text = format_source(source.text, source.name)
        except DlspecError as error:
            report(error.diagnostics)
            failed = True
            continue
        if text == source.text:
            continue
        changed += 1
        if not args.check:
            real = path.resolve()  # a link stays one
            aside = real.with_name(f".{real.name}.fmt")
            aside.write_text(text, encoding="utf-8", newline="")
            os.chmod(aside, real.stat().st_mode)
            os.replace(aside, real)
        say(f"{'would format' if args.check else 'formatted'} {path}")
    if not changed and not failed:
        say("nothing to format")
    return 1 if failed or (changed and args.check) else 0
