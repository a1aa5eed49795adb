"""Boxes never lie on one another, and lanes run beside them."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from dlspec.inspect.layout import Laid, Place, has_cycle, lay_out

Drawn = tuple[int, list[tuple[int, int]]]


@st.composite
def dags(draw: st.DrawFn) -> Drawn:
    count = draw(st.integers(2, 14))
    edges: list[tuple[int, int]] = []
    for b in range(1, count):
        for a in draw(st.sets(st.integers(0, b - 1), max_size=3)):
            edges.append((a, b))
    return count, edges


def overlaps(a: Place, b: Place) -> bool:
    across = abs(a.x - b.x) < (a.width + b.width) / 2 - 1e-6
    return across and a.y < b.y + b.height - 1e-6 and b.y < a.y + a.height - 1e-6


def laid(drawn: Drawn) -> tuple[list[Place], Laid]:
    count, edges = drawn
    boxes = [Place(60.0 + 17 * (i % 4), 20.0 + 9 * (i % 3)) for i in range(count)]
    return boxes, lay_out(boxes, edges)


@settings(max_examples=60, deadline=None)
@given(dags())
def test_nothing_overlaps(drawn: Drawn) -> None:
    boxes, found = laid(drawn)
    lanes = {p for r in found.routes for p in r.places if p.lane}
    every = [*boxes, *lanes]
    for i, a in enumerate(every):
        for b in every[i + 1 :]:
            assert not overlaps(a, b)
    for box in boxes:
        assert box.x - box.width / 2 >= -1e-6 and box.x + box.width / 2 <= found.width + 1e-6
        assert box.y >= 0 and box.y + box.height <= found.height + 1e-6


@settings(max_examples=30, deadline=None)
@given(dags())
def test_edges_go_down_through_every_layer(drawn: Drawn) -> None:
    boxes, found = laid(drawn)
    for (a, b), route in zip(drawn[1], found.routes, strict=True):
        assert route.places[0] is boxes[a] and route.places[-1] is boxes[b]
        layers = [p.layer for p in route.places]
        assert layers == list(range(layers[0], layers[-1] + 1))


def test_it_is_the_same_every_time() -> None:
    drawn = (6, [(0, 1), (0, 2), (1, 3), (2, 3), (0, 3), (3, 4), (3, 5)])
    first, second = (laid(drawn)[0] for _ in range(2))
    assert [(p.x, p.y) for p in first] == [(p.x, p.y) for p in second]


def test_a_column_is_straight_and_the_skip_beside_it() -> None:
    boxes = [Place(100.0, 26.0) for _ in range(5)]
    found = lay_out(boxes, [(0, 1), (1, 2), (2, 3), (3, 4), (1, 3)])
    assert len({round(b.x, 3) for b in boxes}) == 1
    (lane,) = {p for r in found.routes for p in r.places if p.lane}
    assert lane.x > boxes[2].x + 50


def test_cycles_are_found() -> None:
    assert has_cycle(3, [(0, 1), (1, 2)]) == set()
    assert has_cycle(4, [(0, 1), (1, 2), (2, 1), (2, 3)]) == {1, 2, 3}
