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
    from dlspec.cli.output import say
    from dlspec.cli.paths import the_spec
    from dlspec.driver.files import read_spec, specs_here
    from dlspec.syntax import format_source

    if args.specs == ["-"]:
        sys.stdout.write(format_source(sys.stdin.read()))
        return 0
    changed = 0
    for path in [Path(s) for s in args.specs] or specs_here() or [the_spec(None)]:
        source = read_spec(path)
        text = format_source(source.text, source.name)
        if text == source.text:
            continue
        changed += 1
        say(f"{'would format' if args.check else 'formatted'} {path}")
        if not args.check:
            aside = path.with_name(f".{path.name}.fmt")
            aside.write_text(text, encoding="utf-8", newline="")
            os.chmod(aside, path.stat().st_mode)
            os.replace(aside, path)
    if not changed:
        say("nothing to format")
    return 1 if changed and args.check else 0
