"""A graph as text."""

from __future__ import annotations

from typing import Any

from dlspec.ir.builder import GraphBuilder
from dlspec.ir.printer import graph_text
from dlspec.ops import REGISTRY, literal
from dlspec.source import SourceFile, Span


def op(name: str, **settings: Any) -> Any:
    """An op by name."""
    return REGISTRY[name](**settings)


def test_all_parts_of_a_graph() -> None:
    source = SourceFile("net.dl", "network net {\n    y = dense(2)\n}\n")
    b = GraphBuilder("net", "training")
    x = b.input("x", "float", "N", "T", 2, ragged=(1,))
    b.lengths("T")
    b.noise("e", "bernoulli", (0.5,), "float", "N")
    word = b.input("word", "int", "N", classes=("a", "b"))
    h = b.one(
        op("dense", units=2),
        x,
        path="y.dense",
        span=Span(source, 22, 30),
        parameters={"weight": literal([[1, -2], [-1, 1]]), "bias": None},
    )
    b.one(op("mul"), h, b.constant(0.5, name="half"), path="y.mul")
    seen = b.one(op("one_hot", size=3), word, path="ids", name="seen")
    _, mean, _ = b.apply(op("batch_norm", training=True), seen, path="norm")
    b.update(b.graph.buffers[0], mean)
    b.output("word", word, ("a", "b"))
    assert graph_text(b.graph) == EXPECTED


EXPECTED = """\
training net
    input x: float32[N, <=T, 2]
    lengths T_lengths: int32[N] of T
    noise e: float32[N] ~ bernoulli(0.5)
    input word: int64[N] of 2 classes
    parameter y.dense.weight: float32[2, 2] = literal [[1.0, -2.0], [-1.0, 1.0]]
    parameter norm.weight: float32[3] = ones
    parameter norm.bias: float32[3] = zeros
    buffer norm.running_mean: float32[3] = zeros
    buffer norm.running_var: float32[3] = ones
    constant half: float32[] = 0.5
    y.dense: float32[N, <=T, 2] = dense(units=2)(x, y.dense.weight, none)  # net.dl:2
    y.mul: float32[N, <=T, 2] = mul()(y.dense, half)
    seen: float32[N, 3] = one_hot(size=3)(word) @ids
    norm.y: float32[N, 3], norm.mean: float32[3], norm.variance: float32[3] = \
batch_norm(training=true)(seen, norm.weight, norm.bias, norm.running_mean, norm.running_var) @norm
    output word = word of 2 classes
    update norm.running_mean = norm.mean
"""


def test_bodies_are_indented() -> None:
    from dlspec.ops.control import Scan

    b = GraphBuilder("loop")
    x, start = b.input("x", "float", "N", "T", 2), b.input("h0", "float", "N", 2)
    inner = b.body("cell")
    step = inner.input("x_t", "float", "N", 2, origin="step")
    h = inner.input("h", "float", "N", 2, origin="state")
    made = inner.one(op("add"), step, h, path="plus")
    scan = Scan(body=inner.finish(h=made), stepped=1, states=1)
    b.apply(scan, x, start, path="scan")
    text = graph_text(b.graph)
    assert "        body: body cell\n" in text
    assert "            step x_t: float32[N, 2]\n" in text
    assert "            plus: float32[N, 2] = add()(x_t, h)\n" in text
