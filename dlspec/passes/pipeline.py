"""The order of passes, which is part of their meaning."""

from __future__ import annotations

from collections.abc import Callable

from dlspec.ir.graph import Graph
from dlspec.passes.eliminate_common import eliminate_common
from dlspec.passes.eliminate_dead import eliminate_dead
from dlspec.passes.fold_constants import fold_constants

Pass = Callable[[Graph], Graph]

PASSES: tuple[Pass, ...] = (
    eliminate_dead,  # first, so that nothing is done for what nobody reads
    fold_constants,  # before the next, so that equal numbers are seen to be equal
    eliminate_common,
    eliminate_dead,  # what the two before have orphaned
)
"""All passes in order. Each leaves inputs, weights, outputs and their names as they are, and the
graph that it is given untouched."""


def optimized(graph: Graph) -> Graph:
    """The graph after all passes."""
    for transform in PASSES:
        graph = transform(graph)
    return graph
