"""The algebra of dimensions is that of integers, and one dimension has one form."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from dlspec.dims import Dim, product, shape_of, text_of

SYMBOLS = ("N", "T", "S")
values = st.fixed_dictionaries({s: st.integers(1, 60) for s in SYMBOLS})
leaves = st.one_of(
    st.integers(-5, 20).map(lambda i: ("int", i)),
    st.sampled_from(SYMBOLS).map(lambda s: ("sym", s)),
)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.tuples(st.sampled_from("+-*"), inner, inner),
        st.tuples(st.just("//"), inner, st.integers(1, 9)),
    ),
    max_leaves=6,
)


def dim_of(tree: Any) -> Dim:
    """A drawn expression as a dimension."""
    match tree:
        case ("int" | "sym", leaf):
            return Dim.of(leaf)
        case ("//", inner, divisor):
            return dim_of(inner) // divisor
        case (sign, a, b):
            x, y = dim_of(a), dim_of(b)
            return x + y if sign == "+" else x - y if sign == "-" else x * y


def number_of(tree: Any, at: dict[str, int]) -> int:
    """The same expression in integers."""
    match tree:
        case ("int", leaf):
            return leaf
        case ("sym", leaf):
            return at[leaf]
        case ("//", inner, divisor):
            return number_of(inner, at) // divisor
        case (sign, a, b):
            x, y = number_of(a, at), number_of(b, at)
            return x + y if sign == "+" else x - y if sign == "-" else x * y


@given(trees, values)
def test_evaluates_as_integers_do(tree: Any, at: dict[str, int]) -> None:
    assert dim_of(tree).evaluate(at) == number_of(tree, at)


@given(trees, trees, values)
def test_equal_dims_are_equal_numbers(a: Any, b: Any, at: dict[str, int]) -> None:
    x, y = dim_of(a), dim_of(b)
    if x == y:
        assert hash(x) == hash(y)
        assert number_of(a, at) == number_of(b, at)


@settings(max_examples=60)
@given(trees, trees, trees)
def test_ring_laws_hold_by_structure(a: Any, b: Any, c: Any) -> None:
    x, y, z = dim_of(a), dim_of(b), dim_of(c)
    assert x + y == y + x
    assert x * y == y * x
    assert (x + y) + z == x + (y + z)
    assert (x * y) * z == x * (y * z)
    assert x * (y + z) == x * y + x * z
    assert x - x == 0
    assert (x + y) - y == x


@given(trees, trees, st.integers(1, 9), st.integers(1, 9))
def test_floors_take_out_multiples_and_nest(a: Any, b: Any, k: int, m: int) -> None:
    x, y = dim_of(a), dim_of(b)
    assert (k * x + y) // k == x + y // k


@given(st.sampled_from(SYMBOLS), st.integers(1, 5), st.integers(2, 9), st.integers(1, 9), st.data())
def test_a_remainder_below_the_common_factor_cannot_matter(
    symbol: str, c: int, k: int, m: int, data: st.DataObject
) -> None:
    x = c * Dim.of(symbol)
    rest = data.draw(st.integers(0, k - 1))
    assert (k * x + rest) // (k * m) == x // m


@given(st.sampled_from(SYMBOLS), st.integers(0, 9), st.integers(1, 9), st.integers(1, 9))
def test_nested_floors_are_one(symbol: str, c: int, a: int, b: int) -> None:
    x = Dim.of(symbol)
    assert (x // a + c) // b == (x + a * c) // (a * b)


@given(trees, values)
def test_substituting_all_symbols_evaluates(tree: Any, at: dict[str, int]) -> None:
    dim = dim_of(tree)
    assert dim.substitute(at).value == dim.evaluate(at)
    assert dim.substitute({s: s for s in SYMBOLS}) == dim


@given(trees, trees, values)
def test_exact_quotient_multiplies_back(a: Any, b: Any, at: dict[str, int]) -> None:
    x, y = dim_of(a), dim_of(b)
    if y.terms:
        quotient = x.divided_by(y)
        if quotient is not None:
            assert quotient * y == x
        if len(y.terms) == 1:
            assert (x * y).divided_by(y) == x


def test_texts() -> None:
    t = Dim.of("T")
    assert str((t + 1) // 2) == "(T + 1)//2"
    assert str(((t + 1) // 2 + 1) // 2) == "(T + 3)//4"
    assert str(2 * t - 1) == "2*T - 1"
    assert str(t - t) == "0"
    assert text_of(shape_of(("N", 1, 28))) == "[N, 1, 28]"
    assert product(("N", 2, 3)) == 6 * Dim.of("N")
    assert (Dim.of("N").symbol, (Dim.of("N") + 1).symbol, Dim.of(3).symbol) == ("N", None, None)


def test_division_by_symbols_must_be_exact() -> None:
    n, t = Dim.of("N"), Dim.of("T")
    assert (n * t * 4) // (2 * t) == 2 * n
    for bad in (lambda: (n + 1) // t, lambda: n // 0):
        try:
            bad()
        except ValueError:
            continue
        raise AssertionError("no ValueError")
