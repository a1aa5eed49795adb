"""What cannot be told is not called verified by itself; NaN, infinities, tolerances, refusals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest

from dlspec.diagnostics import DlspecError
from dlspec.ir.builder import GraphBuilder
from dlspec.ir.graph import Graph, Value
from dlspec.ir.plan import CheckPlan
from dlspec.ops.activation import Sigmoid
from dlspec.ops.arithmetic import Add, Div, Exp, Log, Mul, Sub
from dlspec.ops.base import literal
from dlspec.ops.linear import Dense
from dlspec.ops.reduction import Argmax
from dlspec.randomness import initial_weights, structural_weights
from dlspec.verify.engine import verify_network
from dlspec.verify.result import Verification
from dlspec.verify.study import Study
from tests.verify.networks import Arrays, Runner, engine_of, picture, plan_of

PICTURE = Study(plan_of(picture()), structural_weights(picture(), 0), fast=True)
ENGINE = engine_of(PICTURE.graph, PICTURE.weights)


def graph_of(body: Callable[[GraphBuilder, Value], Value], units: int = 4) -> Graph:
    b = GraphBuilder("net")
    return b.finish(y=body(b, b.input("x", "float", "N", units)))


def verify(
    graph: Graph, weights: Arrays | None = None, runner: Runner | None = None, **options: object
) -> Verification:
    weights = initial_weights(graph, 0) if weights is None else weights
    runner = runner or engine_of(graph, weights)
    study = PICTURE if graph is PICTURE.graph else None
    given = {"use_torch": False, "fast": True, "study": study, **options}
    return verify_network(plan_of(graph), weights, runner, **given)  # type: ignore[arg-type]


def sigmoids(b: GraphBuilder, x: Value) -> Value:
    for _ in range(12):
        x = b.one(Sigmoid(), b.one(Dense(4), x, path="dense"), path="sigmoid")
    return x


def test_fresh_deep_sigmoids_are_insensitive() -> None:
    result = verify(graph_of(sigmoids))
    assert result.outputs == {"y": "insensitive"}
    assert result.status == "verified", "every node was proved alone"
    assert [d.code for d in result.diagnostics] == ["DL711"]
    result.raise_if_failed()
    alone = replace(result, nodes=())
    assert alone.status == "unverified"


def chaos(b: GraphBuilder, x: Value) -> Value:
    """The logistic map: 60 steps amplify rounding to everything."""
    four = b.constant(3.99, name="four")
    one = b.constant(1.0, name="one")
    x = b.one(Sigmoid(), x, path="start")
    for _ in range(60):
        x = b.one(Mul(), b.one(Mul(), four, x), b.one(Sub(), one, x))
    return x


def test_chaos_is_undetermined() -> None:
    result = verify(graph_of(chaos))
    assert result.outputs["y"] == "undetermined"
    assert result.status == "verified", "every node was proved alone"
    assert replace(result, nodes=()).status == "unverified"
    assert "DL710" in {d.code for d in result.diagnostics}


def invalid(b: GraphBuilder, x: Value) -> Value:
    """NaN for negative numbers, -inf for zero."""
    return b.one(Log(), x)


def test_nan_stands_at_the_same_places() -> None:
    graph = graph_of(invalid)
    engine = engine_of(graph, {})
    assert verify(graph).status == "verified"
    for wrong in (0.0, np.inf):

        def spoiled(x: Mapping[str, np.ndarray], wrong: float = wrong) -> Arrays:
            return {"y": np.nan_to_num(engine(x)["y"], nan=wrong).astype("f4")}

        result = verify(graph, runner=spoiled)
        assert result.status == "failed"
        assert {v.reason for v in result.verdicts if v.status == "fail"} == {"not finite"}
        assert "a NaN or an infinity out of place" in result.diagnostics[0].message


def test_an_infinity_is_right_where_float32_overflows() -> None:
    hundred = np.float32(100)
    graph = graph_of(lambda b, x: b.one(Exp(), b.one(Mul(), x, b.constant(hundred))))
    assert verify(graph).status == "verified"


def test_division_by_a_constant_zero_agrees() -> None:
    graph = graph_of(lambda b, x: b.one(Div(), x, b.constant(0.0)))
    assert verify(graph).status == "verified"


def test_a_tolerance_is_relative_to_the_size_of_the_output() -> None:
    graph, weights, engine = PICTURE.graph, PICTURE.weights, ENGINE

    def rough(x: Mapping[str, np.ndarray]) -> Arrays:
        found = engine(x)
        scores = found["scores"]
        size = np.sqrt(np.mean(scores**2))
        return {**found, "scores": (scores + 0.004 * size).astype("f4")}

    assert verify(graph, weights, rough).status == "failed"
    assert verify(graph, weights, rough, tolerance=0.01).status == "verified"
    failed = verify(graph, weights, rough, tolerance=0.001)
    assert failed.status == "failed"
    assert any("the declared tolerance" in n for d in failed.diagnostics for n in d.notes)


@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
def test_a_lower_precision_has_a_wider_bound(precision: str) -> None:
    graph, weights, engine = PICTURE.graph, PICTURE.weights, ENGINE

    def rounded(x: Mapping[str, np.ndarray]) -> Arrays:
        found = engine(x)
        return {
            n: a.astype(np.float16).astype("f4") if a.dtype.kind == "f" else a
            for n, a in found.items()
        }

    assert verify(graph, weights, rounded, precision=precision).status == "verified"
    assert verify(graph, weights, rounded).status == "failed"


def test_an_engine_that_ignores_its_inputs_fails() -> None:
    graph, weights, engine = PICTURE.graph, PICTURE.weights, ENGINE
    result = verify(graph, weights, lambda x: engine({"x": np.ones_like(x["x"])}))
    assert result.status == "failed"


def test_an_engine_of_one_batch_is_refused() -> None:
    graph, weights, engine = PICTURE.graph, PICTURE.weights, ENGINE

    def fixed(x: Mapping[str, np.ndarray]) -> Arrays:
        if len(x["x"]) != 3:
            raise RuntimeError("Got invalid dimensions for input: x index: 0 Got: 1 Expected: 3")
        return engine(x)

    result = verify(graph, weights, fixed)
    assert result.status == "failed"
    (found,) = (d for d in result.diagnostics if d.severity == "error")
    assert found.code == "DL705"
    assert "N = 1" in found.label_text
    assert "Expected: 3" in found.notes[0]


def test_a_wrong_shape_or_type_is_told() -> None:
    graph, weights, engine = PICTURE.graph, PICTURE.weights, ENGINE
    squeezed = verify(graph, weights, lambda x: {**engine(x), "label": engine(x)["label"][:1]})
    assert {v.reason for v in squeezed.verdicts if v.status == "fail"} == {"shape"}
    floats = verify(
        graph, weights, lambda x: {**engine(x), "label": engine(x)["label"].astype("f4")}
    )
    assert {v.reason for v in floats.verdicts if v.status == "fail"} == {"type"}


def test_a_label_is_compared_only_where_its_score_leads() -> None:
    """Two classes with one score: which of them is largest is rounding."""
    b = GraphBuilder("tie")
    x = b.input("x", "float", "N", 3)
    weight = np.random.default_rng(0).normal(size=(5, 3)).astype("f4")
    weight[1] = weight[0]
    scores = b.one(
        Dense(5),
        x,
        path="scores",
        parameters={"weight": literal(weight), "bias": literal(np.zeros(5))},
    )
    graph = b.finish(label=b.one(Argmax(), scores, path="label"))
    weights = initial_weights(graph, 0)
    engine = engine_of(graph, weights)

    def other(x: Mapping[str, np.ndarray]) -> Arrays:
        label = engine(x)["label"]
        return {"label": np.where(label == 0, 1, label)}

    result = verify(graph, weights, other)
    assert result.status == "verified"
    assert any(v.decided < 1 for v in result.verdicts)
    wrong = verify(graph, weights, lambda x: {"label": (engine(x)["label"] + 1) % 5})
    assert wrong.status == "failed"
    assert {v.reason for v in wrong.verdicts if v.status == "fail"} == {"decision"}


def test_a_failing_check_is_a_diagnostic_on_its_line() -> None:
    graph = graph_of(lambda b, x: b.one(Add(), x, x), units=2)
    check = CheckPlan(
        "value", "check net(x = [[1, 2]]).y == [[2, 5]]", "y", "==", np.array([[2.0, 5.0]]), 0.0,
        {"x": np.array([[1.0, 2.0]])},
    )  # fmt: skip
    plan = replace(plan_of(graph), checks=(check,))
    result = verify_network(plan, {}, engine_of(graph, {}), use_torch=False, fast=True)
    assert result.status == "failed"
    with pytest.raises(DlspecError, match="check fails") as caught:
        result.raise_if_failed()
    (found,) = caught.value.diagnostics
    assert found.code == "DL702"
    assert "[[2, 4]]" in found.label_text
    right = replace(check, expected=np.array([[2.0, 4.0]]))
    plan = replace(plan, checks=(right,))
    assert (
        verify_network(plan, {}, engine_of(graph, {}), use_torch=False, fast=True).status
        == "verified"
    )


def test_a_failure_names_values_bound_and_place() -> None:
    graph, weights = PICTURE.graph, PICTURE.weights
    engine = engine_of(
        graph, {**weights, "hidden.bias": weights["hidden.bias"] * np.float32(1.001)}
    )
    result = verify(graph, weights, engine, engine="edge (onnxruntime)")
    found = next(d for d in result.diagnostics if d.code == "DL700")
    text = " ".join([found.message, *found.notes])
    assert "`edge (onnxruntime)` answers wrongly" in text
    assert "times the bound" in text
    assert "every node alone is right" in text
