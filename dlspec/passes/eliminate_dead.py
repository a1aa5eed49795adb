"""Leave out nodes that no output needs."""

from __future__ import annotations

from dataclasses import replace

from dlspec.ir.graph import Graph, live_nodes


def eliminate_dead(graph: Graph) -> Graph:
    """The graph without nodes and constants that neither an output nor a buffer's next value
    depends on.

    Inputs and weights stay, read or not: they are the graph's face, and what files are keyed by.
    """
    roots = [o.value for o in graph.outputs] + [v for _, v in graph.updates]
    nodes = live_nodes(graph, roots)
    read = {*roots, *(v for node in nodes for v in node.inputs if v is not None)}
    return replace(graph, nodes=nodes, constants=[c for c in graph.constants if c in read])
