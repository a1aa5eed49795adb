"""An ONNX model cut at every node: each computes from inputs of its own, in one session and one
run.

What a node read from another one becomes an input of the model (`given.<value>`), every node's
results become outputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dlspec.ir.graph import Graph, Node, Value
from dlspec.passes.rewrite import reading
from dlspec.targets.onnx.builder import unique
from dlspec.targets.onnx.external import is_external
from dlspec.targets.onnx.protos import element_type, fill_tensor, fill_value_info
from dlspec.targets.onnx.swaps import with_swaps
from dlspec.verify.bound import evaluate
from dlspec.verify.inputs import storage

if TYPE_CHECKING:
    import onnx

Array = NDArray[Any]

PREFIX = "given."


@dataclass(frozen=True)
class Cut:
    """A cut model: ``reads`` maps its `given.…` inputs to the values they stand for, ``made`` its
    outputs to what they are."""

    model: onnx.ModelProto
    reads: Mapping[str, Value]
    made: Mapping[str, Value]


def tensor_names(graph: Graph) -> dict[Value, str]:
    """How `onnx_from_graph` calls the results of nodes: an output's name wins over the value's, and
    a value whose name another tensor has gets a number."""
    names: dict[Value, str] = {}
    results = {o.name: o.value for o in graph.outputs}
    results.update({f"{buffer.name}.next": value for buffer, value in graph.updates})
    for name, value in results.items():
        if value.producer is not None:
            names.setdefault(value, name)
    taken = {v.name for v in (*graph.inputs, *graph.weights)} | results.keys()
    for node in graph.nodes:
        for value in node.outputs:
            if value not in names:
                names[value] = unique(value.name, taken)
    return names


def cut_model(model: onnx.ModelProto, graph: Graph) -> Cut:
    """Cut a model that was emitted from a graph (perhaps changed since) at the results of the
    graph's nodes.

    Nodes are told apart by the dlspec node that they were emitted for, which their names begin
    with. Results that the model does not hold are left out.
    """
    import onnx

    cut = onnx.ModelProto()
    cut.CopyFrom(with_swaps(model))
    proto = cut.graph
    by_name = {name: value for value, name in tensor_names(graph).items()}
    owner = {o: path_of(n) for n in proto.node for o in n.output if o in by_name}
    reads: dict[str, Value] = {}
    for node in proto.node:
        path = path_of(node)
        foreign = {n for n in owner if owner[n] != path}
        for name in _rename(node, foreign):
            reads[PREFIX + name] = by_name[name]
    for name, value in reads.items():
        fill_value_info(proto.input.add(), name, value.type)
    del proto.output[:]
    del proto.value_info[:]
    for name in owner:
        info = proto.output.add(name=name)
        info.type.tensor_type.elem_type = element_type(by_name[name].type.dtype)
    return Cut(cut, reads, {name: by_name[name] for name in owner})


def path_of(node: Any) -> str:
    """The part of an ONNX node's name that tells its dlspec node: `lenet.maps/Conv` gives
    `lenet.maps`."""
    return str(node.name).partition("/")[0]


def _rename(node: Any, names: set[str]) -> set[str]:
    """Give a node's inputs of these names (and those of its sub-graphs) the prefix; which were
    found."""
    found: set[str] = set()
    for i, name in enumerate(node.input):
        if name in names:
            node.input[i] = PREFIX + name
            found.add(name)
    for attribute in node.attribute:
        for graph in ([attribute.g] if attribute.HasField("g") else []) + list(attribute.graphs):
            hidden = {i.name for i in graph.input} | {o for n in graph.node for o in n.output}
            for inner in graph.node:
                found |= _rename(inner, names - hidden)
    return found


def with_weights(model: onnx.ModelProto, weights: Mapping[str, Array]) -> onnx.ModelProto:
    """A copy of a model with other values of the initializers that have these names, as far as it
    holds their bytes."""
    import onnx

    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    for tensor in changed.graph.initializer:
        if tensor.name in weights and not is_external(tensor):
            name = tensor.name
            value = np.asarray(weights[name])
            tensor.Clear()
            fill_tensor(tensor, name, value)
    return changed


def severed(graph: Graph) -> Graph:
    """The graph cut likewise: a node's results are computed from inputs `given.…` of the other
    nodes' results.

    Values are copies, for the graph itself stays as it is.
    """
    made = {v for node in graph.nodes for v in node.outputs}
    given: dict[Value, Value] = {}
    nodes: list[Node] = []
    cut = Graph(
        graph.name, graph.kind, [*graph.inputs], graph.parameters, graph.buffers, graph.constants
    )
    for node in graph.nodes:
        for value in node.inputs:
            if value is not None and value in made and value not in given:
                given[value] = entry = _as_input(value)
                cut.inputs.append(entry)
        inputs = tuple(v if v is None else given.get(v, v) for v in node.inputs)
        outputs = tuple(Value(v.name, v.type, v.span) for v in node.outputs)
        nodes.append(Node(reading(node.op, given), inputs, outputs, node.path, node.span))
    cut.nodes = nodes
    return cut


def _as_input(value: Value) -> Any:
    from dlspec.ir.graph import Input

    return Input(PREFIX + value.name, value.type, value.span)


def given_inputs(
    graph: Graph, inputs: Mapping[str, Array], weights: Mapping[str, Array]
) -> dict[str, Array]:
    """What nodes may read: the inputs, and every one of R's values rounded to the type that it
    has."""
    made = [v for node in graph.nodes for v in node.outputs]
    exact = evaluate(graph, inputs, weights, [v.name for v in made])
    with np.errstate(over="ignore"):
        rounded = {
            PREFIX + v.name: np.asarray(exact[v.name], storage(v.type.dtype), order="C")
            for v in made
        }
    return {**inputs, **rounded}
