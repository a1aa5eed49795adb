"""Engines that add one after the other stay in the bound, however long the sums are."""

from __future__ import annotations

import numpy as np
import pytest

from dlspec.ir.builder import GraphBuilder
from dlspec.ops.linear import Dense
from dlspec.ops.sums import LONG, sum_extent
from dlspec.randomness import structural_weights
from dlspec.verify.bound import FACTOR, reference
from dlspec.verify.inputs import draw_inputs
from dlspec.verify.verdict import compare


@pytest.mark.parametrize("terms", [64, 500, 2304, 25088])
def test_adding_in_order_is_accepted(terms: int) -> None:
    b = GraphBuilder("net")
    x = b.input("x", "float", "N", terms)
    graph = b.finish(y=b.one(Dense(6), x, path="y"))
    weights = structural_weights(graph, 1)
    inputs = draw_inputs(graph, {"N": 5}, seed=2)
    inputs["x"] = np.maximum(inputs["x"], 0)  # what follows a rectifier
    exact = reference(graph, inputs, weights, ["y"], seed=3)
    weight, bias = weights["y.weight"], weights["y.bias"]
    products = inputs["x"][:, None, :] * weight
    found = np.cumsum(products, axis=-1, dtype=np.float32)[..., -1] + bias
    verdict = compare("y", "", exact.values["y"], found, exact.bounds["y"])
    assert verdict.status == "pass"
    assert verdict.ratio < 5
    # and what is wrong by a little more than rounding is not
    wrong = found * np.float32(1 + 1e-4)
    assert compare("y", "", exact.values["y"], wrong, exact.bounds["y"]).status == "fail"


def test_short_sums_add_nothing() -> None:
    numbers = np.ones((4, 4))
    assert sum_extent(numbers, LONG - 1) is None
    assert sum_extent(numbers.astype(int), 4096) is None
    found = sum_extent(numbers, 6 * 256)
    assert found == pytest.approx(4.0)
    with_nan = np.array([1.0, np.nan, np.inf, 1.0])
    assert np.isfinite(sum_extent(with_nan, 6 * 256) or 0.0)
    assert FACTOR == 8
