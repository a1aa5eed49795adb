"""The report's cards of engines, its checks and its nodes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from dlspec.inspect.markup import table, tag, text
from dlspec.verify.bound import FACTOR
from dlspec.verify.local import NodeResult
from dlspec.verify.report_charts import node_chart
from dlspec.verify.result import Verification
from dlspec.verify.verdict import Verdict

_TONES = {"verified": "good", "pass": "good", "holds": "good", "failed": "bad", "fail": "bad"}

_AWAITS = (
    "Built here, where it cannot run. Its first load on each machine replays the golden inputs, "
    "and refuses on a mismatch."
)
_UNITS = (
    "The error is told in units of B, the derived bound: how far the exact answer moves when every "
    f"weight, input and result moves by half an ulp. Up to {FACTOR:g} B is accepted."
)
_ALONE = (
    "Each node of the unoptimised model, given the exact inputs, on weights of which none is 0 or "
    "1 and on inputs at three scales. The scale is logarithmic, in units of the node's own bound."
)
_BLAMED = "The same, with the real weights and the inputs that failed."


def badge(word: str, tone: str | None = None) -> str:
    """A word in a coloured frame."""
    return text("span", word, f"badge {tone or tone_of(word)}")


def tone_of(word: str) -> str:
    """`good`, `warn` or `bad`."""
    return _TONES.get(word, "warn")


def ratio_text(ratio: float) -> str:
    """`0.52 B`."""
    if not math.isfinite(ratio):
        return "∞"
    return "0 B" if ratio == 0 else f"{ratio:.2g} B" if ratio < 1000 else f"{ratio:.1e} B"


def engines(verifications: Sequence[Verification], about: Mapping[str, Any]) -> str:
    """A card an engine: the verdict of each output."""
    cards = [_card(v) for v in verifications]
    for record in about.get("engines", ()):
        if record.get("status") == "awaits-device":
            name = f"{record.get('name')} ({record.get('target')})"
            top = tag("h3", text("span", name), badge("awaits device", "warn"))
            cards.append(tag("div", top, text("p", _AWAITS, "soft small"), kind="card"))
    if not cards:
        return ""
    units = text("p", _UNITS, "soft small") if any(v.verdicts for v in verifications) else ""
    return tag("h2", "Engines") + tag("div", *cards, kind="cards") + units


def _card(result: Verification) -> str:
    statuses = result.outputs
    rows = [_output(name, statuses[name], verdict) for name, verdict in result.worst.items()]
    opinions = [result.precision, "NumPy float64"]
    if result.tolerance is not None:
        opinions.insert(1, f"tolerance {result.tolerance:.3g}")
    if result.references:
        opinions.append("PyTorch float64")
    if result.torch:
        largest = max(v.ratio for v in result.torch)
        opinions.append(f"PyTorch float32 within {ratio_text(largest)}")
    told = [
        text("p", f"{d.code}: {d.message}", f"small {'bad' if d.severity == 'error' else 'warn'}")
        for d in result.diagnostics
    ]
    return tag(
        "div",
        tag("h3", text("span", result.engine), badge(result.verdict)),
        text("p", " · ".join(opinions), "soft small"),
        table(["output", "", "error", ""], rows),
        *told,
        kind="card",
    )


def _output(name: str, status: str, verdict: Verdict) -> str:
    tone = tone_of(status)
    if verdict.reason in ("refused", "missing", "shape", "type"):
        amount = verdict.reason
    elif verdict.expected is None or verdict.reason == "decision":
        amount = f"{verdict.decided:.0%} decided"
    else:
        amount = ratio_text(verdict.ratio)
    share = min(1.0, verdict.ratio / FACTOR) if math.isfinite(verdict.ratio) else 1.0
    filled = tag("i", style=f"width:{100 * share:.0f}%")
    hint = f"worst case: {verdict.case}; error {verdict.error:.3g} of {verdict.limit:.3g}"
    return tag(
        "tr",
        text("td", name, "mono"),
        text("td", status, tone),
        text("td", amount),
        tag("td", tag("div", filled, kind=f"bar {tone}")),
        title=hint,
    )


def checks(verifications: Sequence[Verification]) -> str:
    """The spec's checks, on every side."""
    rows: dict[tuple[str, str], str] = {}
    for check in (c for v in verifications for c in v.checks):
        word = "holds" if check.holds else "failed"
        told = check.text.removeprefix("check ")
        rows[told, check.side] = tag(
            "tr",
            text("td", told, "mono"),
            text("td", check.side),
            text("td", check.found, "mono"),
            text("td", word, tone_of(word)),
        )
    if not rows:
        return ""
    head = ["check", "computed by", "value", ""]
    return tag("h2", "Checks") + tag("div", table(head, list(rows.values())), kind="card")


def nodes(verifications: Sequence[Verification]) -> str:
    """The local proof, and the bisection of a failure."""
    parts: list[str] = []
    result = next((v for v in verifications if v.nodes), None)
    if result is not None:
        listed = tag("details", text("summary", "table"), _table(result.nodes))
        body = (text("p", _ALONE, "soft small"), node_chart(result.nodes), listed)
        parts += [tag("h2", "Every node alone"), tag("div", *body, kind="card")]
    blamed = next((v for v in verifications if v.bisection), None)
    if blamed is not None:
        found = blamed.bisection
        body = (text("p", _BLAMED, "soft small"), node_chart(found), _table(found))
        parts += [text("h2", f"Where {blamed.engine} goes wrong"), tag("div", *body, kind="card")]
    return "".join(parts)


def _table(results: Sequence[NodeResult]) -> str:
    rows = [
        tag(
            "tr",
            text("td", n.path, "mono"),
            text("td", n.op, "mono"),
            text("td", n.line or ""),
            text("td", ratio_text(n.ratio)),
            text("td", n.status, tone_of(n.status)),
        )
        for n in results
    ]
    return table(["node", "op", "line", "error", ""], rows)
