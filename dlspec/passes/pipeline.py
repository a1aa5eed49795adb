"""The order of passes, which is part of their meaning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from dlspec.ir.graph import Graph
from dlspec.ir.plan import RecipePlan, StepPlan
from dlspec.passes.drop_covers import drop_covers
from dlspec.passes.drop_unread import drop_unread
from dlspec.passes.eliminate_common import eliminate_common
from dlspec.passes.eliminate_dead import eliminate_dead
from dlspec.passes.fold_constants import fold_constants
from dlspec.passes.fuse_cells import fuse_cells
from dlspec.passes.join_products import join_products
from dlspec.passes.lift import lift

Pass = Callable[[Graph], Graph]

PASSES: tuple[Pass, ...] = (
    eliminate_dead,  # first, so that nothing is done for what nobody reads
    drop_unread,  # of what loops tell at each step
    fuse_cells,  # before the next ones, which tidy up what it puts together
    fold_constants,  # before the next, so that equal numbers are seen to be equal
    join_products,  # of loops that are left, so that the next has more to lift
    lift,  # out of loops, what they need not do at every step
    eliminate_common,
    drop_covers,  # of what fused cells read
    eliminate_dead,  # what the three before have orphaned
)
"""All passes in order. Each leaves inputs, weights, outputs and their names as they are, and the
graph that it is given untouched."""


def optimized(graph: Graph) -> Graph:
    """The graph after all passes."""
    for transform in PASSES:
        graph = transform(graph)
    return graph


def with_fused_cells(plan: RecipePlan) -> RecipePlan:
    """The recipe with the standard cells of its steps' graphs fused, the products of its loops
    joined, and with what these need not do at every step outside of them; of what else a step
    computes, nothing is changed."""
    return replace(
        plan,
        steps=tuple(_step(s) for s in plan.steps),
        stages=tuple(with_fused_cells(s) for s in plan.stages),
    )


def _step(step: StepPlan) -> StepPlan:
    learn, evaluate = (lift(join_products(fuse_cells(g))) for g in (step.learn, step.evaluate))
    if learn is step.learn and evaluate is step.evaluate:
        return step
    return replace(
        step, learn=eliminate_dead(learn), evaluate=eliminate_dead(evaluate), meant=step.learn
    )
