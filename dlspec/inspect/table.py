"""The table of a network as text, as wide as the terminal allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap

from dlspec.inspect.summary import Row, Summary
from dlspec.inspect.wording import bytes_text, count_text, flops_text, short

HEAD = ("name", "op", "makes", "parameters", "FLOPs")
_GAP = 2
_LEAST = (10, 12)
_BAR = 10
_EIGHTHS = " ▏▎▍▌▋▊▉█"


@dataclass(frozen=True)
class Cells:
    """A row as text, with its share of the FLOPs."""

    texts: tuple[str, ...]
    folded: bool
    share: float


def table_text(summary: Summary, width: int = 80) -> str:
    """Head, rows and totals; columns of text are cut where ``width`` needs it."""
    cells = [_cells(row, summary) for row in summary.rows]
    bars = width >= 96 and summary.totals.flops > 0
    widths = _widths(cells, width - (_BAR + _GAP if bars else 0))
    head = _line(HEAD, widths) + (f"{'':{_GAP}}share" if bars else "")
    rule = "─" * min(width, max(sum(widths) + _GAP * (len(widths) - 1), len(head)))
    lines = [*_wrap([title_text(summary)], width), "", head, rule]
    for cell in cells:
        name, op, *rest = cell.texts
        wrapped = _wrapped(op, widths[1])
        line = _line((name, wrapped[0], *rest), widths)
        lines.append((f"{line}{'':{_GAP}}{bar(cell.share)}" if bars else line).rstrip())
        lines += [" " * (widths[0] + _GAP) + more for more in wrapped[1:]]
    return "\n".join([*lines, rule, *_wrap(totals_text(summary), width)])


def _wrap(lines: Sequence[str], width: int) -> list[str]:
    return [w for line in lines for w in wrap(line, width, subsequent_indent="  ")]


def title_text(summary: Summary) -> str:
    """`resnet (layers = [3, 8, 36, 3])`."""
    told = ", ".join(f"{k} = {v}" for k, v in summary.settings.items())
    return f"{summary.network} ({told})" if told else summary.network


def totals_text(summary: Summary) -> list[str]:
    """What all rows come to, and at which sizes."""
    found = summary.totals
    sizes = ", ".join(f"{k} = {v}" for k, v in summary.sizes.items())
    at = f" at {sizes}" if sizes else ""
    buffers = f", and {found.buffers:,} in buffers" if found.buffers else ""
    return [
        f"{found.parameters:,} parameters{buffers}; {bytes_text(found.weight_bytes)} of weights",
        f"{flops_text(found.flops)}{at}: {short(found.macs)} multiply-adds of 2 FLOPs, and "
        f"{short(found.flops - 2 * found.macs)} others",
        f"{bytes_text(found.activation_bytes)} of activations, at most "
        f"{bytes_text(found.peak_bytes)} of them at once",
    ]


def bar(share: float, width: int = _BAR) -> str:
    """A bar of a share from 0 to 1."""
    eighths = round(8 * width * min(1.0, share))
    whole, rest = divmod(eighths, 8)
    return "█" * whole + (_EIGHTHS[rest] if rest else "")


def cells_of(summary: Summary) -> list[Cells]:
    """The rows as text, uncut."""
    return [_cells(row, summary) for row in summary.rows]


def _cells(row: Row, summary: Summary) -> Cells:
    texts = (
        "  " * row.level + row.name,
        row.op,
        row.shape,
        count_text(row.parameters) if row.parameters else "",
        short(row.flops) if row.flops else "",
    )
    return Cells(texts, row.line is None, row.flops / max(1, summary.totals.flops))


def _widths(cells: Sequence[Cells], width: int) -> list[int]:
    rows = [HEAD, *(c.texts for c in cells)]
    found = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    over = sum(found) + _GAP * (len(found) - 1) - width
    while over > 0 and (found[0] > _LEAST[0] or found[1] > _LEAST[1]):
        column = 1 if found[1] >= found[0] and found[1] > _LEAST[1] else 0
        column = column if found[column] > _LEAST[column] else 1 - column
        found[column] -= 1
        over -= 1
    return found


def _line(texts: Sequence[str], widths: Sequence[int]) -> str:
    parts = [
        _cut(t, w).ljust(w) if i < 3 else t.rjust(w)
        for i, (t, w) in enumerate(zip(texts, widths, strict=True))
    ]
    return (" " * _GAP).join(parts)


def _wrapped(op: str, width: int) -> list[str]:
    """An op on as many lines as its settings need, broken between them."""
    lines: list[str] = []
    for piece in op.split(", "):
        longer = f"{lines[-1]}, {piece}" if lines else piece
        if lines and len(longer) > width - 1:
            lines[-1] += ","
            lines.append(f"  {piece}")
        else:
            lines[-1:] = [longer]
    return [_cut(line, width) for line in lines]


def _cut(text: str, width: int) -> str:
    if len(text) <= width:
        return text
    indent = len(text) - len(text.lstrip())
    body = text.strip()
    room = width - indent - 1
    if "." in body and "(" not in body:  # of a path, the end tells more
        return " " * indent + "…" + body[len(body) - room :]
    return " " * indent + body[:room] + "…"
