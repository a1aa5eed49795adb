"""Train a recipe, then turn what was learnt into bundles."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dlspec.diagnostics import Diagnostic, DlspecError
from dlspec.diagnostics.internal import CheckFailed, CheckUnmeasured, MissingPackage
from dlspec.driver.build import (
    BuildOptions,
    Built,
    build_network,
    meaning_of,
    wanted_engines,
)
from dlspec.driver.phases import Compilation
from dlspec.ir.least import rooms
from dlspec.ir.plan import CheckPlan, RecipePlan

if TYPE_CHECKING:
    from dlspec.data.dataset import Splits
    from dlspec.train import TrainOptions, TrainResult

Array = NDArray[Any]
EXAMPLES = 16
"""Real examples that take part in verification."""

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass
class Trained:
    """What a training gave: the run's result, the bundles, the checks on metrics that hold, and
    what
    was noted on the way."""

    result: TrainResult
    bundles: list[Built]
    held: list[CheckPlan]
    noted: list[Diagnostic]


def train_recipe(
    compilation: Compilation,
    recipe: RecipePlan,
    train_options: TrainOptions,
    build_options: BuildOptions,
    *,
    say: Callable[[str], None] = lambda text: None,
) -> Trained:
    """Carry out a recipe, look at its checks, build and verify the bundle of every network of it.

    Raises:
        DlspecError: DL411 for weights to load that are not there, DL908 for checks on metrics that
            do not hold (the run keeps the weights, nothing is published), DL909 for checks on a
            part that the data does not have, and everything that training or building may raise.
    """
    from dlspec.train.loading import missing_sources

    networks = [compilation.networks[n.name] for n in recipe.networks.values()]
    for network in networks:
        wanted_engines(network, build_options, recipe.name)
    train_options = replace(train_options, folder=compilation.folder)
    if not train_options.resume and (missing := missing_sources(recipe, compilation.folder)):
        raise DlspecError(*missing)
    splits = open_splits(compilation, recipe)
    checks = [c for n in networks for c in n.checks if c.recipe == recipe.name]
    unmeasured = [d for c in checks if (d := unmeasurable(c, splits)) is not None]
    if unmeasured:
        raise DlspecError(*unmeasured)
    if find_spec("torch") is None:
        raise DlspecError(MissingPackage(None, "training", "torch", "train"))
    from dlspec.train import train
    from dlspec.train.events import Event, Noted

    say("proving the training step")
    prove_steps(recipe, train_options)
    noted: list[Diagnostic] = []

    def listen(event: Event) -> None:
        if isinstance(event, Noted):
            noted.append(event.diagnostic)

    result = train(recipe, splits, train_options, on_event=listen)
    failed = [d for c in checks if (d := judge(c, result.metrics)) is not None]
    if failed:
        raise DlspecError(*failed)
    info = {
        "recipe": recipe.name,
        "epochs": result.epochs,
        "steps": result.steps,
        "seed": recipe.seed if train_options.seed is None else train_options.seed,
        "metrics": {k: float(v) for k, v in result.metrics.items()},
        "weight_hash": result.weight_hash,
        "settings": compilation.settings,
        **({"stages": [stage.name for stage in recipe.stages]} if recipe.stages else {}),
    }
    examples = real_examples(recipe, splits)
    bundles: list[Built] = []
    for prefix, plan in recipe.networks.items():
        network = compilation.networks[plan.name]
        learnt = result.weights[prefix]
        inputs = {i.name for i in network.graph.inputs}
        bundles.append(
            build_network(
                network,
                learnt,
                compilation.source,
                build_options,
                training={**info, "graph": meaning_of(network.graph)},
                examples=[e for e in examples if set(e) == inputs],
                history=result.history,
                words=splits.vocabularies,
                say=say,
            )
        )
    return Trained(result, bundles, checks, noted)


def prove_steps(recipe: RecipePlan, options: TrainOptions) -> None:
    """Prove what a training step computes: loss, gradients and buffer updates, PyTorch against the
    graph's meaning in float64.

    Raises:
        DlspecError: DL7xx where they differ.
    """
    from dlspec.randomness import structural_weights
    from dlspec.verify.training import verify_training

    seed = recipe.seed if options.seed is None else options.seed
    for step in recipe.all_steps:
        verify_training(
            step.learn, structural_weights(step.learn, seed), meant=step.meant, seed=seed
        ).raise_if_failed()


def open_splits(compilation: Compilation, recipe: RecipePlan) -> Splits:
    """The data of a recipe, opened and checked."""
    from dlspec.data import open_data
    from dlspec.diagnostics.internal import NothingToDo

    if recipe.data is None:
        raise DlspecError(
            NothingToDo(None, recipe.name, "data", "say what it learns from: `on mnist()`")
        )
    return open_data(recipe.data, folder=compilation.folder or Path.cwd())


def real_examples(recipe: RecipePlan, splits: Splits) -> Sequence[Mapping[str, Array]]:
    """Real inputs for each network: from the test examples, or those that there are."""
    part = splits.test or splits.validation or splits.train
    rows = np.arange(min(EXAMPLES, len(part)))
    found: list[Mapping[str, Array]] = []
    for plan in recipe.networks.values():
        names = [i.name for i in plan.graph.inputs]
        taken = part.take(rows, rooms(plan.graph))
        if names and all(n in taken for n in names):
            found.append({n: np.asarray(taken[n]) for n in names})
    return found


def unmeasurable(check: CheckPlan, splits: Splits) -> Diagnostic | None:
    """The diagnostic of a check on a part of the data that there is not: it could not fail."""
    part = check.output.partition(".")[0]
    missing = (part == "test" and not splits.test) or (
        part == "validation" and not splits.validation
    )
    return CheckUnmeasured(check.span, check.output, part) if missing else None


def judge(check: CheckPlan, metrics: Mapping[str, float]) -> Diagnostic | None:
    """The diagnostic of a check on a metric that does not hold; None where it does, or the metric
    was not measured.
    """
    value = metrics.get(check.output)
    if value is None:
        return None
    expected = float(check.expected)
    if check.comparison in ("==", "!="):
        near = abs(value - expected) <= check.within
        holds = near if check.comparison == "==" else not near
    else:
        holds = _COMPARE[check.comparison](value, expected)
    if holds:
        return None
    return CheckFailed(check.span, check.output, f"{value:.4f}", check.comparison, f"{expected:g}")
