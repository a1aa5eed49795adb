"""What verifying costs, so that heavy networks are verified with few examples instead of never."""

from __future__ import annotations

from collections.abc import Mapping

from dlspec.inspect.cost import graph_cost
from dlspec.ir.graph import Graph

HEAVY = 100_000_000
"""Effort of one example from which on a network is heavy: about 10 ms of float64 in NumPy."""

REFERENCE = 600_000_000_000
"""Effort that references and probes of a heavy network may take: about a minute."""

LOCAL = 120_000_000_000
"""Effort of a heavy network's local proof."""

ENGINE = 250_000_000_000
"""Effort of an engine's largest batch."""

RUNS = 9
"""Runs of the reference for each set of inputs: the exact one and the probes."""


def effort(graph: Graph, sizes: Mapping[str, int]) -> int:
    """Multiply-adds of one run at these sizes. Another operation counts as much as eight of them:
    it reads and writes memory, which a product does for a whole row at once."""
    try:
        cost = graph_cost(graph.nodes, sizes)
    except KeyError:  # a size that is known at run time only: such graphs generate, and are small
        return 0
    return cost.macs + 8 * cost.other


def is_heavy(graph: Graph, symbol: str) -> bool:
    """Whether one example costs so much that a few have to do; ``symbol`` is that of the axis of
    examples, other sizes are the smallest odd ones that can be."""
    from dlspec.verify.sizes import sweep

    return effort(graph, {**sweep(graph)[0], symbol: 1}) > HEAVY
