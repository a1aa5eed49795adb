"""Scores of one example as shares, each row of them once, with the names of their classes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dlspec.runtime.labels import labels_of

if TYPE_CHECKING:
    from dlspec.bundle.manifest import OutputSpec
    from dlspec.runtime import Answer

Row = NDArray[np.float64]


@dataclass(frozen=True)
class Shares:
    """Shares that add up to 1, what they are called, their labels, and all ``outputs`` that say
    them: probabilities, and the scores that they were made of."""

    title: str
    values: list[float]
    labels: list[str]
    outputs: set[str]


def shares_of(
    outputs: Sequence[OutputSpec], answer: Answer, is_cut: Callable[[str], bool]
) -> list[Shares]:
    """The outputs that are one row of scores: probabilities as they are, other scores by softmax.
    Numbers that are neither probabilities nor of as many classes are no scores of anything; nor are
    those of an output that ``is_cut``, where padding would be among them."""
    known = labels_of(outputs)
    rows: list[tuple[str, Row, bool]] = []
    for output in outputs:
        array = answer[output.name]
        fixed = bool(output.dims) and output.dims[-1].isdigit()
        if array.dtype.kind != "f" or not fixed or array.size != int(output.dims[-1]):
            continue
        row = array.ravel().astype(np.float64)
        if is_cut(output.name) or row.size < 2 or not np.isfinite(row).all():
            continue
        rows.append((output.name, row, bool((row >= 0).all() and abs(row.sum() - 1) < 0.01)))
    found: list[Shares] = []
    for name, row, is_distribution in sorted(rows, key=lambda r: not r[2]):
        values = row if is_distribution else _softmax(row)
        labels = list(known.get(name, map(str, range(row.size))))
        may_be = [s for s in found if name not in known or s.labels == labels]
        same = next((s for s in may_be if _equal(s.values, values)), None)
        if same is not None:
            same.outputs.add(name)
        elif is_distribution or name in known:
            title = name if is_distribution else f"softmax of {name}"
            found.append(Shares(title, values.tolist(), labels, {name}))
    order = [o.name for o in outputs]
    return sorted(found, key=lambda s: min(map(order.index, s.outputs)))


def _softmax(row: Row) -> Row:
    powers = np.exp(row - row.max())
    return powers / powers.sum()


def _equal(values: list[float], others: Row) -> bool:
    """Up to what an engine in half precision rounds."""
    return len(values) == len(others) and bool(np.allclose(values, others, atol=2e-3))
