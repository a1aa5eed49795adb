"""What was measured after each epoch, as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from dlspec.train.options import Row
from dlspec.train.rundir import write_text

_WHOLE = ("epoch", "stage", "step")


def write_history(path: Path, rows: Sequence[Row]) -> None:
    """Replace the table; columns are those of any row, in order of appearance."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({n: str(int(v)) if n in _WHOLE else f"{v:.6g}" for n, v in row.items()})
    write_text(path, text.getvalue())
