"""Batches of a heavy network, made of a few examples.

Where every example is computed by itself (`dlspec.verify.examples`), R of a batch is R of its
examples, so that batches of all sizes cost the reference no more than the examples that they are
made of. Each stands among other neighbours in each batch: an engine that mixes them is found, and
so is one that has a size built in. Were the graph to mix examples after all, R would be another and
a right engine would fail; a wrong one cannot pass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlspec.ir.graph import Graph
from dlspec.verify.bound import Bound, Reference
from dlspec.verify.effort import ENGINE, REFERENCE, RUNS, effort
from dlspec.verify.inputs import SCALES, Case, describe_sizes, draw_inputs, has_scale, sizes_of
from dlspec.verify.sizes import Sizes, sweep
from dlspec.verify.verdict import Verdict, worst

Array = NDArray[Any]

ELEMENTS = 1_000_000_000
"""Elements that all values of a heavy network may have at the largest sizes."""
EXAMPLES = 3
"""Different examples at the base sizes, a scale each."""


def batches(
    graph: Graph,
    symbol: str,
    bounds: Mapping[str, tuple[int, int]] | None = None,
    *,
    seed: int = 0,
    examples: Sequence[Mapping[str, Array]] = (),
) -> list[Case]:
    """The cases of a heavy network.

    Args:
        graph: computes every example by itself.
        symbol: of the axis of examples.
        bounds: (least, most) of each symbol.
        seed: of the draws.
        examples: real inputs; two examples of each are taken.
    """
    groups: dict[str, list[Sizes]] = {}
    for sizes in sweep(graph, bounds, budget=ELEMENTS, work=ENGINE):
        groups.setdefault(describe_sizes({**sizes, symbol: 1}), []).append(sizes)
    cases: list[Case] = []
    share = REFERENCE // (RUNS * len(groups))
    for number, group in enumerate(groups.values()):
        each = effort(graph, {**group[0], symbol: 1})
        if number and each > share:
            continue  # `Verification.unproven` says how far the sizes were proved
        most = max(s[symbol] for s in group)
        count = max(min(2, most), min(EXAMPLES if number == 0 else 2, most, share // max(each, 1)))
        rows = [_single(graph, symbol, group[0], k, number, seed) for k in range(count)]
        if any(s[symbol] == 1 for s in group):
            cases += rows
        batched = sorted({s[symbol] for s in group} - {1})
        for size in batched:
            sizes = {**group[0], symbol: size}
            cases.append(_batch(describe_sizes(sizes), sizes, size, rows))
    least, most = (bounds or {}).get(symbol, (1, 2))
    for number, example in enumerate(examples, 1):
        count = min(len(next(iter(example.values()))), EXAMPLES - 1)
        rows = [_real(graph, example, i, f"example {number}.{i + 1}", seed) for i in range(count)]
        size = min(max(least, count), most)
        sizes = {**rows[0].sizes, symbol: size}
        cases.append(_batch(f"example {number}", sizes, size, rows))
    return cases


def _single(graph: Graph, symbol: str, sizes: Sizes, index: int, group: int, seed: int) -> Case:
    one = {**sizes, symbol: 1}
    scale = SCALES[(index + group) % len(SCALES)]
    label = describe_sizes(one) + (f", scale {scale:g}" if has_scale(graph) else "")
    if not has_scale(graph) and index:
        label += f", draw {index + 1}"
    drawn = draw_inputs(graph, one, seed=seed + 10 * group + index, scale=scale)
    return Case(label, drawn, one, base=group == 0)


def _real(graph: Graph, example: Mapping[str, Array], row: int, label: str, seed: int) -> Case:
    given = {k: np.asarray(v)[row : row + 1] for k, v in example.items()}
    sizes = sizes_of(graph, given)
    return Case(label, {**draw_inputs(graph, sizes, seed=seed + row), **given}, sizes)


def _batch(label: str, sizes: Sizes, size: int, rows: Sequence[Case]) -> Case:
    """A batch of so many examples, in falling order over and over."""
    taken = tuple(rows[(size - 1 - i) % len(rows)] for i in range(size))
    inputs = {k: np.concatenate([r.inputs[k] for r in taken]) for k in taken[0].inputs}
    return Case(label, inputs, sizes, rows=taken)


def together(rows: Sequence[Reference]) -> Reference:
    """R of a batch from that of its examples; B is the largest of theirs."""
    first = rows[0]
    values = {n: np.concatenate([r.values[n] for r in rows]) for n in first.values}
    return Reference(values, {n: _widest([r.bounds[n] for r in rows]) for n in first.bounds})


def _widest(bounds: Sequence[Bound]) -> Bound:
    stable = [b.stable for b in bounds if b.stable is not None]
    return Bound(
        max(b.largest for b in bounds),
        max(b.rms for b in bounds),
        max(b.floor for b in bounds),
        np.concatenate(stable) if len(stable) == len(bounds) else None,
    )


def of_batch(label: str, rows: Sequence[Verdict]) -> Verdict:
    """The verdict of a batch from those of its examples: the worst, with its place in the batch."""
    number = max(range(len(rows)), key=lambda i: (rows[i].status == "fail", rows[i].ratio))
    found = rows[number]
    return replace(
        found,
        case=label,
        status=worst(v.status for v in rows),
        index=(number, *found.index[1:]) if found.index else (),
        decided=sum(v.decided for v in rows) / len(rows),
    )
