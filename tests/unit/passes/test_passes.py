"""Passes keep outputs, names and the graph that they are given."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlspec.interpreter import run
from dlspec.ir.builder import GraphBuilder
from dlspec.ir.graph import Graph, Value
from dlspec.ops.activation import Relu, Tanh
from dlspec.ops.arithmetic import Add, Mul, Sub
from dlspec.ops.linear import Dense
from dlspec.ops.normalization import BatchNorm
from dlspec.passes import PASSES, optimized
from dlspec.passes.eliminate_common import eliminate_common
from dlspec.passes.eliminate_dead import eliminate_dead
from dlspec.passes.fold_constants import fold_constants
from dlspec.passes.rewrite import rewritten
from tests.graphs.catalogue import CATALOGUE, draw_inputs, draw_weights

OPS = (Add(), Sub(), Mul(), Tanh(), Relu())


def described(graph: Graph) -> list[str]:
    return [
        f"{n.path} {n.op.name} {[v and v.name for v in n.inputs]} -> {[str(v) for v in n.outputs]}"
        for n in graph.nodes
    ]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Random arithmetic over two inputs and a few constants, with much that is common, constant or
    dead."""
    b = GraphBuilder("drawn")
    values: list[Value] = [b.input("x", "float", "N", 3), b.input("y", "float", "N", 3)]
    values += [b.constant(draw(st.sampled_from([0.5, 1.0, 0.1]))) for _ in range(3)]
    for _ in range(draw(st.integers(1, 12))):
        op = draw(st.sampled_from(OPS))
        chosen = [draw(st.sampled_from(values)) for _ in op.rule.tensors]
        values.append(b.one(op, *chosen))
    for i in range(draw(st.integers(1, 3))):
        b.output(f"out{i}", draw(st.sampled_from(values)))
    return b.graph


@settings(max_examples=60, deadline=None)
@given(graph=graphs(), which=st.sampled_from([*PASSES, optimized]))
def test_outputs_stay(graph: Graph, which: object) -> None:
    rng = np.random.default_rng(0)
    inputs = {"x": rng.standard_normal((2, 3)), "y": rng.standard_normal((2, 3))}
    before = described(graph)
    expected = run(graph, inputs, {}).outputs
    changed = which(graph)  # type: ignore[operator]
    found = run(changed, inputs, {}).outputs
    assert list(found) == list(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-13, atol=1e-13)
    assert [o.value.name for o in changed.outputs] == [o.value.name for o in graph.outputs]
    assert described(graph) == before
    for node in changed.nodes:
        for value in node.outputs:
            assert value.producer is node


@pytest.mark.parametrize("name", CATALOGUE)
def test_catalogue_stays(name: str) -> None:
    case = CATALOGUE[name]
    graph = case.build()
    weights, inputs = draw_weights(graph), draw_inputs(graph, case, case.sizes[-1])
    expected = run(graph, inputs, weights)
    changed = optimized(graph)
    found = run(changed, inputs, weights)
    assert [w.name for w in changed.weights] == [w.name for w in graph.weights]
    for name_, value in {**expected.outputs, **expected.updates}.items():
        np.testing.assert_allclose({**found.outputs, **found.updates}[name_], value, rtol=1e-12)


def test_dead_nodes_go_and_weights_stay() -> None:
    b = GraphBuilder("g")
    x = b.input("x", "float", "N", 3)
    b.one(Dense(4), x, path="unread")
    graph = eliminate_dead(b.finish(y=b.one(Relu(), x, path="y")))
    assert [n.path for n in graph.nodes] == ["y"]
    assert [p.name for p in graph.parameters] == ["unread.weight", "unread.bias"]


def test_numbers_fold_and_common_parts_join() -> None:
    b = GraphBuilder("g")
    x = b.input("x", "float", "N", 3)
    two, three = b.constant(2.0), b.constant(3.0)
    first = b.one(Mul(), x, b.one(Add(), two, three, path="sum"), path="first")
    second = b.one(Mul(), x, b.one(Add(), two, three, path="sum2"), path="second")
    graph = b.finish(y=b.one(Add(), first, second, path="y"))
    assert [n.path for n in fold_constants(graph).nodes] == ["first", "second", "y"]
    assert [n.path for n in eliminate_common(graph).nodes] == ["sum", "first", "y"]
    small = optimized(graph)
    assert [n.path for n in small.nodes] == ["first", "y"]
    assert [float(c.value) for c in small.constants] == [5.0]


def test_a_node_that_is_made_anew_can_stand_for_another() -> None:
    b = GraphBuilder("g")
    x = b.input("x", "float", "N", 3)
    one, same = b.constant(1.0), b.constant(1.0)
    first, second = b.one(Add(), x, same, path="first"), b.one(Add(), x, one, path="second")
    graph = eliminate_common(b.finish(y=b.one(Mul(), first, second, path="y")))
    assert [n.path for n in graph.nodes] == ["first", "y"]
    assert run(graph, {"x": np.ones((1, 3))}, {}).outputs["y"].tolist() == [[4.0, 4.0, 4.0]]


def test_buffers_that_train_are_not_joined() -> None:
    b = GraphBuilder("g", "training")
    x = b.input("x", "float", "N", 3)
    first = b.apply(BatchNorm(training=True), x, path="norm")
    made = {w.name.split(".")[1]: w for w in b.graph.weights}
    second = b.apply(BatchNorm(training=True), x, path="norm2", parameters=made)
    graph = eliminate_common(b.finish(y=b.one(Add(), first[0], second[0], path="y")))
    assert [n.path for n in graph.nodes] == ["norm", "norm2", "y"]


def test_a_replaced_value_stays_replaced_where_what_makes_it_changes() -> None:
    b = GraphBuilder("n")
    x, y = b.input("x", "float", "N", 2), b.input("y", "float", "N", 2)
    half = b.one(Relu(), x, path="half", name="half")
    whole = b.one(Tanh(), half, path="whole", name="whole")
    graph = b.finish(out=b.one(Relu(), whole, path="out", name="out"))
    changed = rewritten(graph, {half: y, whole: y})
    (out,) = (o.value for o in changed.outputs)
    assert out.producer is not None and out.producer.inputs == (y,)
