"""Expressions as syntax trees, so that folding one into another keeps precedence right."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping


def parse(text: str) -> ast.expr:
    """The tree of an expression that an op has written."""
    return ast.parse(text, mode="eval").body


def uses(tree: ast.expr, wanted: Callable[[str], bool]) -> list[str]:
    """The names in an expression that are wanted, once for each time that they stand there, in
    order."""
    found = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and wanted(n.id)]
    found.sort(key=lambda n: (n.lineno, n.col_offset) if hasattr(n, "lineno") else (0, 0))
    return [n.id for n in found]


class _Substitute(ast.NodeTransformer):
    def __init__(self, by: Mapping[str, ast.expr]) -> None:
        self.by = by

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.by.get(node.id, node)


def substitute(tree: ast.expr, by: Mapping[str, ast.expr]) -> ast.expr:
    """The expression with names replaced; the given tree may be changed."""
    replaced: ast.expr = _Substitute(by).visit(tree)
    return replaced


class _Literals(ast.NodeTransformer):
    """Puts numbers in the place of constant scalars where Python's operators take them."""

    def __init__(self, scalars: Mapping[str, ast.expr]) -> None:
        self.scalars = scalars

    def _number(self, side: ast.expr, other: ast.expr) -> ast.expr:
        if isinstance(side, ast.Name) and not (
            isinstance(other, ast.Name) and other.id in self.scalars
        ):
            return self.scalars.get(side.id, side)
        return side

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        if not isinstance(node.op, ast.MatMult):
            node.left, node.right = (
                self._number(node.left, node.right),
                self._number(node.right, node.left),
            )
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        if len(node.comparators) == 1:
            right = node.comparators[0]
            node.left, node.comparators[0] = (
                self._number(node.left, right),
                self._number(right, node.left),
            )
        return node


def with_literals(tree: ast.expr, scalars: Mapping[str, ast.expr]) -> ast.expr:
    """The expression with scalar constants written as numbers wherever an operator has a tensor on
    its other side."""
    replaced: ast.expr = _Literals(scalars).visit(tree)
    return replaced


def number(value: float | int | bool) -> ast.expr:
    """The tree of a number, as short as it can be: `2` for 2.0."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e6:
        value = int(value)
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return parse(f'float("{value}")')
    return parse(repr(value))


def text_of(tree: ast.expr) -> str:
    """The text of an expression, strings in double quotes."""
    text = ast.unparse(tree)
    return text.replace("'", '"') if '"' not in text else text


def wrapped(head: str, tree: ast.expr, limit: int) -> list[str]:
    """`head` and the expression as one line, or as several where it is too long and a call."""
    line = head + text_of(tree)
    if len(line) <= limit or not isinstance(tree, ast.Call):
        return [line]
    if isinstance(tree.func, ast.Attribute) and isinstance(tree.func.value, ast.Call):
        return [line]  # a method of a long expression: no better place to break
    parts = [text_of(a) for a in tree.args] + [f"{k.arg}={text_of(k.value)}" for k in tree.keywords]
    inner = ", ".join(parts)
    if len(inner) + 4 <= limit:
        return [f"{head}{text_of(tree.func)}(", f"    {inner}", ")"]
    return [f"{head}{text_of(tree.func)}(", *(f"    {p}," for p in parts), ")"]
