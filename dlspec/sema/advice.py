"""What a recipe computes without fault, but hardly as it was meant."""

from __future__ import annotations

from collections.abc import Iterator

from dlspec.diagnostics import Diagnostic
from dlspec.diagnostics.meaning import DropoutAtTheEnd, ProbabilitiesAsLogits, RectifiedLogits
from dlspec.ir.graph import Graph, Node, Value

_PASSING = frozenset(
    ("reshape", "flatten", "unflatten", "squeeze", "unsqueeze", "cast", "transpose")
)
"""Ops that give the numbers that they take."""


def advice(graph: Graph) -> Iterator[Diagnostic]:
    """Warnings about the losses of an objective, as it is while learning."""
    for node in graph.nodes:
        if node.op.name != "cross_entropy" or node.span is None:
            continue
        scores = node.inputs[0]
        made = _maker(scores)
        if scores is None or made is None or made.span is None:
            continue
        if made.op.name in ("softmax", "sigmoid"):
            yield ProbabilitiesAsLogits(node.span, made.op.name, made.span)
        elif made.op.name == "relu":
            yield RectifiedLogits(node.span, made.span)
        elif "dropout" in made.path.split("."):
            here = scores.span
            if here is None or made.span.source is node.span.source:
                here = made.span
            yield DropoutAtTheEnd(node.span, here)


def _maker(value: Value | None) -> Node | None:
    """The node whose numbers a value has."""
    while value is not None:
        node = value.producer
        if node is None or node.op.name not in _PASSING:
            return node
        value = node.inputs[0] if node.inputs else None
    return None
