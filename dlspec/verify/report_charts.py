"""The report's pictures, as inline SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from dlspec.inspect.markup import tag, text
from dlspec.verify.bound import FACTOR
from dlspec.verify.local import NodeResult

_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 14, 16, 40
_LEAST, _MOST = 0.01, 1e6
_WIDTH, _HALF = 1000, 500


def node_chart(nodes: Sequence[NodeResult]) -> str:
    """The error of each node over its bound, in execution order, on a logarithmic scale.

    What errs by nothing stands at the foot.
    """
    height = 250
    finite = [n.ratio for n in nodes if math.isfinite(n.ratio)]
    most = max(16.0, min(_MOST, 2 * max(finite, default=0.0)))
    if len(finite) < len(nodes):
        most = max(most, 1000.0)

    def y(ratio: float) -> float:
        shown = min(max(ratio, _LEAST), most)
        share = math.log(shown / _LEAST) / math.log(most / _LEAST)
        return _TOP + (height - _TOP - _BOTTOM) * (1 - share)

    parts: list[str] = []
    tick = _LEAST
    while tick <= most * 1.0001:
        parts.append(_line("axis", _LEFT, y(tick), _WIDTH - _RIGHT))
        parts.append(_text(_LEFT - 6, y(tick) + 4, _tick(tick), "end"))
        tick *= 10
    parts.append(_line("limit", _LEFT, y(FACTOR), _WIDTH - _RIGHT))
    parts.append(_text(_WIDTH - _RIGHT, y(FACTOR) - 5, f"{FACTOR:g} is accepted", "end"))
    step = (_WIDTH - _LEFT - _RIGHT) / max(1, len(nodes))
    named = len(nodes) <= 24
    for number, node in enumerate(nodes):
        x = _LEFT + step * (number + 0.5)
        where = "" if node.line is None else f", line {node.line}"
        told = f"{node.path} ({node.op}{where}): {node.ratio:.3g} B"
        kind = "wrong" if node.status == "fail" else "dot"
        parts.append(_dot(kind, x, y(node.ratio), 4.5 if named else 3, told))
        if named:
            parts.append(_text(x, height - _BOTTOM + 16 + 14 * (number % 2), node.op, "middle"))
    return _picture(_WIDTH, height, "error of each node over its bound", parts)


def curve_chart(
    rows: Sequence[Mapping[str, float]],
    names: Sequence[str],
    title: str,
    stages: Sequence[str] = (),
) -> str:
    """Columns of a training's history over its rows; the scale goes from least to largest. A line
    stands where a stage ends, the names of the ``stages`` above their epochs."""
    height = 220
    shown = {n: [(i, r[n]) for i, r in enumerate(rows) if _is_known(r, n)] for n in names}
    shown = {n: points for n, points in shown.items() if points}
    values = [v for points in shown.values() for _, v in points]
    if not values:
        return ""
    low, high = min(values), max(values)
    across = (_HALF - _LEFT - _RIGHT - 20) / max(1, len(rows) - 1)
    tall = height - _TOP - 18 - _BOTTOM

    def x(index: int) -> float:
        return _LEFT + 10 + across * index

    def y(value: float) -> float:
        return _TOP + 18 + tall * (1 - (value - low) / ((high - low) or 1.0))

    parts: list[str] = []
    for value in (low, high):
        parts.append(_line("axis", _LEFT, y(value), _HALF - _RIGHT))
        parts.append(_text(_LEFT - 4, y(value) + 4, f"{value:.3g}", "end"))
    for index, row in enumerate(rows):
        number = int(row.get("stage", 0))
        if number and (index == 0 or rows[index - 1].get("stage") != number):
            edge = x(index) - (across / 2 if index else 0)
            if index:
                ends = {"x1": f"{edge:.1f}", "x2": f"{edge:.1f}"}
                parts.append(tag("line", kind="axis", y1=_TOP + 18, y2=_TOP + 18 + tall, **ends))
            told = stages[number - 1] if len(stages) <= 6 else str(number)
            parts.append(_text(edge + 2, _TOP + 14, told))
    for number, (name, points) in enumerate(shown.items()):
        colour = f"c{number % 4}"
        line = " ".join(f"{x(i):.1f},{y(v):.1f}" for i, v in points)
        parts.append(tag("polyline", kind=f"curve {colour}", points=line))
        for i, v in points if len(points) <= 40 else points[-1:]:
            told = f"{name} {v:.4g} after epoch {_epoch(rows, i):g}"
            parts.append(_dot(colour, x(i), y(v), 3, told))
        left = _LEFT + 150 * number
        parts.append(tag("rect", kind=colour, x=left, y=2, width=10, height=10, rx=2))
        parts.append(_text(left + 15, 11, name))
    parts.append(_text(x(0), height - 16, f"epoch {_epoch(rows, 0):g}"))
    last = len(rows) - 1
    parts.append(_text(x(last), height - 16, f"{_epoch(rows, last):g}", "end") if last else "")
    return _picture(_HALF, height, title, parts)


def _tick(value: float) -> str:
    return f"{value:g}" if value < 1e4 else f"1e{round(math.log10(value))}"


def _is_known(row: Mapping[str, float], name: str) -> bool:
    return math.isfinite(row.get(name, math.nan))


def _epoch(rows: Sequence[Mapping[str, float]], index: int) -> float:
    return rows[index].get("epoch", index + 1)


def _picture(width: int, height: int, title: str, parts: list[str]) -> str:
    drawn = tag("svg", *parts, viewBox=f"0 0 {width} {height}", role="img", aria_label=title)
    return tag("div", drawn, kind="chart wide" if width > _HALF else "chart")


def _line(kind: str, x1: float, y: float, x2: float) -> str:
    return tag("line", kind=kind, x1=f"{x1:.1f}", y1=f"{y:.1f}", x2=f"{x2:.1f}", y2=f"{y:.1f}")


def _dot(kind: str, x: float, y: float, radius: float, told: str) -> str:
    return tag("circle", text("title", told), kind=kind, cx=f"{x:.1f}", cy=f"{y:.1f}", r=radius)


def _text(x: float, y: float, content: str, anchor: str = "start") -> str:
    return text("text", content, x=f"{x:.1f}", y=f"{y:.1f}", text_anchor=anchor)
