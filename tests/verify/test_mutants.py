"""Every fault is found, and the node that has it is named."""

from __future__ import annotations

import copy

import onnx
import pytest

from dlspec.diagnostics import DlspecError
from dlspec.randomness import initial_weights, structural_weights
from dlspec.targets.onnx import onnx_from_graph
from dlspec.verify.engine import verify_network
from dlspec.verify.refusals import refusals
from dlspec.verify.study import Study
from tests.verify.mutants import MUTANTS
from tests.verify.networks import Arrays, Runner, ort_engine, picture, plan_of

GRAPH = picture()
FRESH = initial_weights(GRAPH, 0)
STRUCTURAL = structural_weights(GRAPH, 1)


@pytest.fixture(scope="module")
def study() -> Study:
    return Study(plan_of(GRAPH), STRUCTURAL, fast=True, seed=4)


def mutated(name: str, weights: Arrays) -> onnx.ModelProto:
    model = copy.deepcopy(onnx_from_graph(GRAPH, weights))
    MUTANTS[name].edit(model)
    return model


def refusing(_: object) -> Arrays:
    raise RuntimeError("this engine cannot be loaded")


@pytest.mark.parametrize("name", MUTANTS)
def test_the_node_is_named_even_on_fresh_weights(name: str) -> None:
    model = mutated(name, FRESH)
    result = verify_network(
        plan_of(GRAPH), FRESH, engine_or_refusal(model), model=model, use_torch=False, seed=3
    )
    assert result.status == "failed"
    wrong = result.first_wrong_node
    assert wrong is not None
    assert wrong.path == MUTANTS[name].node
    with pytest.raises(DlspecError) as caught:
        result.raise_if_failed()
    codes = {d.code for d in caught.value.diagnostics}
    assert codes <= {"DL700", "DL701", "DL705"}
    first = caught.value.diagnostics[0]
    assert first.span is not None
    line = first.span.source.line(first.span.line).strip()
    assert line in wrong.path


@pytest.mark.parametrize("name", MUTANTS)
def test_an_engine_that_differs_from_its_model_fails_end_to_end(name: str, study: Study) -> None:
    model = mutated(name, STRUCTURAL)
    # the optimiser removes a dropout, so that engine would be right
    engine = engine_or_refusal(model, optimised=name != "dropout left on")
    result = verify_network(study.plan, STRUCTURAL, engine, use_torch=False, study=study)
    assert result.status == "failed"
    assert all(n.status == "pass" for n in result.nodes), "the emitted model itself is right"
    assert any(v.status == "fail" for v in result.verdicts)


def engine_or_refusal(model: onnx.ModelProto, *, optimised: bool = True) -> Runner:
    """A session of the model, or where it cannot be made an engine that refuses."""
    try:
        return ort_engine(model, optimised=optimised)
    except refusals():
        return refusing
