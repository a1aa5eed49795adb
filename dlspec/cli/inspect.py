"""`dlspec inspect`: a network as a table, a line explained, a picture."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dlspec.driver import Compilation
    from dlspec.inspect.summary import Summary
    from dlspec.ir.plan import NetworkPlan

WIDEST = 140


def add_parser(verbs: Any) -> None:
    """Add the verb."""
    from dlspec.cli.paths import whole

    parser: argparse.ArgumentParser = verbs.add_parser(
        "inspect", help="see a network: sizes, costs, one line explained, a picture"
    )
    parser.add_argument(
        "spec", nargs="?", help="the spec, or a bundle; without one, the only spec here"
    )
    parser.add_argument("--network", metavar="NAME", help="which network, where there are several")
    parser.add_argument(
        "--set", action="append", metavar="NAME=VALUE", help="a setting from outside"
    )
    parser.add_argument(
        "--at", action="append", metavar="T=100", help="the size of a symbol, for FLOPs and memory"
    )
    parser.add_argument(
        "--depth",
        type=whole(1),
        default=1,
        metavar="D",
        help="1 folds blocks (the default), 2 opens them, 3 opens what is in them",
    )
    parser.add_argument("--line", type=whole(1), metavar="N", help="explain a line of the spec")
    parser.add_argument("--graph", metavar="FILE", help="write a picture (SVG)")
    parser.add_argument("--unfold", action="store_true", help="the picture shows every op")
    parser.add_argument("--json", action="store_true", help="one JSON object")


def run(args: argparse.Namespace) -> int:
    """Show what is asked for: the table, unless it is a line or a picture."""
    from dlspec.cli.output import say
    from dlspec.inspect.summary import summarize

    compilation, plan = _network(args)
    at = _sizes(args.at, plan)
    if args.line is not None:
        return _line(args, compilation, plan, at)
    if args.graph is not None:
        from dlspec.inspect.picture import svg_of

        _write(Path(args.graph), svg_of(plan, unfold=args.unfold, at=at))
        say(f"{plan.name}: {args.graph}")
        return 0
    summary = summarize(plan, depth=args.depth, at=at)
    if args.json:
        import json

        say(json.dumps(summary.to_json(), ensure_ascii=False))
        return 0
    _table(summary)
    return 0


# --- which network ------------------------------------------------------------------------------


def _network(args: argparse.Namespace) -> tuple[Compilation, NetworkPlan]:
    from dlspec.cli.output import report
    from dlspec.cli.paths import settings, the_spec
    from dlspec.driver import open_spec

    given = settings(args.set)
    path = Path(args.spec) if args.spec is not None else the_spec(None)
    name = args.network
    if path.is_dir():
        compilation, name = _of_bundle(path, given, name)
    else:
        compilation = open_spec(path, given)
    if not compilation.spec.networks:
        _refuse_without_settings(compilation, path)
    networks = compilation.networks
    report(compilation.sink.warnings)
    return compilation, _chosen(networks, name, str(path))


def _of_bundle(
    folder: Path, given: dict[str, str], name: str | None
) -> tuple[Compilation, str | None]:
    """The spec that lies in a bundle, with the settings that it was built with."""
    from dlspec.bundle import current_bundle, read_manifest
    from dlspec.bundle.reader import verify_hashes
    from dlspec.diagnostics import DlspecError
    from dlspec.diagnostics.internal import NothingToDo
    from dlspec.driver import open_spec

    place = current_bundle(folder)
    manifest = read_manifest(place)
    if manifest.spec is None:
        raise DlspecError(NothingToDo(None, str(place), "spec in it"))
    verify_hashes(place, "quick", only=[manifest.spec.file], manifest=manifest)
    settings = {**manifest.training.get("settings", {}), **given}
    return open_spec(place / manifest.spec.file, settings), name or manifest.network


def _chosen(networks: dict[str, NetworkPlan], name: str | None, spec: str) -> NetworkPlan:
    from dlspec.diagnostics import DlspecError, did_you_mean
    from dlspec.diagnostics.inspect import NoSuchNetwork

    if name is None and len(networks) == 1:
        return next(iter(networks.values()))
    if name in networks:
        return networks[name]
    known = ", ".join(networks)
    if name is None:
        what = f"has {len(networks)} networks"
        advice = f"choose one: `--network {next(iter(networks))}`"
        raise DlspecError(NoSuchNetwork(None, spec, what, known, None, advice))
    near = did_you_mean(name, networks)
    raise DlspecError(NoSuchNetwork(None, spec, f"has no network `{name}`", known, near))


def _refuse_without_settings(compilation: Compilation, path: Path) -> None:
    """Say which settings a network lacks, where that is why there is none."""
    from dlspec.diagnostics import DlspecError, Sink
    from dlspec.diagnostics.inspect import SettingsMissing
    from dlspec.syntax import parse
    from dlspec.syntax.ast import Definition

    for item in parse(compilation.source, Sink()).items:
        if isinstance(item, Definition) and item.kind == "network":
            missing = [p for p in item.settings if p.default is None]
            if missing:
                names = ", ".join(f"`{p.name}`" for p in missing)
                options = " ".join(f"--set {p.name}=…" for p in missing)
                advice = f"dlspec inspect {path} {options}"
                raise DlspecError(SettingsMissing(missing[0].span, item.name, names, advice))


def _sizes(pairs: list[str] | None, plan: NetworkPlan) -> dict[str, int]:
    from dlspec.diagnostics import DlspecError, did_you_mean
    from dlspec.diagnostics.internal import BadOption

    found: dict[str, int] = {}
    symbols = plan.graph.symbols
    for pair in pairs or ():
        name, _, value = (piece.strip() for piece in pair.partition("="))
        if name not in symbols:
            near = did_you_mean(name, symbols)
            advice = f"did you mean `--at {near}=…`?" if near else None
            listed = ", ".join(symbols) or "none: every size is fixed"
            raise DlspecError(
                BadOption(None, "--at", pair, f"a symbol of `{plan.name}` ({listed})", advice)
            )
        if not value.isdecimal() or not value.isascii() or not 0 < int(value[:19]) < 10**18:
            raise DlspecError(
                BadOption(None, "--at", pair, "a whole number from 1", f"`--at {name}=100`")
            )
        found[name] = int(value)
    return found


# --- what is shown ------------------------------------------------------------------------------


def _table(summary: Summary) -> None:
    from dlspec.cli.output import say, wants_colour
    from dlspec.inspect.table import table_text

    width = max(80, min(WIDEST, shutil.get_terminal_size((80, 24)).columns))
    if wants_colour(sys.stdout):
        from dlspec.inspect.rich_table import print_table

        if print_table(summary, width):
            return
    say(table_text(summary, width))


def _line(
    args: argparse.Namespace, compilation: Compilation, plan: NetworkPlan, at: dict[str, int]
) -> int:
    from dlspec.cli.output import say, wants_colour
    from dlspec.inspect.explain import explain_line, explanation_text

    found = explain_line(plan, compilation.source, args.line, at=at)
    if args.json:
        import json

        say(json.dumps(found.to_json(), ensure_ascii=False))
    else:
        say(explanation_text(found, colour=wants_colour(sys.stdout)))
    return 0


def _write(path: Path, text: str) -> None:
    """Write a file whole, or leave what was there."""
    import os
    import tempfile

    from dlspec.diagnostics import DlspecError
    from dlspec.diagnostics.inspect import PictureNotWritten

    try:
        handle, aside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            os.chmod(aside, 0o644)
            os.replace(aside, path)
        except BaseException:
            os.unlink(aside)
            raise
    except OSError as error:
        there = path.parent.is_dir()
        reason = "it is a folder" if path.is_dir() else (error.strerror or "unknown").lower()
        advice = "choose another file" if there else f"make the folder first: `{path.parent}`"
        raise DlspecError(PictureNotWritten(None, str(path), reason, advice)) from None
