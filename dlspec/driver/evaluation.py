"""A bundle measured on data: the deployed engine answers, and the recipe's metrics are taken of its
answers.

No PyTorch takes part: the metrics are the part of the recipe's graph that lies behind the network's
outputs, carried out in NumPy.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dlspec.data.dataset import Dataset
from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.internal import NothingToDo
from dlspec.driver.phases import Compilation
from dlspec.ir.figures import Tally
from dlspec.ir.graph import Graph, Input, Value, pruned
from dlspec.ir.plan import NetworkPlan, RecipePlan, StepPlan
from dlspec.passes.rewrite import rewritten

if TYPE_CHECKING:
    from dlspec.runtime.model import Model

Array = NDArray[Any]


def behind(graph: Graph, given: Mapping[str, str]) -> Graph:
    """The part of a graph behind some of its values, which become its inputs.

    Args:
        graph: an objective graph.
        given: names of values, and what the input that takes the place of each is called.
    """
    stands: dict[Value, Value] = {
        value: Input(given[value.name], value.type, value.span)
        for value in graph.values()
        if value.name in given
    }
    changed = rewritten(graph, stands)
    changed.inputs = [*(v for v in stands.values() if isinstance(v, Input)), *graph.inputs]
    return pruned(changed, changed.outputs)


def evaluate_engine(
    recipe: RecipePlan, plan: NetworkPlan, model: Model, dataset: Dataset, *, batch: int = 64
) -> dict[str, float]:
    """Loss and metrics of a loaded engine on a data set: those that are functions of its outputs.

    Raises:
        DlspecError: DL907 if none is.
    """
    from dlspec.interpreter import run

    prefix = next(p for p, n in recipe.networks.items() if n.name == plan.name)
    step = recipe.steps[0]
    answered = _answered(plan, step, prefix)
    measure = _answerable(behind(step.evaluate, {name: name for name in answered}))
    if not measure.outputs:
        what = "loss or metric that needs the engine's answers alone"
        raise DlspecError(NothingToDo(None, recipe.name, what, "measure outputs of the network"))
    names = [i.name for i in plan.graph.data_inputs]
    most = model.record.bounds.get("N", (1, batch))[1]
    size = max(1, min(batch, most))
    lengths = [i.name for i in plan.graph.inputs if i.origin == "lengths"]
    tallies = {o.name: Tally(step.figures.get(o.name, "mean")) for o in measure.outputs}
    for start in range(0, len(dataset), size):
        part = dataset.take(np.arange(start, min(start + size, len(dataset))))
        answer = model({n: part[n] for n in (*names, *lengths)})
        feeds = {
            i.name: np.asarray(answer[answered[i.name]]) if i.name in answered else part[i.name]
            for i in measure.inputs
        }
        result = run(measure, feeds, {})
        for name, value in result.outputs.items():
            per = step.per.get(name)
            tallies[name].add(value, len(part[names[0]]) if per is None else float(part[per].sum()))
    return {name: tally.value for name, tally in tallies.items()}


def _answered(plan: NetworkPlan, step: StepPlan, prefix: str) -> dict[str, str]:
    """The engine's outputs by the names of the values that they are in the step's graph."""
    outputs = plan.graph.outputs
    found = {f"{prefix}.{o.name}": o.name for o in outputs}
    found |= {f"{prefix}.{o.value.name}": o.name for o in outputs if o.name.endswith("_lengths")}
    for output in outputs:
        value, *lengths = step.answers.get(f"{prefix}.{output.name}", (f"{prefix}.{output.name}",))
        found[value] = output.name
        for axis, name in zip(sorted(output.value.type.ragged), lengths, strict=False):
            if name and axis in output.steps:
                found[name] = f"{output.steps[axis]}_lengths"
    return found


def _answerable(measure: Graph) -> Graph:
    """The part of a graph whose outputs need neither weights nor noise."""
    alone = (pruned(measure, [output]) for output in measure.outputs)
    kept = [g.outputs[0] for g in alone if not g.weights and not g.noise_inputs]
    return pruned(measure, kept)


def bundle_recipe(
    manifest: Any, folder: Path, settings: Mapping[str, str] | None = None
) -> tuple[Compilation, RecipePlan, NetworkPlan]:
    """The recipe and network of a bundle, from the copy of the spec in it; with settings from
    outside besides those that it was trained with.

    Raises:
        DlspecError: DL907 if the bundle's network has no recipe.
    """
    from dlspec.source import SourceFile

    if manifest.spec is None:
        raise DlspecError(NothingToDo(None, str(folder), "spec in it"))
    file = folder / manifest.spec.file
    compilation = Compilation(
        SourceFile(str(file), file.read_text("utf-8")),
        Path.cwd(),
        {**manifest.training.get("settings", {}), **(settings or {})},
    )
    plan = compilation.spec.networks[manifest.network]
    if plan.recipe is None or plan.recipe.data is None:
        advice = "only a network that a recipe trains can be measured"
        raise DlspecError(NothingToDo(None, manifest.network, "recipe with data", advice))
    return compilation, plan.recipe, plan
