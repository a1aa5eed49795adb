"""How small the dimensions of a graph's inputs may be, so that no value in it is empty."""

from __future__ import annotations

from collections.abc import Mapping

from dlspec.dims import Dim
from dlspec.ir.graph import Graph

_AMPLE = 1 << 24
"""More than any window is long."""


def derived_dims(graph: Graph) -> list[Dim]:
    """The dimensions of all values that the symbols of the inputs decide; each once."""
    symbols = {*graph.symbols}
    found = {d: None for v in graph.values() for d in v.type.shape if d.value is None}
    return [d for d in found if d.symbols <= symbols]


def least_sizes(graph: Graph) -> dict[str, int]:
    """The least size of each symbol at which no value is empty, however large the others are; 1
    where there is none. ``frame(8)`` of [N, S] wants S = 8."""
    dims = derived_dims(graph)
    symbols = graph.symbols
    ample = dict.fromkeys(symbols, _AMPLE)
    return {s: _least(s, [d for d in dims if s in d.symbols], ample) for s in symbols}


def rooms(*graphs: Graph) -> dict[str, tuple[int, int]]:
    """Of each input with lengths, how many steps it must have at least, and how many within each:
    examples that are shorter are filled up, for all graphs alike."""
    found: dict[str, tuple[int, int]] = {}
    for graph in graphs:
        least = least_sizes(graph)
        for value in graph.inputs:
            if not value.type.ragged:
                continue
            axes = (least.get(d.symbol or "", 1) for d in value.type.shape[1:3])
            steps, within = (*axes, 1)[:2]
            known = found.get(value.name, (1, 1))
            found[value.name] = (max(known[0], steps), max(known[1], within))
    return found


def _least(symbol: str, dims: list[Dim], ample: Mapping[str, int]) -> int:
    def is_enough(size: int) -> bool:
        sizes = {**ample, symbol: size}
        return all(d.evaluate(sizes) >= 1 for d in dims)

    if is_enough(1) or not is_enough(_AMPLE):
        return 1
    low, high = 1, _AMPLE  # too small, enough
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high
