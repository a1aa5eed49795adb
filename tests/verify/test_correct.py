"""Right engines pass: no false alarms."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dlspec.randomness import initial_weights, structural_weights
from dlspec.targets.onnx import onnx_from_graph
from dlspec.verify.engine import verify_network
from dlspec.verify.study import Study
from tests.graphs.catalogue import CATALOGUE
from tests.verify.networks import engine_of, picture, plan_of, spec_plan

INFERENCE = [n for n in CATALOGUE if n != "batch_norm_training"]


@pytest.mark.parametrize("name", INFERENCE)
def test_hand_built_graphs(name: str) -> None:
    graph = CATALOGUE[name].build()
    for seed, weights in enumerate((structural_weights(graph, 0), initial_weights(graph, 1))):
        result = verify_network(
            plan_of(graph),
            weights,
            engine_of(graph, weights),
            use_torch=False,
            seed=seed,
            fast=True,
        )
        assert result.status == "verified", result.summary()
        assert set(result.outputs) == {o.name for o in graph.outputs}
        assert all(n.status == "pass" for n in result.nodes)
        assert len(result.nodes) == len(graph.nodes)


@pytest.mark.parametrize("name", ["tiny", "mlp", "lenet"])
def test_specs_with_all_references(name: str) -> None:
    plan = spec_plan(name)
    weights = initial_weights(plan.graph, 0)
    bounds = plan.engines[0].bounds
    result = verify_network(
        plan, weights, engine_of(plan.graph, weights), bounds=bounds, use_torch=True
    )
    assert result.status == "verified", result.summary()
    assert set(result.outputs.values()) == {"pass"}
    assert not result.diagnostics
    assert {s["N"] for s in result.sizes} == {1, 2, 3, 64}
    assert result.references and result.torch
    assert all(v.ratio < 5 for v in (*result.verdicts, *result.torch, *result.references))
    assert result.unproven == ()
    json.dumps(result.to_json(), allow_nan=False)


@pytest.mark.parametrize("seed", range(6))
def test_seeds(seed: int) -> None:
    graph = picture()
    weights = structural_weights(graph, seed)
    result = verify_network(
        plan_of(graph), weights, engine_of(graph, weights), use_torch=False, seed=seed
    )
    assert set(result.outputs.values()) == {"pass"}, result.summary()
    assert max(v.ratio for v in result.verdicts) < 5
    assert max(n.ratio for n in result.nodes) < 5


def test_checks_hold_on_every_side() -> None:
    plan = spec_plan("tiny")
    weights = initial_weights(plan.graph, 0)
    result = verify_network(
        plan, weights, engine_of(plan.graph, weights), use_torch=True, engine="edge"
    )
    assert {c.side for c in result.checks} == {
        "the float64 reference",
        "PyTorch in float32",
        "edge",
    }
    assert all(c.holds for c in result.checks)
    assert len(result.checks) == 3 * len(plan.checks)


def test_a_study_is_shared_by_engines() -> None:
    graph = picture()
    weights = structural_weights(graph, 0)
    study = Study(plan_of(graph), weights, fast=True)
    first = verify_network(
        plan_of(graph), weights, engine_of(graph, weights), use_torch=False, study=study
    )
    again = verify_network(
        plan_of(graph), weights, engine_of(graph, weights), use_torch=False, study=study
    )
    assert first.timings["reference"] > 0
    assert again.timings["reference"] == 0
    assert first.verdicts == again.verdicts


def test_the_same_seed_gives_the_same_verdict() -> None:
    graph = picture()
    weights = structural_weights(graph, 0)
    engine = engine_of(graph, weights)
    one, two, other = (
        verify_network(plan_of(graph), weights, engine, use_torch=False, fast=True, seed=s)
        for s in (7, 7, 8)
    )
    assert one.verdicts == two.verdicts
    assert one.verdicts != other.verdicts


def test_real_examples_take_part() -> None:
    graph = picture()
    weights = structural_weights(graph, 0)
    rng = np.random.default_rng(0)
    examples = [{"x": rng.normal(size=(4, 3, 6, 8)).astype("f4")}]
    result = verify_network(
        plan_of(graph),
        weights,
        engine_of(graph, weights),
        use_torch=False,
        fast=True,
        examples=examples,
    )
    assert "example 1" in {v.case for v in result.verdicts}
    assert {"N": 4, "H": 6} in result.sizes
    assert result.status == "verified"


def test_what_is_not_proved_is_told() -> None:
    graph = picture()
    weights = structural_weights(graph, 0)
    engine = engine_of(graph, weights)
    bounds = {"N": (1, 100_000)}
    result = verify_network(
        plan_of(graph), weights, engine, use_torch=False, fast=True, bounds=bounds
    )
    told = " ".join(result.unproven)
    assert "N is declared up to 100000" in told
    assert "H is unbounded" in told
    assert "PyTorch was not asked" in told


def test_an_engine_may_have_a_part_of_the_outputs() -> None:
    graph = picture()
    weights = structural_weights(graph, 0)
    engine = engine_of(graph, weights)
    part = verify_network(
        plan_of(graph),
        weights,
        lambda x: {"label": engine(x)["label"]},
        use_torch=False,
        fast=True,
        outputs=["label"],
    )
    assert part.status == "verified"
    assert list(part.outputs) == ["label"]
    whole = verify_network(
        plan_of(graph), weights, lambda x: {"label": engine(x)["label"]}, use_torch=False, fast=True
    )
    assert whole.status == "failed"
    assert {v.reason for v in whole.verdicts if v.status == "fail"} == {"missing"}


def test_the_model_that_is_given_is_not_changed() -> None:
    graph = picture()
    weights = initial_weights(graph, 0)
    model = onnx_from_graph(graph, weights)
    before = model.SerializeToString()
    verify_network(
        plan_of(graph), weights, engine_of(graph, weights), use_torch=False, fast=True, model=model
    )
    assert model.SerializeToString() == before
