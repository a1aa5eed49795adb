"""What is known of a network before any engine is looked at; made once and shared by all its
engines."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dlspec.ir.graph import Graph, Value
from dlspec.ir.plan import NetworkPlan
from dlspec.randomness import structural_weights
from dlspec.targets.onnx import Location, onnx_from_graph
from dlspec.verify.batches import batches, of_batch, together
from dlspec.verify.bound import (
    SMALLEST,
    UNIT,
    Bound,
    Reference,
    finite_difference,
    references,
)
from dlspec.verify.discrete import decided, decision
from dlspec.verify.effort import LOCAL, RUNS, effort, is_heavy
from dlspec.verify.examples import example_symbol
from dlspec.verify.inputs import SCALES, Case, draw_cases
from dlspec.verify.local import NodeResult, prove_nodes
from dlspec.verify.padding import without_padding
from dlspec.verify.passes import is_untouched, prove_passes
from dlspec.verify.verdict import Verdict, compare

if TYPE_CHECKING:
    import onnx

Array = NDArray[Any]


BUDGET = 4_000_000
FAST_BUDGET = 500_000


class Study:
    """The cases, their exact answers and bounds, and the local proof of a network with its weights.

    Args:
        plan: the network.
        weights: by name, as they are stored.
        bounds: (least, most) of the dynamic dimensions.
        examples: real inputs.
        fast: fewer elements at the largest sizes, and the local proof at one scale.
        golden: the golden inputs only, and no local proof.
        seed: of inputs and probes.
        model: the unoptimised ONNX model that the engines are built from; emitted here where it is
            not given.
    """

    def __init__(
        self,
        plan: NetworkPlan,
        weights: Mapping[str, Array],
        *,
        bounds: Mapping[str, tuple[int, int]] | None = None,
        examples: Sequence[Mapping[str, Array]] = (),
        fast: bool = False,
        golden: bool = False,
        seed: int = 0,
        model: onnx.ModelProto | None = None,
    ) -> None:
        self.plan = plan
        self.graph: Graph = plan.graph
        self.weights = weights
        self.bounds = dict(bounds or {})
        self.fast = fast
        self.golden = golden
        self.seed = seed
        self.timings: dict[str, float] = {}
        self._model = model
        self._references: dict[str, dict[str, Reference]] = {}
        symbol = example_symbol(self.graph)
        self.batched = symbol if symbol is not None and is_heavy(self.graph, symbol) else None
        if self.batched is not None:
            cases = batches(self.graph, self.batched, bounds, seed=seed, examples=examples)
        else:
            budget = FAST_BUDGET if fast else BUDGET
            cases = draw_cases(self.graph, bounds, seed=seed, examples=examples, budget=budget)
        self.cases: list[Case] = cases[:1] if golden else cases
        self.outputs: dict[str, Value] = {o.name: o.value for o in self.graph.outputs}
        self.decisions = {
            n: decision(v) for n, v in self.outputs.items() if not v.type.dtype.is_float
        }
        scores = {d.score.name for d in self.decisions.values() if d is not None}
        self.wanted = sorted({v.name for v in self.outputs.values()} | scores)

    # --- exact answers ----------------------------------------------------------------------------

    @cached_property
    def computed(self) -> list[Case]:
        """The cases that references are computed for: batches that are made of examples are not
        among them, their examples are."""
        found = [part for case in self.cases for part in case.rows or (case,)]
        return list({case.label: case for case in found}.values())

    @property
    def opinions(self) -> list[Case]:
        """The cases on which PyTorch says in float64 what the graph means: those at the base sizes;
        of a heavy network one example."""
        base = [c for c in self.computed if c.base]
        return base[:1] if self.batched is not None else base

    def reference(self, case: Case, precision: str = "float32") -> Reference:
        """R and B of a case; those of all cases are made at once."""
        if precision not in self._references:
            known = next(iter(self._references.values()), None)
            exact = None if known is None else [known[c.label].values for c in self.computed]
            with self.timed("reference"):
                made = references(
                    self.graph,
                    [c.inputs for c in self.computed],
                    self.weights,
                    self.wanted,
                    precision=precision,
                    seed=self.seed,
                    exact=exact,
                )
            self._references[precision] = {
                c.label: r for c, r in zip(self.computed, made, strict=True)
            }
        found = self._references[precision]
        if case.rows:
            return together([found[row.label] for row in case.rows])
        return found[case.label]

    def in_float64(self, case: Case) -> Reference:
        """R and B of one of the `opinions` for engines of float64.

        Of a heavy network B is that of float32 made smaller as the rounding is: so little moves a
        result in proportion.
        """
        if self.batched is None:
            return self.reference(case, "float64")
        exact = self.reference(case)
        share = UNIT["float64"] / UNIT["float32"]
        return Reference(
            exact.values,
            {
                n: replace(
                    b, largest=share * b.largest, rms=share * b.rms, floor=SMALLEST["float64"]
                )
                for n, b in exact.bounds.items()
            },
        )

    def compare(
        self,
        output: str,
        case: Case,
        answer: Array,
        precision: str = "float32",
        tolerance: float | None = None,
        *,
        exact: Reference | None = None,
    ) -> Verdict:
        """The verdict of one output of one case, against R and B of the precision or another
        reference. A batch that is made of examples is compared example by example, each with its
        own B; the worst is the batch's."""
        whole = np.asarray(answer)
        if case.rows and exact is None and whole.shape[:1] == (len(case.rows),):
            single = [
                self.compare(output, row, whole[i : i + 1], precision, tolerance)
                for i, row in enumerate(case.rows)
            ]
            return of_batch(case.label, single)
        exact = exact or self.reference(case, precision)
        value = self.outputs[output]
        r = exact.values[value.name]
        found = np.asarray(answer)
        if found.shape == r.shape:
            r = without_padding(self.graph, value, r, case.inputs, case.sizes)
            found = without_padding(self.graph, value, found, case.inputs, case.sizes)
        choice = self.decisions.get(output)
        clear: Array | None = None
        if choice is not None:
            name = choice.score.name
            clear = decided(choice, exact.values[name], exact.bounds[name])
        return compare(
            output,
            case.label,
            r,
            found,
            exact.bounds[value.name],
            tolerance=tolerance,
            decided=clear,
        )

    def insensitive(
        self, output: str, precision: str = "float32", tolerance: float | None = None
    ) -> bool:
        """Whether R of an output (or of the score that decides it) varies by less than the
        accepted error over the inputs."""
        base = [self.reference(c, precision) for c in self.computed if c.base]
        choice = self.decisions.get(output)
        value = self.outputs[output] if choice is None else choice.score
        if len(base) < 2 or not value.type.dtype.is_float:
            return False
        answers = [r.values[value.name] for r in base]
        varied = max(float(finite_difference(answers[0], a).max(initial=0.0)) for a in answers[1:])
        return varied <= max(
            _accepted(r.bounds[value.name], r.values[value.name], tolerance) for r in base
        )

    def limits(
        self, outputs: Collection[str], precision: str = "float32", tolerance: float | None = None
    ) -> dict[str, float]:
        """The accepted absolute error of each float output in the first case (the golden one)."""
        exact = self.reference(self.cases[0], precision)
        floats = {
            n: v.name for n, v in self.outputs.items() if n in outputs and v.type.dtype.is_float
        }
        return {
            n: _accepted(exact.bounds[v], exact.values[v], tolerance) for n, v in floats.items()
        }

    # --- the local proof --------------------------------------------------------------------------

    @cached_property
    def model(self) -> onnx.ModelProto:
        """The unoptimised ONNX model that engines are built from."""
        if self._model is not None:
            return self._model
        places = {n: Location("weights", 0, a.nbytes) for n, a in self.weights.items() if a.size}
        return onnx_from_graph(self.graph, self.weights, places=places)

    @cached_property
    def nodes(self) -> list[NodeResult]:
        """The local proof: every node alone, on structural weights; of a heavy network with one
        example, and at as many scales as it has time for."""
        if not self.graph.nodes or self.golden:
            return []
        with self.timed("local"):
            structural = structural_weights(self.graph, self.seed)
            case, scales = self.computed[0], SCALES[:1] if self.fast else SCALES
            if self.batched is not None:
                times = LOCAL // (RUNS * max(1, effort(self.graph, case.sizes)))
                scales = scales[: max(1, times)]
            return prove_nodes(
                self.graph,
                self.model,
                structural,
                seed=self.seed,
                sizes=case.sizes,
                scales=scales,
            )

    @cached_property
    def passes(self) -> NodeResult | None:
        """The first node whose meaning a pass has changed; None where there is none."""
        if self.golden or self.plan.meant is None or is_untouched(self.plan.meant, self.graph):
            return None
        with self.timed("passes"):
            structural = structural_weights(self.graph, self.seed)
            return prove_passes(
                self.plan.meant, self.graph, structural, self.computed[0].inputs, seed=self.seed
            )

    # --- time -------------------------------------------------------------------------------------

    def timed(self, what: str) -> _Timer:
        """Adds the seconds spent in a block to ``timings``."""
        return _Timer(self.timings, what)


class _Timer:
    def __init__(self, timings: dict[str, float], what: str) -> None:
        self._timings, self._what = timings, what

    def __enter__(self) -> None:
        self._start = perf_counter()

    def __exit__(self, *_: object) -> None:
        self._timings[self._what] = (
            self._timings.get(self._what, 0.0) + perf_counter() - self._start
        )


def _accepted(bound: Bound, exact: Array, tolerance: float | None) -> float:
    if tolerance is None:
        return bound.limit
    finite = exact[np.isfinite(exact)]
    return tolerance * float(np.sqrt(np.mean(finite * finite))) if finite.size else 0.0
