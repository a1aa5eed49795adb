"""The picture of a network: its blocks folded in a column, and beside it what is in each block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dlspec.inspect.drawing import Drawn, draw
from dlspec.inspect.fold import Group, Item, groups_of, outline
from dlspec.inspect.font import text_width
from dlspec.inspect.markup import tag, text
from dlspec.inspect.palette import style
from dlspec.inspect.scene import entering, flowing, leaving, scene_of
from dlspec.inspect.summary import Totals, symbol_sizes, totals
from dlspec.inspect.wording import flops_text
from dlspec.ir.graph import Graph, Value
from dlspec.ir.plan import NetworkPlan

_PAD, _TOP, _BETWEEN, _FRAME, _HEAD = 28.0, 84.0, 34.0, 20.0, 46.0
_PANELS = 8
_FORMS = 2


@dataclass(frozen=True)
class Panel:
    """One form of a block, opened."""

    title: str
    subtitle: str
    drawn: Drawn

    @property
    def width(self) -> float:
        """With its frame, and room for its head."""
        words = max(text_width(self.title, 13.5, bold=True), text_width(self.subtitle, 11))
        return max(self.drawn.width, words) + 2 * _FRAME

    @property
    def height(self) -> float:
        """With its frame and head."""
        return self.drawn.height + 2 * _FRAME + _HEAD


def svg_of(
    plan: NetworkPlan,
    *,
    unfold: bool = False,
    at: Mapping[str, int] | None = None,
    inline: bool = False,
) -> str:
    """An SVG that needs nothing else.

    Args:
        plan: the network.
        unfold: every op of every block in one column, and no panels.
        at: sizes of symbols, for FLOPs.
        inline: for a page that tells the network's name and sums itself.
    """
    graph = plan.graph
    sizes = symbol_sizes(plan, at)
    items: list[Item] = list(graph.nodes) if unfold else outline(graph.nodes)
    entries = [(i.name, i) for i in graph.inputs if any(i in n.inputs for n in graph.nodes)]
    exits = [(o.name, o.value) for o in graph.outputs]
    column = draw(scene_of(items, entries, exits, sizes))
    panels = [] if unfold else _panels(graph, items, sizes)
    return _composed(plan, column, panels, totals(graph, sizes), sizes, inline)


# --- panels -------------------------------------------------------------------------------------


def _panels(graph: Graph, items: Sequence[Item], sizes: Mapping[str, int]) -> list[Panel]:
    """Each block's commonest forms."""
    forms: dict[str, dict[object, list[Group]]] = {}
    for group in groups_of(items):
        forms.setdefault(group.kind, {}).setdefault(_topology(group), []).append(group)
    read = {o.value for o in graph.outputs}
    readers: dict[Value, int] = {}
    for node in graph.nodes:
        for value in flowing(node):
            readers[value] = readers.get(value, 0) + 1
    found: list[Panel] = []
    for kind, by_form in forms.items():
        common = sorted(by_form.values(), key=len, reverse=True)[:_FORMS]
        for members in common:
            found.append(_panel(kind, members, readers, read, sizes))
    return found[:_PANELS]


def _topology(group: Group) -> tuple[str, ...]:
    """The ops and blocks right inside, without sizes."""
    return tuple(i.kind if isinstance(i, Group) else i.op.name for i in group.items)


def _panel(
    kind: str,
    members: list[Group],
    readers: Mapping[Value, int],
    outputs: set[Value],
    sizes: Mapping[str, int],
) -> Panel:
    group = members[0]
    nodes = group.nodes
    inner: dict[Value, int] = {}
    for node in nodes:
        for value in flowing(node):
            inner[value] = inner.get(value, 0) + 1
    outside = {v for v, n in readers.items() if n > inner.get(v, 0)} | outputs
    entries = [("", v) for v in entering(nodes)]
    exits = [("", v) for v in leaving(nodes, outside)]
    more = len(members) - 1
    subtitle = group.name + (f" and {more} more" if more else "")
    return Panel(kind, subtitle, draw(scene_of(group.items, entries, exits, sizes)))


# --- the sheet ----------------------------------------------------------------------------------


def _composed(
    plan: NetworkPlan,
    column: Drawn,
    panels: Sequence[Panel],
    sums: Totals,
    sizes: Mapping[str, int],
    inline: bool,
) -> str:
    top = 8.0 if inline else _TOP
    parts = [_at(column.markup, _PAD, top)]
    right = _PAD + column.width
    bottom = top + column.height
    limit = max([column.height, 620.0, *(p.height for p in panels)])
    x, y, widest = right + _BETWEEN, top, 0.0
    for panel in panels:
        if y > top and y + panel.height > top + limit:
            x, y, widest = x + widest + _BETWEEN, top, 0.0
        parts.append(_framed(panel, x, y))
        widest = max(widest, panel.width)
        right = max(right, x + panel.width)
        bottom = max(bottom, y + panel.height)
        y += panel.height + 18
    heading, wide = ("", 0.0) if inline else _heading(plan, sums, sizes)
    width, height = round(max(right, _PAD + wide) + _PAD), round(bottom + _PAD)
    return tag(
        "svg",
        text("title", plan.name),
        tag("style", style()),
        tag("rect", kind="paper", width=width, height=height, rx=10),
        heading,
        *parts,
        kind="net",
        xmlns="" if inline else "http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width} {height}",
        width=width,
        height=height,
        role="img",
        aria_label=f"graph of {plan.name}",
        style=f"width:{width}px;min-width:{round(0.7 * width)}px;max-width:100%" if inline else "",
    )


def _heading(plan: NetworkPlan, sums: Totals, sizes: Mapping[str, int]) -> tuple[str, float]:
    at = ", ".join(f"{k} = {v}" for k, v in sizes.items())
    told = f"{sums.parameters:,} parameters · {flops_text(sums.flops)}"
    told += f" at {at}" if at else ""
    name = text("text", plan.name, "head", x=_PAD, y=42)
    wide = max(text_width(plan.name, 21, bold=True), text_width(told, 11))
    return name + text("text", told, "soft", x=_PAD, y=61), wide


def _framed(panel: Panel, x: float, y: float) -> str:
    frame = tag("rect", kind="panel", width=round(panel.width), height=round(panel.height), rx=12)
    head = text("text", panel.title, "title", x=_FRAME, y=28)
    note = text("text", panel.subtitle, "soft", x=_FRAME, y=45)
    left = (panel.width - panel.drawn.width) / 2
    body = _at(panel.drawn.markup, left, _FRAME + _HEAD)
    return tag(
        "g", frame, head, note, body, kind="in-panel", transform=f"translate({x:.0f} {y:.0f})"
    )


def _at(markup: str, x: float, y: float) -> str:
    return tag("g", markup, transform=f"translate({x:.0f} {y:.0f})")
