"""Parting examples into train, validation and test: seeded, disjoint, complete."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from dlspec.data.dataset import Array
from dlspec.data.streams import permutation
from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.data import SplitEmpty, SplitOwnTest, SplitShares
from dlspec.ir.data_plan import SplitPlan
from dlspec.source import Span

Indices = NDArray[np.int64]
PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Parts:
    """Row numbers of the source's columns, each part in ascending order; None: no such part."""

    train: Indices
    validation: Indices | None
    test: Indices | None


def split_rows(
    n: int, plan: SplitPlan, seed: int, *, own_test: bool, source: str, groups: Array | None = None
) -> Parts:
    """Parts n examples (without the source's own test set) as the plan says.

    ``groups`` is the column of ``plan.by``. A function of its arguments: the same seed, the same
    parts.
    """
    if plan.kind == "given":
        shares = _given_shares(n, plan)
    else:
        shares = _random_shares(plan, own_test, source)
    if groups is None:
        sizes = _sizes(n, shares)
        _all_filled(sizes, shares, f"{n:,} examples", plan.span)
        order = permutation(n, seed, "split")
        cuts = np.cumsum([0, *sizes])
        rows = [np.sort(order[a:b]) for a, b in pairwise(cuts)]
    else:
        rows = _by_group(shares, groups, seed, plan.span)
    kept = [r if share > 0 else None for r, share in zip(rows, shares, strict=True)]
    return Parts(rows[0], kept[1], kept[2])


def few_labels(rows: Indices, labels: Array, wanted: int, seed: int, span: Span | None) -> Indices:
    """``wanted`` of the rows, as evenly over the classes as they allow, in ascending order.

    Rows are taken in seeded rounds, one of each class a round; for semi-supervised learning.
    """
    if wanted > len(rows):
        raise DlspecError(SplitEmpty(span, f"{wanted:,}-label", f"{len(rows):,} examples"))
    order = rows[permutation(len(rows), seed, "labels")]
    _, classes = np.unique(labels[order], return_inverse=True)
    # An example's round is how many of its class come before it in the order.
    rounds = np.empty(len(order), np.int64)
    for c in range(int(classes.max()) + 1):
        of_class = np.flatnonzero(classes == c)
        rounds[of_class] = np.arange(len(of_class))
    return np.sort(order[np.argsort(rounds, kind="stable")[:wanted]])


def _given_shares(n: int, plan: SplitPlan) -> tuple[float, ...]:
    wanted = plan.validation
    if isinstance(wanted, int):
        if wanted >= n:
            raise DlspecError(SplitEmpty(plan.span, "train", f"{n:,} examples"))
        # A count as a share of n comes back as this count when `_sizes` rounds it.
        return (1 - wanted / n, wanted / n, 0.0)
    return (1 - wanted, wanted, 0.0)


def _random_shares(plan: SplitPlan, own_test: bool, source: str) -> tuple[float, ...]:
    shares = plan.shares
    text = ", ".join(f"{100 * s:g}%" for s in shares)
    if len(shares) not in (2, 3):
        raise DlspecError(SplitShares(plan.span, text, f"{len(shares)} shares"))
    if any(not 0 <= s <= 1 for s in shares) or shares[0] <= 0:
        raise DlspecError(
            SplitShares(plan.span, text, "a share is a part of the whole, train some")
        )
    if abs(sum(shares) - 1) > 1e-6:
        raise DlspecError(SplitShares(plan.span, text, f"it adds up to {100 * sum(shares):g}%"))
    if own_test and len(shares) == 3 and shares[2] > 0:
        raise DlspecError(SplitOwnTest(plan.span, source))
    return (*shares, *([0.0] * (3 - len(shares))))


def _sizes(n: int, shares: tuple[float, ...]) -> list[int]:
    """Whole numbers that add up to n, nearest to the shares (largest remainder)."""
    exact = [n * share for share in shares]
    sizes = [int(np.floor(e + 1e-6)) for e in exact]
    rest = n - sum(sizes)
    by_remainder = sorted(range(len(shares)), key=lambda i: sizes[i] - exact[i])
    for i in by_remainder[:rest]:
        sizes[i] += 1
    return sizes


def _by_group(
    shares: tuple[float, ...], groups: Array, seed: int, span: Span | None
) -> list[Indices]:
    """Whole groups in seeded order, each to the part that still lacks most examples."""
    names, codes = np.unique(
        groups.astype(str) if groups.dtype == object else groups, return_inverse=True
    )
    codes = codes.reshape(-1)
    counts = np.bincount(codes, minlength=len(names))
    lacking = np.array([len(codes) * share for share in shares])
    order = permutation(len(names), seed, "split", "groups")
    part_of = np.empty(len(names), np.int64)
    # The smallest part gets its first group first: otherwise few large groups leave it empty.
    first = [int(p) for p in np.argsort(lacking, kind="stable") if lacking[p] > 0]
    for i, group in enumerate(order):
        part = first[i] if i < len(first) else int(np.argmax(lacking))
        part_of[group] = part
        lacking[part] -= counts[group]
    rows = [np.flatnonzero(part_of[codes] == part) for part in range(len(shares))]
    _all_filled([len(r) for r in rows], shares, f"{len(names):,} groups", span)
    return rows


def _all_filled(
    sizes: list[int], shares: tuple[float, ...], available: str, span: Span | None
) -> None:
    for part, size, share in zip(PARTS, sizes, shares, strict=True):
        if share > 0 and size == 0:
            raise DlspecError(SplitEmpty(span, part, available))
