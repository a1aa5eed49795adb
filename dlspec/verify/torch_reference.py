"""The emitted PyTorch as a second float64 reference, and in float32 as it is trained."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dlspec.ir.graph import Graph, Output
from dlspec.ir.types import DType
from dlspec.targets.torch_source import load_module, module_source
from dlspec.verify.bound import Bound, derive
from dlspec.verify.inputs import Case
from dlspec.verify.study import Study
from dlspec.verify.verdict import Verdict, compare

Array = NDArray[Any]

Precision = Literal["float32", "float64"]


def is_torch_here() -> bool:
    """Whether torch can be imported; this does not import it."""
    return find_spec("torch") is not None


class TorchGraph:
    """A graph emitted as PyTorch and loaded with weights: the emission is what `dlspec compile --emit torch` hands over.

    Args:
        graph: any graph.
        weights: by name.
        precision: float64 computes in double precision throughout.
    """

    def __init__(self, graph: Graph, weights: Mapping[str, Array], precision: Precision) -> None:
        import torch

        self.graph = graph
        self.dtype = torch.float64 if precision == "float64" else torch.float32
        text = module_source(graph.name, {"forward": graph}, dtype=DType(precision))
        folder = tempfile.TemporaryDirectory(prefix="dlspec-verify-")
        with folder as place:
            made = load_module(text, Path(place) / f"{precision}.py")
            self.module = made()
        wanted = {w.name for w in graph.weights}
        state = {k: self.tensor(v) for k, v in weights.items() if k in wanted}
        self.module.load_state_dict(state)
        if precision == "float64":
            self.module.double()
        self.module.eval()

    def tensor(self, array: Array) -> Any:
        """An array as a tensor; floats in the precision of this module."""
        import torch

        made = torch.from_numpy(np.array(array, order="C"))
        return made.to(self.dtype) if made.is_floating_point() else made

    def __call__(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """The outputs by name."""
        import torch

        with torch.no_grad():
            answer = self.module(*self.positional(inputs), **self.noises(inputs))
        answers = (answer,) if isinstance(answer, torch.Tensor) else tuple(answer)
        return {o.name: a.numpy() for o, a in zip(self.graph.outputs, answers, strict=True)}

    def positional(self, inputs: Mapping[str, Array]) -> list[Any]:
        """The arguments that are given by position."""
        return [self.tensor(inputs[i.name]) for i in self.graph.inputs if i.origin != "noise"]

    def noises(self, inputs: Mapping[str, Array]) -> dict[str, Any]:
        """The arguments that are given by keyword."""
        from dlspec.targets.torch_source.names import identifier

        return {identifier(i.name): self.tensor(inputs[i.name]) for i in self.graph.noise_inputs}


def agree_in_float64(study: Study) -> list[Verdict]:
    """NumPy and PyTorch in float64 on the base cases, within float64's own bound."""
    module = TorchGraph(study.graph, study.weights, "float64")
    found: list[Verdict] = []
    for case in [c for c in study.cases if c.base]:
        exact = study.reference(case).values
        bounds = derive(
            study.graph, case.inputs, study.weights, exact, precision="float64", seed=study.seed
        )
        answers = module(case.inputs)
        for name, value in study.outputs.items():
            r = exact[value.name]
            found.append(compare(name, case.label, r, answers[name], _roomy(bounds[value.name], r)))
    return found


def _roomy(bound: Bound, exact: Array) -> Bound:
    """Float64's bound with room for the rounding of the references' own sums."""
    if exact.dtype.kind != "f":
        return bound
    return replace(bound, largest=2 * bound.largest, rms=2 * bound.rms)


def stays_in_bound(study: Study, module: TorchGraph) -> list[Verdict]:
    """PyTorch in float32 on every case, within float32's bound."""
    found: list[Verdict] = []
    for case in study.cases:
        answers = module(case.inputs)
        found += [study.compare(name, case, answers[name]) for name in study.outputs]
    return found


def first_disagreement(study: Study, case: Case) -> str | None:
    """The path of the first node whose float64 result differs between NumPy and PyTorch."""
    from dlspec.verify.bound import evaluate

    made = [v for node in study.graph.nodes for v in node.outputs]
    names = [v.name for v in made]
    exact = evaluate(study.graph, case.inputs, study.weights, names)
    bounds = derive(study.graph, case.inputs, study.weights, exact, precision="float64", seed=study.seed)
    whole = replace(study.graph, outputs=[Output(v.name, v) for v in made])
    answers = TorchGraph(whole, study.weights, "float64")(case.inputs)
    for value in made:
        name = value.name
        verdict = compare(name, case.label, exact[name], answers[name], _roomy(bounds[name], exact[name]))
        if verdict.status == "fail" and value.producer is not None:
            return value.producer.path
    return None
