"""`dlspec experiment`: all combinations of settings with several seeds, as one table."""

from __future__ import annotations

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dlspec.driver.experiment import Trial
    from dlspec.ir.experiment_plan import ExperimentPlan


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
    from dlspec.driver.experiment import Prepared, prepared, run_experiment
    from dlspec.driver.experiment_results import (
        WIDTH,
        shortened,
        table,
        write_results,
    )
    from dlspec.train import TrainOptions
    from dlspec.train.log import time_text

    compilation = open_spec(the_spec(args.spec), settings(args.set))
    plan = compilation.experiment(args.name)
    report(compilation.sink.warnings)
    folder = Path(args.runs) / plan.name
    every = prepared(compilation, plan)
    seeds = f" x {plan.repeat} seeds" if plan.repeat > 1 else ""
    count = "1 combination" if len(every) == 1 else f"{len(every)} combinations"
    runs = "1 run" if plan.runs == 1 else f"{plan.runs} runs"
    tell(args.quiet, f"{plan.name}: {count}{seeds}, {runs}, in {folder}")
    wide = len(str(plan.runs))
    began: list[str] = []

    def on_run(number: int, one: Prepared, seed: int) -> None:
        values = ", ".join(one.combination.values.values()) or "as it is"
        seeded = f", seed {seed}" if plan.repeat > 1 else ""
        began[:] = [f"{number:>{wide}}/{plan.runs}  ", f"{values}{seeded}"]
        if not args.quiet:
            note(shortened("".join(began), WIDTH - 2))

    def on_trial(trial: Trial, known: bool) -> None:
        if known:
            return
        count, what = began
        told = shortened(what, WIDTH // 2)
        came = "diverged" if trial.diverged else time_text(trial.seconds)
        room = WIDTH - len(count) - len(told) - 2
        came = outcome(plan, trial, room - len(came) - 2) + came
        tell(args.quiet, f"{count}{told}  {came:>{room}}")

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
    lost = sum(t.diverged for t in trials)
    if lost:
        runs = "1 run" if lost == 1 else f"{lost} runs"
        say(f"{runs} of {plan.runs} diverged: the loss was no number any more\n")
    for path in written:
        say(f"  {path}")
    if not any(path.suffix == ".png" for path in written) and find_spec("matplotlib") is None:
        say("  no picture: `pip install matplotlib`, and the same command draws it")
    return 0


def outcome(plan: ExperimentPlan, trial: Trial, room: int) -> str:
    """The figures of a run for which there is room, each with two spaces behind it; the first is
    always told."""
    from dlspec.driver.experiment_results import reported
    from dlspec.ir.figures import figure_text

    if trial.diverged:
        return ""
    names = reported(plan, [trial])
    alike = all(n.startswith("test.") for n in names)
    said = ""
    for name in names:
        value = trial.value(name)
        if value is None:
            continue
        text = f"{value:,.0f}" if name == "parameters" else figure_text(name, value)
        more = f"{name.removeprefix('test.') if alike else name} {text}  "
        if said and len(said) + len(more) > room + 2:
            break
        said += more
    return said


def tell(quiet: bool, text: str) -> None:
    """A line that stays, for people."""
    if not quiet:
        gone = "\r\x1b[2K" if sys.stderr.isatty() else ""
        print(f"{gone}{text}", file=sys.stderr, flush=True)
