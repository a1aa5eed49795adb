"""Rows of formatted text, and what is aligned across them."""

from __future__ import annotations

from dataclasses import dataclass

COMMENT_COLUMN = 72
"""Comments are aligned if the code before them ends here; longer lines don't push others."""


@dataclass
class Row:
    """A line of code and the comment behind it.

    ``guard`` is where its `when` begins, ``equals`` where its first `=` stands, ``written`` the
    column of that `=` as the author wrote it, ``padded`` whether there was more than one space
    before it; ``alone``: the only row of its statement.
    """

    text: str
    indent: int
    comment: str | None
    guard: int | None = None
    equals: int | None = None
    written: int = 0
    padded: bool = False
    blank: bool = False
    alone: bool = True

    @property
    def code(self) -> str:
        """What stands before the `when`."""
        return self.text if self.guard is None else self.text[: self.guard].rstrip()


def join(rows: list[Row]) -> str:
    """The text of all rows: first `=`, then `when`, then comments are aligned."""
    for group in _paragraphs(rows):
        _align_equals(group)
        _align_guards(group)
        _align_comments(group)
    lines: list[str] = []
    for row in rows:
        if row.blank:
            lines.append("")
        lines.append(row.text.rstrip())
    return "\n".join(lines) + "\n" if lines else ""


def _paragraphs(rows: list[Row]) -> list[list[Row]]:
    groups: list[list[Row]] = []
    for row in rows:
        begins = row.blank or (row.indent == 0 and not row.text.startswith("}"))
        if begins or not groups:
            groups.append([])
        groups[-1].append(row)
    return groups


def _align_equals(rows: list[Row]) -> None:
    """Rows whose `=` the author put under each other with spaces keep that."""
    run: list[Row] = []
    for row in [*rows, Row("", 0, None)]:
        last = run[-1] if run else None
        same = last is not None and row.indent == last.indent and row.written == last.written
        if row.equals is None or not same:
            _pad_equals(run)
            run = []
        if row.equals is not None:
            run.append(row)


def _pad_equals(run: list[Row]) -> None:
    if len(run) < 2 or not any(row.padded for row in run):
        return
    column = max(row.equals or 0 for row in run)
    for row in run:
        assert row.equals is not None
        extra = column - row.equals
        row.text = row.text[: row.equals] + " " * extra + row.text[row.equals :]
        if row.guard is not None:
            row.guard += extra
        row.equals = column


def _align_guards(rows: list[Row]) -> None:
    """`when`s stand two spaces behind the code, under each other where lines are short enough."""
    guarded = [row for row in rows if row.guard is not None]
    short = [len(r.code) for r in guarded if r.alone and len(r.code) <= COMMENT_COLUMN]
    column = max(short, default=0) + 2
    for row in guarded:
        assert row.guard is not None
        code, guard = row.code, row.text[row.guard :]
        at = max(column, len(code) + 2) if row.alone else len(code) + 2
        row.text = code.ljust(at) + guard


def _align_comments(rows: list[Row]) -> None:
    """Comments stand two spaces behind the code, under each other where lines are short enough."""
    commented = [row for row in rows if row.comment is not None and row.text.strip()]
    short = [len(row.text) for row in commented if len(row.text) <= COMMENT_COLUMN]
    column = max(short, default=0) + 2
    for row in rows:
        if row.comment is None:
            continue
        if not row.text.strip():
            row.text = " " * row.indent + row.comment
        else:
            row.text = row.text.ljust(max(column, len(row.text) + 2)) + row.comment
