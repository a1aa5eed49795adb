"""Drawn inputs reach the edges of their types; sizes are swept within their bounds."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dlspec.ir.builder import GraphBuilder
from dlspec.ir.graph import Graph
from dlspec.ops.convolution import Conv
from dlspec.ops.embedding import Embed
from dlspec.ops.loss import CrossEntropy
from dlspec.ops.shape import Flatten
from dlspec.verify.inputs import SCALES, draw_cases, draw_inputs, sizes_of
from dlspec.verify.sizes import elements, is_possible, sweep
from tests.graphs.catalogue import ragged_scan
from tests.verify.networks import picture, spec_plan


def test_bytes_cover_their_range() -> None:
    graph = spec_plan("lenet").graph
    image = draw_inputs(graph, {"N": 2})["image"]
    assert image.dtype == np.uint8
    assert image.shape == (2, 28, 28)
    assert (image.min(), image.max()) == (0, 255)


def test_ids_stay_within_what_reads_them() -> None:
    b = GraphBuilder("ids")
    word = b.input("word", "int", "N", "T")
    label = b.input("label", "int", "N", "T")
    named = b.input("named", "int", "N", classes=("a", "b", "c"))
    scores = b.one(Embed(7, 4), word, path="table")
    graph = b.finish(loss=b.one(CrossEntropy(), scores, label, path="loss"), named=named)
    drawn = draw_inputs(graph, {"N": 40, "T": 3})
    assert (drawn["word"].min(), drawn["word"].max()) == (0, 6)
    assert (drawn["label"].min(), drawn["label"].max()) == (0, 3)
    assert (drawn["named"].min(), drawn["named"].max()) == (0, 2)


def test_lengths_are_unsorted_with_ties_and_the_ends() -> None:
    graph = ragged_scan()
    for seed in range(5):
        drawn = draw_inputs(graph, {"N": 8, "T": 9}, seed=seed)
        lengths = drawn["T_lengths"]
        assert lengths.dtype == np.int32
        assert {0, 1, 9} <= set(lengths.tolist())
        assert len(set(lengths.tolist())) < len(lengths)
        behind = np.arange(9)[None] >= lengths[:, None]
        assert np.isnan(drawn["x"][behind]).all()
        assert np.isfinite(drawn["x"][~behind]).all()
        assert list(lengths) != sorted(lengths, reverse=True)


def test_draws_are_functions_of_the_seed() -> None:
    graph = ragged_scan()
    sizes = {"N": 3, "T": 5}
    one, two, other = (draw_inputs(graph, sizes, seed=s) for s in (1, 1, 2))
    for name in one:
        np.testing.assert_array_equal(one[name], two[name])
    assert any(
        not np.array_equal(one[n], other[n], equal_nan=True)
        for n in one
        if one[n].dtype.kind == "f"
    )


def test_cases_sweep_sizes_and_scales() -> None:
    cases = draw_cases(picture(), {"N": (1, 16), "H": (2, 16)})
    assert [c.base for c in cases].count(True) == len(SCALES)
    assert {1, 2, 3, 16} <= {c.sizes["N"] for c in cases}
    assert len({c.label for c in cases}) == len(cases)
    sizes = [float(np.abs(c.inputs["x"]).max()) for c in cases if c.base]
    assert max(sizes) > 50 * min(sizes)


def test_sizes_of_given_arrays() -> None:
    assert sizes_of(picture(), {"x": np.zeros((4, 3, 6, 8))}) == {"N": 4, "H": 6}
    assert sizes_of(picture(), {}) == {"N": 1, "H": 1}


def strided(kernel: int) -> Graph:
    b = GraphBuilder("strided")
    x = b.input("x", "float", "N", 1, "H", 8)
    return b.finish(y=b.one(Flatten(), b.one(Conv(2, kernel=(kernel, 1)), x, path="c"), path="f"))


@given(
    st.integers(1, 9),
    st.tuples(st.integers(1, 12), st.integers(0, 30)),
    st.tuples(st.integers(1, 12), st.integers(0, 30)),
)
def test_every_swept_size_is_possible_and_within_bounds(
    kernel: int, batch: tuple[int, int], height: tuple[int, int]
) -> None:
    graph = strided(kernel)
    least = max(kernel, height[0])  # what is declared must be possible at all
    bounds = {"N": (batch[0], sum(batch)), "H": (least, least + height[1])}
    found = sweep(graph, bounds)
    assert {"N": bounds["N"][1], "H": bounds["H"][1]} in found
    for sizes in found:
        assert is_possible(graph, sizes)
        for symbol, (low, high) in bounds.items():
            assert low <= sizes[symbol] <= high


def test_sizes_are_raised_to_what_a_convolution_can_take() -> None:
    graph = strided(5)
    assert all(s["H"] >= 5 for s in sweep(graph))


def test_the_base_leaves_no_derived_dimension_at_one() -> None:
    graph = picture()
    base = sweep(graph)[0]
    pooled = next(n for n in graph.nodes if n.path == "pool").outputs[0]
    assert all(d.evaluate(base) > 1 for d in pooled.type.shape)


def test_the_largest_sizes_are_affordable() -> None:
    graph = spec_plan("lenet").graph
    largest = max(s["N"] for s in sweep(graph, {"N": (1, 100_000)}, budget=500_000))
    assert 3 < largest < 100
    assert elements(graph, {"N": largest}) <= 500_000


def test_lengths_are_swept_together() -> None:
    cases = draw_cases(ragged_scan(), {"N": (1, 16), "T": (1, 9)})
    found = {c.label.partition("lengths ")[2]: c.inputs["T_lengths"] for c in cases}
    base = next(c for c in cases if c.base).inputs["T_lengths"]
    assert list(base) not in (sorted(base), sorted(base, reverse=True))
    assert set(found["all 1"]) == {1}
    assert set(found["all 2"]) == {2}
    (odd,) = set(found["all odd"])
    assert odd % 2 == 1
    assert 1 < odd < max(base)
    (longest,) = set(found["all the longest"])
    assert longest == max(base)
    assert list(found["falling"]) == sorted(found["falling"], reverse=True)
    assert 0 in found["0 in turn"] and max(found["0 in turn"]) == max(base)
    assert any(c.sizes["T"] == 9 for c in cases)
