"""`dlspec serve`: answer over HTTP, and show a page."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dlspec.runtime import Model

_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30}


def add_parser(verbs: Any) -> None:
    """Add the verb."""
    from dlspec.cli.paths import whole

    parser: argparse.ArgumentParser = verbs.add_parser(
        "serve",
        help="serve bundles: Open Inference Protocol v2, and a page",
        description="Serve bundles by the Open Inference Protocol v2 (JSON and binary tensors). "
        "At / is a page where one tries the model.",
    )
    parser.add_argument(
        "bundles", nargs="*", metavar="BUNDLE", help="build/lenet; without: the newest here"
    )
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 for all networks (127.0.0.1)")
    parser.add_argument("--port", type=int, default=8000, help="0 for any free one (8000)")
    parser.add_argument("--engine", help="an engine of the bundle (its first)")
    parser.add_argument("--threads", type=int, default=1, help="threads of one request (1)")
    parser.add_argument(
        "--batch",
        type=whole(1),
        default=1,
        help="most examples of waiting requests that are computed together (1: none)",
    )
    parser.add_argument("--limit", default="64M", help="largest request: bytes, or 64M (64M)")


def run(args: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT."""
    from dlspec.cli.paths import the_bundle
    from dlspec.serve.server import serve

    paths = args.bundles or [the_bundle(None)]
    serve(
        paths,
        host=args.host,
        port=args.port,
        engine=args.engine,
        threads=args.threads,
        limit=size_of(args.limit),
        batch=args.batch,
        announce=_announce,
    )
    return 0


def size_of(text: str) -> int:
    """`65536`, `64k`, `64M` or `1G` in bytes.

    Raises:
        DlspecError: DL435 for anything else.
    """
    from dlspec.diagnostics import DlspecError
    from dlspec.diagnostics.serve import ServeOption

    match = re.fullmatch(r"([1-9]\d{0,15})\s*([kmg]?)(?:i?b)?", text.strip().lower())
    if match is None:
        raise DlspecError(ServeOption(None, "--limit", text, "bytes, or a size such as 64M"))
    return int(match[1]) * _UNITS[match[2]]


def _announce(url: str, models: Sequence[Model]) -> None:
    from dlspec.cli.output import say

    for model in models:
        say(model.describe())
    say(f"\n  try it    {url}/")
    for model in models:
        say(f"  infer     POST {url}/v2/models/{model.manifest.network}/infer")
    say("  Ctrl-C stops; requests in flight are finished\n")
