"""Batches of heavy networks are made of a few examples, where examples are computed alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from dlspec.ir.builder import GraphBuilder
from dlspec.ir.graph import Graph
from dlspec.ops.activation import Relu, Softmax
from dlspec.ops.convolution import Conv
from dlspec.ops.linear import Dense
from dlspec.ops.normalization import BatchNorm
from dlspec.ops.reduction import Mean
from dlspec.randomness import initial_weights
from dlspec.verify import batches as module
from dlspec.verify import effort as costs
from dlspec.verify.batches import batches
from dlspec.verify.effort import effort, is_heavy
from dlspec.verify.engine import verify_network
from dlspec.verify.examples import example_symbol
from dlspec.verify.study import Study
from tests.graphs.catalogue import ragged_scan
from tests.verify.networks import engine_of, picture, plan_of, spec_plan


def heavy(size: int | str = 96, channels: int = 48) -> Graph:
    """A network of few layers whose one example costs much."""
    b = GraphBuilder("heavy")
    h = b.input("x", "float", "N", 3, size, size if isinstance(size, int) else 96)
    for i in range(2):
        h = b.one(Conv(channels, kernel=3, pad=1), h, path=f"conv{i}")
        h = b.one(BatchNorm(), h, path=f"norm{i}")
        h = b.one(Relu(), h, path=f"relu{i}")
    h = b.one(Mean((2, 3)), h, path="mean")
    return b.finish(scores=b.one(Dense(5), h, path="head"))


def test_examples_are_alone_or_not() -> None:
    assert example_symbol(heavy()) == "N"
    assert example_symbol(picture()) == "N"
    assert example_symbol(spec_plan("lenet").graph) == "N"
    assert example_symbol(ragged_scan()) is None

    def ending(op: Any) -> Graph:
        b = GraphBuilder("net")
        x = b.input("x", "float", "N", 4)
        return b.finish(y=b.one(op, x, path="y"))

    assert example_symbol(ending(Softmax())) == "N"
    assert example_symbol(ending(Softmax(axis=0))) is None
    assert example_symbol(ending(Softmax(axis=-2))) is None
    assert example_symbol(ending(Mean(0, keep=True))) is None


def test_effort_counts_products() -> None:
    graph = heavy()
    one = effort(graph, {"N": 1})
    assert one > 96 * 96 * (48 * 27 + 48 * 48 * 9)
    assert 2.9 < effort(graph, {"N": 3}) / one < 3.1
    assert is_heavy(graph, "N")
    assert not is_heavy(spec_plan("lenet").graph, "N")


def test_batches_reach_the_largest_size_with_few_examples() -> None:
    cases = batches(heavy(), "N", {"N": (1, 16)})
    assert [c.sizes["N"] for c in cases] == [1, 1, 1, 2, 3, 16]
    assert len({c.label for c in cases}) == len(cases)
    singles = cases[:3]
    assert all(c.base and not c.rows for c in singles)
    for case in cases[3:]:
        assert len(case.rows) == case.sizes["N"]
        for i, row in enumerate(case.rows):
            assert row in singles
            np.testing.assert_array_equal(case.inputs["x"][i : i + 1], row.inputs["x"])
    three = cases[4]
    assert len({r.label for r in three.rows}) == 3


def test_bounds_that_exclude_one_example_are_kept() -> None:
    cases = batches(heavy(), "N", {"N": (4, 8)})
    assert {c.sizes["N"] for c in cases} == {4, 5, 8}
    assert all(c.rows for c in cases)


def test_other_sizes_are_swept(monkeypatch: pytest.MonkeyPatch) -> None:
    cases = batches(heavy("H"), "N", {"N": (1, 4), "H": (2, 64)})
    assert {2, 64} <= {c.sizes["H"] for c in cases}
    assert 4 in {c.sizes["N"] for c in cases}
    monkeypatch.setattr(module, "REFERENCE", 2_000_000_000)
    few = batches(heavy("H"), "N", {"N": (1, 4), "H": (2, 64)})
    assert max(c.sizes["H"] for c in few) < 64


def test_real_examples_come_in_one_batch() -> None:
    x = np.random.default_rng(0).normal(size=(5, 3, 96, 96)).astype(np.float32)
    cases = batches(heavy(), "N", {"N": (1, 4)}, examples=[{"x": x}])
    last = cases[-1]
    assert last.label == "example 1"
    assert last.sizes["N"] == 2
    np.testing.assert_array_equal(last.inputs["x"], x[[1, 0]])


@pytest.fixture(scope="module")
def study() -> Study:
    """Of a network that is held to be heavy, shared."""
    graph = heavy(12, 8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(costs, "HEAVY", 1)
        return Study(plan_of(graph), initial_weights(graph, 1), bounds={"N": (1, 8)})


def test_a_batch_has_the_answers_of_its_examples(study: Study) -> None:
    batch = study.cases[-1]
    whole = study.reference(batch)
    assert whole.values["head"].shape == (8, 5)
    for i, row in enumerate(batch.rows):
        one = study.reference(row)
        np.testing.assert_array_equal(whole.values["head"][i : i + 1], one.values["head"])
        assert whole.bounds["head"].largest >= one.bounds["head"].largest
    assert len(study.computed) == 3


def test_a_right_engine_passes_and_wrong_ones_do_not(study: Study) -> None:
    right = engine_of(study.graph, study.weights)

    def verdict(engine: Any) -> Any:
        return verify_network(study.plan, study.weights, engine, study=study, use_torch=False)

    found = verdict(right)
    assert found.status == "verified", found.summary()
    assert {s["N"] for s in found.sizes} == {1, 2, 3, 8}
    assert not any("proved up to" in u for u in found.unproven)

    def mixing(inputs: Mapping[str, Any]) -> Any:
        """Subtracts the mean over the batch where there are more than two."""
        scores = np.asarray(right(dict(inputs))["scores"])
        return {"scores": scores - (0.01 * scores.mean(0) if len(scores) > 2 else 0)}

    def exchanged(inputs: Mapping[str, Any]) -> Any:
        """Answers the last two of a large batch the wrong way round."""
        scores = np.array(right(dict(inputs))["scores"])
        if len(scores) == 8:
            scores[-2:] = scores[:-3:-1].copy()
        return {"scores": scores}

    assert verdict(mixing).status == "failed"
    failed = verdict(exchanged)
    assert {v.case for v in failed.verdicts if v.status == "fail"} == {"N = 8"}
    assert failed.worst["scores"].index[0] in (6, 7)


def test_golden_inputs_alone(study: Study) -> None:
    graph = study.graph
    right = engine_of(graph, study.weights)
    found = verify_network(study.plan, study.weights, right, golden=True)
    assert found.verdict == "proved less (fast): golden inputs only"
    assert found.summary().startswith(f"{found.verdict}: scores")
    assert len(found.verdicts) == 1
    assert not found.nodes and not found.torch
    data = found.to_json()
    assert (data["less"], data["verdict"]) == ("golden inputs only", found.verdict)
    zeros = np.zeros((3, 5), np.float32)
    wrong = verify_network(study.plan, study.weights, lambda x: {"scores": zeros}, golden=True)
    assert wrong.verdict == "failed"


def test_time_decides_what_is_heavy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(costs, "HEAVY", 1)
    graph = picture()
    cases = Study(plan_of(graph), {}, bounds={"N": (1, 4), "H": (2, 8)}).cases
    assert any(c.rows for c in cases)
