"""Widths of text in a picture, from the metrics of Arial (and of Helvetica and Liberation Sans,
which have the same)."""

from __future__ import annotations

_REGULAR = (
    "278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 "
    "556 556 556 278 278 584 584 584 556 1015 667 667 722 722 667 611 778 722 278 500 667 556 833 "
    "722 778 667 778 722 667 611 722 667 944 667 667 611 278 278 278 469 556 333 556 556 500 556 "
    "556 278 556 556 222 222 500 222 833 556 556 556 556 333 500 278 556 500 722 500 500 500 334 "
    "260 334 584"
)
_BOLD = (
    "278 333 474 556 556 889 722 238 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 "
    "556 556 556 333 333 584 584 584 611 975 722 722 722 722 667 611 778 722 278 556 722 611 833 "
    "722 778 667 778 722 667 611 722 667 944 667 667 611 333 278 333 584 556 333 556 611 556 611 "
    "556 333 611 611 278 278 556 278 889 611 611 611 611 389 556 333 611 556 778 556 556 500 389 "
    "280 389 584"
)
_MORE = {"×": 584, "·": 278, "…": 1000, "−": 584, "≥": 549, "≤": 549}
_OTHER = 1000
FONT = "Arial, Helvetica, 'Liberation Sans', sans-serif"


def _table(widths: str) -> dict[str, int]:
    return {chr(32 + i): int(w) for i, w in enumerate(widths.split())} | _MORE


_WIDTHS = {False: _table(_REGULAR), True: _table(_BOLD)}


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Width of a line in the units of ``size``; unknown characters are taken as wide ones."""
    widths = _WIDTHS[bold]
    return sum(widths.get(c, _OTHER) for c in text) * size / 1000


def fitted(text: str, room: float, size: float, *, bold: bool = False) -> str:
    """The text, cut so that it fits."""
    if text_width(text, size, bold=bold) <= room:
        return text
    while text and text_width(text + "…", size, bold=bold) > room:
        text = text[:-1]
    return text.rstrip(" ,") + "…"
