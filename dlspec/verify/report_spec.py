"""The report's spec: each line with its colours, and beside it the shape that it makes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from dlspec.dims import text_of
from dlspec.inspect.explain import calls_of
from dlspec.inspect.fold import groups_of, outline, result
from dlspec.inspect.markup import table, tag, text
from dlspec.ir.graph import Graph, Value
from dlspec.ir.plan import NetworkPlan
from dlspec.source import SourceFile, Span

_KEYWORDS = (
    "and block cell check const data else engine experiment false for from if import in input "
    "learning maximize minimize network noise none not on or output recipe return runs scan state "
    "stages training true use when with"
)
_TOKEN = re.compile(
    r"(?P<comment>#.*)|(?P<string>\"[^\"]*\"?)|(?P<number>\b\d[\w.]*%?)"
    rf"|(?P<word>\b(?:{'|'.join(_KEYWORDS.split())})\b)|(?P<sign>->)"
)


def spec_section(plan: NetworkPlan, source: str) -> str:
    """The whole spec; hovering a line names every value that it makes."""
    shapes = {**block_shapes(plan, source), **line_shapes(plan.graph, source)}
    values = _values(plan.graph, source)
    rows: list[str] = []
    for number, line in enumerate(source.splitlines(), 1):
        made = shapes.get(number, "")
        told = "\n".join(f"{v.name}: {v.type}" for v in values.get(number, [])[:12])
        cells = (text("td", number), tag("td", coloured(line)), text("td", made))
        rows.append(tag("tr", *cells, kind="made" if made else "", title=told))
    note = text("p", "Beside each line what it makes; +2: two other shapes too.", "soft small")
    return tag("h2", "Spec") + note + tag("div", table([], rows), kind="card spec")


def coloured(line: str) -> str:
    """A line of a spec as markup, its comments, words, numbers and strings in classes."""
    parts: list[str] = []
    end = 0
    for found in _TOKEN.finditer(line):
        before = line[end : found.start()]
        parts.append(text("span", before) if before else "")
        parts.append(text("span", found.group(), found.lastgroup or ""))
        end = found.end()
    rest = line[end:]
    return "".join([*parts, text("span", rest) if rest else ""])


def line_shapes(graph: Graph, source: str | None = None) -> dict[int, str]:
    """The shape of the last value that is made on each line of the spec; of a line that is applied
    with several, how many others there are. With ``source``, only what is written in that text."""
    found: dict[int, str] = {}
    for number, values in _values(graph, source).items():
        last = values[-1]
        place = _place(last)
        ends = [v for v in values if _ends_alike(place, _place(v))]
        shapes = list(dict.fromkeys(text_of(v.type.shape) for v in ends))
        found[number] = _told(shapes or [text_of(last.type.shape)])
    return found


def block_shapes(plan: NetworkPlan, source: str) -> dict[int, str]:
    """What a line makes that applies a block: where a block is applied on one line alone, the
    shapes of its applications are known to be that line's."""
    calls = calls_of(SourceFile("spec", source))
    lines: dict[str, list[int]] = {}
    for number, names in calls.items():
        for name in names:
            lines.setdefault(name, []).append(number)
    shapes: dict[str, dict[str, None]] = {}
    for group in groups_of(outline(plan.graph.nodes)):
        shapes.setdefault(group.kind, {}).setdefault(text_of(result(group).type.shape))
    found: dict[int, str] = {}
    for number, names in sorted(calls.items()):
        known = shapes.get(names[-1], {})
        if known and len(lines[names[-1]]) == 1:
            found[number] = _told(list(known))
    return found


def _told(shapes: Sequence[str]) -> str:
    return f"{shapes[0]} +{len(shapes) - 1}" if len(shapes) > 1 else shapes[0]


def _ends_alike(a: Span | None, b: Span | None) -> bool:
    return a is not None and b is not None and a.end == b.end


def _values(graph: Graph, source: str | None) -> Mapping[int, list[Value]]:
    found: dict[int, list[Value]] = {}
    made: Sequence[Value] = (*graph.inputs, *(n.outputs[0] for n in graph.nodes))
    for value in made:
        span = _place(value)
        if span is not None and (source is None or span.source.text == source):
            found.setdefault(span.line, []).append(value)
    return found


def _place(value: Value) -> Span | None:
    if value.producer is not None and value.producer.span is not None:
        return value.producer.span
    return value.span
