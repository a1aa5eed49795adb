"""A layered layout of boxes and edges: layers by longest path, order by barycentres, places by
weighted least squares under the order (Sugiyama, Tagawa and Toda, 1981; Gansner and others, 1993).

Everything is deterministic. An edge that passes layers goes through a lane of its own beside their
boxes, so that a skip connection is a curve beside the column.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

LANE = 14.0
_BETWEEN, _BESIDE = 30.0, 12.0
_SWEEPS, _ROUNDS = 8, 160
_HEAVY, _CHAIN, _LANES, _LIGHT = 200.0, 20.0, 8.0, 1.0
STUB, _BEND = 19.0, 22.0


@dataclass(eq=False)
class Place:
    """A box, or a lane (``lane`` true) of an edge in one layer; x is the middle, y the top."""

    width: float
    height: float
    lane: bool = False
    layer: int = 0
    x: float = 0.0
    y: float = 0.0


@dataclass(eq=False)
class Route:
    """An edge: the places that it passes, the two boxes among them."""

    places: list[Place]


@dataclass(eq=False)
class Laid:
    """The result: its size, with all x at least 0, and the routes in the order of the edges."""

    width: float
    height: float
    routes: list[Route] = field(default_factory=list[Route])


def has_cycle(count: int, edges: Iterable[tuple[int, int]]) -> set[int]:
    """The vertices that no order can place: those on cycles, and behind them."""
    after: dict[int, list[int]] = {}
    waits = [0] * count
    for a, b in edges:
        after.setdefault(a, []).append(b)
        waits[b] += 1
    ready = [v for v in range(count) if not waits[v]]
    left = set(range(count))
    while ready:
        vertex = ready.pop()
        left.discard(vertex)
        for other in after.get(vertex, ()):
            waits[other] -= 1
            if not waits[other]:
                ready.append(other)
    return left


def lay_out(boxes: Sequence[Place], edges: Sequence[tuple[int, int]], *, gap: float = 34.0) -> Laid:
    """Give every box its place.

    Args:
        boxes: with width and height.
        edges: pairs of positions in ``boxes``; there must be no cycle.
        gap: room between layers.
    """
    _set_layers(boxes, edges)
    layers, routes = _with_lanes(boxes, edges)
    above, below = _neighbours(routes)
    _order(layers, above, below)
    _set_x(layers, above, below)
    left = min((p.x - p.width / 2 for layer in layers for p in layer), default=0.0)
    width = 0.0
    for place in (p for layer in layers for p in layer):
        place.x -= left
        width = max(width, place.x + place.width / 2)
    return Laid(width, _set_y(layers, routes, gap), routes)


# --- layers -------------------------------------------------------------------------------------


def _set_layers(boxes: Sequence[Place], edges: Sequence[tuple[int, int]]) -> None:
    before: dict[int, list[int]] = {}
    after: dict[int, list[int]] = {}
    for a, b in edges:
        before.setdefault(b, []).append(a)
        after.setdefault(a, []).append(b)
    done: dict[int, int] = {}
    for vertex in _sorted(len(boxes), after, before):
        done[vertex] = max((done[a] + 1 for a in before.get(vertex, ())), default=0)
    for vertex, layer in done.items():
        if vertex not in before and vertex in after:  # an input stands above what reads it first
            layer = min(done[b] for b in after[vertex]) - 1
        boxes[vertex].layer = layer


def _sorted(
    count: int, after: Mapping[int, list[int]], before: Mapping[int, list[int]]
) -> list[int]:
    waits = [len(before.get(v, ())) for v in range(count)]
    ready = [v for v in range(count) if not waits[v]]
    found: list[int] = []
    while ready:
        vertex = ready.pop(0)
        found.append(vertex)
        for other in after.get(vertex, ()):
            waits[other] -= 1
            if not waits[other]:
                ready.append(other)
    return found


def _with_lanes(
    boxes: Sequence[Place], edges: Sequence[tuple[int, int]]
) -> tuple[list[list[Place]], list[Route]]:
    layers: list[list[Place]] = [[] for _ in range(max((b.layer for b in boxes), default=-1) + 1)]
    for box in boxes:
        layers[box.layer].append(box)
    shared: dict[tuple[int, int], Place] = {}
    routes: list[Route] = []
    for a, b in edges:
        passed = [boxes[a]]
        for layer in range(boxes[a].layer + 1, boxes[b].layer):
            if (a, layer) not in shared:  # edges that leave one box together share its lane
                shared[a, layer] = Place(LANE, 0.0, True, layer)
                layers[layer].append(shared[a, layer])
            passed.append(shared[a, layer])
        routes.append(Route([*passed, boxes[b]]))
    return layers, routes


Neighbours = dict[Place, list[Place]]


def _neighbours(routes: Sequence[Route]) -> tuple[Neighbours, Neighbours]:
    above: Neighbours = {}
    below: Neighbours = {}
    for route in routes:
        for a, b in pairwise(route.places):
            if b not in below.setdefault(a, []):
                below[a].append(b)
                above.setdefault(b, []).append(a)
    return above, below


# --- order --------------------------------------------------------------------------------------


def _order(layers: list[list[Place]], above: Neighbours, below: Neighbours) -> None:
    best = [list(layer) for layer in layers]
    fewest = _crossings(layers, below)
    for sweep in range(_SWEEPS):
        if not fewest:
            break
        down = sweep % 2 == 0
        for layer in layers if down else list(reversed(layers)):
            _by_barycentre(layer, above if down else below, layers)
        found = _crossings(layers, below)
        if found < fewest:
            fewest, best = found, [list(layer) for layer in layers]
    layers[:] = best


def _by_barycentre(layer: list[Place], near: Neighbours, layers: list[list[Place]]) -> None:
    position = {p: i for other in layers for i, p in enumerate(other)}
    size = {p: max(1, len(other) - 1) for other in layers for p in other}

    def centre(place: Place) -> float:
        others = near.get(place)
        if not others:
            return position[place] / size[place]
        return sum(position[o] / size[o] for o in others) / len(others)

    keys = {p: (centre(p), position[p]) for p in layer}
    layer.sort(key=keys.__getitem__)


def _crossings(layers: list[list[Place]], below: Neighbours) -> int:
    total = 0
    for upper, lower in pairwise(layers):
        position = {p: i for i, p in enumerate(lower)}
        ends: list[int] = []
        for place in upper:
            ends += sorted(position[b] for b in below.get(place, ()) if b in position)
        total += sum(1 for i, a in enumerate(ends) for b in ends[i + 1 :] if a > b)
    return total


# --- places -------------------------------------------------------------------------------------


def _set_x(layers: list[list[Place]], above: Neighbours, below: Neighbours) -> None:
    alone = {
        place
        for layer in layers
        for place in layer
        if not place.lane and sum(not p.lane for p in layer) == 1
    }
    for layer in layers:
        _pack(layer, alone)

    def weight(a: Place, b: Place) -> float:
        """How much two neighbours want to be below one another: the column most of all, then what
        is a chain, then lanes."""
        if a in alone and b in alone:
            return _HEAVY
        upper, lower = (a, b) if a.layer < b.layer else (b, a)
        if len(below[upper]) == 1 and len(above[lower]) == 1:
            return _CHAIN
        return _LANES if a.lane and b.lane else _LIGHT

    _relax(layers, above, below, alone, weight, _ROUNDS)
    fixed = _straightened(alone, above, below)
    for layer in layers:
        if fixed.intersection(layer):
            wanted = [p.x for p in layer]
            _settle(layer, wanted, [1e9 if p in fixed else 1.0 for p in layer])
    for _ in range(4):
        _align_chains(layers, above, below, fixed)


def _align_chains(
    layers: list[list[Place]], above: Neighbours, below: Neighbours, fixed: set[Place]
) -> None:
    """Lanes, and boxes with one way in and out, stand exactly below one another where their
    neighbours leave room."""
    beside: dict[Place, tuple[Place | None, Place | None]] = {}
    for layer in layers:
        for left, place, right in zip([None, *layer], layer, [*layer[1:], None], strict=False):
            beside[place] = (left, right)
    seen = set(fixed)
    for start in (p for layer in layers for p in layer):
        if start in seen:
            continue
        chain = [start]
        while (follow := _follower(chain[-1], above, below)) is not None and follow not in seen:
            chain.append(follow)
        seen.update(chain)
        low = max((o.x + _apart(o, p) for p in chain if (o := beside[p][0])), default=-1e9)
        high = min((o.x - _apart(p, o) for p in chain if (o := beside[p][1])), default=1e9)
        if low > high + 0.01:
            continue
        ends = [*above.get(chain[0], ()), *below.get(chain[-1], ())] if start.lane else []
        ends = ends if len(ends) == 2 else []
        if not start.lane:
            ends = [o for o in _only(chain, above, below) if o in fixed]
        straight = [o.x for o in ends if low - 0.01 <= o.x <= high + 0.01]
        mean = sum(p.x for p in chain) / len(chain)
        x = straight[0] if straight else min(high, max(low, mean))
        for place in chain:
            place.x = x


def _only(chain: list[Place], above: Neighbours, below: Neighbours) -> list[Place]:
    """What is alone below a chain, and alone above it."""
    after, before = below.get(chain[-1], []), above.get(chain[0], [])
    return [o for near in (after, before) if len(near) == 1 for o in near]


def _follower(place: Place, above: Neighbours, below: Neighbours) -> Place | None:
    after = below.get(place, [])
    lanes = [p for p in after if p.lane] if place.lane else []
    if lanes:
        return lanes[0]
    return after[0] if len(after) == 1 and len(above[after[0]]) == 1 else None


def _straightened(alone: set[Place], above: Neighbours, below: Neighbours) -> set[Place]:
    """Boxes of the column that follow one another get one x, and so does a box beside others that
    only leads to the column, or is only led to by it."""
    seen: set[Place] = set()
    for start in sorted(alone, key=lambda p: p.layer):
        chain = [start] if start not in seen else []
        while chain:
            follow = [b for b in below.get(chain[-1], ()) if b in alone and b not in seen]
            if not follow:
                break
            chain.append(follow[0])
        middle = sum(p.x for p in chain) / max(1, len(chain))
        while chain and (before := _single(chain[0], above, below)) and before not in seen:
            chain.insert(0, before)
        while chain and (after := _single(chain[-1], below, above)) and after not in seen:
            chain.append(after)
        if len(chain) > 1:
            for place in chain:
                place.x = middle
            seen.update(chain)
    return seen


def _single(place: Place, one: Neighbours, other: Neighbours) -> Place | None:
    """The box that is alone on one side of a place, and has this alone on its other side."""
    near = one.get(place, [])
    fits = len(near) == 1 and not near[0].lane and len(other.get(near[0], [])) == 1
    return near[0] if fits else None


def _relax(
    layers: list[list[Place]],
    above: Neighbours,
    below: Neighbours,
    alone: set[Place],
    weight: Callable[[Place, Place], float],
    rounds: int,
) -> None:
    for number in range(rounds):
        for layer in layers if number % 2 == 0 else reversed(layers):
            wanted: list[float] = []
            weights: list[float] = []
            for place in layer:
                near = [*above.get(place, ()), *below.get(place, ())]
                pulls = [(weight(place, o), o.x) for o in near]
                total = sum(w for w, _ in pulls)
                wanted.append(sum(w * x for w, x in pulls) / total if total else place.x)
                weights.append((total or 0.1) * (20 if place in alone else 1))
            _settle(layer, wanted, weights)


def _pack(layer: list[Place], alone: set[Place]) -> None:
    """Side by side; a box that is alone but for lanes in the middle, else all in the middle."""
    at = 0.0
    for position, place in enumerate(layer):
        if position:
            at += _apart(layer[position - 1], place)
        place.x = at
    pivot = next((p.x for p in layer if p in alone), (layer[0].x + layer[-1].x) / 2 if layer else 0)
    for place in layer:
        place.x -= pivot


def _apart(left: Place, right: Place) -> float:
    between = _BESIDE if left.lane or right.lane else _BETWEEN
    return left.width / 2 + between + right.width / 2


def _settle(layer: list[Place], wanted: Sequence[float], weights: Sequence[float]) -> None:
    """The places nearest to those wanted that keep order and distance: isotonic regression."""
    offsets = [0.0]
    for left, right in pairwise(layer):
        offsets.append(offsets[-1] + _apart(left, right))
    blocks: list[tuple[float, float, int]] = []  # mean, weight, count
    for target, weight, offset in zip(wanted, weights, offsets, strict=True):
        mean, total, count = target - offset, weight, 1
        while blocks and blocks[-1][0] >= mean:
            other, w, n = blocks.pop()
            mean = (mean * total + other * w) / (total + w)
            total, count = total + w, count + n
        blocks.append((mean, total, count))
    settled = [mean for mean, _, count in blocks for _ in range(count)]
    for place, base, offset in zip(layer, settled, offsets, strict=True):
        place.x = base + offset


def _set_y(layers: list[list[Place]], routes: Sequence[Route], gap: float) -> float:
    bent: set[int] = set()
    for route in routes:
        for a, b in pairwise(route.places):
            if abs(a.x - b.x) > 1:
                bent.add(a.layer)
    y = 0.0
    for number, layer in enumerate(layers):
        height = max((p.height for p in layer), default=0.0)
        for place in layer:
            place.y = y if place.lane else y + (height - place.height) / 2
            place.height = height if place.lane else place.height
        y += height + (gap + _BEND if number in bent else gap)
    return y - gap if layers else 0.0
