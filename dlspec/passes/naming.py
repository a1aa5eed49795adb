"""Names for what a pass puts into a graph."""

from __future__ import annotations

from collections.abc import Callable

from dlspec.ir.graph import Graph

Naming = Callable[[str], str]
"""Gives out a name like the wanted one that nothing has yet."""


def naming_of(graph: Graph) -> Naming:
    """Gives out names that nothing in the graph or its bodies has."""
    taken: set[str] = set()

    def gather(part: Graph) -> None:
        taken.update(v.name for v in part.values())
        taken.update(n.path for n in part.nodes)
        for node in part.nodes:
            body = getattr(node.op, "body", None)
            if isinstance(body, Graph):
                gather(body)

    gather(graph)

    def name(wanted: str) -> str:
        found, ordinal = wanted, 1
        while found in taken:
            ordinal += 1
            found = f"{wanted}{ordinal}"
        taken.add(found)
        return found

    return name
