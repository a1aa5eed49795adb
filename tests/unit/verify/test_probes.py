"""Probes cost little: values go after their last use, threads share them, none is drawn twice."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
import pytest

from dlspec.interpreter import run
from dlspec.ir.builder import GraphBuilder
from dlspec.ir.graph import Graph, Value
from dlspec.ops.activation import Sigmoid
from dlspec.randomness import structural_weights
from dlspec.verify import bound
from dlspec.verify.bound import Probe, references
from dlspec.verify.inputs import draw_inputs
from tests.verify.networks import picture


def chain(length: int) -> Graph:
    """So many sigmoids in a row."""
    b = GraphBuilder("chain")
    h = b.input("x", "float", "N", 4)
    for i in range(length):
        h = b.one(Sigmoid(), h, path=f"s{i}")
    return b.finish(y=h)


def test_values_go_after_their_last_use() -> None:
    graph, most = chain(12), 0
    seen: list[Any] = []

    def watch(value: Value, array: Any) -> Any:
        nonlocal most
        seen.append(weakref.ref(array))
        most = max(most, sum(r() is not None for r in seen))
        return array

    x = {"x": np.ones((2, 4), np.float32)}
    result = run(graph, x, {}, on_value=watch, want=["s5"])
    assert most <= 4
    assert set(result.values) == {"s5"}
    assert set(run(graph, x, {}, want="all").values) == {"x", *(f"s{i}" for i in range(12))}
    np.testing.assert_array_equal(run(graph, x, {}).outputs["y"], result.outputs["y"])


def test_threads_change_no_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = picture()
    weights = structural_weights(graph, 0)
    cases = [draw_inputs(graph, {"N": n, "H": 6}, seed=n) for n in (1, 3)]
    want = ["hidden", "maps", "x", "maps.weight", *(o.value.name for o in graph.outputs)]

    def bounds() -> Any:
        return [r.bounds for r in references(graph, cases, weights, want, seed=5)]

    monkeypatch.setattr(bound, "_WORTH", float("inf"))
    alone = bounds()
    monkeypatch.setattr(bound, "_WORTH", 0.0)
    monkeypatch.setattr(bound.os, "cpu_count", lambda: 4)
    shared = bounds()
    for a, b in zip(alone, shared, strict=True):
        assert a.keys() == b.keys() == set(want)
        for name, one in a.items():
            assert (one.largest, one.rms) == (b[name].largest, b[name].rms)
            if one.stable is not None:
                np.testing.assert_array_equal(one.stable, b[name].stable)
        assert a["hidden"].largest > 0
        assert a["x"].largest > 0


def test_a_probe_rounds_up_or_down_by_half_an_ulp() -> None:
    array = np.random.default_rng(0).normal(size=(70_001,)).astype(np.float32)
    out = np.empty(array.shape)
    changed = Probe(3, 1).array(array, out=out)
    assert changed is out
    ratio = changed / array.astype(np.float64) - 1
    assert set(np.round(ratio * 2.0**24).astype(int)) == {-1, 1}
    assert abs(np.mean(ratio > 0) - 0.5) < 0.02
    np.testing.assert_array_equal(changed, Probe(3, 1).array(array))
    far = Probe(3, 1).array(array, extent=8.0) - changed
    assert set(np.round(far * 2.0**24).astype(int)) == {-8, 8}
