"""The local proof: every node alone, given the exact inputs.

End to end, depth, saturation and fresh weights hide faults: nine sigmoids in a row answer the same
whatever comes in, and a lost bias that is 0 is lost unseen. So each node of the unoptimised ONNX
model is run on R's own inputs (rounded to float32), with structural weights, of which none is 0 or
1, at three scales of input, and compared with its meaning within its own bound; an op that selects
or compares has to be exact, also on a coarse grid of inputs, where there are ties. The same table,
with the network's real weights, finds the node where an engine goes wrong.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dlspec.ir.graph import Graph, Node, Value
from dlspec.source import Span
from dlspec.verify.bound import PROBES, Reference, evaluate, references
from dlspec.verify.cut import Cut, cut_model, given_inputs, severed, with_weights
from dlspec.verify.discrete import exactly, is_choice, on_grid
from dlspec.verify.inputs import SCALES, draw_inputs
from dlspec.verify.refusals import refusals
from dlspec.verify.sizes import sweep
from dlspec.verify.verdict import Status, Verdict, compare

if TYPE_CHECKING:
    import onnx

Array = NDArray[Any]

MANY = 1 << 14
"""Results of a node from which on it takes few probes."""
FEW = 3


@dataclass(frozen=True)
class NodeResult:
    """The worst that was found of one node."""

    path: str
    op: str
    status: Status
    ratio: float
    span: Span | None
    verdict: Verdict

    @property
    def line(self) -> int | None:
        """Its line in the spec."""
        return None if self.span is None else self.span.line


def prove_nodes(
    graph: Graph,
    model: onnx.ModelProto,
    structural: Mapping[str, Array],
    *,
    seed: int = 0,
    sizes: Mapping[str, int] | None = None,
    scales: Sequence[float] = SCALES,
) -> list[NodeResult]:
    """The local proof of a model that was emitted from a graph: a result a node, in execution
    order.

    Args:
        graph: what it was emitted from.
        model: the unoptimised ONNX model.
        structural: weights of which none is 0 or 1 (`dlspec.randomness.structural_weights`).
        seed: of the inputs and probes.
        sizes: of the dynamic dimensions; without, small odd ones.
        scales: how large the inputs are, a draw each.
    """
    chosen = sweep(graph)[0] if sizes is None else sizes
    drawn = [draw_inputs(graph, dict(chosen), seed=seed + i, scale=s) for i, s in enumerate(scales)]
    return compare_nodes(graph, with_weights(model, structural), structural, drawn, seed=seed)


def bisect(
    graph: Graph,
    model: onnx.ModelProto,
    weights: Mapping[str, Array],
    inputs: Mapping[str, Array],
    *,
    seed: int = 0,
) -> list[NodeResult]:
    """The same table with the weights that the model really holds, for inputs on which an engine
    was wrong."""
    return compare_nodes(graph, model, weights, [inputs], seed=seed)


def first_wrong(results: Sequence[NodeResult]) -> NodeResult | None:
    """The first node, in execution order, that differs."""
    return next((r for r in results if r.status == "fail"), None)


def compare_nodes(
    graph: Graph,
    model: onnx.ModelProto,
    weights: Mapping[str, Array],
    drawn: Sequence[Mapping[str, Array]],
    *,
    seed: int = 0,
) -> list[NodeResult]:
    """Run a cut model on several inputs, and compare every node; the worst of each."""
    cut = cut_model(model, graph)
    found: dict[str, Verdict] = {}
    try:
        session = unoptimised_session(cut.model, weights)
    except refusals() as error:
        found = _refused(cut.made.values(), "model", str(error))
        return [_result(node, found) for node in graph.nodes]
    pieces = severed(graph)
    given_all = [given_inputs(graph, inputs, weights) for inputs in drawn]
    read = [{i.name: given[i.name] for i in pieces.inputs} for given in given_all]
    choices = {v.name for n in graph.nodes if is_choice(n.op) for v in n.outputs}
    exacts = _exact(pieces, read, weights, {v.name for v in cut.made.values()}, choices, seed)
    told: list[tuple[str, Mapping[str, Array], Reference]] = [
        (f"draw {number}", given, exact)
        for number, (given, exact) in enumerate(zip(given_all, exacts, strict=True), 1)
    ]
    if choices and given_all:
        told.append(("a grid", *_on_grid(pieces, given_all[0], weights, choices)))
    for case, given, exact in told:
        for name, verdict in _compare_all(cut, session, given, exact, case).items():
            if name not in found or _worse(verdict, found[name]):
                found[name] = verdict
    return [_result(node, found) for node in graph.nodes]


def _exact(
    pieces: Graph,
    read: Sequence[Mapping[str, Array]],
    weights: Mapping[str, Array],
    want: Collection[str],
    choices: Collection[str],
    seed: int,
) -> list[Reference]:
    """R and B of every severed node for each draw.

    What ops choose must be there exactly: their inputs were not rounded, so nothing excuses another
    choice, and no probe is needed. A node of very many results takes fewer probes: the largest
    change is one of them all.
    """
    values = [evaluate(pieces, given, weights, want) for given in read]
    bounds = [{n: exactly(known[n]) for n in want if n in choices} for known in values]
    many = {n for n in want if all(known[n].size >= MANY for known in values)}
    for names, probes in ((many, FEW), (set(want) - many, PROBES)):
        part = _makers(pieces, names - set(choices))
        made = [v.name for node in part.nodes for v in node.outputs if v.name in want]
        if not made:
            continue
        found = references(part, read, weights, made, seed=seed, exact=values, probes=probes)
        for known, more in zip(bounds, found, strict=True):
            known.update(more.bounds)
    return [Reference(v, b) for v, b in zip(values, bounds, strict=True)]


def _makers(pieces: Graph, names: Collection[str]) -> Graph:
    """The severed nodes that make values of these names, with what they read."""
    nodes = [n for n in pieces.nodes if any(v.name in names for v in n.outputs)]
    used = {v for node in nodes for v in node.inputs}
    return replace(
        pieces,
        nodes=nodes,
        parameters=[p for p in pieces.parameters if p in used],
        buffers=[b for b in pieces.buffers if b in used],
        constants=[c for c in pieces.constants if c in used],
    )


def _on_grid(
    pieces: Graph,
    given: Mapping[str, Array],
    weights: Mapping[str, Array],
    choices: Collection[str],
) -> tuple[Mapping[str, Array], Reference]:
    """Inputs among which there are ties, and what is chosen among them."""
    nodes = [n for n in pieces.nodes if any(v.name in choices for v in n.outputs)]
    coarse = {name: on_grid(array) for name, array in given.items()}
    read = {i.name: coarse[i.name] for i in pieces.inputs}
    values = evaluate(replace(pieces, nodes=nodes), read, weights, choices)
    return coarse, Reference(values, {n: exactly(a) for n, a in values.items()})


def _worse(a: Verdict, b: Verdict) -> bool:
    return (a.status == "fail", a.ratio) > (b.status == "fail", b.ratio)


def _compare_all(
    cut: Cut, session: Any, given: Mapping[str, Array], exact: Reference, case: str
) -> dict[str, Verdict]:
    feeds = {i.name: given[_source(cut, i.name)] for i in session.get_inputs()}
    try:
        answers = session.run(list(cut.made), feeds)
    except refusals() as error:
        return _refused(cut.made.values(), case, str(error))
    found: dict[str, Verdict] = {}
    for value, answer in zip(cut.made.values(), answers, strict=True):
        name = value.name
        if name not in exact.values:
            continue
        found[name] = compare(
            name, case, exact.values[name], np.asarray(answer), exact.bounds[name]
        )
    return found


def _source(cut: Cut, name: str) -> str:
    value = cut.reads.get(name)
    return name if value is None else f"given.{value.name}"


def _refused(values: Collection[Value], case: str, detail: str) -> dict[str, Verdict]:
    """The node that the error names fails (every node, where it names none); of the others nothing
    is known."""
    named = {v.name for v in values if v.producer is not None and f".{v.producer.path}/" in detail}
    found: dict[str, Verdict] = {}
    for value in values:
        blamed = not named or value.name in named
        status: Status = "fail" if blamed else "undetermined"
        ratio = float("inf") if blamed else 0.0
        found[value.name] = Verdict(value.name, case, status, "refused", ratio=ratio, detail=detail)
    return found


def _result(node: Node, found: Mapping[str, Verdict]) -> NodeResult:
    verdicts = [found[v.name] for v in node.outputs if v.name in found]
    if not verdicts:
        missing = Verdict(node.outputs[0].name, "model", "fail", "missing", ratio=float("inf"))
        verdicts = [missing]
    verdict = verdicts[0]
    for other in verdicts[1:]:
        if _worse(other, verdict):
            verdict = other
    known = verdict.reason != "refused" or verdict.status == "fail"
    status: Status = "fail" if verdict.status == "fail" else "pass" if known else "undetermined"
    return NodeResult(node.path, node.op.name, status, verdict.ratio, node.span, verdict)


def unoptimised_session(model: onnx.ModelProto, weights: Mapping[str, Array]) -> Any:
    """An ONNX Runtime session on the CPU that rewrites nothing. Weights whose bytes the model does
    not hold are lent to it."""
    import onnxruntime

    from dlspec.targets.onnx.external import is_external

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    lent = {
        t.name: onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(weights[t.name]))
        for t in model.graph.initializer
        if is_external(t)
    }
    if lent:
        options.add_external_initializers(list(lent), list(lent.values()))
    session: Any = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    session.lent = lent  # they are read in place: they live as long as it does
    return session
