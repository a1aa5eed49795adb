"""Verification accepts what ONNX Runtime makes of every op, at three scales of inputs: an op whose
implementations err absolutely says so by its `range`."""

from __future__ import annotations

from itertools import groupby

import pytest

from dlspec.ir.builder import GraphBuilder
from dlspec.ops import REGISTRY
from dlspec.randomness import structural_weights
from dlspec.verify.engine import verify_network
from tests.ops.test_op_contract import CASES, Case, graph_of
from tests.verify.networks import engine_of, plan_of

FAMILIES = [
    "activation",
    "arithmetic",
    "binary_loss",
    "comparison",
    "cumulative",
    "einsum",
    "embedding",
    "error_function",
    "gating",
    "linear",
    "loss",
    "metric_loss",
    "ordering",
    "penalty",
    "powers",
    "rectifiers",
    "reduction",
    "regression_loss",
    "rounding",
    "selection",
    "statistics",
    "trigonometry",
]
DIVIDES_BY_ZERO = {"floor_div-3", "mod-3"}
"""Whole numbers are drawn, 0 among them, by which ONNX Runtime refuses to divide."""


def family(case: Case) -> str:
    """The file that an op is in."""
    return REGISTRY[case.name].__module__.rpartition(".")[2]


KNOWN = {
    name: list(cases)
    for name, cases in groupby(sorted(CASES, key=lambda c: (family(c), str(c))), key=family)
}


@pytest.mark.parametrize("name", FAMILIES)
def test_ops_verify(name: str) -> None:
    for case in KNOWN[name]:
        if str(case) in DIVIDES_BY_ZERO:
            continue
        graph = graph_of(case)
        weights = structural_weights(graph, 1)
        engine = engine_of(graph, weights)
        result = verify_network(plan_of(graph), weights, engine, use_torch=False, fast=True, seed=1)
        assert result.status == "verified", f"{case}: {result.summary()}"


@pytest.mark.parametrize("names", [["cross_entropy"], ["log_softmax", "nll"]])
def test_a_sure_row_verifies(names: list[str]) -> None:
    """Of a row by itself, whose loss is nearly 0, nothing hides how far off a logarithm is."""
    b = GraphBuilder("row")
    scores, label = b.input("scores", "float", 5), b.input("label", "int")
    for name in names[:-1]:
        scores = b.one(REGISTRY[name](), scores, path=name)
    graph = b.finish(y=b.one(REGISTRY[names[-1]](), scores, label, path="loss"))
    for seed in range(12):
        result = verify_network(
            plan_of(graph), {}, engine_of(graph, {}), use_torch=False, fast=True, seed=seed
        )
        assert result.status == "verified", result.summary()
