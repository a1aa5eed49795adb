"""HTML and SVG as text: elements with escaped attributes."""

from __future__ import annotations

from html import escape


def tag(name: str, *children: str, kind: str = "", **attributes: object) -> str:
    """An element: ``children`` are markup, ``kind`` its class, `text_anchor` is `text-anchor`."""
    given = {"class": kind, **{k.replace("_", "-"): v for k, v in attributes.items()}}
    told = "".join(f' {k}="{escape(str(v))}"' for k, v in given.items() if v not in ("", None))
    return f"<{name}{told}>{''.join(children)}</{name}>"


def text(name: str, content: object, kind: str = "", **attributes: object) -> str:
    """An element that holds plain text."""
    return tag(name, escape(str(content)), kind=kind, **attributes)


def table(head: list[str], rows: list[str]) -> str:
    """A table of finished rows, which may be scrolled sideways."""
    top = tag("tr", *(text("th", h) for h in head)) if head else ""
    return tag("div", tag("table", top, *rows), kind="scroll")
