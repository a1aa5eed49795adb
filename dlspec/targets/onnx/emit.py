"""A graph as an ONNX model, in milliseconds and without torch."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.targets import OutputNameTaken
from dlspec.ir.graph import Constant, Graph, Value
from dlspec.targets.onnx.builder import Builder, ModelState
from dlspec.targets.onnx.external import Location, fill_place
from dlspec.targets.onnx.protos import element_type, fill_tensor, fill_value_info

if TYPE_CHECKING:
    import onnx


def onnx_from_graph(
    graph: Graph,
    weights: Mapping[str, NDArray[Any]] | None,
    *,
    opset: int = 21,
    ir_version: int = 10,
    expose: Collection[str] | Literal["all"] = (),
    places: Mapping[str, Location] | None = None,
) -> onnx.ModelProto:
    """Lower a graph to ONNX.

    Names are stable: initializers are called as the parameters, values as the Values, outputs as
    the outputs; a node is ``<graph>.<path>/<OpType>`` and its metadata ``dl.src`` is its place in
    the spec. The next value of a buffer is an output ``<buffer>.next``.

    Args:
        graph: any graph but a loop's body.
        weights: the value of each parameter and buffer; None leaves the initializers without data,
            for `externalize`.
        opset: of ONNX's standard operators.
        ir_version: of the file format; ONNX Runtime 1.31 reads up to 13.
        expose: names of intermediate Values that become outputs too, after the declared ones.
        places: where the bytes of weights lie in a file beside the model; of these no copy is made.

    Raises:
        DlspecError: DL501 if an output is called as an input or a parameter.
        KeyError: if ``weights`` lacks one.
    """
    import onnx

    model = onnx.ModelProto(ir_version=ir_version, producer_name="dlspec")
    domain = model.opset_import.add()
    domain.domain, domain.version = "", opset
    proto = model.graph
    proto.name = graph.name
    state = ModelState(proto, graph.name, opset)
    builder = Builder(state, proto)

    for value in graph.inputs:
        fill_value_info(proto.input.add(), state.bind(value), value.type)
    for weight in graph.weights:
        _add_weight(proto, state.bind(weight), weight, weights, (places or {}).get(weight.name))
    results = _results(graph)
    extra = _exposed(graph, expose, results)
    copies = _name_results(graph, results, state)
    for constant in graph.constants:
        if constant not in state.names:
            state.names[constant] = builder.constant(_constant_array(constant))
    builder.add(graph)
    for value, name in copies:
        _copy(builder, state.names[value], name)
    for name, value in results.items():
        fill_value_info(proto.output.add(), name, value.type)
    for value in extra:
        fill_value_info(proto.output.add(), state.names[value], value.type)
    builder.swaps.drop_unread(proto)
    _describe(graph, state, {o.name for o in proto.output})
    return model


def _add_weight(
    proto: onnx.GraphProto,
    name: str,
    weight: Value,
    weights: Mapping[str, NDArray[Any]] | None,
    place: Location | None,
) -> None:
    tensor = proto.initializer.add()
    if weights is not None and place is None:
        fill_tensor(tensor, name, np.asarray(weights[weight.name]))
        return
    tensor.name = name
    tensor.data_type = element_type(weight.type.dtype)
    tensor.dims.extend(_sizes(weight))
    if place is not None:
        fill_place(tensor, place)


def _sizes(value: Value) -> list[int]:
    sizes = [d.value for d in value.type.shape]
    if any(s is None for s in sizes):
        raise ValueError(f"{value} has no fixed size")
    return [s for s in sizes if s is not None]


def _results(graph: Graph) -> dict[str, Value]:
    """The outputs by name, then the next values of the buffers."""
    found = {o.name: o.value for o in graph.outputs}
    found.update({f"{buffer.name}.next": value for buffer, value in graph.updates})
    return found


def _name_results(
    graph: Graph, results: Mapping[str, Value], state: ModelState
) -> list[tuple[Value, str]]:
    """Give results their output's name; those that have a name already need a copy under the
    other."""
    copies: list[tuple[Value, str]] = []
    for name, value in results.items():
        if name in state.taken:
            if state.names.get(value) == name and value.producer is not None:
                continue
            raise DlspecError(OutputNameTaken(value.span, output=name))
        if value.producer is None or value in state.names:
            state.taken.add(name)
            copies.append((value, name))
        else:
            state.bind(value, name)
    return copies


def _exposed(
    graph: Graph, expose: Collection[str] | Literal["all"], results: Mapping[str, Value]
) -> list[Value]:
    told = set(results.values())
    made = [v for node in graph.nodes for v in node.outputs if v not in told]
    if expose == "all":
        return made
    wanted = set(expose)
    unknown = wanted - {v.name for v in made} - {v.name for v in told} - set(results)
    if unknown:
        raise KeyError(f"no such values: {', '.join(sorted(unknown))}")
    return [v for v in made if v.name in wanted]


def _copy(builder: Builder, source: str, name: str) -> None:
    builder.op("Identity", source)
    builder.proto.node[-1].output[0] = name


def _constant_array(constant: Constant) -> NDArray[Any]:
    return np.asarray(constant.value).astype(constant.type.dtype.value, copy=False)


def _describe(graph: Graph, state: ModelState, outputs: set[str]) -> None:
    """Tell the types of intermediate values, symbolic dims included, which shape inference would
    lose."""
    for node in graph.nodes:
        for value in node.outputs:
            name = state.names[value]
            if name not in outputs:
                fill_value_info(state.proto.value_info.add(), name, value.type)
