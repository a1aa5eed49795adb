"""The table in colour, where `rich` is installed."""

from __future__ import annotations

from importlib.util import find_spec

from dlspec.inspect.summary import Summary
from dlspec.inspect.table import HEAD, bar, cells_of, title_text, totals_text


def print_table(summary: Summary, width: int) -> bool:
    """Print it on standard output; False, and nothing is printed, where `rich` is missing."""
    if find_spec("rich") is None:
        return False
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(width=width, highlight=False)
    table = Table(box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False, title_justify="left")
    styles = ("cyan", "", "dim", "", "")
    for position, (name, style) in enumerate(zip(HEAD, styles, strict=True)):
        right = position > 2
        table.add_column(
            name,
            style=style,
            justify="right" if right else "left",
            no_wrap=True,
            overflow="ellipsis",
            min_width=len(name) if right else None,
        )
    bars = width >= 96 and summary.totals.flops > 0
    if bars:
        table.add_column("share", style="blue", no_wrap=True, min_width=10)
    for cell in cells_of(summary):
        texts = [
            Text(t, "bold" if cell.folded and i == 1 else "") for i, t in enumerate(cell.texts)
        ]
        table.add_row(*texts, *([bar(cell.share)] if bars else []))
    console.print(Text(title_text(summary), "bold"))
    console.print(table)
    for line in totals_text(summary):
        console.print(line)
    return True
