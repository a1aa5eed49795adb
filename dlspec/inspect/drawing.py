"""A scene as SVG: places its boxes, draws them, and the curves between them."""

from __future__ import annotations

from dataclasses import dataclass

from dlspec.inspect.font import fitted, text_width
from dlspec.inspect.layout import STUB, Place, Route, lay_out
from dlspec.inspect.markup import tag, text
from dlspec.inspect.scene import Box, Line, Scene, shape_text
from dlspec.ir.graph import Value

ROW, PILL = 26.0, 28.0
_LEAST, _MOST = 150.0, 300.0
_INSET, _RADIUS, _MARK = 13.0, 7.0, 4.0
_NAME, _DETAIL, _SIDE, _SHAPE = 12.0, 11.0, 10.5, 10.5
_SHEETS = 4.0


@dataclass(frozen=True)
class Drawn:
    """SVG elements within a width and a height, from (0, 0)."""

    markup: str
    width: float
    height: float


def draw(scene: Scene) -> Drawn:
    """Lay out and draw a scene."""
    room = max((_line_width(n) for b in scene.boxes if _is_box(b) for n in b.lines), default=0.0)
    labels = max((_label_width(v) for _, _, v in scene.edges), default=0.0)
    width = min(_MOST, max(_LEAST, room, 2 * labels + 24 if _wide(scene) else 0.0))
    places = [_place(box, width) for box in scene.boxes]
    laid = lay_out(places, [(a, b) for a, b, _ in scene.edges])
    values = [v for _, _, v in scene.edges]
    parts = [_curve(route) for route in laid.routes]
    parts += [_arrow(p) for p in dict.fromkeys(r.places[-1] for r in laid.routes)]
    parts += [_draw_box(b, p) for b, p in zip(scene.boxes, places, strict=True)]
    owner = {p: b for b, p in zip(scene.boxes, places, strict=True)}
    parts += _labels(list(zip(laid.routes, values, strict=True)), owner)
    right = laid.width
    for route, value in zip(laid.routes, values, strict=True):
        right = max(right, route.places[0].x + 8 + _label_width(value))
    behind = max((_SHEETS * _sheets(b) for b in scene.boxes if b.kind == "group"), default=0.0)
    return Drawn("".join(parts), right + behind, laid.height)


def _is_box(box: Box) -> bool:
    return box.kind in ("op", "group")


def _wide(scene: Scene) -> bool:
    """Whether lanes may run beside the boxes: then labels must fit under their box."""
    return len(scene.edges) >= len(scene.boxes)


# --- sizes --------------------------------------------------------------------------------------


def _line_width(line: Line) -> float:
    detail = text_width(line.detail, _DETAIL) + (7 if line.detail and line.title else 0)
    side = text_width(line.side, _SIDE) + 14 if line.side else 0.0
    return text_width(line.title, _NAME, bold=True) + detail + side + 2 * _INSET


def _label_width(value: Value) -> float:
    return text_width(shape_text(value), _SHAPE)


def _place(box: Box, width: float) -> Place:
    if _is_box(box):
        if box.kind == "op":
            return Place(width, len(box.lines) * ROW)
        return Place(width, 20.0 * len(box.lines) + 12 + _SHEETS * _sheets(box))
    return Place(max(56.0, _line_width(box.lines[0]) + 8), PILL)


# --- boxes --------------------------------------------------------------------------------------


def _sheets(box: Box) -> int:
    """How many sheets show behind a box that stands for several."""
    return min(2, box.count - 1)


def _draw_box(box: Box, place: Place) -> str:
    left, top = place.x - place.width / 2, place.y
    if box.kind == "op":
        last = len(box.lines) - 1
        rows = [
            _row(line, left, top + ROW * i, place.width, i == 0, i == last)
            for i, line in enumerate(box.lines)
        ]
        return "".join(rows)
    if box.kind == "group":
        return _group(box, left, top, place.width, place.height)
    return _pill(box.lines[0], left, top, place.width)


def _row(line: Line, x: float, y: float, width: float, first: bool, last: bool) -> str:
    height = ROW - (0 if last else 1)
    up, down = (_RADIUS if first else 0.0), (_RADIUS if last else 0.0)
    strip = _rounded(x, y, width / 2, height, (up, 0, 0, down))
    mark = tag("path", kind=f"{line.family}-mark", d=strip)
    inner = _rounded(x + _MARK, y, width - _MARK, height, (0, up, down, 0))
    body = tag("path", kind=line.family, d=inner)
    return tag("g", text("title", line.tip), mark, body, _words(line, x, y + 17, width))


def _words(line: Line, x: float, baseline: float, width: float) -> str:
    right = x + width - _INSET + 3
    parts: list[str] = []
    room = width - 2 * _INSET
    if line.side:
        parts.append(
            text("text", line.side, "side", x=_n(right), y=_n(baseline), text_anchor="end")
        )
        room -= text_width(line.side, _SIDE) + 10
    at = x + _INSET
    if line.title:
        shown = fitted(line.title, room, _NAME, bold=True)
        parts.append(text("text", shown, "name", x=_n(at), y=_n(baseline)))
        used = text_width(shown, _NAME, bold=True) + 7
        at, room = at + used, room - used
    if line.detail and room > 12:
        shown = fitted(line.detail, room, _DETAIL)
        parts.append(text("text", shown, "soft", x=_n(at), y=_n(baseline)))
    return "".join(parts)


def _group(box: Box, x: float, y: float, width: float, height: float) -> str:
    sheets = _sheets(box)
    y, height = y + _SHEETS * sheets, height - _SHEETS * sheets
    parts = [text("title", box.lines[0].tip)]
    for number in range(sheets, -1, -1):
        shift = _SHEETS * number
        parts.append(
            tag("rect", kind="sheet", x=_n(x + shift), y=_n(y - shift), width=_n(width),
                height=_n(height), rx=_n(_RADIUS))
        )  # fmt: skip
    for number, line in enumerate(box.lines):
        parts.append(_words(line, x, y + 19 + 20 * number, width))
    return tag("g", *parts)


def _pill(line: Line, x: float, y: float, width: float) -> str:
    body = tag("rect", kind="pill", x=_n(x), y=_n(y), width=_n(width), height=_n(PILL),
               rx=_n(PILL / 2))  # fmt: skip
    used = text_width(line.title, _NAME, bold=True) + (7 if line.title else 0)
    whole = used + text_width(line.detail, _DETAIL)
    at = x + (width - whole) / 2
    words = [
        text("text", line.title, "name pilled", x=_n(at), y=_n(y + 18)) if line.title else "",
        text("text", line.detail, "soft pilled", x=_n(at + used), y=_n(y + 18)),
    ]
    return tag("g", text("title", line.tip), body, *words)


def _rounded(
    x: float, y: float, w: float, h: float, corners: tuple[float, float, float, float]
) -> str:
    """A rectangle with the radii of its corners, clockwise from the upper left one."""
    a, b, c, d = corners
    return (
        f"M{_n(x)} {_n(y + a)}{_arc(a, a, -a)}H{_n(x + w - b)}{_arc(b, b, b)}"
        f"V{_n(y + h - c)}{_arc(c, -c, c)}H{_n(x + d)}{_arc(d, -d, -d)}Z"
    )


def _arc(radius: float, dx: float, dy: float) -> str:
    """A quarter of a circle, clockwise."""
    return f"a{_n(radius)} {_n(radius)} 0 0 1 {_n(dx)} {_n(dy)}" if radius else ""


# --- edges --------------------------------------------------------------------------------------


def _curve(route: Route) -> str:
    first = route.places[0]
    d = [f"M{_n(first.x)} {_n(first.y + first.height)}"]
    x, y = first.x, first.y + first.height
    for place in route.places[1:]:
        top = place.y - (5 if not place.lane else 0)
        if abs(place.x - x) < 0.5:
            d.append(f"V{_n(top)}")
        else:
            y = min(y + STUB, top - 12)  # labels stand beside this piece
            reach = (top - y) * 0.6
            d.append(
                f"V{_n(y)}C{_n(x)} {_n(y + reach)} {_n(place.x)} {_n(top - reach)} "
                f"{_n(place.x)} {_n(top)}"
            )
        x, y = place.x, place.y + (place.height if place.lane else 0)
        if place.lane:
            d.append(f"V{_n(y)}")
    return tag("path", kind="edge", d="".join(d))


def _arrow(place: Place) -> str:
    x, y = place.x, place.y
    return tag("path", kind="tip", d=f"M{_n(x - 4)} {_n(y - 7)}L{_n(x)} {_n(y - 0.5)}L{_n(x + 4)} "
               f"{_n(y - 7)}Z")  # fmt: skip


def _labels(routes: list[tuple[Route, Value]], owner: dict[Place, Box]) -> list[str]:
    """Each value's shape below the box that makes it; left out where it is what came in, or where
    a pill says it."""
    by_value: dict[tuple[Place, Value], list[Route]] = {}
    for route, value in routes:
        by_value.setdefault((route.places[0], value), []).append(route)
    parts: list[str] = []
    for (place, value), leaving in by_value.items():
        box = owner[place]
        shape = shape_text(value)
        said = all(owner[r.places[-1]].kind == "output" for r in leaving)
        if box.kind == "input" or said or shape == box.shape_in:
            continue
        x, y = place.x + 8, place.y + place.height + 15
        parts.append(text("text", shape, "shape", x=_n(x), y=_n(y)))
    return parts


def _n(number: float) -> str:
    """A coordinate with at most one decimal."""
    told = f"{number:.1f}"
    return told[:-2] if told.endswith(".0") else told
