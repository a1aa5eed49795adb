"""Where an engine goes wrong though every node of its model is right: in its own rewriting, kernels
or precision.

The engine is built again from the first nodes of the model alone, so that what it does to them is
what it does in the whole, and halving finds the first node with which a result is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dlspec.ir.graph import Graph, Value
from dlspec.targets.onnx.external import is_external
from dlspec.targets.onnx.protos import fill_tensor, fill_value_info
from dlspec.targets.onnx.swaps import with_swaps
from dlspec.verify.bound import Reference, reference
from dlspec.verify.cut import path_of, tensor_names
from dlspec.verify.local import NodeResult
from dlspec.verify.refusals import refusals
from dlspec.verify.verdict import Verdict, compare, refusal

if TYPE_CHECKING:
    import onnx

Array = NDArray[Any]
Runner = Callable[[dict[str, Array]], Mapping[str, Array]]
Rebuild = Callable[["onnx.ModelProto"], Runner]
"""Builds the same engine from another model."""


def first_wrong_prefix(
    graph: Graph,
    model: onnx.ModelProto,
    weights: Mapping[str, Array],
    inputs: Mapping[str, Array],
    rebuild: Rebuild,
    *,
    precision: str = "float32",
    seed: int = 0,
) -> NodeResult | None:
    """The node with which an engine's results begin to be wrong; None where even the whole is
    right.

    Args:
        graph: what the model was emitted from.
        model: the unoptimised ONNX model.
        weights, inputs: with which the engine was wrong.
        rebuild: builds the engine from a model.
        precision: what it promises to compute in.
        seed: of the probes.
    """
    made = [v.name for node in graph.nodes for v in node.outputs]
    exact = reference(graph, inputs, weights, made, precision=precision, seed=seed)
    search = _Search(graph, model, weights, inputs, rebuild, exact)
    right, wrong = 0, len(graph.nodes)
    verdict = search.verdict(wrong)
    if verdict is None:
        return None
    while wrong - right > 1:
        middle = (right + wrong) // 2
        found = search.verdict(middle)
        if found is None:
            right = middle
        else:
            wrong, verdict = middle, found
    node = graph.nodes[wrong - 1]
    return NodeResult(node.path, node.op.name, "fail", verdict.ratio, node.span, verdict)


class _Search:
    def __init__(
        self,
        graph: Graph,
        model: onnx.ModelProto,
        weights: Mapping[str, Array],
        inputs: Mapping[str, Array],
        rebuild: Rebuild,
        exact: Reference,
    ) -> None:
        self.graph = graph
        self.model = with_swaps(model)
        self.weights = weights
        self.inputs = inputs
        self.rebuild = rebuild
        self.exact = exact
        self.names = tensor_names(graph)

    def verdict(self, count: int) -> Verdict | None:
        """What is wrong with an engine of the first nodes; None where nothing is."""
        values = frontier(self.graph, count)
        model = self.prefix(count, values)
        wanted = {i.name for i in model.graph.input}
        try:
            answers = self.rebuild(model)({k: v for k, v in self.inputs.items() if k in wanted})
        except refusals() as error:
            return refusal(values[-1].name, f"{count} nodes", str(error))
        for value in values:
            name = self.names[value]
            if name not in answers:
                return refusal(value.name, f"{count} nodes", "no such output", "missing")
            found = compare(
                value.name,
                f"{count} nodes",
                self.exact.values[value.name],
                np.asarray(answers[name]),
                self.exact.bounds[value.name],
            )
            if found.status == "fail":
                return found
        return None

    def prefix(self, count: int, values: Sequence[Value]) -> onnx.ModelProto:
        """The model of the first nodes, with these values as its outputs."""
        import onnx

        paths = {f"{self.graph.name}.{n.path}" for n in self.graph.nodes[:count]}
        part = onnx.ModelProto()
        part.CopyFrom(self.model)
        proto = part.graph
        kept = [n for n in proto.node if path_of(n) in paths]
        del proto.node[:], proto.output[:], proto.value_info[:]
        proto.node.extend(kept)
        read = _read(kept)
        tensors = [t for t in proto.initializer if t.name in read]
        given = [i for i in proto.input if i.name in read]
        del proto.initializer[:], proto.input[:]
        proto.initializer.extend(tensors)
        proto.input.extend(given)
        for tensor in proto.initializer:
            if is_external(tensor):  # what is built from is whole
                name = tensor.name
                tensor.Clear()
                fill_tensor(tensor, name, np.asarray(self.weights[name]))
        for value in values:
            fill_value_info(proto.output.add(), self.names[value], value.type)
        return part


def _read(nodes: Sequence[Any]) -> set[str]:
    """All names that nodes read, in their sub-graphs too."""
    found: set[str] = set()
    for node in nodes:
        found.update(node.input)
        for attribute in node.attribute:
            for graph in ([attribute.g] if attribute.HasField("g") else []) + list(
                attribute.graphs
            ):
                found |= _read(graph.node) | {o.name for o in graph.output}
    return found


def frontier(graph: Graph, count: int) -> list[Value]:
    """What the first nodes make that is an output, or that later nodes read, in order."""
    later = {v for node in graph.nodes[count:] for v in node.inputs if v is not None}
    later |= {o.value for o in graph.outputs} | {v for _, v in graph.updates}
    made = [v for node in graph.nodes[:count] for v in node.outputs]
    return [v for v in made if v in later] or made[-1:]
