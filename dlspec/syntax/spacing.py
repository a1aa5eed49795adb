"""The canonical space between two tokens, which depends on what they are in the tree."""

from __future__ import annotations

import dataclasses
from bisect import bisect_left
from collections.abc import Iterator

from dlspec.syntax import ast
from dlspec.syntax.lexer import OPENING, Token

_SIMPLE = (ast.Number, ast.Name)
_BEFORE_NONE = frozenset({"RPAR", "RSQB", "COMMA", "SEMICOLON", "DOT"})
_AFTER_NONE = frozenset({"LPAR", "LSQB", "DOT"})


class Spacing:
    """Knows of each token of a file whether it clings to its neighbours."""

    def __init__(self, file: ast.File, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._starts = [t.start for t in tokens]
        self._pairs = _bracket_pairs(tokens)
        self._clinging: set[int] = set()
        """Offsets of opening brackets that belong to what stands before them."""
        self._infix: set[int] = set()
        self._colons: dict[int, tuple[bool, bool]] = {}
        self.guards: set[int] = set()
        """Offsets of the `when` of guarded statements."""
        for node in _nodes(file):
            self._note(node)

    def _note(self, node: ast.Node) -> None:
        match node:
            case ast.Call() | ast.Index():
                self._clinging.add(self._pairs[node.span.end - 1])
            case ast.TypeExpr() if node.dims is not None:
                self._clinging.add(self._after(node.span.start + len(node.dtype)).start)
            case ast.Definition() | ast.Data() | ast.Recipe():
                opening = self._after(node.name_span.end)
                if opening.kind == "LPAR":
                    self._clinging.add(opening.start)
            case ast.Binary():
                self._infix.add(node.op_span.start)
            case ast.Slice():
                self._note_slice(node)
            case ast.Check() if node.dims is not None:
                self._colons[self._before_dims(node)] = (True, True)
            case ast.Guarded():
                self.guards.add(self._word(node.statement.span.end, "when"))
            case _:
                pass

    def _note_slice(self, node: ast.Slice) -> None:
        ends = [end for end in (node.start, node.stop) if end is not None]
        wide = not all(
            isinstance(e.operand if isinstance(e, ast.Unary) else e, _SIMPLE) for e in ends
        )
        depth = 0
        for token in self._tokens[bisect_left(self._starts, node.span.start) :]:
            depth += (token.kind in OPENING) - (token.kind in ("RPAR", "RSQB"))
            if token.kind == "COLON" and depth == 0:
                here = (wide and node.start is not None, wide and node.stop is not None)
                self._colons[token.start] = here
                return

    def _before_dims(self, node: ast.Check) -> int:
        """The colon of a check: the first outside of brackets."""
        depth = 0
        at = bisect_left(self._starts, node.span.start)
        while self._tokens[at].kind != "COLON" or depth:
            kind = self._tokens[at].kind
            depth += (kind in OPENING) - (kind in ("RPAR", "RSQB"))
            at += 1
        return self._tokens[at].start

    def _after(self, offset: int) -> Token:
        return self._tokens[bisect_left(self._starts, offset)]

    def _word(self, offset: int, word: str) -> int:
        at = bisect_left(self._starts, offset)
        while self._tokens[at].text != word:
            at += 1
        return self._tokens[at].start

    def between(self, left: Token, right: Token) -> str:
        """The space between two tokens that stand in one line."""
        return " " if self._apart(left, right) else ""

    def _apart(self, left: Token, right: Token) -> bool:
        if left.kind == "COLON":
            return self._colons.get(left.start, (False, True))[1] and right.kind not in _BEFORE_NONE
        if left.kind in _AFTER_NONE or right.kind in _BEFORE_NONE:
            return False
        if left.kind == "LBRACE" and right.kind == "RBRACE":
            return False
        if "RANGE" in (left.kind, right.kind):
            return False
        if right.kind == "COLON":
            return self._colons.get(right.start, (False, True))[0]
        if left.kind in ("MINUS", "LE") and left.start not in self._infix:
            return False
        return not (right.kind in OPENING and right.start in self._clinging)


def _bracket_pairs(tokens: list[Token]) -> dict[int, int]:
    """The offset of each closing bracket and that of its opening one."""
    pairs: dict[int, int] = {}
    stack: list[int] = []
    for token in tokens:
        if token.kind in OPENING:
            stack.append(token.start)
        elif token.kind in OPENING.values():
            pairs[token.start] = stack.pop()
    return pairs


def _nodes(root: ast.Node) -> Iterator[ast.Node]:
    pending: list[object] = [root]
    while pending:
        value = pending.pop()
        if isinstance(value, tuple):
            pending.extend(value)  # pyright: ignore[reportUnknownArgumentType]
        elif isinstance(value, ast.Node):
            yield value
            pending.extend(getattr(value, f.name) for f in dataclasses.fields(value))
