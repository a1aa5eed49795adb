"""`dlspec experiment`: all combinations of settings with several seeds, as one table."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add_parser(verbs: Any) -> None:
    """Add the verb."""
    from dlspec.cli.paths import whole

    parser: argparse.ArgumentParser = verbs.add_parser(
        "experiment", help="train many settings with many seeds; one table, one plot"
    )
    parser.add_argument("spec", nargs="?", help="the spec; without one, the only one here")
    parser.add_argument("name", nargs="?", help="which experiment, where there are several")
    parser.add_argument("--set", action="append", metavar="NAME=VALUE", help="a setting of all")
    parser.add_argument("--seed", type=whole(0), help="the first, instead of the recipe's")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    parser.add_argument("--threads", type=whole(1), help="instead of what a probe chooses")
    parser.add_argument(
        "--runs", default="runs", metavar="FOLDER", help="where runs are kept (runs)"
    )
    parser.add_argument("--fresh", action="store_true", help="begin anew, whatever is kept")
    parser.add_argument("--quiet", action="store_true", help="the table alone")


def run(args: argparse.Namespace) -> int:
    """Run what is not done yet; print the table, and where it is kept."""
    from dlspec.cli.output import note, report, say
    from dlspec.cli.paths import settings, the_spec
    from dlspec.driver import open_spec
    from dlspec.driver.experiment import Prepared, Trial, prepared, run_experiment
    from dlspec.driver.experiment_results import reported, table, write_results
    from dlspec.ir.figures import figure_text
    from dlspec.train import TrainOptions
    from dlspec.train.log import time_text

    compilation = open_spec(the_spec(args.spec), settings(args.set))
    plan = compilation.experiment(args.name)
    report(compilation.sink.warnings)
    folder = Path(args.runs) / plan.name
    every = prepared(compilation, plan)
    tell = (lambda text: None) if args.quiet else note
    seeds = f" x {plan.repeat} seeds" if plan.repeat > 1 else ""
    tell(f"{plan.name}: {len(every)} combinations{seeds}, {plan.runs} runs, in {folder}")
    wide = len(str(plan.runs))
    began: list[str] = []

    def on_run(number: int, one: Prepared, seed: int) -> None:
        began[:] = [f"{number:>{wide}}/{plan.runs}  {one.combination}, seed {seed}"]

    def on_trial(trial: Trial, known: bool) -> None:
        if known:
            return
        figures = (
            "diverged: its loss is no number"
            if trial.diverged
            else "  ".join(
                f"{n} {figure_text(n, v)}"
                for n in reported(plan, [trial])
                if (v := trial.value(n)) is not None
            )
        )
        tell(f"{began[0]}\n{'':>{2 * wide + 3}}{figures}  {time_text(trial.seconds)}")

    options = TrainOptions(
        run_dir=folder, device=args.device, seed=args.seed, threads=args.threads, quiet=True
    )
    trials = run_experiment(
        plan,
        every,
        folder,
        options,
        fresh=args.fresh,
        on_run=on_run,
        on_trial=on_trial,
    )
    written = write_results(folder, plan, every, trials)
    say(table(plan, every, trials))
    for path in written:
        say(f"  {path}")
    return 0
