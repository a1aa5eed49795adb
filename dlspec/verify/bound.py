"""How far a correct engine may be from the exact answer: derived from the graph, not guessed.

A probe runs the float64 meaning with every parameter, float input and node result multiplied by 1
± u, where u is half an ulp of the precision that is promised; after ops whose results have an
absolute range r (sigmoid, tanh, softmax) it adds ± u·r as well, because their implementations err
absolutely. The bound B of a value is the largest change over the probes.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlspec.interpreter import run
from dlspec.ir.graph import Graph, Value
from dlspec.verify.jumps import Watch, jumping, operands

Array = NDArray[Any]

UNIT: Mapping[str, float] = {
    "float64": 2.0**-52,  # 1 + 2^-53 is no float64
    "float32": 2.0**-24,
    "tf32": 2.0**-11,
    "float16": 2.0**-12,
    "bfloat16": 2.0**-9,
}
"""Relative rounding error of one operation, by precision."""

SMALLEST: Mapping[str, float] = {
    "float64": 2.0**-1022,
    "float32": 2.0**-126,
    "tf32": 2.0**-126,
    "float16": 2.0**-24,
    "bfloat16": 2.0**-126,
}
"""Absolute error below which a precision cannot tell a number from zero: engines may flush what is
smaller."""

_PART = 1 << 15
"""Elements that are perturbed at a time: they stay near the processor."""
_BITS = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).astype(bool)
"""The bits of each byte."""
_WORTH = 0.02
"""Seconds of a probe from which on threads share the others."""
_ROOM = 4 << 30
"""Bytes that the perturbed weights of all threads may take."""

PROBES = 8
FACTOR = 8.0
"""An engine may err by this many times the bound; correct ones stay below 5."""


@dataclass(frozen=True)
class Bound:
    """The largest change of a value over the probes, and the largest rms change; ``stable`` marks
    the elements of an integer value that no probe changed."""

    largest: float
    rms: float
    floor: float = 0.0
    stable: Array | None = None

    @property
    def limit(self) -> float:
        """The largest accepted error."""
        return FACTOR * self.largest + self.floor

    @property
    def rms_limit(self) -> float:
        """The largest accepted rms error."""
        return FACTOR * self.rms + self.floor


class Probe:
    """Perturbs everything that a computation of limited precision would round; `Probe(seed, k)`
    always does it alike."""

    def __init__(self, seed: int, index: int, precision: str = "float32") -> None:
        self._rng = np.random.Generator(np.random.SFC64([seed, index]))
        self._unit = UNIT[precision]
        self._flush = SMALLEST[precision] if precision == "float16" else 0.0
        self._signs = np.where(_BITS, self._unit, -self._unit)

    def array(self, array: Array, extent: float | None = None, out: Array | None = None) -> Array:
        """The array in float64 with each element rounded up or down by chance; integers stay.

        Args:
            array: of any type.
            extent: the absolute range of what made it.
            out: float64 of its shape that the result may be written to.
        """
        if array.dtype.kind != "f" or not array.size:
            return array
        array = np.ascontiguousarray(array).reshape(array.shape)  # which adds an axis where none is
        changed = np.empty(array.shape, np.float64) if out is None else out
        given, made = array.reshape(-1), changed.reshape(-1)
        for start in range(0, made.size, _PART):
            part = slice(start, min(start + _PART, made.size))
            np.multiply(given[part], self._either(part.stop - start) + 1.0, out=made[part])
        absolute = (extent or 0.0) + self._flush / self._unit
        if absolute:
            for start in range(0, made.size, _PART):
                part = slice(start, min(start + _PART, made.size))
                made[part] += absolute * self._either(part.stop - start)
        return changed

    def __call__(self, value: Value, array: Array) -> Array:
        """Perturb a node's result (inputs and weights are perturbed before the run)."""
        node = value.producer
        if node is None:
            return array
        types = (None if v is None else v.type for v in node.inputs)
        return self.array(array, node.op.extent(array, *types))

    def _either(self, count: int) -> Array:
        """So many times u or -u, by chance."""
        drawn = np.frombuffer(self._rng.bytes((count + 7) // 8), np.uint8)
        return self._signs.take(drawn, axis=0).reshape(-1)[:count]


@dataclass(frozen=True)
class Reference:
    """The exact answers R of one set of inputs, by value name, and the bound B of each."""

    values: Mapping[str, Array]
    bounds: Mapping[str, Bound]


def evaluate(
    graph: Graph, inputs: Mapping[str, Array], weights: Mapping[str, Array], want: Collection[str]
) -> dict[str, Array]:
    """The float64 meaning: the wanted values by name."""
    with np.errstate(all="ignore"):
        values = run(graph, inputs, weights, want=want).values
    return {name: values[name] for name in want}


def reference(
    graph: Graph,
    inputs: Mapping[str, Array],
    weights: Mapping[str, Array],
    want: Collection[str],
    *,
    precision: str = "float32",
    seed: int = 0,
) -> Reference:
    """R and B of the wanted values for one set of inputs."""
    return references(graph, [inputs], weights, want, precision=precision, seed=seed)[0]


def references(
    graph: Graph,
    cases: Sequence[Mapping[str, Array]],
    weights: Mapping[str, Array],
    want: Collection[str],
    *,
    precision: str = "float32",
    seed: int = 0,
    exact: Sequence[Mapping[str, Array]] | None = None,
    probes: int = PROBES,
) -> list[Reference]:
    """R and B of the wanted values for several sets of inputs, which share the perturbed weights
    of each probe.

    Args:
        graph: any graph.
        cases: sets of inputs, as the engine gets them.
        weights: as the engine has them.
        want: names of values of the graph.
        precision: what the engine promises to compute in.
        seed: of the probes.
        exact: the answers without perturbation, where they are known already.
        probes: how many; fewer do for values of very many elements.
    """
    answers = exact or [evaluate(graph, inputs, weights, want) for inputs in cases]
    prober = _Prober(graph, cases, answers, weights, want, precision, seed)
    bounds = prober.probe(0)
    for found in prober.others(probes):
        bounds = [
            {name: _wider(known[name], more[name]) for name in known}
            for known, more in zip(bounds, found, strict=True)
        ]
    return [Reference(a, b) for a, b in zip(answers, bounds, strict=True)]


class _Prober:
    """Probes of one graph with several sets of inputs. What a probe changes is measured as values
    come to be, so that none of them is kept."""

    def __init__(
        self,
        graph: Graph,
        cases: Sequence[Mapping[str, Array]],
        answers: Sequence[Mapping[str, Array]],
        weights: Mapping[str, Array],
        want: Collection[str],
        precision: str,
        seed: int,
    ) -> None:
        self.graph = graph
        self.cases = cases
        self.answers = answers
        self.weights = {w.name: np.asarray(weights[w.name]) for w in graph.weights}
        chosen = set(want)
        self.wanted = [v for v in graph.values() if v.name in chosen]
        self.precision = precision
        self.seed = seed
        self.seconds = 0.0
        self.jumps = jumping(graph)
        names = operands(self.jumps)
        self.operands = [evaluate(graph, i, weights, names) if names else {} for i in cases]
        self._places: SimpleQueue[dict[str, Array]] = SimpleQueue()

    def others(self, probes: int) -> Iterable[list[dict[str, Bound]]]:
        """All probes but the first; side by side where that is worth it."""
        rest = range(1, probes)
        held = sum(8 * a.size for a in self.weights.values())
        threads = min(os.cpu_count() or 1, len(rest), max(1, _ROOM // max(held, 1)))
        if self.seconds < _WORTH or threads < 2:
            return map(self.probe, rest)
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(self.probe, rest))

    def probe(self, index: int) -> list[dict[str, Bound]]:
        """How one probe changes the wanted values of each case, by name."""
        started = perf_counter()
        probe = Probe(self.seed, index, self.precision)
        places = self._room()
        shaken = {n: probe.array(a, out=places.get(n)) for n, a in self.weights.items()}
        made = [
            self._case(
                probe, inputs, known, shaken, Watch(self.jumps, exact, SMALLEST[self.precision])
            )
            for inputs, known, exact in zip(self.cases, self.answers, self.operands, strict=True)
        ]
        self._places.put(places)
        self.seconds = perf_counter() - started
        return made

    def _room(self) -> dict[str, Array]:
        """Memory for perturbed weights: that of a probe that is done, or new."""
        try:
            return self._places.get_nowait()
        except Empty:
            floats = {n: a for n, a in self.weights.items() if a.dtype.kind == "f"}
            return {n: np.empty(a.shape, np.float64) for n, a in floats.items()}

    def _case(
        self,
        probe: Probe,
        inputs: Mapping[str, Array],
        known: Mapping[str, Array],
        weights: Mapping[str, Array],
        decide: Watch,
    ) -> dict[str, Bound]:
        floor = SMALLEST[self.precision]
        wanted = set(self.wanted)
        found: dict[str, Bound] = {}

        def watch(value: Value, array: Array) -> Array:
            changed = decide(value, probe(value, array))
            if value in wanted:
                found[value.name] = _change(known[value.name], changed, floor)
            return changed

        given = {k: probe.array(np.asarray(v)) for k, v in inputs.items()}
        with np.errstate(all="ignore"):
            run(self.graph, given, weights, on_value=watch)
        for value in self.wanted:  # what no node makes is what went in
            if value.name not in found:
                array = given.get(value.name, weights.get(value.name, known[value.name]))
                found[value.name] = _change(known[value.name], array, floor)
        return found


def _change(exact: Array, shaken: Array, floor: float) -> Bound:
    if exact.shape != shaken.shape:  # a data-dependent size: nothing of it is stable
        return Bound(np.inf, np.inf, floor, np.zeros(exact.shape, bool))
    if exact.dtype.kind != "f":
        return Bound(0.0, 0.0, 0.0, exact == shaken)
    change = finite_difference(exact, shaken)
    return Bound(float(change.max(initial=0.0)), root_mean_square(change), floor)


def _wider(a: Bound, b: Bound) -> Bound:
    """What two probes say together."""
    stable = a.stable if b.stable is None else b.stable if a.stable is None else a.stable & b.stable
    return Bound(max(a.largest, b.largest), max(a.rms, b.rms), max(a.floor, b.floor), stable)


def finite_difference(a: Array, b: Array) -> Array:
    """|a - b| where both are finite, 0 elsewhere."""
    with np.errstate(all="ignore"):
        change = np.abs(a - b)
    if not np.isfinite(change).all():
        change = np.where(np.isfinite(a) & np.isfinite(b), change, 0.0)
    return change


def root_mean_square(array: Array) -> float:
    """The root of the mean square of the finite elements; 0 of none."""
    flat = array[np.isfinite(array)] if array.dtype.kind == "f" else array
    if not flat.size:
        return 0.0
    largest = float(np.abs(flat).max())
    if largest == 0.0:
        return 0.0
    return largest * float(np.sqrt(np.mean(np.square(flat / largest, dtype=np.float64))))
