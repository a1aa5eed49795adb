"""`dlspec compile`: every network of a spec becomes a verified bundle."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dlspec.driver.build import Built, EngineResult

TARGETS = ("onnxruntime", "cuda", "tensorrt_rtx", "tensorrt")


def add_parser(verbs: Any) -> None:
    """Add the verb."""
    # NumPy reads this when it is imported. Verification's products are many and thin: a second
    # thread gains little, and costs tenfold where another process holds that core.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from dlspec.cli.paths import whole

    parser: argparse.ArgumentParser = verbs.add_parser(
        "compile", help="build and verify engines; writes build/<network>/"
    )
    parser.add_argument("spec", nargs="?", help="the spec; without one, the only one here")
    add_build_options(parser)
    parser.add_argument(
        "--seed", type=whole(0), default=0, help="of fresh weights and drawn inputs"
    )
    parser.add_argument(
        "--emit",
        choices=("torch", "onnx", "graph"),
        help="print one form of the network instead of building (onnx: to standard output)",
    )


def add_build_options(parser: argparse.ArgumentParser) -> None:
    """Options that `compile` and `train` share."""
    parser.add_argument(
        "--set", action="append", metavar="NAME=VALUE", help="a setting from outside"
    )
    parser.add_argument("--out", default="build", metavar="FOLDER", help="where bundles go (build)")
    parser.add_argument(
        "--target", action="append", choices=TARGETS, help="build only this kind of engine"
    )
    parser.add_argument(
        "--fast", action="store_true", help="for development: prove with the golden inputs only"
    )
    parser.add_argument(
        "--no-torch", action="store_true", help="verify without PyTorch as a further opinion"
    )


def build_options(args: argparse.Namespace, seed: int) -> Any:
    """The options as the driver takes them."""
    from dlspec.driver.build import BuildOptions

    return BuildOptions(
        Path(args.out), args.target, False if args.no_torch else None, fast=args.fast, seed=seed
    )


def run(args: argparse.Namespace) -> int:
    """Compile; the bundles' places and verdicts are printed."""
    from dlspec.cli.output import note, report, say
    from dlspec.cli.paths import settings, the_spec
    from dlspec.driver import open_spec
    from dlspec.driver.build import build_network, fresh_or_trained, kept_training
    from dlspec.driver.emission import words_of

    path = the_spec(args.spec)
    compilation = open_spec(path, settings(args.set))
    if args.emit:
        return _emit(compilation, args)
    networks = compilation.networks
    report(compilation.sink.warnings)
    options = build_options(args, args.seed)
    for plan in networks.values():
        weights, kept = fresh_or_trained(plan, options, str(path))
        training, changed = kept_training(plan, kept)
        report([changed] if changed is not None else [])
        built = build_network(
            plan,
            weights,
            compilation.source,
            options,
            training=training,
            words=None if kept is None else words_of(plan.graph, kept),
            say=note,
        )
        report(built.warnings)
        say(summary(built))
    return 0


def _emit(compilation: Any, args: argparse.Namespace) -> int:
    import sys

    from dlspec.driver.emission import model_py
    from dlspec.randomness import initial_weights

    for plan in compilation.networks.values():
        if args.emit == "torch":
            sys.stdout.write(model_py(plan, compilation.source))
        elif args.emit == "graph":
            from dlspec.ir.printer import graph_text

            sys.stdout.write(graph_text(plan.graph))
        else:
            from dlspec.targets.onnx import onnx_from_graph

            model = onnx_from_graph(plan.graph, initial_weights(plan.graph, args.seed))
            sys.stdout.buffer.write(model.SerializeToString())
    return 0


def summary(built: Built) -> str:
    """What was built, for a terminal of 80 columns."""
    manifest = built.manifest
    state = "trained" if manifest.trained else "not trained: it answers from random weights"
    if "weights" in manifest.training:
        state = f"weights {manifest.training['weights']}"
    lines = [f"{built.network}: {manifest.parameters:,} parameters, {state}"]
    for result in built.engines:
        lines += _engine_lines(result)
    lines.append(f"  bundle  {built.folder}")
    lines.append(f"  report  {built.folder / 'report.html'}")
    return "\n".join(lines)


MARKS = {"verified": "✓", "awaits-device": "…", "unverified": "?", "failed": "✗"}


def _engine_lines(result: EngineResult) -> list[str]:
    record = result.record
    precision = "" if record.precision == "float32" else f" {record.precision}"
    less = result.verification is not None and result.verification.less
    mark = "~" if less else MARKS[record.status]
    head = f"  {mark} {record.name} on {record.target}{precision}: "
    if result.verification is None:
        return [f"{head}built; its first load on a GPU proves it"]
    verification = result.verification
    lines = [f"{head}{verification.verdict} in {verification.timings['total']:.1f} s"]
    sizes = [dict(s) for s in verification.sizes]
    for name, verdict in verification.worst.items():
        status = verification.outputs[name]
        if verdict.expected is not None and verdict.reason != "decision":
            text = f"error {verdict.error:.1e}, accepted up to {verdict.limit:.1e}"
        else:
            text = f"{verdict.decided:.0%} of the answers decided, all equal"
        lines.append(f"      {name:<14} {text}" + ("" if status == "pass" else f" ({status})"))
    symbols = {k: sorted({s[k] for s in sizes if k in s}) for k in (sizes[0] if sizes else {})}
    swept = "; ".join(f"{k} = {', '.join(map(str, v))}" for k, v in symbols.items())
    nodes = len(verification.nodes)
    alone = f"{nodes} nodes each alone" if nodes else "no node by itself"
    lines.append(f"      proved at {swept or 'fixed sizes'}; {alone}")
    if verification.checks:
        lines.append(f"      {_checks(verification)} hold")
    return lines


def _checks(verification: Any) -> str:
    sides = {c.side for c in verification.checks}
    count = len({c.text for c in verification.checks})
    return f"{count} check{'s' if count > 1 else ''} on {len(sides)} sides"
