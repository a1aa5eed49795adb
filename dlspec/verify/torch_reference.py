"""The emitted PyTorch as a second float64 reference, and in float32 as it is trained."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
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
from dlspec.verify.cut import given_inputs, severed
from dlspec.verify.inputs import Case
from dlspec.verify.local import NodeResult
from dlspec.verify.refusals import refusals
from dlspec.verify.study import Study
from dlspec.verify.verdict import Verdict, compare, refusal

Array = NDArray[Any]

Precision = Literal["float32", "float64"]


def is_torch_here() -> bool:
    """Whether torch can be imported; this does not import it."""
    return find_spec("torch") is not None


def torch_faults() -> tuple[type[Exception], ...]:
    """How a wrong lowering to PyTorch shows when it is loaded or run: these are findings."""
    return (*refusals(), SyntaxError, NameError, AttributeError, TypeError, IndexError)


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
        wanted = {w.name for w in graph.weights}
        self.state = {k: self.tensor(v) for k, v in weights.items() if k in wanted}
        self.module = self._empty(made) or made()
        # weights that nothing changes are taken as they are, once
        self.module.load_state_dict(self.state, assign=not graph.updates)
        self.module.eval()

    def _empty(self, made: Any) -> Any:
        """The module without memory for its weights, which would be drawn only to be replaced; None
        where it holds or changes other tensors."""
        import torch

        if self.graph.updates:
            return None
        with torch.device("meta"):
            module = made()
        return module if len(module.state_dict()) == _tensors(module) else None

    def tensor(self, array: Any) -> Any:
        """An array as a tensor, floats in the precision of this module; a tensor as it is."""
        import torch

        if isinstance(array, torch.Tensor):
            return array
        made = torch.from_numpy(np.array(array, order="C"))
        return made.to(self.dtype) if made.is_floating_point() else made

    def __call__(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """The outputs by name."""
        import torch

        with torch.no_grad():
            answers = self.tensors(inputs)
        return {
            o.name: a.detach().numpy() for o, a in zip(self.graph.outputs, answers, strict=True)
        }

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


def _tensors(module: Any) -> int:
    """How many parameters and buffers a module has, those that are not stored too."""
    return sum(1 for _ in (*module.parameters(), *module.buffers()))


def agree_in_float64(study: Study) -> list[Verdict]:
    """NumPy and PyTorch in float64 on the base cases, within float64's own bound."""
    cases = study.opinions
    rooms = {c.label: _roomy(study.in_float64(c)) for c in cases}
    try:
        module = TorchGraph(study.graph, study.weights, "float64")
    except torch_faults() as error:
        return _refused(study, cases, error)
    return _verdicts(study, module, cases, rooms)


def _verdicts(
    study: Study,
    module: TorchGraph,
    cases: Sequence[Case],
    exact: Mapping[str, Reference] | None = None,
) -> list[Verdict]:
    found: list[Verdict] = []
    for case in cases:
        try:
            answers = module(case.inputs)
        except torch_faults() as error:
            found += _refused(study, [case], error)
            continue
        against = None if exact is None else exact[case.label]
        found += [study.compare(n, case, answers[n], exact=against) for n in study.outputs]
    return found


def _refused(study: Study, cases: Sequence[Case], error: Exception) -> list[Verdict]:
    return [refusal(name, case.label, str(error)) for case in cases for name in study.outputs]


def _roomy(exact: Reference) -> Reference:
    """Float64's bound with room for the rounding of the reference's own sums."""
    bounds = {n: replace(b, largest=2 * b.largest, rms=2 * b.rms) for n, b in exact.bounds.items()}
    return Reference(exact.values, bounds)


def stays_in_bound(study: Study) -> tuple[TorchGraph | None, list[Verdict]]:
    """PyTorch in float32 on every case, within float32's bound; the module first, if it can be
    made."""
    try:
        module = TorchGraph(study.graph, study.weights, "float32")
    except torch_faults() as error:
        return None, _refused(study, study.cases, error)
    return module, _verdicts(study, module, study.cases)


def prove_torch_nodes(
    graph: Graph,
    structural: Mapping[str, Array],
    drawn: Sequence[Mapping[str, Array]],
    *,
    seed: int = 0,
) -> NodeResult | None:
    """The first node whose emitted PyTorch computes something else than it means; None where there
    is none.

    Every node alone, given R's own inputs, on weights of which none is 0 or 1: what fresh weights
    and depth hide of an engine, they hide of PyTorch as well.

    Args:
        graph: any graph.
        structural: weights of which none is 0 or 1.
        drawn: sets of inputs, at several scales.
        seed: of the probes.
    """
    pieces = severed(graph)
    made = [v for node in pieces.nodes for v in node.outputs]
    if not made:
        return None
    shown = replace(pieces, outputs=[Output(v.name, v) for v in made], updates=[])
    given = [given_inputs(graph, inputs, structural) for inputs in drawn]
    wide = [{i.name: all_of[i.name] for i in pieces.inputs} for all_of in given]
    exacts = references(
        pieces, wide, structural, [v.name for v in made], precision="float64", seed=seed
    )
    rooms = [_roomy(exact) for exact in exacts]
    found = {v.output: v for v in _wrong(shown, structural, wide, rooms)}
    for node in graph.nodes:
        for value in node.outputs:
            if value.name in found:
                verdict = found[value.name]
                return NodeResult(
                    node.path, node.op.name, "fail", verdict.ratio, node.span, verdict
                )
    return None


def _wrong(
    shown: Graph,
    weights: Mapping[str, Array],
    drawn: Sequence[Mapping[str, Array]],
    exacts: Sequence[Reference],
) -> list[Verdict]:
    """The outputs of severed nodes that differ; where PyTorch refuses the whole, node by node."""
    names = [o.name for o in shown.outputs]
    found: list[Verdict] = []
    try:
        module = TorchGraph(shown, weights, "float64")
        for number, (inputs, exact) in enumerate(zip(drawn, exacts, strict=True), 1):
            answers = module(inputs)
            case = f"draw {number}"
            for name in names:
                known = exact.values[name], answers[name], exact.bounds[name]
                found.append(compare(name, case, *known))
    except torch_faults() as error:
        if len(shown.nodes) == 1:
            return [refusal(name, "draw 1", str(error)) for name in names]
        ones = [
            replace(shown, nodes=[node], outputs=[Output(v.name, v) for v in node.outputs])
            for node in shown.nodes
        ]
        return [v for one in ones for v in _wrong(one, weights, drawn, exacts)]
    return [v for v in found if v.status == "fail"]


def first_disagreement(
    graph: Graph, weights: Mapping[str, Array], inputs: Mapping[str, Array], *, seed: int = 0
) -> str | None:
    """The path of the first node whose float64 result differs between NumPy and PyTorch, computed
    from the graph's inputs on."""
    made = [v for node in graph.nodes for v in node.outputs]
    names = [v.name for v in made]
    exact = _roomy(reference(graph, inputs, weights, names, precision="float64", seed=seed))
    whole = replace(graph, outputs=[Output(v.name, v) for v in made], updates=[])
    answers = TorchGraph(whole, weights, "float64")(inputs)
    for value in made:
        name = value.name
        verdict = compare(name, "", exact.values[name], answers[name], exact.bounds[name])
        if verdict.status == "fail" and value.producer is not None:
            return next((n.path for n in graph.nodes if value in n.outputs), None)
    return None
