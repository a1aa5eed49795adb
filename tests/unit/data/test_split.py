"""Laws of orders, batches and splits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlspec.data.batches import batch_count, batches, epoch_order
from dlspec.data.dataset import Dataset, Field
from dlspec.data.split import few_labels, split_rows
from dlspec.diagnostics import Diagnostic, DlspecError
from dlspec.diagnostics.data import SplitEmpty, SplitShares
from dlspec.ir.data_plan import SplitPlan

seeds = st.integers(0, 2**63)
shares = st.integers(1, 98).flatmap(
    lambda a: st.integers(1, 99 - a).map(lambda b: (a / 100, b / 100, (100 - a - b) / 100))
)


def split_error(n: int, plan: SplitPlan) -> Diagnostic:
    with pytest.raises(DlspecError) as caught:
        split_rows(n, plan, 0, own_test=False, source="s")
    return caught.value.diagnostics[0]


@given(st.integers(0, 300), seeds, st.integers(0, 1000))
def test_an_epoch_visits_each_example_once(n: int, seed: int, epoch: int) -> None:
    order = epoch_order(n, seed, epoch)
    assert sorted(order.tolist()) == list(range(n))
    assert np.array_equal(order, epoch_order(n, seed, epoch))


def test_orders_differ_by_seed_and_epoch_and_stay_the_same_for_good() -> None:
    assert not np.array_equal(epoch_order(100, 1, 2), epoch_order(100, 2, 1))
    assert not np.array_equal(epoch_order(100, 1, 1), epoch_order(100, 1, 2))
    # Recorded: a checkpoint of an older version must resume with the batches that it had.
    assert epoch_order(10, 7, 3).tolist() == [8, 1, 4, 5, 0, 9, 6, 7, 2, 3]


def test_orders_are_uniform() -> None:
    first = np.bincount([epoch_order(6, 0, e)[0] for e in range(3000)], minlength=6)
    assert np.all(np.abs(first - 500) < 5 * np.sqrt(500))


@given(st.integers(1, 200), st.integers(1, 64), st.booleans(), st.integers(0, 5))
def test_batches_cut_the_order(n: int, size: int, drop_last: bool, start: int) -> None:
    whole = list(batches(n, size, 3, 4, drop_last=drop_last))
    assert len(whole) == batch_count(n, size, drop_last=drop_last) >= 1
    seen = np.concatenate(whole)
    assert np.array_equal(seen, epoch_order(n, 3, 4)[: len(seen)])
    assert n - len(seen) < size if drop_last else len(seen) == n
    resumed = list(batches(n, size, 3, 4, drop_last=drop_last, start=start))
    assert [b.tolist() for b in resumed] == [b.tolist() for b in whole[start:]]


@given(st.integers(200, 1000), seeds, shares)
def test_random_splits_are_disjoint_complete_and_sized(
    n: int, seed: int, parts: tuple[float, float, float]
) -> None:
    plan = SplitPlan("random", shares=parts)
    result = split_rows(n, plan, seed, own_test=False, source="s")
    rows = [r for r in (result.train, result.validation, result.test) if r is not None]
    assert sorted(np.concatenate(rows).tolist()) == list(range(n))
    assert all(abs(len(r) - n * p) < 1.001 for r, p in zip(rows, parts, strict=False))
    again = split_rows(n, plan, seed, own_test=False, source="s")
    assert np.array_equal(again.train, result.train)


@given(st.lists(st.integers(0, 12), min_size=40, max_size=200), seeds, st.booleans())
def test_groups_stay_together(values: list[int], seed: int, text: bool) -> None:
    names = np.array([*values, 100, 101, 102])
    groups = np.array([f"g{v}" for v in names], object) if text else names
    plan = SplitPlan("random", shares=(0.8, 0.1, 0.1), by="who")
    result = split_rows(len(groups), plan, seed, own_test=False, source="s", groups=groups)
    assert result.validation is not None and result.test is not None
    parts = [set(groups[r].tolist()) for r in (result.train, result.validation, result.test)]
    assert all(parts)
    assert sum(len(p) for p in parts) == len(set(groups.tolist()))


@given(seeds)
def test_many_groups_come_near_to_the_shares(seed: int) -> None:
    groups = np.repeat(np.arange(200), 5)
    plan = SplitPlan("random", shares=(0.8, 0.1, 0.1), by="who")
    result = split_rows(1000, plan, seed, own_test=False, source="s", groups=groups)
    assert result.validation is not None and result.test is not None
    sizes = np.array([len(result.train), len(result.validation), len(result.test)])
    assert np.all(np.abs(sizes - [800, 100, 100]) <= 5)


@given(st.integers(2, 500), seeds, st.data())
def test_given_takes_an_exact_count(n: int, seed: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(1, n - 1))
    plan = SplitPlan("given", validation=count)
    result = split_rows(n, plan, seed, own_test=True, source="s")
    assert result.validation is not None and len(result.validation) == count
    assert result.test is None
    assert sorted([*result.train, *result.validation]) == list(range(n))


@given(st.lists(st.integers(0, 4), min_size=5, max_size=100), seeds, st.data())
def test_few_labels_are_as_even_as_can_be(
    labels: list[int], seed: int, data: st.DataObject
) -> None:
    column = np.array(labels)
    wanted = data.draw(st.integers(1, len(labels)))
    rows = few_labels(np.arange(len(labels)), column, wanted, seed, None)
    assert len(set(rows.tolist())) == wanted
    chosen, there = np.bincount(column[rows], minlength=5), np.bincount(column, minlength=5)
    # A class falls behind the fullest one by more than one only if it is used up.
    assert np.all((chosen >= chosen.max() - 1) | (chosen == there))


def test_mistakes_in_splits() -> None:
    assert isinstance(split_error(10, SplitPlan("random", shares=(0.8, 0.3))), SplitShares)
    assert isinstance(split_error(10, SplitPlan("random", shares=(1.0,))), SplitShares)
    assert isinstance(split_error(10, SplitPlan("random", shares=(1.2, -0.2))), SplitShares)
    assert isinstance(split_error(2, SplitPlan("random", shares=(0.8, 0.1, 0.1))), SplitEmpty)
    assert isinstance(split_error(10, SplitPlan("given", validation=10)), SplitEmpty)


def test_a_subset_of_a_subset() -> None:
    column = np.arange(10) * 10
    data = Dataset({"x": column}, {"x": Field.of("x", column)})
    inner = data.subset([9, 7, 5]).subset([2, 0])
    assert inner["x"].tolist() == [50, 90] and len(inner) == 2
    assert inner.take([-1])["x"].tolist() == [90]
    with pytest.raises(IndexError):
        inner.take([2])
