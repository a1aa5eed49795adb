"""Rows without steps: what is taken of nothing is 0 in every lowering, and teaches no NaN."""

from __future__ import annotations

import numpy as np
import onnxruntime as ort
import pytest

from dlspec.diagnostics import Sink
from dlspec.interpreter import run
from dlspec.randomness import initial_weights
from dlspec.sema.analyse import Spec, analyse
from dlspec.source import SourceFile
from dlspec.targets.onnx import onnx_from_graph
from dlspec.verify.inputs import draw_inputs
from dlspec.verify.training import verify_training

REDUCTIONS = ("max", "min", "mean", "sum", "logsumexp", "norm")
OTHERS = (
    "x -> last",
    "x -> scan(gru(3)) -> last",
    "sum(softmax(x, axis = T), axis = T)",
    "sum(cumsum(x, axis = 1), axis = T)",
    "mean(x -> bidirectional(lstm(2)), axis = T)",
)
SPEC = """
network n {
    input x: float[N, <=T, 3]
    output y = EXPRESSION
    output p = y -> reshape(-1) -> dense(2)
}
data d { file = npz("p.npz"); output x: float[N, <=T, 3] = file.x; output t: float[N, 2] = file.t }
recipe r for n on d { minimize mse(p, t); optimizer = sgd(0.1); epochs = 1 }
"""


def spec_of(text: str) -> Spec:
    sink = Sink()
    spec = analyse(SourceFile("nothing.dl", text), sink)
    assert not sink.errors, [d.message for d in sink.errors]
    return spec


def in_turn(count: int, longest: int) -> np.ndarray:
    return np.arange(count) % 2 * longest


@pytest.mark.parametrize(
    "expression",
    [*(f"{r}(x, axis = T)" for r in REDUCTIONS), "max(x, axis = T, keep = true)", *OTHERS],
)
def test_of_no_steps(expression: str) -> None:
    spec = spec_of(SPEC.replace("EXPRESSION", expression))
    graph = spec.networks["n"].graph
    weights = initial_weights(graph, 0)
    given = draw_inputs(graph, {"N": 5, "T": 4}, lengths=in_turn)
    exact = run(graph, given, weights).outputs["y"]
    assert not exact[0::2].any() and exact[1::2].any()
    session = ort.InferenceSession(onnx_from_graph(graph, weights).SerializeToString())
    (found,) = session.run(["y"], given)
    np.testing.assert_allclose(found, exact, atol=1e-5)
    learn = spec.recipes["r"].steps[0].learn
    inputs = draw_inputs(learn, {"N": 5, "T": 4}, lengths=in_turn)
    proof = verify_training(learn, initial_weights(learn, 0), inputs=inputs)
    assert proof.ok, proof.diagnostics
    assert all(np.isfinite(g.numpy) for g in proof.gradients)


NESTED = """
network n {
    input x: float[N, <=T, <=W, 3]
    output inner = x -> max(axis = W) -> sum(axis = T)
    output both = max(x, axis = [T, W])
    output kept = min(x, axis = [T, W], keep = true)
}
"""


def test_within_one_another() -> None:
    graph = spec_of(NESTED).networks["n"].graph
    given = {"x": np.random.default_rng(0).standard_normal((4, 3, 4, 3)).astype(np.float32)}
    given["T_lengths"] = np.array([3, 0, 1, 2], np.int32)
    given["W_lengths"] = np.array([[2, 0, 4], [9, 9, 9], [0, 9, 9], [0, 1, 9]], np.int32)
    found = run(graph, given, {}).outputs
    session = ort.InferenceSession(onnx_from_graph(graph, {}).SerializeToString())
    for name, answer in zip(found, session.run(list(found), given), strict=True):
        np.testing.assert_allclose(answer, found[name], atol=1e-5)
    zero = np.zeros(3)
    for row, steps in enumerate([[2, 0, 4], [], [0], [0, 1]]):
        words = [given["x"][row, t, :n] for t, n in enumerate(steps) if n]
        one = np.concatenate(words) if words else np.zeros((1, 3))
        np.testing.assert_allclose(found["both"][row], one.max(0), atol=1e-6)
        np.testing.assert_allclose(found["kept"][row, 0, 0], one.min(0), atol=1e-6)
        inner = sum((w.max(0) for w in words), zero)
        np.testing.assert_allclose(found["inner"][row], inner, atol=1e-5)
