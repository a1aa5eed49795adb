"""The `dlspec` command: one file per verb, imported when that verb is used."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""
STOPPED = ("DL486", "DL694")
"""What says that Ctrl-C was heard, and how to go on."""
VERBS: dict[str, tuple[str, str]] = {
    "check": ("check", "check specs: names, shapes, settings; nothing is run"),
    "inspect": ("inspect", "see a network: sizes, costs, a line explained, a picture"),
    "fmt": ("fmt", "format specs; comments survive"),
    "compile": ("compile", "build and verify engines; writes build/<network>/"),
    "train": ("train", "train, then build and verify engines"),
    "experiment": ("experiment", "train many settings with many seeds; one table, one plot"),
    "evaluate": ("evaluate", "measure a bundle on its data"),
    "predict": ("predict", "answer for an image, array or JSON file"),
    "serve": ("serve", "serve bundles: Open Inference Protocol v2, and a page"),
    "data": ("data", "list, fetch, verify and show data sets"),
    "doctor": ("doctor", "say what this machine can do, and why not"),
    "explain": ("explain", "explain a diagnostic: dlspec explain DL302"),
}


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit status: 0 done, 1 diagnostics, 2 usage, 70 a bug of dlspec, 130
    interrupted.
    """
    from dlspec.diagnostics import DlspecError

    given = sys.argv[1:] if arguments is None else arguments
    parser = _parser(given)
    args, extra = parser.parse_known_args(given)
    if extra:
        getattr(args, "parser", parser).error(f"unrecognized arguments: {' '.join(extra)}")
    if not getattr(args, "run", None):
        parser.print_help()
        return 2
    try:
        return int(args.run(args))
    except DlspecError as error:
        from dlspec.cli.output import report

        report(error.diagnostics, form=getattr(args, "message_format", "text"))
        return INTERRUPTED if any(d.code in STOPPED for d in error.diagnostics) else 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if os.environ.get("DLSPEC_TRACEBACK"):
            raise
        from dlspec.cli.output import report_internal

        report_internal(error)
        return 70


def _parser(given: list[str]) -> argparse.ArgumentParser:
    import argparse

    from dlspec import __version__

    parser = argparse.ArgumentParser(
        prog="dlspec",
        description="Describe networks and how they learn; get verified engines.",
        formatter_class=lambda prog: argparse.HelpFormatter(prog, max_help_position=16, width=80),
    )
    parser.add_argument("--version", action="version", version=f"dlspec {__version__}")
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND")
    chosen = next((a for a in given if not a.startswith("-")), None)
    for verb, (module, help_text) in VERBS.items():
        if verb == chosen:
            made = import_module(f"dlspec.cli.{module}")
            before = set(verbs.choices)
            made.add_parser(verbs)
            for name in set(verbs.choices) - before:
                verbs.choices[name].set_defaults(run=made.run, parser=verbs.choices[name])
        else:
            verbs.add_parser(verb, help=help_text)
    return parser


if __name__ == "__main__":
    sys.exit(main())
