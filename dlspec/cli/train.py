"""`dlspec train`: the whole recipe, then verified bundles."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add_parser(verbs: Any) -> None:
    """Add the verb."""
    from dlspec.cli.compile import add_build_options
    from dlspec.cli.paths import whole

    parser: argparse.ArgumentParser = verbs.add_parser(
        "train", help="train, then build and verify engines"
    )
    parser.add_argument("spec", nargs="?", help="the spec; without one, the only one here")
    parser.add_argument("--recipe", metavar="NAME", help="which recipe, where there are several")
    parser.add_argument("--seed", type=whole(0), help="instead of the recipe's")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    parser.add_argument("--threads", type=whole(1), help="instead of what a probe chooses")
    parser.add_argument(
        "--resume", action="store_true", help="go on from the last checkpoint, exactly"
    )
    parser.add_argument("--init-from", metavar="BUNDLE", help="begin with the weights that fit")
    parser.add_argument(
        "--runs", default="runs", metavar="FOLDER", help="where runs are kept (runs)"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress")
    add_build_options(parser)


def run(args: argparse.Namespace) -> int:
    """Train, judge, build; the test metrics, verdicts and places are printed."""
    from dlspec.cli.compile import build_options, summary
    from dlspec.cli.output import note, report, say
    from dlspec.cli.paths import settings, the_spec
    from dlspec.driver import open_spec
    from dlspec.driver.training import train_recipe
    from dlspec.ir.figures import figure_text
    from dlspec.train import TrainOptions

    compilation = open_spec(the_spec(args.spec), settings(args.set))
    recipe = compilation.recipe(args.recipe)
    report(compilation.sink.warnings)
    options = TrainOptions(
        run_dir=Path(args.runs) / recipe.name,
        device=args.device,
        seed=args.seed,
        resume=args.resume,
        threads=args.threads,
        quiet=args.quiet,
        init_from=Path(args.init_from) if args.init_from else None,
    )
    trained = train_recipe(
        compilation, recipe, options, build_options(args, args.seed or 0), say=note
    )
    if args.quiet:
        report(trained.noted)
    for built in trained.bundles:
        report(built.warnings)
        say(summary(built))
    for check in trained.held:
        say(f"  ✓ {check.text}")
    told = {n: v for n, v in trained.result.metrics.items() if n.startswith("test.")}
    room = max(16, *(len(name) for name in told), 0)
    for name, value in told.items():
        say(f"  {name:<{room}} {figure_text(name, value)}")
    return 0
