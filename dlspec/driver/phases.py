"""The phases from text to graphs, one cached property each: ask for a later one and the earlier
ones run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from dlspec.diagnostics import DlspecError, Sink, did_you_mean
from dlspec.diagnostics.internal import NothingToDo
from dlspec.ir.experiment_plan import ExperimentPlan
from dlspec.ir.plan import NetworkPlan, RecipePlan
from dlspec.sema.analyse import Spec, analyse
from dlspec.source import SourceFile


class Compilation:
    """One spec on its way.

    Args:
        source: the text.
        folder: where its imports and data files are; None for a text without a place.
        settings: settings from outside, as text of the language (``{"epochs": "30"}``).
    """

    def __init__(
        self,
        source: SourceFile,
        folder: Path | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.source = source
        self.folder = folder
        self.settings = dict(settings or {})
        self.sink = Sink()

    @cached_property
    def spec(self) -> Spec:
        """What the spec means.

        Raises:
            DlspecError: with every mistake of the spec.
        """
        spec = analyse(self.source, self.sink, folder=self.folder, overrides=self.settings)
        self.sink.raise_if_errors()
        return spec

    @cached_property
    def networks(self) -> dict[str, NetworkPlan]:
        """The networks, optimised by the passes.

        Raises:
            DlspecError: DL907 if there is none.
        """
        import dataclasses

        from dlspec.passes.pipeline import optimized

        if not self.spec.networks:
            raise DlspecError(
                NothingToDo(
                    None, self.source.name, "network", "add `network name { input …; output … }`"
                )
            )
        return {
            name: dataclasses.replace(plan, graph=optimized(plan.graph), meant=plan.graph)
            for name, plan in self.spec.networks.items()
        }

    def recipe(self, name: str | None = None) -> RecipePlan:
        """The named recipe, or the only one; standard cells in it are fused.

        Raises:
            DlspecError: DL907 if there is none, or a choice.
        """
        from dlspec.passes.pipeline import with_fused_cells

        recipes = self.spec.recipes
        if name is None and len(recipes) == 1:
            return with_fused_cells(next(iter(recipes.values())))
        if name in recipes:
            return with_fused_cells(recipes[name])
        if not recipes:
            advice = f"`dlspec compile {self.source.name}` builds it without training"
            raise DlspecError(NothingToDo(None, self.source.name, "recipe", advice))
        near = did_you_mean(name, recipes) if name else None
        commands = [f"dlspec train {self.source.name} --recipe {n}" for n in recipes]
        advice = f"did you mean `--recipe {near}`?" if near else one_of(commands)
        what = f"recipe `{name}`" if name else f"single recipe: there are {len(recipes)}"
        raise DlspecError(NothingToDo(None, self.source.name, what, advice))

    def experiment(self, name: str | None = None) -> ExperimentPlan:
        """The named experiment, or the only one.

        Raises:
            DlspecError: DL907 if there is none, or a choice.
        """
        plans = self.spec.experiments
        if name is None and len(plans) == 1:
            return next(iter(plans.values()))
        if name in plans:
            return plans[name]
        if not plans:
            advice = "`experiment sizes runs recipe { units = 32, 64; repeat = 3 seeds }` is one"
            raise DlspecError(NothingToDo(None, self.source.name, "experiment", advice))
        near = did_you_mean(name, plans) if name else None
        commands = [f"dlspec experiment {self.source.name} {n}" for n in plans]
        advice = f"did you mean `{near}`?" if near else one_of(commands)
        what = f"experiment `{name}`" if name else f"single experiment: there are {len(plans)}"
        raise DlspecError(NothingToDo(None, self.source.name, what, advice))


def one_of(commands: Sequence[str]) -> str:
    """Commands to choose from, one a line."""
    return "\n".join(["write one of", *(f"`{c}`" for c in commands)])
