"""`dlspec evaluate`: the deployed engine of a bundle, measured on the recipe's data."""

from __future__ import annotations

import argparse
import json
from typing import Any


def add_parser(verbs: Any) -> None:
    """Add the verb."""
    parser: argparse.ArgumentParser = verbs.add_parser(
        "evaluate", help="measure a bundle on its data"
    )
    parser.add_argument(
        "bundle", nargs="?", help="the bundle; without one, the newest below build/"
    )
    parser.add_argument("--engine", help="which engine: a name, or name/target")
    parser.add_argument("--part", choices=("train", "validation", "test"), default="test")
    parser.add_argument(
        "--set", action="append", metavar="NAME=VALUE", help="a setting of the recipe, of its data"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object")


def run(args: argparse.Namespace) -> int:
    """Measure, and hold the result against what training noted."""
    from dlspec.bundle import current_bundle, read_manifest
    from dlspec.cli.output import say
    from dlspec.cli.paths import settings, the_bundle
    from dlspec.diagnostics import DlspecError
    from dlspec.diagnostics.internal import NothingToDo
    from dlspec.driver.evaluation import bundle_recipe, evaluate_engine
    from dlspec.driver.training import open_splits
    from dlspec.ir.figures import figure_text
    from dlspec.runtime import load

    folder = current_bundle(the_bundle(args.bundle))
    manifest = read_manifest(folder)
    given = settings(args.set)
    compilation, recipe, plan = bundle_recipe(manifest, folder, given)
    splits = open_splits(compilation, recipe)
    dataset = getattr(splits, args.part)
    if dataset is None:
        raise DlspecError(
            NothingToDo(None, recipe.name, f"{args.part} examples", "choose another `--part`")
        )
    model = load(folder, engine=args.engine)
    metrics = evaluate_engine(recipe, plan, model, dataset)
    if args.json:
        say(
            json.dumps(
                {"bundle": str(folder), "part": args.part, "examples": len(dataset), **metrics}
            )
        )
        return 0
    say(f"{manifest.network} on {model.record.label}, {len(dataset):,} {args.part} examples")
    noted = manifest.training.get("metrics", {})
    room = max(12, *(len(name) for name in metrics))
    for name, value in metrics.items():
        before = None if given else noted.get(f"{args.part}.{name}")
        shown = "" if before is None else figure_text(name, before)
        said = f"   (training measured {shown})" if shown else ""
        say(f"  {name:<{room}} {figure_text(name, value)}{said}")
    return 0
