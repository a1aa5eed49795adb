"""A start that looks at data: LSUV, layer-sequential unit variance (Mishkin & Matas 2016,
arXiv:1511.06422).

Weights of dense layers and convolutions begin orthogonal; then, in the order in which the layers
compute, each is divided by the standard deviation of its output on a batch, so that what every
layer hands on has variance 1. Nothing vanishes or explodes, however deep a network is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlspec.interpreter import run
from dlspec.ir.graph import Buffer, Graph, Initializer, Node, Parameter, Value
from dlspec.randomness import draw, initial_value
from dlspec.train.feed import batch_sizes

if TYPE_CHECKING:
    import torch

    from dlspec.train.program import Program

Array = NDArray[Any]

MOST_EXAMPLES = 128
"""Of the first batch, that are looked at."""

LAYERS = ("dense", "conv", "conv_transpose")
"""Ops that are linear in their weight."""
ORTHOGONAL = Initializer("orthogonal")


@dataclass
class Rescaled:
    """What a start by LSUV makes: weights by name, and the standard deviation that each layer's
    output had before."""

    weights: dict[str, Array] = field(default_factory=dict[str, Array])
    deviations: dict[str, float] = field(default_factory=dict[str, float])


def begin_by_data(program: Program, batch: Mapping[str, torch.Tensor], seed: int) -> str:
    """Give a recipe's layers the start that LSUV makes of its first batch; what it did, in a
    line. The same recipe, seed and data begin alike."""
    plan = program.plan
    fields = {name: tensor[:MOST_EXAMPLES].cpu().numpy() for name, tensor in batch.items()}
    prefix = f"{next(iter(plan.networks))}." if len(plan.networks) == 1 else ""
    found = Rescaled()
    for step in plan.all_steps:
        rescaled(step.learn, program.weights(), _fed(step.learn, fields, seed), seed, prefix, found)
    program.load(found.weights)
    spread = found.deviations.values()
    told = f"deviations of {min(spread):.2g} to {max(spread):.2g} became 1" if spread else "none"
    count = min(map(len, fields.values()), default=0)
    return f"LSUV on {count} examples: {len(spread)} layers, {told}"


def _fed(graph: Graph, fields: Mapping[str, Array], seed: int) -> dict[str, Array]:
    """The inputs of a graph: fields of a batch, and noise of their sizes."""
    given = [i for i in graph.inputs if i.origin != "noise"]
    sizes = batch_sizes(given, fields)
    inputs = {i.name: fields[i.name] for i in given}
    for noise in graph.noise_inputs:
        assert noise.distribution is not None
        shape = [dim.evaluate(sizes) for dim in noise.type.shape]
        inputs[noise.name] = draw(noise.distribution, noise.name, shape, seed)
    return inputs


def rescaled(
    graph: Graph,
    weights: Mapping[str, Array],
    inputs: Mapping[str, ArrayLike],
    seed: int,
    prefix: str = "",
    done: Rescaled | None = None,
) -> Rescaled:
    """The weights that LSUV gives the layers of a learning graph whose start the spec leaves open;
    their biases become 0.

    Args:
        graph: computes on the batch; norms use the batch's statistics in it.
        weights: of the whole graph, as they begin otherwise.
        inputs: a batch, with its noise.
        seed: of the orthogonal matrices.
        prefix: cut off the names for their streams, as for other starts.
        done: what earlier graphs of the recipe began with, which stays; it gets the rest.
    """
    found = done if done is not None else Rescaled()
    layers = _layers(graph)
    fresh: dict[str, Array] = {}
    for weight, bias in layers.values():
        if weight.name not in found.weights:
            shape = weights[weight.name].shape
            stream = weight.name.removeprefix(prefix)
            fresh[weight.name] = initial_value(stream, shape, ORTHOGONAL, seed)
        if bias is not None and bias.init.kind == "fan_in_uniform":
            fresh.setdefault(bias.name, np.zeros_like(weights[bias.name]))
    begin = {**weights, **fresh, **found.weights}

    def on_value(value: Value, array: Array) -> Array:
        layer = layers.get(value.producer) if value.producer is not None else None
        if layer is None or layer[0].name not in fresh:
            return array
        weight, bias = layer
        offset = _along_channels(value, begin[bias.name]) if bias is not None else 0.0
        moved = array - offset
        if weight.name not in found.deviations:
            deviation = float(np.std(moved, dtype=np.float64))
            usable = np.isfinite(deviation) and deviation > 0
            found.deviations[weight.name] = deviation if usable else 1.0
        # The weight in the graph is not scaled: what it makes is, wherever it is used.
        return np.asarray(moved / found.deviations[weight.name] + offset, array.dtype)

    run(graph, inputs, begin, dtype=np.float32, on_value=on_value)
    for name, array in fresh.items():
        found.weights[name] = (array / found.deviations.get(name, 1.0)).astype(array.dtype)
    return found


def _layers(graph: Graph) -> dict[Node, tuple[Parameter, Parameter | None]]:
    """Nodes whose weight begins by LSUV, with that weight and the bias."""
    readers: dict[Value, set[str]] = {}
    for node in graph.nodes:
        for value in node.inputs:
            if isinstance(value, Parameter | Buffer):
                readers.setdefault(value, set()).add(node.op.name)
    found: dict[Node, tuple[Parameter, Parameter | None]] = {}
    for node in graph.nodes:
        if node.op.name not in LAYERS:
            continue
        weight = node.inputs[1]
        bias = node.inputs[2] if len(node.inputs) > 2 else None
        open_start = isinstance(weight, Parameter) and weight.init.kind == "fan_in_uniform"
        # A weight that other ops read too (a tied embedding) means more than this layer.
        if isinstance(weight, Parameter) and open_start and readers[weight] <= set(LAYERS):
            found[node] = (weight, bias if isinstance(bias, Parameter) else None)
    return found


def _along_channels(value: Value, bias: Array) -> Array:
    """A bias as it is added: along the last axis of a dense layer's output, else along axis 1."""
    node = value.producer
    assert node is not None
    if node.op.name == "dense":
        return bias
    return bias.reshape(-1, *(1 for _ in range(value.type.rank - 2)))
