"""Which names a text binds and reads, found without evaluating it."""

from __future__ import annotations

from typing import Any

from dlspec.source import Span
from dlspec.syntax import ast


def bound_names(statement: ast.Statement) -> list[str]:
    """The names that a statement binds, also inside."""
    match statement:
        case ast.Assign():
            return [_bound(t) for t in statement.targets] + aliases(*statement.values)
        case ast.Output():
            return [_bound(statement.target), *aliases(statement.value)]
        case ast.Return():
            return aliases(*statement.values)
        case ast.Input() | ast.Noise() | ast.Param() | ast.State():
            return [statement.name]
        case ast.Guarded():
            return bound_names(statement.statement)
        case ast.For():
            return [t.name for t in statement.names] + [
                n for s in statement.body for n in bound_names(s)
            ]
        case ast.If():
            return [n for s in (*statement.body, *statement.orelse) for n in bound_names(s)]
        case ast.Turn(kind="step"):  # what a stage names ends with it
            return [n for s in statement.body for n in bound_names(s)]
        case _:
            return []


def _bound(target: ast.Target) -> str:
    return f"{target.name}'" if target.primed else target.name


def aliases(*expressions: ast.Expr | None) -> list[str]:
    """The names that `-> f as name` binds in chains."""
    found: list[str] = []
    for expr in expressions:
        chain = expr
        while isinstance(chain, (ast.Pipe, ast.Attribute, ast.Index)):
            if isinstance(chain, ast.Pipe):
                if chain.alias is not None:
                    found.append(chain.alias)
                chain = chain.value
            else:
                chain = chain.object
        if isinstance(chain, ast.Binary):
            found += aliases(chain.left, chain.right)
        elif isinstance(chain, ast.Call):
            found += aliases(*(a.value for a in chain.arguments))
    return found


def bound_places(body: tuple[ast.Statement, ...]) -> dict[str, Span]:
    """Where each name of a body is first bound."""
    found: dict[str, Span] = {}
    for statement in body:
        for name in bound_names(statement):
            found.setdefault(name, statement.span)
    return found


def names_read(node: Any) -> set[str]:
    """Every name that is read anywhere below a syntax node, attributes included."""
    found: set[str] = set()
    stack: list[Any] = [node]
    while stack:
        current = stack.pop()
        if isinstance(current, (ast.Name, ast.Primed)):
            found.add(current.id)
        elif isinstance(current, ast.Attribute):
            found.add(current.name)
        elif isinstance(current, ast.Output):
            found.add(current.target.name)
        elif isinstance(current, ast.Argument) and current.name is not None:
            found.add(current.name)
        if isinstance(current, tuple):
            stack.extend(current)
        elif isinstance(current, ast.Node):
            stack.extend(getattr(current, f) for f in current.__dataclass_fields__ if f != "span")
    return found
