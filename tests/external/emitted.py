"""Which ONNX operators are emitted: by the samples of every op, and by the loops of the catalogue
of graphs, as they are and after all passes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import onnx

from dlspec.ir.graph import Graph
from dlspec.ops import REGISTRY
from dlspec.passes import optimized
from dlspec.randomness import structural_weights
from dlspec.targets.onnx import onnx_from_graph
from tests.graphs.catalogue import CATALOGUE
from tests.ops.test_op_contract import CASES, graph_of


def operators_of(graph: Graph) -> set[str]:
    """The operators that a graph is lowered to, those in sub-graphs too."""
    return set(_kinds(onnx_from_graph(graph, structural_weights(graph, 0)).graph.node))


def _kinds(nodes: Iterable[onnx.NodeProto]) -> Iterator[str]:
    for node in nodes:
        yield node.op_type
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _kinds(attribute.g.node)


def emitted() -> dict[str, set[str]]:
    """Each emitted operator, and the ops of the language that emit it."""
    graphs = [(case.name, graph_of(case)) for case in CASES]
    graphs += [(f"the graph {name}", case.build()) for name, case in CATALOGUE.items()]
    found: dict[str, set[str]] = {}
    for name, graph in graphs:
        for operator in operators_of(graph) | operators_of(optimized(graph)):
            found.setdefault(operator, set()).add(name)
    return found


def ops_without_a_graph() -> set[str]:
    """Ops whose operators nothing here shows."""
    shown = {case.name for case in CASES}
    for case in CATALOGUE.values():
        shown |= _ops(case.build())
    return set(REGISTRY) - shown


def _ops(graph: Graph) -> set[str]:
    found = {node.op.name for node in graph.nodes}
    for node in graph.nodes:
        body = getattr(node.op, "body", None)
        if isinstance(body, Graph):
            found |= _ops(body)
    return found
