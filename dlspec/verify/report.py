"""`report.html`: what was proved of a network, in one file that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dlspec.inspect.markup import table, tag, text
from dlspec.inspect.picture import svg_of
from dlspec.inspect.summary import symbol_sizes, totals
from dlspec.inspect.wording import bytes_text, flops_text
from dlspec.ir.figures import panels
from dlspec.ir.plan import NetworkPlan
from dlspec.verify import report_engines
from dlspec.verify.report_charts import curve_chart
from dlspec.verify.report_engines import badge
from dlspec.verify.report_spec import spec_section
from dlspec.verify.report_style import STYLE
from dlspec.verify.result import Verification


def report_html(
    plan: NetworkPlan,
    source: str,
    verifications: Sequence[Verification],
    *,
    manifest: Mapping[str, Any] | None = None,
    history: Sequence[Mapping[str, float]] = (),
) -> str:
    """The report of a network's bundle.

    Args:
        plan: the network.
        source: the text of its spec.
        verifications: one an engine that this machine could run.
        manifest: the bundle's manifest as plain data; its engines, files, `trained`, `parameters`
            and versions are told.
        history: rows of the training, with `epoch` and the columns measured.
    """
    about = manifest or {}
    body = (
        _header(plan, verifications, trained=bool(about.get("trained"))),
        _facts(plan, about, verifications),
        report_engines.engines(verifications, about),
        report_engines.checks(verifications),
        _graph(plan),
        report_engines.nodes(verifications),
        _training(history, (about.get("training") or {}).get("stages") or ()),
        spec_section(plan, source),
        _sizes(verifications),
        _open_points(verifications),
        _versions(about, verifications),
    )
    head = (
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        text("title", f"{plan.name} · dlspec report"),
        tag("style", STYLE),
    )
    main = tag("main", "\n".join(part for part in body if part))
    return (
        "<!doctype html>\n" + tag("html", tag("head", *head), tag("body", main), lang="en") + "\n"
    )


def _header(plan: NetworkPlan, verifications: Sequence[Verification], *, trained: bool) -> str:
    states = {v.status for v in verifications}
    overall = (
        "failed" if "failed" in states else "verified" if states == {"verified"} else "unverified"
    )
    less = next((v.less for v in verifications if v.less), "")
    if less and overall == "verified":
        overall = f"proved less (fast): {less}"
    weights = badge("trained", "good") if trained else badge("untrained: fresh weights", "warn")
    settings = ", ".join(f"{k} = {v}" for k, v in plan.settings.items())
    top = tag("header", text("h1", plan.name), badge(overall), weights)
    return top + (text("p", settings, "soft mono") if settings else "")


def _facts(
    plan: NetworkPlan, about: Mapping[str, Any], verifications: Sequence[Verification]
) -> str:
    graph = plan.graph
    sizes = symbol_sizes(plan)
    sums = totals(graph, sizes)
    at = ", ".join(f"{k} = {v}" for k, v in sizes.items())
    files: Mapping[str, Any] = about.get("files") or {}
    took = sum(v.timings.get("total", 0.0) for v in verifications)
    facts = [
        (f"{int(about.get('parameters') or sums.parameters):,}", "parameters"),
        (bytes_text(sums.weight_bytes), "of weights"),
        (flops_text(sums.flops).replace(" ", "\u00a0"), f"at {at}" if at else "for one answer"),
        (str(len(graph.nodes)), "nodes"),
        (", ".join(f"{i.name}: {i.type}" for i in graph.inputs) or "none", "input"),
        (", ".join(o.name for o in graph.outputs), "output"),
    ]
    if files:
        facts.append((bytes_text(sum(int(f["size"]) for f in files.values())), "in the bundle"))
    if took:
        facts.append((f"{took:.1f} s", "to verify"))
    cells = [
        tag(
            "div",
            text("b", value, "long" if len(value) > 12 else ""),
            text("span", name),
            kind="fact",
        )
        for value, name in facts
    ]
    return tag("div", *cells, kind="facts")


# --- the network and its training ----------------------------------------------------------------


def _graph(plan: NetworkPlan) -> str:
    """Its picture; blocks fold, and what is in them stands beside."""
    picture = svg_of(plan, inline=True)
    return tag("h2", "Network") + tag("div", picture, kind="card graph")


def _training(history: Sequence[Mapping[str, float]], stages: Sequence[str]) -> str:
    if not history:
        return ""
    columns = dict.fromkeys(name for row in history for name in row)
    told = [c for c in columns if c not in ("epoch", "stage", "step") and not _is_about_speed(c)]
    charts = [curve_chart(history, names, title, stages) for title, names in panels(told)]
    cards = [tag("div", chart, kind="card") for chart in charts if chart]
    return tag("h2", "Training") + tag("div", *cards, kind="cards")


def _is_about_speed(column: str) -> bool:
    return "." not in column and any(word in column for word in ("seconds", "samples"))


# --- the foot -----------------------------------------------------------------------------------


def _sizes(verifications: Sequence[Verification]) -> str:
    swept = [s for v in verifications for s in v.sizes]
    told = dict.fromkeys(", ".join(f"{k} = {n}" for k, n in s.items()) or "fixed" for s in swept)
    if not told:
        return ""
    return tag("h2", "Sizes proved") + text("p", " · ".join(told), "mono")


def _open_points(verifications: Sequence[Verification]) -> str:
    points = dict.fromkeys(p for v in verifications for p in v.unproven)
    if not points:
        return ""
    return tag("h2", "Not proved") + tag("ul", *(text("li", p) for p in points))


def _versions(about: Mapping[str, Any], verifications: Sequence[Verification]) -> str:
    found: dict[str, str] = {}
    for result in verifications:
        found |= result.versions
    found |= {str(k): str(v) for k, v in (about.get("versions") or {}).items()}
    listed = text("p", " · ".join(f"{k} {v}" for k, v in found.items()), "soft small")
    files: Mapping[str, Any] = about.get("files") or {}
    rows = [
        tag("tr", text("td", name, "mono"), text("td", bytes_text(int(entry["size"])), "number"))
        for name, entry in files.items()
    ]
    listing = tag("div", table(["file", "size"], rows), kind="card") if rows else ""
    return tag("h2", "Made with") + listed + listing
