"""The canonical layout of a spec.

Spaces and indentation are the formatter's; line breaks are the author's, but that lines longer than
100 columns are broken: bodies in them first, then before `->` and behind commas; and that a body
that goes over several lines has them to itself (`bodies`). Comments stay where they are, those
between `}` and `else` apart. Formatting twice gives the same as formatting once, and the meaning
never changes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from dlspec.diagnostics.core import Sink
from dlspec.source import SourceFile
from dlspec.syntax.bodies import opened
from dlspec.syntax.layout import Row, join
from dlspec.syntax.lexer import COMMENT, CONTINUING, END, NEWLINE, OPENING, Token, tokenize
from dlspec.syntax.parser import parse
from dlspec.syntax.spacing import Spacing

LIMIT = 100
INDENT = 4


def format_source(text: str, name: str = "<text>") -> str:
    """The canonical text of a spec; raises `DlspecError` with all mistakes if it does not parse."""
    source = SourceFile(name, text)
    sink = Sink()
    file = parse(source, sink)
    sink.raise_if_errors()
    tokens = opened(tokenize(text, comments=True))
    spacing = Spacing(file, [t for t in tokens if t.kind not in (NEWLINE, COMMENT)])
    writer = _Writer(source, spacing)
    for statement in _statements(tokens):
        writer.write(statement)
    return join(writer.rows)


@dataclass
class _Line:
    """Tokens of one line as written, and the comment at its end."""

    tokens: list[Token] = field(default_factory=list[Token])
    comment: Token | None = None


@dataclass
class _Statement:
    """What the grammar sees as one line, on one line or several; ``blank``: after an empty one."""

    lines: list[_Line]
    blank: bool


def _statements(tokens: list[Token]) -> list[_Statement]:
    statements: list[_Statement] = []
    current = _Statement([_Line()], blank=False)
    depth = newlines = 0
    for i, token in enumerate(tokens):
        line = current.lines[-1]
        if token.kind == END:
            break
        if token.kind == COMMENT:
            line.comment = token
        elif token.kind == NEWLINE:
            newlines += 1
            begun = any(row.tokens for row in current.lines)
            if not begun and line.comment is None:
                continue
            if begun and _goes_on(current, depth, tokens, i):
                if line.tokens or line.comment:
                    current.lines.append(_Line())
                continue
            if not line.tokens and line.comment is None:
                current.lines.pop()
            statements.append(current)
            current = _Statement([_Line()], blank=False)
            newlines = 1
            continue
        else:
            depth += (token.kind in OPENING) - (token.kind in OPENING.values())
            line.tokens.append(token)
        if newlines > 1 and sum(len(row.tokens) + bool(row.comment) for row in current.lines) == 1:
            current.blank = True
        newlines = 0
    return statements


def _goes_on(statement: _Statement, depth: int, tokens: list[Token], index: int) -> bool:
    written = [t for line in statement.lines for t in line.tokens]
    if depth or written[-1].kind == "COMMA":
        return True
    while tokens[index].kind in (NEWLINE, COMMENT):
        index += 1
    return tokens[index].text in CONTINUING


class _Writer:
    """Lays out statement after statement; keeps the rows that hold what is open."""

    def __init__(self, source: SourceFile, spacing: Spacing) -> None:
        self.source = source
        self.spacing = spacing
        self.rows: list[Row] = []
        self.open: list[int] = []
        """For each open brace, the number of the row that it stands in."""

    def write(self, statement: _Statement) -> None:
        """Add the rows of a statement."""
        lines = _joined(statement.lines)
        first = lines[0].tokens[:1]
        closes = bool(first) and first[0].kind == "RBRACE"
        after_opening = bool(self.rows) and self.rows[-1].text.endswith("{")
        blank = statement.blank and bool(self.rows) and not closes and not after_opening
        for line in lines:
            if (
                line.tokens
                and line.tokens[-1].kind == "SEMICOLON"
                and not _in_brackets(lines, line)
            ):
                line.tokens.pop()
        rows = self._rows(lines)
        if len(rows) == 1 and len(rows[0].text) > LIMIT:
            parts = _parts(lines[0], blank)
            if len(parts) > 1:
                for part in parts:
                    self.write(part)
                return
        while (split := self._split(lines, rows)) is not None:
            lines = split
            rows = self._rows(lines)
        rows[0].blank = blank
        for row in rows:
            row.alone = len(rows) == 1
        for line in lines:
            for token in line.tokens:
                if token.kind == "LBRACE":
                    self.open.append(len(self.rows))
                elif token.kind == "RBRACE":
                    self.open.pop()
        self.rows += rows

    # --- rows of one statement -----------------------------------------------------------------

    def _rows(self, lines: list[_Line]) -> list[Row]:
        rows: list[Row] = []
        braces = list(self.open)
        brackets: list[int] = []
        has_over = False
        for number, line in enumerate(lines):
            leading = 0
            while leading < len(line.tokens) and line.tokens[leading].kind in _CLOSING:
                leading += 1
            before = list(brackets)
            for token in line.tokens[:leading]:
                _count(token, braces, brackets, number)
            depth = len(set(braces)) + len(set(brackets))
            if number and not leading:
                word = next((x.tokens[0].text for x in lines[number:] if x.tokens), "")
                chained = word in CONTINUING or (not before and not _ends_in_brace(lines, number))
                chained = chained and word != "else"
                depth += chained + (has_over and not before and word not in CONTINUING)
                has_over = has_over or word == "over"
            for token in line.tokens[leading:]:
                _count(token, braces, brackets, number)
            rows.append(self._row(line, depth * INDENT))
        return rows

    def _row(self, line: _Line, indent: int) -> Row:
        text, guard, equals = " " * indent, None, None
        depth = 0
        for i, token in enumerate(line.tokens):
            if i:
                text += self.spacing.between(line.tokens[i - 1], token)
            if token.start in self.spacing.guards and i:
                guard = len(text)
            elif token.kind in ("SEMICOLON", "LBRACE", "RBRACE") and not depth:
                guard = None
            if token.kind == "EQUAL" and depth == 0 and equals is None:
                equals = len(text)
            depth += (token.kind in OPENING) - (token.kind in OPENING.values())
            text += token.text
        row = Row(text, indent, None if line.comment is None else _comment(line.comment.text))
        row.guard = guard
        if equals is not None:
            written = next(t for t in line.tokens if t.kind == "EQUAL")
            row.equals = equals
            row.written = self.source.position(written.start)[1]
            index = line.tokens.index(written)
            row.padded = index > 0 and written.start - line.tokens[index - 1].end > 1
        return row

    # --- long lines ----------------------------------------------------------------------------

    def _split(self, lines: list[_Line], rows: list[Row]) -> list[_Line] | None:
        """Break the first line that is too long at its best place, if there is one."""
        depth = 0
        for number, (line, row) in enumerate(zip(lines, rows, strict=True)):
            if len(row.text) > LIMIT:
                at = self._best_break(line, row, depth)
                if at is not None:
                    rest = _Line(line.tokens[at:], line.comment)
                    return [*lines[:number], _Line(line.tokens[:at]), rest, *lines[number + 1 :]]
            for token in line.tokens:
                depth += (token.kind in OPENING) - (token.kind in OPENING.values())
        return None

    def _best_break(self, line: _Line, row: Row, depth: int) -> int | None:
        """The last place that fits among those of the outermost kind: an arrow, then a comma."""
        places: list[tuple[int, int, int, int]] = []
        width, outer, index = row.indent, depth, 0
        if any(t.kind in ("LBRACE", "RBRACE") for t in line.tokens[:-1]):
            return None
        for i, token in enumerate(line.tokens):
            gap = len(self.spacing.between(line.tokens[i - 1], token)) if i else 0
            if i and token.kind == "ARROW" and depth == outer:
                places.append((0, width <= LIMIT, i, width))
            elif i and line.tokens[i - 1].kind == "COMMA" and 0 < depth <= outer + 1 and not index:
                places.append((1, width <= LIMIT, i, width))
            width += gap + len(token.text)
            index += (token.kind == "LSQB") - (token.kind == "RSQB")
            depth += (token.kind in OPENING) - (token.kind in OPENING.values())
        fitting = [p for p in places if p[1] and p[3] > row.indent + INDENT]
        if not fitting:
            return None
        level = min(p[0] for p in fitting)
        return max(p[2] for p in fitting if p[0] == level)


def _parts(line: _Line, blank: bool) -> list[_Statement]:
    """The statements that stand in one line: those of bodies written in it, or joined by `;`."""
    parts: list[list[Token]] = [[]]
    brackets, braces, outside = 0, 0, _outermost(line.tokens)
    for token in line.tokens:
        brackets += (token.kind in OPENING) - (token.kind in OPENING.values())
        braces -= token.kind == "RBRACE"
        if token.kind == "RBRACE" and braces == outside and parts[-1]:
            parts.append([])
        if token.kind == "SEMICOLON" and not brackets and braces <= outside + 1:
            parts.append([])
        else:
            parts[-1].append(token)
        if token.kind == "LBRACE" and braces == outside:
            parts.append([])
        braces += token.kind == "LBRACE"
    statements = [_Statement([_Line(part)], blank=False) for part in parts if part]
    statements[0].blank = blank
    statements[0].lines[0].comment = line.comment
    return statements


def _outermost(tokens: list[Token]) -> int:
    """How many braces are open where fewest are."""
    braces = least = 0
    for token in tokens:
        braces += (token.kind == "LBRACE") - (token.kind == "RBRACE")
        least = min(least, braces)
    return least


_CLOSING = frozenset({"RPAR", "RSQB", "RBRACE"})


def _ends_in_brace(lines: list[_Line], number: int) -> bool:
    """Whether the line before ends with a brace, so that this one begins a statement."""
    before = lines[number - 1].tokens
    return bool(before) and before[-1].kind in ("LBRACE", "RBRACE")


def _count(token: Token, braces: list[int], brackets: list[int], number: int) -> None:
    if token.kind == "LBRACE":
        braces.append(-1 - number)
    elif token.kind == "RBRACE":
        braces.pop()
    elif token.kind in OPENING:
        brackets.append(number)
    elif token.kind in OPENING.values():
        brackets.pop()


def _in_brackets(lines: list[_Line], line: _Line) -> bool:
    depth = 0
    for other in lines:
        for token in other.tokens:
            depth += (token.kind in OPENING) - (token.kind in OPENING.values())
        if other is line:
            break
    return depth > 0


def _joined(lines: list[_Line]) -> list[_Line]:
    """`}` and the `else` that follows it stand in one line; a `;` before `}` goes."""
    joined: list[_Line] = []
    for line in lines:
        tokens = [t for t, after in pairwise([*line.tokens, _NOTHING]) if not _dropped(t, after)]
        previous = joined[-1] if joined else None
        if previous and tokens and tokens[0].text == "else" and previous.comment is None:
            previous.tokens += tokens
            previous.comment = line.comment
        else:
            joined.append(_Line(tokens, line.comment))
    return [line for line in joined if line.tokens or line.comment] or joined


_NOTHING = Token(END, "", 0, 0)


def _dropped(token: Token, after: Token) -> bool:
    return token.kind == "SEMICOLON" and after.kind == "RBRACE"


def _comment(text: str) -> str:
    return text if len(text) == 1 or text[1] in " #!" else f"# {text[1:]}"
