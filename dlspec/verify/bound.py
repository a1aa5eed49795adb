"""How far a correct engine may be from the exact answer: derived from the graph, not guessed.

A probe runs the float64 meaning with every parameter, float input and node result multiplied by 1
± u, where u is half an ulp of the precision that is promised; after ops whose results have an
absolute range r (sigmoid, tanh, softmax) it adds ± u·r as well, because their implementations err
absolutely. The bound B of a value is the largest change over the probes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlspec.interpreter import run
from dlspec.ir.graph import Graph, Value

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

    def array(self, array: Array, extent: float | None = None) -> Array:
        """The array with each element rounded up or down by chance; integers stay."""
        if array.dtype.kind != "f" or not array.size:
            return array
        unit = self._unit
        changed = array * (self._bits(array) * (2 * unit) + (1 - unit))
        absolute = unit * (extent or 0.0) + self._flush
        if absolute:
            changed += self._bits(array) * (2 * absolute) - absolute
        return changed

    def __call__(self, value: Value, array: Array) -> Array:
        """Perturb a node's result (inputs and weights are perturbed before the run)."""
        node = value.producer
        if node is None:
            return array
        types = (None if v is None else v.type for v in node.inputs)
        return self.array(array, node.op.extent(array, *types))

    def _bits(self, array: Array) -> Array:
        bits = np.frombuffer(self._rng.bytes((array.size + 7) // 8), np.uint8)
        return np.unpackbits(bits, count=array.size).reshape(array.shape)


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
    """
    answers = exact or [evaluate(graph, inputs, weights, want) for inputs in cases]
    bounds: list[dict[str, Bound]] = [{} for _ in cases]
    for index in range(PROBES):
        probe = Probe(seed, index, precision)
        shaken_weights = {w.name: probe.array(_wide(weights[w.name])) for w in graph.weights}
        for inputs, known, found in zip(cases, answers, bounds, strict=True):
            shaken_inputs = {k: probe.array(_wide(v)) for k, v in inputs.items()}
            with np.errstate(all="ignore"):
                shaken = run(graph, shaken_inputs, shaken_weights, on_value=probe, want=want).values
            for name in want:
                found[name] = _widen(
                    found.get(name), known[name], shaken[name], SMALLEST[precision]
                )
    return [Reference(a, b) for a, b in zip(answers, bounds, strict=True)]


def _wide(array: Array) -> Array:
    array = np.asarray(array)
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def _widen(known: Bound | None, exact: Array, shaken: Array, floor: float) -> Bound:
    if exact.shape != shaken.shape:  # a data-dependent size: nothing of it is stable
        return Bound(np.inf, np.inf, floor, np.zeros(exact.shape, bool))
    if exact.dtype.kind != "f":
        same = exact == shaken
        if known is not None and known.stable is not None:
            same &= known.stable
        return Bound(0.0, 0.0, 0.0, same)
    change = finite_difference(exact, shaken)
    largest = float(change.max(initial=0.0))
    spread = root_mean_square(change)
    if known is not None:
        largest, spread = max(largest, known.largest), max(spread, known.rms)
    return Bound(largest, spread, floor)


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
