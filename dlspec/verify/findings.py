"""Failures as diagnostics: the node, its line in the spec, both values, and the error against the
bound."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypedDict

from dlspec.diagnostics import Diagnostic
from dlspec.ir.graph import Graph
from dlspec.late import LateModule
from dlspec.source import Span
from dlspec.verify.local import NodeResult
from dlspec.verify.verdict import Verdict

if TYPE_CHECKING:
    from dlspec.diagnostics import parity as faults
    from dlspec.verify.result import Verification
else:
    faults = LateModule("dlspec.diagnostics.parity")


class Difference(TypedDict):
    """What a diagnostic of a single node tells of its results."""

    expected: str
    found: str
    ratio: str | None
    detail: str | None


def findings(
    graph: Graph, result: Verification, disagreement: str | None = None
) -> Iterator[Diagnostic]:
    """Everything that is to be told, errors first; one error a cause.

    Args:
        graph: what was verified.
        result: what was found.
        disagreement: path of the first node on which the float64 references disagree.
    """
    yield from _passes(result)
    yield from _references(graph, result, disagreement)
    yield from _local(result)
    yield from _engine(graph, result)
    yield from _checks(result)
    yield from _warnings(graph, result)


def _passes(result: Verification) -> Iterator[Diagnostic]:
    for wrong in result.passes:
        yield faults.PassDiffers(
            wrong.span, result.network, wrong.path, wrong.op, **_difference(wrong.verdict)
        )


def _references(graph: Graph, result: Verification, node: str | None) -> Iterator[Diagnostic]:
    failed = _first_failure(result.references)
    if failed is None and result.torch_nodes:
        wrong = result.torch_nodes[0]
        failed, node = wrong.verdict, wrong.path
    if failed is not None:
        span = _node_span(graph, node) or _output_span(graph, failed.output)
        yield faults.ReferencesDisagree(
            span, result.network, failed.output, failed.case, expected=_number(failed.expected),
            found=_number(failed.found), index=_index(failed), ratio=_ratio(failed), node=node,
        )  # fmt: skip
        return
    failed = _first_failure(result.torch)
    if failed is not None:
        yield faults.TorchDiffers(
            _output_span(graph, failed.output), result.network, failed.output, failed.case,
            error=_off_by(failed), expected=_number(failed.expected), found=_number(failed.found),
            index=_index(failed), ratio=_ratio(failed),
        )  # fmt: skip


def _local(result: Verification) -> Iterator[Diagnostic]:
    wrong = next((n for n in result.nodes if n.status == "fail"), None)
    if wrong is not None:
        yield faults.NodeDiffers(
            wrong.span, result.network, wrong.path, wrong.op, **_difference(wrong.verdict)
        )


def _engine(graph: Graph, result: Verification) -> Iterator[Diagnostic]:
    """One error for what it refuses, one for what it answers wrongly."""
    wrong = [v for v in result.worst.values() if v.status == "fail"]
    refused = [v for v in result.verdicts if v.status == "fail" and v.reason in _NO_ANSWER]
    if refused:
        verdict = refused[0]
        node = result.first_wrong_node
        yield faults.EngineRefuses(
            (node.span if node is not None else None) or _output_span(graph, verdict.output),
            result.network, result.engine, verdict.output, verdict.case, _told(verdict),
            None if node is None else node.path,
        )  # fmt: skip
    differing = [v for v in wrong if v.reason not in _NO_ANSWER]
    differing.sort(key=lambda v: v.reason == "decision")  # an id is wrong because its score is
    if differing:
        yield _differs(graph, result, differing[0], [v.output for v in differing[1:]])


def _differs(
    graph: Graph, result: Verification, verdict: Verdict, also: Sequence[str]
) -> Diagnostic:
    node: NodeResult | None = result.first_wrong_node
    span = node.span if node is not None else None
    is_choice = verdict.reason == "decision"
    derived = result.tolerance is None and not is_choice
    declared = result.tolerance is not None and not is_choice
    return faults.EngineDiffers(
        span or _output_span(graph, verdict.output),
        result.network,
        result.engine,
        verdict.output,
        case=verdict.case,
        error=_off_by(verdict),
        expected=_number(verdict.expected),
        found=_number(verdict.found),
        index=_index(verdict),
        limit=_number(verdict.limit) if derived else None,
        ratio=_ratio(verdict) if derived else None,
        accepted=_number(verdict.limit) if declared else None,
        node=None if node is None else node.path,
        also=", ".join(also) or None,
        place="computed here" if node is None else f"`{node.op}` differs first",
    )


def _checks(result: Verification) -> Iterator[Diagnostic]:
    told: set[str] = set()
    for check in result.checks:
        if not check.holds and check.text not in told:
            told.add(check.text)
            yield faults.CheckFails(
                check.span,
                check.text,
                check.output,
                check.found,
                check.comparison,
                check.expected,
                check.side,
            )


def _warnings(graph: Graph, result: Verification) -> Iterator[Diagnostic]:
    if not result.nodes:
        local = "no"
    else:
        local = "yes" if all(n.status == "pass" for n in result.nodes) else "not all are right"
    for name, status in result.outputs.items():
        if status == "undetermined":
            verdicts = [
                v for v in result.verdicts if v.output == name and v.status == "undetermined"
            ]
            share = max((v.limit / v.scale if v.scale else 0.0 for v in verdicts), default=0.0)
            yield faults.OutputUndetermined(
                _output_span(graph, name), result.network, name, f"{share:.0%}", local
            )
        elif status == "insensitive":
            yield faults.OutputInsensitive(_output_span(graph, name), result.network, name, local)


_NO_ANSWER = ("refused", "missing", "shape", "type")


# --- words ----------------------------------------------------------------------------------------


def _first_failure(verdicts: Sequence[Verdict]) -> Verdict | None:
    return next((v for v in verdicts if v.status == "fail"), None)


def _output_span(graph: Graph, name: str) -> Span | None:
    value = graph.output(name).value
    if value.span is not None:
        return value.span
    return None if value.producer is None else value.producer.span


def _node_span(graph: Graph, path: str | None) -> Span | None:
    return next((n.span for n in graph.nodes if n.path == path), None)


def _off_by(verdict: Verdict) -> str:
    match verdict.reason:
        case "not finite":
            return "has a NaN or an infinity out of place"
        case "decision":
            return f"has {verdict.error:g} wrong ids"
        case "rms":
            return f"is off by {verdict.rms_error:.3g} (rms)"
        case "refused" | "shape" | "type" | "missing":
            return f"is not there ({verdict.detail})"
        case _:
            return f"is off by {verdict.error:.3g}"


def _told(verdict: Verdict) -> str:
    match verdict.reason:
        case "refused":
            return f"the engine refuses: {verdict.detail}"
        case "shape":
            return f"it answers in the shape {verdict.detail}"
        case "type":
            return f"it answers in the type {verdict.detail}"
        case "missing":
            return "it has no such output"
        case _:
            return verdict.detail


def _number(value: float | None) -> str:
    return "nothing" if value is None else f"{value:.7g}"


def _difference(verdict: Verdict) -> Difference:
    unclear = verdict.reason in _NO_ANSWER
    return {
        "expected": _number(verdict.expected),
        "found": _number(verdict.found),
        "ratio": None if unclear else _ratio(verdict),
        "detail": _told(verdict) or None,
    }


def _ratio(verdict: Verdict) -> str:
    return f"{verdict.ratio:.3g}"


def _index(verdict: Verdict) -> str:
    return str(list(verdict.index))
