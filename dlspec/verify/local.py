"""The local proof: every node alone, given the exact inputs.

End to end, depth, saturation and fresh weights hide faults: nine sigmoids in a row answer the same
whatever comes in, and a lost bias that is 0 is lost unseen. So each node of the unoptimised ONNX
model is run on R's own inputs (rounded to float32), with structural weights, of which none is 0 or
1, at three scales of input, and compared with its meaning within its own bound. The same table,
with the network's real weights, finds the node where an engine goes wrong.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dlspec.ir.graph import Graph, Node, Value
from dlspec.source import Span
from dlspec.verify.bound import Reference, references
from dlspec.verify.cut import Cut, cut_model, given_inputs, severed, with_weights
from dlspec.verify.inputs import SCALES, draw_inputs
from dlspec.verify.refusals import refusals
from dlspec.verify.sizes import sweep
from dlspec.verify.verdict import Status, Verdict, compare

if TYPE_CHECKING:
    import onnx

Array = NDArray[Any]


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
        session = unoptimised_session(cut.model)
    except refusals() as error:
        found = _refused(cut.made.values(), "model", str(error))
        return [_result(node, found) for node in graph.nodes]
    pieces = severed(graph)
    given_all = [given_inputs(graph, inputs, weights) for inputs in drawn]
    read = [{i.name: given[i.name] for i in pieces.inputs} for given in given_all]
    want = [v.name for v in cut.made.values()]
    exacts = references(pieces, read, weights, want, seed=seed)
    for number, (given, exact) in enumerate(zip(given_all, exacts, strict=True)):
        for name, verdict in _compare_all(cut, session, given, exact, f"draw {number + 1}").items():
            if name not in found or _worse(verdict, found[name]):
                found[name] = verdict
    return [_result(node, found) for node in graph.nodes]


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


def unoptimised_session(model: onnx.ModelProto) -> Any:
    """An ONNX Runtime session on the CPU that rewrites nothing."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
