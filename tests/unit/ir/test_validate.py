"""Each rule of a graph is held: a graph that breaks it is told, with the graph shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dlspec.ir.builder import GraphBuilder
from dlspec.ir.graph import Graph, Node, Output, Value
from dlspec.ir.types import TensorType
from dlspec.ir.validate import InvalidGraph, validate
from dlspec.ops import REGISTRY


def op(name: str, **settings: Any) -> Any:
    """An op by name."""
    return REGISTRY[name](**settings)


def good() -> Graph:
    """Two layers and a batch norm that learns."""
    b = GraphBuilder("good", "training")
    x = b.input("x", "float", "N", 3)
    h = b.one(op("dense", units=2), x, path="a")
    y, mean, variance = b.apply(op("batch_norm", training=True), h, path="n")
    for buffer, value in zip(b.graph.buffers, (mean, variance), strict=True):
        b.update(buffer, value)
    b.constant(1.0, name="one")
    return b.finish(y=b.one(op("relu"), y, path="r"))


def test_a_good_graph_is_valid() -> None:
    validate(good())


def _swap(graph: Graph) -> None:
    graph.nodes.reverse()


def _same_name(graph: Graph) -> None:
    graph.nodes[0].outputs[0].name = "x"


def _same_path(graph: Graph) -> None:
    graph.nodes[1].path = "a"


def _wrong_type(graph: Graph) -> None:
    value = graph.nodes[0].outputs[0]
    value.type = TensorType.of("float", "N", 5)


def _refused(graph: Graph) -> None:
    graph.inputs[0].type = TensorType.of("float", "N", 4)


def _stranger(graph: Graph) -> None:
    graph.outputs.append(Output("z", Value("z", TensorType.of("float", "N"))))


def _two_outputs(graph: Graph) -> None:
    graph.outputs.append(graph.outputs[0])


def _no_buffer(graph: Graph) -> None:
    graph.buffers.pop()


def _crossed(graph: Graph) -> None:
    graph.updates[0] = (graph.updates[0][0], graph.outputs[0].value)


def _twice(graph: Graph) -> None:
    graph.updates.append(graph.updates[0])


def _two_makers(graph: Graph) -> None:
    node = graph.nodes[0]
    graph.nodes.append(Node(node.op, node.inputs, node.outputs, "again"))


def _constant(graph: Graph) -> None:
    graph.constants[0].value = np.zeros(3)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (_swap, "which is not defined before it"),
        (_same_name, "two values are called `x`"),
        (_same_path, "two nodes have the path `a`"),
        (_wrong_type, "its op infers float32[N, 2]"),
        (_refused, "dimension mismatch in `dense`"),
        (_stranger, "output `z` is `z`, which is not defined"),
        (_two_outputs, "two outputs are called `y`"),
        (_no_buffer, "the update of `n.running_var` is of no buffer of this graph"),
        (_crossed, "the update of `n.running_mean`, float32[2], is float32[N, 2]"),
        (_twice, "`n.running_mean` is updated twice"),
        (_two_makers, "`a` is defined twice"),
        (_constant, "constant `one` holds an array of [3]"),
    ],
)
def test_damage_is_told(damage: Callable[[Graph], None], told: str) -> None:
    graph = good()
    damage(graph)
    with pytest.raises(InvalidGraph) as caught:
        validate(graph)
    assert told in str(caught.value)
    assert "training good" in str(caught.value), "the graph is shown"


def test_what_is_wrong_stands_under_its_node() -> None:
    graph = good()
    _wrong_type(graph)
    with pytest.raises(InvalidGraph) as caught:
        validate(graph)
    lines = str(caught.value).splitlines()
    (place,) = [
        i for i, line in enumerate(lines) if line.startswith("    a: float32[N, 5] = dense")
    ]
    told = "node `a` has results float32[N, 5]; its op infers float32[N, 2]"
    assert lines[place + 1] == f"    ^ {told}"
    assert f"- {told}" in lines


def test_a_body_reads_only_its_captures() -> None:
    from dlspec.ops.control import Scan

    b = GraphBuilder("loop")
    x = b.input("x", "float", "N", "T", 2)
    scale = b.input("scale", "float", "N", 2)
    start = b.input("h0", "float", "N", 2)
    inner = b.body("cell")
    step = inner.input("x_t", "float", "N", 2, origin="step")
    h = inner.input("h", "float", "N", 2, origin="state")
    made = inner.one(op("add"), inner.one(op("mul"), step, scale), h)
    body = inner.finish(h=made, y=made)
    scan = Scan(body=body, stepped=1, states=1, captures=(scale,))
    b.apply(scan, x, start, scale, path="scan")
    graph = b.finish(y=b.graph.nodes[-1].outputs[0])
    validate(graph)
    node = graph.nodes[0]
    node.op = replace(node.op, captures=())  # type: ignore[type-var]
    node.inputs = node.inputs[:-1]
    with pytest.raises(InvalidGraph, match="its body reads `scale`, which is no capture") as caught:
        validate(graph)
    # the body's own node is told where it stands, the loop what it leaves out, each once
    assert str(caught.value).count("^ node `mul` reads `scale`") == 1
    assert str(caught.value).count("^ node `scan`: its body reads `scale`") == 1
