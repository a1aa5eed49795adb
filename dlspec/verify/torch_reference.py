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
from dlspec.targets.torch_source import argument_name, load_module, module_source
from dlspec.verify.bound import Reference, reference, references
from dlspec.verify.inputs import Case
from dlspec.verify.refusals import refusals
from dlspec.verify.study import Study
from dlspec.verify.verdict import Verdict, compare, refusal

Array = NDArray[Any]

Precision = Literal["float32", "float64"]


def is_torch_here() -> bool:
    """Whether torch can be imported; this does not import it."""
    return find_spec("torch") is not None


class TorchGraph:
    """A graph emitted as PyTorch and loaded with weights: the emission is what `dlspec compile
    --emit torch` hands over.

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
        self.state = {k: self.tensor(v) for k, v in weights.items() if k in wanted}
        self.module.load_state_dict(self.state)
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
            answers = self.tensors(inputs)
        return {o.name: a.numpy() for o, a in zip(self.graph.outputs, answers, strict=True)}

    def tensors(self, inputs: Mapping[str, Array]) -> tuple[Any, ...]:
        """The outputs as tensors, in order; buffers begin as they were loaded."""
        if self.graph.updates:
            self.module.load_state_dict(self.state)
        answer = self.module(*self.positional(inputs), **self.noises(inputs))
        return answer if isinstance(answer, tuple) else (answer,)

    def buffers(self) -> dict[str, Array]:
        """The buffers as the last call left them."""
        return {k: v.detach().numpy().copy() for k, v in self.module.named_buffers()}

    def positional(self, inputs: Mapping[str, Array]) -> list[Any]:
        """The arguments that are given by position."""
        return [self.tensor(inputs[i.name]) for i in self.graph.inputs if i.origin != "noise"]

    def noises(self, inputs: Mapping[str, Array]) -> dict[str, Any]:
        """The arguments that are given by keyword."""
        return {argument_name(i.name): self.tensor(inputs[i.name]) for i in self.graph.noise_inputs}


def agree_in_float64(study: Study) -> list[Verdict]:
    """NumPy and PyTorch in float64 on the base cases, within float64's own bound."""
    module = TorchGraph(study.graph, study.weights, "float64")
    cases = [c for c in study.cases if c.base]
    exacts = references(
        study.graph,
        [c.inputs for c in cases],
        study.weights,
        study.wanted,
        precision="float64",
        seed=study.seed,
        exact=[study.reference(c).values for c in cases],
    )
    found: list[Verdict] = []
    for case, exact in zip(cases, exacts, strict=True):
        try:
            answers = module(case.inputs)
        except refusals() as error:
            found += [refusal(name, case.label, str(error)) for name in study.outputs]
            continue
        found += [
            study.compare(name, case, answers[name], exact=_roomy(exact)) for name in study.outputs
        ]
    return found


def _roomy(exact: Reference) -> Reference:
    """Float64's bound with room for the rounding of the reference's own sums."""
    bounds = {n: replace(b, largest=2 * b.largest, rms=2 * b.rms) for n, b in exact.bounds.items()}
    return Reference(exact.values, bounds)


def stays_in_bound(study: Study, module: TorchGraph) -> list[Verdict]:
    """PyTorch in float32 on every case, within float32's bound."""
    found: list[Verdict] = []
    for case in study.cases:
        try:
            answers = module(case.inputs)
        except refusals() as error:
            found += [refusal(name, case.label, str(error)) for name in study.outputs]
            continue
        found += [study.compare(name, case, answers[name]) for name in study.outputs]
    return found


def first_disagreement(study: Study, case: Case) -> str | None:
    """The path of the first node whose float64 result differs between NumPy and PyTorch."""
    made = [v for node in study.graph.nodes for v in node.outputs]
    names = [v.name for v in made]
    exact = _roomy(
        reference(
            study.graph, case.inputs, study.weights, names, precision="float64", seed=study.seed
        )
    )
    whole = replace(study.graph, outputs=[Output(v.name, v) for v in made])
    answers = TorchGraph(whole, study.weights, "float64")(case.inputs)
    for value in made:
        name = value.name
        verdict = compare(name, case.label, exact.values[name], answers[name], exact.bounds[name])
        if verdict.status == "fail" and value.producer is not None:
            return value.producer.path
    return None
