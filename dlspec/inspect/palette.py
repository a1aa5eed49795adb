"""The colours of pictures: light and dark by the reader's own setting, light on paper."""

from __future__ import annotations

from dlspec.inspect.font import FONT

_LIGHT = {
    "ink": "#1c2430",
    "soft": "#566375",
    "edge": "#8793a3",
    "paper": "#ffffff",
    "panel": "#f6f8fb",
    "rim": "#dbe1e9",
    "pill": "#2a3546",
    "pilled": "#ffffff",
    "conv": "#e3edfd",
    "conv-mark": "#2f6fde",
    "dense": "#ebe6fd",
    "dense-mark": "#6b4fd8",
    "loop": "#f4e5fb",
    "loop-mark": "#9a3fc0",
    "act": "#fff0d6",
    "act-mark": "#d98a00",
    "norm": "#dcf3f0",
    "norm-mark": "#11897a",
    "pool": "#e2f3e0",
    "pool-mark": "#3c9440",
    "join": "#fde5eb",
    "join-mark": "#cf3d68",
    "loss": "#fde3e0",
    "loss-mark": "#c93a2b",
    "plain": "#edf0f4",
    "plain-mark": "#7b8797",
    "block": "#ffffff",
    "block-mark": "#46536a",
}
_DARK = {
    "ink": "#e8edf4",
    "soft": "#a8b4c3",
    "edge": "#7d8a9b",
    "paper": "#12161c",
    "panel": "#181e27",
    "rim": "#2f3947",
    "pill": "#dde5ef",
    "pilled": "#12161c",
    "conv": "#182b4d",
    "conv-mark": "#6ea8ff",
    "dense": "#27204f",
    "dense-mark": "#a594ff",
    "loop": "#341a4b",
    "loop-mark": "#d08cf5",
    "act": "#3b2d10",
    "act-mark": "#f0b545",
    "norm": "#0f3631",
    "norm-mark": "#45c9b8",
    "pool": "#18371c",
    "pool-mark": "#6fcf74",
    "join": "#421a2b",
    "join-mark": "#ff82a5",
    "loss": "#441d19",
    "loss-mark": "#ff8b7e",
    "plain": "#27303c",
    "plain-mark": "#9aa7b8",
    "block": "#202936",
    "block-mark": "#a9b6c6",
}
FAMILIES = ("conv", "dense", "loop", "act", "norm", "pool", "join", "loss", "plain", "block")


def _variables(colours: dict[str, str]) -> str:
    return "".join(f"--n-{name}:{value};" for name, value in colours.items())


def style() -> str:
    """The style sheet of a picture; it speaks of `.net` alone, so that a page can hold pictures."""
    fills = "".join(
        f".net .{f}{{fill:var(--n-{f})}}.net .{f}-mark{{fill:var(--n-{f}-mark)}}" for f in FAMILIES
    )
    return (
        f".net{{{_variables(_LIGHT)}font-family:{FONT}}}"
        f"@media screen and (prefers-color-scheme:dark){{.net{{{_variables(_DARK)}}}}}"
        f"{fills}"
        f".net text{{font-family:{FONT};fill:var(--n-ink);font-size:12px}}"
        ".net .name{font-weight:700}"
        ".net .soft{fill:var(--n-soft);font-size:11px}"
        ".net .side{fill:var(--n-soft);font-size:10.5px}"
        ".net .head{font-size:21px;font-weight:700}.net .title{font-size:13.5px;font-weight:700}"
        ".net .shape{fill:var(--n-soft);font-size:10.5px;stroke:var(--n-paper);stroke-width:4px;"
        "paint-order:stroke;stroke-linejoin:round}"
        ".net .in-panel .shape{stroke:var(--n-panel)}"
        ".net .edge{fill:none;stroke:var(--n-edge);stroke-width:1.5px}"
        ".net .tip{fill:var(--n-edge)}"
        ".net .paper{fill:var(--n-paper)}"
        ".net .panel{fill:var(--n-panel);stroke:var(--n-rim)}"
        ".net .sheet{fill:var(--n-block);stroke:var(--n-block-mark);stroke-width:1.2px}"
        ".net .pill{fill:var(--n-pill)}"
        ".net text.pilled{fill:var(--n-pilled)}.net text.pilled.soft{opacity:.78}"
    )
