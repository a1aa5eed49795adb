"""Which sizes of the dynamic dimensions are proved: 1, 2, odd and different ones, the largest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

from dlspec.ir.graph import Graph, Value
from dlspec.ir.least import derived_dims, least_sizes
from dlspec.verify.effort import effort

Sizes = dict[str, int]

_ODD = (3, 5, 7, 11, 13, 17, 19, 23)
_DEFAULT_MOST = 8
_LARGEST_TRY = 1 << 14
_DOUBLINGS = 6


def sweep(
    graph: Graph,
    bounds: Mapping[str, tuple[int, int]] | None = None,
    *,
    budget: int = 4_000_000,
    work: int | None = None,
) -> list[Sizes]:
    """Assignments of the graph's symbols, the base first.

    The base gives every symbol an odd size, different ones so that exchanged axes show; then each
    symbol is 1 with the others at their base, all are 2, and all are the largest that is declared
    (where nothing is, 8, or so much that windows have several places) and affordable. Sizes that
    some value cannot have (a convolution longer than its input) are raised to the least that it
    can.

    Args:
        graph: whose input dimensions are swept.
        bounds: (least, most) of each symbol.
        budget: how many elements all values of the graph together may have at the largest sizes.
        work: the largest effort of one run; without, it is not looked at.
    """
    symbols = graph.symbols
    if not symbols:
        return [{}]
    limits = _limits(graph, bounds or {})
    base = {s: _odd(limits[s], i) for i, s in enumerate(symbols)}
    base = _with_room(graph, feasible(graph, base, limits), limits, budget)
    wanted = [base]
    wanted += [{**base, s: limits[s][0]} for s in symbols]
    wanted.append({s: max(limits[s][0], min(2, limits[s][1])) for s in symbols})
    wanted.append(_largest(graph, base, limits, budget, work))
    found: list[Sizes] = []
    for sizes in wanted:
        possible = feasible(graph, sizes, limits)
        if possible not in found:
            found.append(possible)
    return found


def _limits(graph: Graph, bounds: Mapping[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
    """The declared bounds from the least possible sizes on. What has none goes up to 8, or further
    where a derived dimension would still be 1 or 2."""
    least = least_sizes(graph)
    free = {s: n + _DEFAULT_MOST - 1 for s, n in least.items() if s not in bounds}
    sizes = {s: max(least[s], bounds[s][1]) for s in least if s in bounds} | free
    for _ in range(_DOUBLINGS):
        tight = _tight(graph, sizes, 2) & free.keys()
        if not tight:
            break
        sizes |= {s: 2 * sizes[s] for s in tight}
    return {
        s: (max(n, bounds[s][0] if s in bounds else 1), sizes[s] if s in free else bounds[s][1])
        for s, n in least.items()
    }


def _odd(limit: tuple[int, int], index: int) -> int:
    """A small odd number within the limits, another one for each symbol where there is room."""
    least, most = limit
    for offset in range(len(_ODD)):
        number = _ODD[(index + offset) % len(_ODD)]
        if least <= number <= most:
            return number
    odd = least + 2 - least % 2  # the least odd number above the least size
    return odd if odd <= most else most


def _with_room(
    graph: Graph, base: Sizes, limits: Mapping[str, tuple[int, int]], budget: int
) -> Sizes:
    """The base, enlarged until no derived dimension is 1, where that is possible: over one
    element, a mean is a maximum."""
    sizes = dict(base)
    for _ in range(6):
        tight = _tight(graph, sizes)
        larger = {s: min(2 * n + 1, limits[s][1]) if s in tight else n for s, n in sizes.items()}
        possible = is_possible(graph, larger) and elements(graph, larger) <= budget
        if not tight or larger == sizes or not possible:
            break
        sizes = larger
    return sizes if not _tight(graph, sizes) else base


def _tight(graph: Graph, sizes: Mapping[str, int], most: int = 1) -> set[str]:
    """The symbols of dimensions that are 1 (or up to ``most``) at these sizes."""
    found: set[str] = set()
    for dim in derived_dims(graph):
        if dim.evaluate(sizes) <= most:
            found |= dim.symbols
    return found


def _largest(
    graph: Graph,
    base: Sizes,
    limits: Mapping[str, tuple[int, int]],
    budget: int,
    work: int | None,
) -> Sizes:
    """The largest declared sizes, halved towards the base until the graph is affordable."""
    sizes = {s: limits[s][1] for s in base}

    def too_much() -> bool:
        return elements(graph, sizes) > budget or (work is not None and effort(graph, sizes) > work)

    while any(sizes[s] > base[s] for s in base) and too_much():
        largest = max(base, key=lambda s: sizes[s] / base[s])
        sizes[largest] = max(base[largest], sizes[largest] // 2)
    return sizes


def elements(graph: Graph, sizes: Mapping[str, int]) -> int:
    """How many elements all results of the graph's nodes have together."""
    total = 0
    for node in graph.nodes:
        for value in node.outputs:
            shape = shape_at(value, sizes)
            count = 1
            for size in shape or ():
                count *= size
            total += count
    return total


def shape_at(value: Value, sizes: Mapping[str, int]) -> tuple[int, ...] | None:
    """The shape of a value for given symbols; None where a symbol is not among them (it is known
    at run time only)."""
    try:
        return tuple(d.evaluate(sizes) for d in value.type.shape)
    except KeyError:
        return None


def is_possible(graph: Graph, sizes: Mapping[str, int]) -> bool:
    """Whether no value of the graph would be empty."""
    return all(d.evaluate(sizes) >= 1 for d in derived_dims(graph))


def feasible(graph: Graph, sizes: Sizes, limits: Mapping[str, tuple[int, int]]) -> Sizes:
    """These sizes, or the nearest larger ones for which no value is empty."""
    if is_possible(graph, sizes):
        return dict(sizes)
    for candidate in islice(_larger(sizes, limits), _LARGEST_TRY):
        if is_possible(graph, candidate):
            return candidate
    return dict(sizes)


def _larger(sizes: Sizes, limits: Mapping[str, tuple[int, int]]) -> Iterator[Sizes]:
    """Ever larger sizes: each symbol alone first, then all together."""
    free = [s for s in sizes if sizes[s] < max(limits[s][1], sizes[s] + 512)]
    for step in range(1, 512):
        for symbol in free:
            yield {**sizes, symbol: sizes[symbol] + step}
        yield {s: sizes[s] + (step if s in free else 0) for s in sizes}
