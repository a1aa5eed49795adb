"""`dlspec check`: every mistake that can be found without running anything."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dlspec.diagnostics import Sink
    from dlspec.sema.analyse import Spec
    from dlspec.source import SourceFile


def add_parser(verbs: Any) -> None:
    """Add the verb."""
    parser: argparse.ArgumentParser = verbs.add_parser("check", help="check specs")
    parser.add_argument(
        "specs", nargs="*", help="spec files, or folders of them; without any, those here"
    )
    parser.add_argument(
        "--set", action="append", metavar="NAME=VALUE", help="a setting from outside"
    )
    parser.add_argument("--message-format", choices=("text", "json"), default="text")
    parser.add_argument(
        "--json",
        dest="message_format",
        action="store_const",
        const="json",
        help="one JSON object for each message, on standard output",
    )


def run(args: argparse.Namespace) -> int:
    """Check each spec; 1 if any has an error."""
    from dlspec.cli.output import report, say
    from dlspec.cli.paths import settings, the_spec
    from dlspec.diagnostics import DlspecError, Sink
    from dlspec.driver.files import read_spec, specs_here, specs_in
    from dlspec.sema.analyse import analyse

    paths = specs_in([Path(s) for s in args.specs]) or specs_here() or [the_spec(None)]
    failed = False
    for path in paths:
        sink = Sink()
        try:
            source = read_spec(path)
        except DlspecError as error:
            report(error.diagnostics, form=args.message_format)
            failed = True
            continue
        spec = analyse(source, sink, folder=path.resolve().parent, overrides=settings(args.set))
        if not sink.errors and spec.experiments:
            _check_experiments(path, source, spec, settings(args.set), sink)
        if sink.diagnostics:
            report(sink.diagnostics, form=args.message_format)
        failed = failed or bool(sink.errors)
        if not sink.errors and args.message_format == "text":
            say(f"{path}: {_summary(spec)}")
    return 1 if failed else 0


def _check_experiments(
    path: Path, source: SourceFile, spec: Spec, given: Mapping[str, str], sink: Sink
) -> None:
    """Compile all combinations of all experiments; mistakes go to ``sink``."""
    from dlspec.diagnostics import DlspecError
    from dlspec.driver import Compilation
    from dlspec.driver.experiment import prepared

    compilation = Compilation(source, path.resolve().parent, given)
    for plan in spec.experiments.values():
        try:
            prepared(compilation, plan)
        except DlspecError as error:
            for diagnostic in error.diagnostics:
                sink.report(diagnostic)


def _summary(spec: Any) -> str:
    def count(things: Any, what: str) -> str:
        return f"{len(things)} {what}{'' if len(things) == 1 else 's'}"

    parts = [count(spec.networks, "network")]
    if spec.recipes:
        parts.append(count(spec.recipes, "recipe"))
    if spec.experiments:
        parts.append(count(spec.experiments, "experiment"))
    checks = [c for n in spec.networks.values() for c in n.checks]
    if checks:
        parts.append(count(checks, "check") + " to run")
    return "ok, " + ", ".join(parts)
