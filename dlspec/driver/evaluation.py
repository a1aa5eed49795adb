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
from dlspec.ir.graph import Graph, Input, Value, pruned
from dlspec.ir.plan import NetworkPlan, RecipePlan
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
    """Loss and metrics of a loaded engine on a data set: means over its examples.

    Raises:
        DlspecError: DL907 if the recipe's loss and metrics are not functions of the engine's
            outputs.
    """
    from dlspec.interpreter import run

    prefix = next(p for p, n in recipe.networks.items() if n.name == plan.name)
    graph = recipe.steps[0].evaluate
    outputs = [o.name for o in plan.graph.outputs]
    measure = behind(graph, {f"{prefix}.{name}": f"{prefix}.{name}" for name in outputs})
    answered = {f"{prefix}.{name}": name for name in outputs}
    if measure.weights or measure.noise_inputs:
        what = "loss or metric that needs the engine's answers alone"
        raise DlspecError(NothingToDo(None, recipe.name, what, "measure outputs of the network"))
    names = [i.name for i in plan.graph.data_inputs]
    most = model.record.bounds.get("N", (1, batch))[1]
    size = max(1, min(batch, most))
    lengths = [i.name for i in plan.graph.inputs if i.origin == "lengths"]
    sums = dict.fromkeys([o.name for o in measure.outputs], 0.0)
    totals = dict.fromkeys(sums, 0.0)
    per = recipe.steps[0].per
    for start in range(0, len(dataset), size):
        part = dataset.take(np.arange(start, min(start + size, len(dataset))))
        answer = model({n: part[n] for n in (*names, *lengths)})
        feeds = {
            i.name: np.asarray(answer[answered[i.name]]) if i.name in answered else part[i.name]
            for i in measure.inputs
        }
        result = run(measure, feeds, {})
        for name, value in result.outputs.items():
            weight = part[per[name]].sum() if name in per else len(part[names[0]])
            sums[name] += float(value) * float(weight)
            totals[name] += float(weight)
    return {name: value / totals[name] for name, value in sums.items()}


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
