"""The bound scales with the precision, and comparing uses it as is said."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlspec.ir.builder import GraphBuilder
from dlspec.ir.graph import Value
from dlspec.ops.activation import Sigmoid
from dlspec.ops.comparison import Cast
from dlspec.ops.reduction import Argmax
from dlspec.randomness import structural_weights
from dlspec.verify.bound import UNIT, Bound, Probe, reference, references, root_mean_square
from dlspec.verify.discrete import decided, decision
from dlspec.verify.inputs import draw_inputs
from dlspec.verify.verdict import compare, worst
from tests.verify.networks import picture

ONE = Bound(1e-6, 5e-7)
FLOATS = st.lists(st.floats(-10, 10, allow_subnormal=False), min_size=1, max_size=6)


def test_a_probe_moves_everything_by_half_an_ulp() -> None:
    array = np.linspace(-3, 3, 101)
    moved = Probe(0, 0).array(array)
    np.testing.assert_allclose(np.abs(moved - array), np.abs(array) * UNIT["float32"], rtol=1e-6)
    signs = np.sign(moved - array)[array != 0]
    assert {-1.0, 1.0} == set(signs.tolist())
    np.testing.assert_array_equal(moved, Probe(0, 0).array(array))
    assert (moved != Probe(0, 1).array(array)).any()
    integers = np.arange(4)
    assert Probe(0, 0).array(integers) is integers


def test_a_range_adds_an_absolute_error() -> None:
    value = Value("y", GraphBuilder("g").input("x", "float", 3).type)
    b = GraphBuilder("g")
    y = b.one(Sigmoid(), b.input("x", "float", 3))
    zeros = np.zeros(3)
    assert (np.abs(Probe(0, 0)(y, zeros)) == UNIT["float32"]).all()
    assert Probe(0, 0)(value, zeros) is zeros


def test_the_bound_is_proportional_to_the_unit() -> None:
    graph = picture()
    weights = structural_weights(graph, 0)
    inputs = draw_inputs(graph, {"N": 3, "H": 5})
    largest = {
        p: reference(graph, inputs, weights, ["scores"], precision=p).bounds["scores"].largest
        for p in ("float64", "float32", "tf32")
    }
    assert largest["tf32"] / largest["float32"] == pytest.approx(2**13, rel=0.1)
    assert largest["float32"] / largest["float64"] == pytest.approx(2**28, rel=0.2)


def test_several_cases_share_the_probes_weights() -> None:
    graph = picture()
    weights = structural_weights(graph, 0)
    inputs = [draw_inputs(graph, {"N": 2, "H": 4}, seed=s) for s in range(2)]
    both = references(graph, inputs, weights, ["scores"])
    alone = reference(graph, inputs[0], weights, ["scores"])
    np.testing.assert_array_equal(both[0].values["scores"], alone.values["scores"])
    assert both[0].bounds["scores"].largest == pytest.approx(
        alone.bounds["scores"].largest, rel=0.5
    )


@given(FLOATS, st.floats(0, 7.9), st.floats(8.1, 1e6))
def test_accepted_is_eight_times_the_bound(
    values: list[float], inside: float, outside: float
) -> None:
    exact = np.array(values)
    bound = Bound(1e-3, 1e-3)
    assert compare("y", "c", exact, exact + inside * 1e-3, bound).status in ("pass", "undetermined")
    found = compare("y", "c", exact, exact + outside * 1e-3, bound)
    assert found.status == "fail"
    assert found.ratio == pytest.approx(outside, rel=1e-6)


def test_the_rms_counts_too() -> None:
    exact = np.ones(100)
    found = compare("y", "c", exact, exact + 7e-6, ONE)
    assert (found.status, found.reason) == ("fail", "rms")


@given(FLOATS)
def test_equal_is_right(values: list[float]) -> None:
    exact = np.array(values)
    assert compare("y", "c", exact, exact, Bound(0.0, 0.0)).status == "pass"
    assert root_mean_square(exact) == pytest.approx(float(np.sqrt(np.mean(exact**2))))


def test_chaos_is_undetermined_only_without_a_tolerance() -> None:
    exact = np.array([1.0, -1.0])
    wide = Bound(0.1, 0.1)
    assert compare("y", "c", exact, exact, wide).status == "undetermined"
    assert compare("y", "c", exact, exact, wide, tolerance=0.01).status == "pass"
    assert compare("y", "c", exact, exact + 5, wide).status == "fail"


def test_nan_and_infinity_must_stand_alike() -> None:
    exact = np.array([1.0, np.nan, np.inf, -np.inf, 1e39])
    same = np.array([1.0, np.nan, np.inf, -np.inf, np.inf], "f4")  # 1e39 overflows
    assert compare("y", "c", exact, same, ONE).status == "pass"
    for index, value in ((0, np.nan), (1, 0.0), (2, -np.inf), (3, 1.0), (0, np.inf)):
        wrong = same.copy()
        wrong[index] = value
        verdict = compare("y", "c", exact, wrong, ONE)
        assert (verdict.status, verdict.reason, verdict.index) == ("fail", "not finite", (index,))


def test_shapes_and_types() -> None:
    exact = np.ones((2, 3))
    assert compare("y", "c", exact, np.ones((3, 2)), ONE).reason == "shape"
    assert compare("y", "c", exact, np.ones((2, 3), int), ONE).reason == "type"


def test_a_choice_counts_where_it_leads_by_sixteen_bounds() -> None:
    b = GraphBuilder("g")
    x = b.input("x", "float", "N", 3)
    label = b.one(Cast("int64"), b.one(Cast("int32"), b.one(Argmax(), x)))
    choice = decision(label)
    assert choice is not None and choice.score is x
    scores = np.array([[0.0, 1.0, 1.0 + 15e-6], [0.0, 1.0, 1.0 + 17e-6]])
    np.testing.assert_array_equal(decided(choice, scores, ONE), [False, True])
    mask = decided(choice, scores, ONE)
    exact = np.array([2, 2])
    verdict = compare("y", "c", exact, np.array([1, 2]), Bound(0, 0), decided=mask)
    assert (verdict.status, verdict.decided) == ("pass", 0.5)
    assert (
        compare("y", "c", exact, np.array([2, 1]), Bound(0, 0), decided=mask).reason == "decision"
    )
    none = np.array([False, False])
    assert compare("y", "c", exact, exact, Bound(0, 0), decided=none).status == "undetermined"


def test_what_is_0_by_its_nature_is_within_the_limit_or_not() -> None:
    """The range of one step is 0, whatever is rounded before; that is no chaos."""
    limit = Bound(1e-7, 1e-7)
    zero = np.zeros(2)
    assert compare("y", "c", zero, np.array([0.0, 5e-7]), limit).status == "pass"
    assert compare("y", "c", zero, np.array([0.0, 5e-5]), limit).status == "fail"
    tiny = np.full(2, 1e-9)
    assert compare("y", "c", tiny, tiny, limit).status == "undetermined"


def test_integers_of_no_score_count_where_no_probe_moves_them() -> None:
    exact = np.array([1, 2])
    loose = Bound(0, 0, stable=np.array([True, False]))
    assert compare("y", "c", exact, np.array([1, 3]), loose).status == "pass"
    assert compare("y", "c", exact, np.array([0, 2]), loose).status == "fail"


def test_the_worst_status() -> None:
    assert worst(()) == "pass"
    assert worst(("pass", "insensitive")) == "insensitive"
    assert worst(("fail", "undetermined", "pass")) == "fail"


@pytest.mark.parametrize(
    ("exact", "found", "right"),
    [
        (-np.inf, -np.inf, True),
        (-np.inf, float(np.finfo(np.float32).min), True),  # a pool that begins with it
        (-np.inf, -1e38, False),
        (np.inf, float(np.finfo(np.float32).max), False),
        (np.nan, 0.0, False),
        (4e38, np.inf, True),  # beyond the largest float32
        (1e38, np.inf, False),
        (-2e110, float(np.finfo(np.float32).min), True),
    ],
)
def test_what_is_not_finite_stands_at_its_place(exact: float, found: float, right: bool) -> None:
    bound = Bound(1e-6, 1e-6)
    told = compare("y", "c", np.array([1.0, exact]), np.array([1.0, found]), bound)
    assert (told.status != "fail") is right
