"""Loss, buffers and gradients of the emitted PyTorch are those of the objective's meaning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import pytest

from dlspec.diagnostics import DlspecError, Sink
from dlspec.ir.builder import GraphBuilder
from dlspec.ir.graph import Graph, Value
from dlspec.ir.types import TensorType
from dlspec.ops.activation import Tanh
from dlspec.ops.arithmetic import Mul
from dlspec.ops.base import REGISTRY, Op, TorchContext
from dlspec.ops.linear import Dense
from dlspec.ops.normalization import BatchNorm
from dlspec.ops.reduction import Mean
from dlspec.randomness import initial_weights, structural_weights
from dlspec.sema.analyse import analyse
from dlspec.source import SourceFile
from dlspec.targets.onnx import onnx_from_graph
from dlspec.verify.engine import verify_network
from dlspec.verify.training import verify_training
from tests.graphs.catalogue import gan_step
from tests.verify.networks import SPECS, ort_engine, plan_of


def normed_objective() -> Graph:
    """A normalised layer while learning: statistics are updated and gradients pass through them."""
    b = GraphBuilder("normed", "objective")
    x = b.input("x", "float", "N", 4)
    made = b.apply(BatchNorm(training=True), b.one(Dense(3), x, path="first"), path="norm")
    node = made[0].producer
    assert node is not None
    for buffer, value in zip(node.inputs[3:], made[1:], strict=False):
        assert buffer is not None
        b.update(buffer, value)
    y = b.one(Tanh(), b.one(Dense(2), made[0], path="second"), path="tanh")
    return b.finish(loss=b.one(Mean((0, 1)), b.one(Mul(), y, y), path="loss"))


@pytest.mark.parametrize(
    "build", [lambda: gan_step("critic"), lambda: gan_step("artist"), normed_objective]
)
def test_objectives_agree(build: Callable[[], Graph]) -> None:
    graph = build()
    for seed, weights in enumerate((structural_weights(graph, 0), initial_weights(graph, 1))):
        proof = verify_training(graph, weights, seed=seed)
        assert proof.ok, proof.diagnostics
        assert {v.output for v in proof.outputs} == {"loss"}
        assert {v.output for v in proof.updates} == {b.name for b, _ in graph.updates}
        assert {g.parameter for g in proof.gradients} == {p.name for p in graph.parameters}
        assert any(abs(g.numpy) > 1e-6 for g in proof.gradients), "the gradients show nothing"


def test_the_recipe_of_lenet() -> None:
    text = (SPECS / "lenet.dl").read_text(encoding="utf-8")
    (recipe,) = analyse(SourceFile("lenet.dl", text), Sink()).recipes.values()
    graph = recipe.steps[0].learn
    proof = verify_training(graph, initial_weights(graph, 0))
    assert proof.ok, proof.diagnostics
    assert len(proof.gradients) == len(graph.parameters) == 10


DATA = """
data d {
    file = npz("p.npz")
    output x: float[N, 7, 2] = file.x
    output y: float[N, 7, 3] = file.y
    output i: int[N, 2] = file.i
}
cell own(start) {
    input x: float[N, 2]; state h: float[N, 3] = start
    h' = tanh(concat(x, h) -> dense(3)); output h'
}
network n(start = 0) { input x: float[N, 7, 2]; output p = x -> scan(own(start)) }
"""
RECIPES = {
    "a start that float32 rounds": "recipe r for n(0.1) on d { minimize mse(p, y) }",
    "a text without a vocabulary": "recipe r for n on d { minimize ctc(p, i) }",
    "labels that are a part": "recipe r for n on d { minimize cross_entropy(p[:, 0], i[:, 1]) }",
}


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES.keys())
def test_recipes_that_were_refused(recipe: str) -> None:
    text = DATA + recipe.replace(") }", "); optimizer = sgd(0.1); epochs = 1 }")
    sink = Sink()
    (plan,) = analyse(SourceFile("r.dl", text), sink).recipes.values()
    assert not sink.errors
    graph = plan.steps[0].learn
    for seed in range(3):
        proof = verify_training(graph, initial_weights(graph, 0), seed=seed)
        assert proof.ok, proof.diagnostics


class _Square(Op):
    """A square whose PyTorch lowering is that of a subclass."""

    name: ClassVar[str] = ""
    signature = "(x: float[*s]) -> (y: float[*s])"
    text: ClassVar[str] = ""

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """As given."""
        assert inputs[0] is not None
        return (inputs[0],)

    def reference(self, *inputs: Any) -> Any:
        """x^2."""
        return inputs[0] * inputs[0]

    def torch(self, t: TorchContext, *inputs: str) -> str:
        """The subclass's text."""
        return self.text.format(inputs[0])


def objective(op: Op) -> Graph:
    b = GraphBuilder("squared", "objective")
    x = b.input("x", "float", "N", 4)
    y: Value = b.one(op, b.one(Dense(3), x, path="first"), path="square")
    return b.finish(loss=b.one(Mean((0, 1)), y, path="loss"))


FAULTS = {
    "right": ("{0} * {0}", None),
    "a detached factor": ("{0} * {0}.detach()", "the gradient of `first.weight`"),
    "a lost gradient": ("({0} * {0}).detach() + 0 * {0}", "the gradient of `first.weight`"),
    "a wrong value": ("{0} * {0} * (1 + 1e-9)", "the loss"),
    "float32 inside": ("{0}.float().double() ** 2", "the loss"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_wrong_lowerings_are_found(name: str) -> None:
    text, blamed = FAULTS[name]
    label = f"test_square_{list(FAULTS).index(name)}"
    kind = type(
        "Square",
        (_Square,),
        {"__doc__": "x^2.", "name": label, "text": text, "signature": _Square.signature},
    )
    try:
        graph = objective(kind())
        proof = verify_training(graph, structural_weights(graph, 0))
    finally:
        REGISTRY.pop(label, None)
    if blamed is None:
        assert proof.ok, proof.diagnostics
        return
    assert not proof.ok
    with pytest.raises(DlspecError) as caught:
        proof.raise_if_failed()
    assert blamed in caught.value.diagnostics[0].message
    assert np.isfinite([g.numpy for g in proof.gradients]).all()


def test_a_wrong_lowering_to_pytorch_is_named() -> None:
    kind = type(
        "Square",
        (_Square,),
        {"__doc__": "x^2.", "name": "test_square_wrong", "text": "{0} * {0}.abs()"},
    )
    try:
        b = GraphBuilder("net")
        x = b.input("x", "float", "N", 4)
        h = b.one(kind(), b.one(Dense(3), x, path="first"), path="square")
        graph = b.finish(y=b.one(Dense(2), h, path="last"))
        weights = structural_weights(graph, 0)
        # the engine is right: ONNX is emitted from a graph that multiplies
        b = GraphBuilder("net")
        x = b.input("x", "float", "N", 4)
        first = b.one(Dense(3), x, path="first")
        h = b.one(Mul(), first, first, path="square")
        model = onnx_from_graph(b.finish(y=b.one(Dense(2), h, path="last")), weights)
        result = verify_network(
            plan_of(graph), weights, ort_engine(model), model=model, use_torch=True, fast=True
        )
    finally:
        REGISTRY.pop("test_square_wrong", None)
    assert result.status == "failed"
    (found,) = result.diagnostics
    assert found.code == "DL703"
    assert "`square`" in found.label_text
