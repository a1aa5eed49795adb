"""What a loop that generates tells and nobody reads is left out; all else stays as it is."""

from __future__ import annotations

import numpy as np
import pytest

from dlspec.diagnostics import Sink
from dlspec.interpreter import run
from dlspec.ir.graph import Graph, Node
from dlspec.ir.validate import validate
from dlspec.ops.beam import Beam
from dlspec.ops.generation import Generate
from dlspec.passes.drop_unread import drop_unread
from dlspec.randomness import structural_weights
from dlspec.sema.analyse import analyse
from dlspec.source import SourceFile
from dlspec.targets.onnx import onnx_from_graph

SPEC = """
cell writer() {
    input word: int[N]
    state h: float[N, 4] = 0
    state t: float = 0
    t' = t + 1
    h' = tanh(h + (word -> embed(6, 4)) * 3)
    output scores = (h' -> dense(6)) * 4
    output large = h' > 0
    output twice = h' -> dense(2)
}
network n {
    input x: float[N, 4]
    told = generate(writer(), h = x, start = 1, STOP at_most = 5, choose = CHOICE)
    SHOWN
}
"""


def loop_of(graph: Graph) -> Node:
    return next(n for n in graph.nodes if isinstance(n.op, (Generate, Beam)))


@pytest.mark.parametrize("shown", ["", "scores", "twice", "large scores", "scores large twice"])
@pytest.mark.parametrize("choice", ["greedy", "sample(0.7)", "beam(3)"])
@pytest.mark.parametrize("stop", ["", "stop = 2,"])
def test_what_is_read_stays(choice: str, stop: str, shown: str) -> None:
    names = shown.split()
    outputs = "\n".join(f"output {n} = told.{n}" for n in [*names, "word"])
    text = SPEC.replace("CHOICE", choice).replace("STOP", stop)
    text = text.replace("SHOWN", f"{outputs}\noutput h = told.final.h")
    sink = Sink()
    graph = analyse(SourceFile("n.dl", text), sink).networks["n"].graph
    assert not sink.errors, sink.errors
    less = drop_unread(graph)
    validate(less)
    assert (less is graph) == (len(names) == 3)
    node = loop_of(less)
    loop = node.op
    assert isinstance(loop, (Generate, Beam))
    assert loop.shown == ("scores" in names)
    assert len(node.outputs) == len(loop_of(graph).outputs) - 3 + len(names)
    layers = [n.path for n in loop.body.nodes if n.op.name == "dense"]
    assert len(layers) == (2 if "twice" in names else 1)
    weights = structural_weights(graph, 3)
    feeds = {"x": np.random.default_rng(1).standard_normal((3, 4)).astype(np.float32)}
    if "sample" in choice:
        name = next(i.name for i in graph.inputs if i.name != "x")
        feeds[name] = np.random.default_rng(2).random((3, 5)).astype(np.float32)
    expected, found = run(graph, feeds, weights).outputs, run(less, feeds, weights).outputs
    assert list(found) == list(expected)
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)
    model = onnx_from_graph(less, weights)
    (made,) = (n for n in model.graph.node if n.op_type == "Loop")
    body = next(a.g for a in made.attribute if a.name == "body")
    kinds = [[d.dim_value for d in o.type.tensor_type.shape.dim] for o in body.output]
    assert sum(k[-1:] == [6] for k in kinds) == ("scores" in names)
