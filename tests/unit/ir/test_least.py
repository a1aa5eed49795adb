"""The least sizes of a graph's dimensions, at which no value is empty."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dlspec.ir.builder import GraphBuilder
from dlspec.ir.graph import Graph
from dlspec.ir.least import derived_dims, least_sizes
from dlspec.ops.convolution import Conv
from dlspec.ops.shape import Flatten
from dlspec.verify.sizes import is_possible, sweep


def windows(kernels: list[int], strides: list[int]) -> Graph:
    """Convolutions along H, one on the other; W is free."""
    b = GraphBuilder("windows")
    x = b.input("x", "float", "N", 1, "H", "W")
    for i, (kernel, stride) in enumerate(zip(kernels, strides, strict=False)):
        op = Conv(1, kernel=(kernel, 1), stride=(stride, 1))
        x = b.one(op, x, path=f"conv{i}")
    return b.finish(y=b.one(Flatten(), x, path="flat"))


WINDOWS = st.lists(st.integers(1, 40), min_size=1, max_size=4)


@given(WINDOWS, st.lists(st.integers(1, 5), min_size=4, max_size=4))
def test_with_one_less_something_would_be_empty(kernels: list[int], strides: list[int]) -> None:
    graph = windows(kernels, strides)
    least = least_sizes(graph)
    assert least.keys() == {"N", "H", "W"}
    assert least["N"] == least["W"] == 1
    assert is_possible(graph, least)
    assert least["H"] == 1 or not is_possible(graph, {**least, "H": least["H"] - 1})


@given(WINDOWS, st.lists(st.integers(1, 5), min_size=4, max_size=4))
def test_sizes_that_nobody_declared_leave_windows_several_places(
    kernels: list[int], strides: list[int]
) -> None:
    graph = windows(kernels, strides)
    found = sweep(graph)
    assert all(is_possible(graph, s) for s in found)
    assert least_sizes(graph)["H"] in {s["H"] for s in found}
    last = [d for d in derived_dims(graph) if d.symbols == {"H"}]
    assert all(max(d.evaluate(s) for s in found) > 2 for d in last)


def test_a_window_longer_than_most_sequences() -> None:
    """Nothing is tried one by one."""
    graph = windows([2048], [512])
    assert least_sizes(graph)["H"] == 2048
    assert {2048} < {s["H"] for s in sweep(graph)}
