"""Texts that `ctc` cannot say in the steps they have: they count 0 and teach nothing, and a loss
that is 0 because of them looks perfect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dlspec.diagnostics.train import TextsUnsayable
from dlspec.interpreter import run
from dlspec.ir.graph import Graph, Node, Output, Value
from dlspec.ops.ctc import Ctc
from dlspec.passes.eliminate_dead import eliminate_dead
from dlspec.train.feed import batch_sizes

if TYPE_CHECKING:
    from dlspec.train.feed import Feed

Array = NDArray[Any]
MOST_EXAMPLES = 2000
"""Of the training data, that are looked at."""


def unsayable_texts(graph: Graph, feed: Feed) -> TextsUnsayable | None:
    """A warning where texts of the training data have more symbols, and repeats that a blank must
    part, than there are steps to say them."""
    measures = [m for n in graph.nodes if isinstance(n.op, Ctc) and (m := measure_of(graph, n))]
    if not measures:
        return None
    seen = wrong = 0
    for batch in feed.evaluate():
        fields = {name: tensor.cpu().numpy() for name, tensor in batch.items()}
        sizes = batch_sizes(graph.inputs, fields)
        found = [is_unsayable(node, cut, fields, sizes) for node, cut in measures]
        wrong += int(np.logical_or.reduce(found).sum())
        seen += len(found[0])
        if seen >= MOST_EXAMPLES:
            break
    if not wrong:
        return None
    span = measures[0][0].span
    return TextsUnsayable(span, f"{wrong:,}", f"{seen:,}", "all" if wrong == seen else None)


def measure_of(graph: Graph, node: Node) -> tuple[Node, Graph] | None:
    """The part of a graph that tells a text and how many steps and symbols there are; None where
    that depends on weights or noise."""
    told: list[Value | None] = [node.inputs[1], *node.inputs[2:]]
    outputs = [Output(str(i), v) for i, v in enumerate(told, 1) if v is not None]
    cut = eliminate_dead(replace(graph, outputs=outputs, updates=[]))
    read = {v for n in cut.nodes for v in n.inputs} | {o.value for o in outputs}
    inputs = [i for i in graph.inputs if i in read]
    if any(w in read for w in graph.weights) or any(i.origin == "noise" for i in inputs):
        return None
    return node, replace(cut, inputs=inputs, parameters=[], buffers=[])


def is_unsayable(
    node: Node, cut: Graph, fields: Mapping[str, Array], sizes: Mapping[str, int]
) -> Array:
    """Which rows of a batch are texts that cannot be said: bool[N]."""
    found = run(cut, {i.name: fields[i.name] for i in cut.inputs}, {}).outputs
    scores = node.inputs[0]
    assert scores is not None and isinstance(node.op, Ctc)
    text = found["1"]
    symbols = found.get("3", np.full(len(text), text.shape[1]))
    steps = found.get("2")
    if steps is None:
        steps = np.full(len(text), scores.type.shape[1].evaluate(sizes))
    there = np.arange(text.shape[1]) < symbols[:, None]
    repeats = ((text[:, 1:] == text[:, :-1]) & there[:, 1:]).sum(axis=1)
    return symbols + repeats > steps
