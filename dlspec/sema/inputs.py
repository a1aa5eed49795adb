"""The inputs of a definition, and the tensors that an application gives them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.names import TooManyArguments
from dlspec.source import Span
from dlspec.syntax import ast

Given = tuple[Any, Span]


def inputs_of(definition: ast.Definition) -> dict[str, ast.Input]:
    """The `input` statements of a network or a cell, in order."""
    found: dict[str, ast.Input] = {}
    for statement in definition.body:
        inner = statement.statement if isinstance(statement, ast.Guarded) else statement
        if isinstance(inner, ast.Input):
            found[inner.name] = inner
    return found


def input_names(definition: ast.Definition) -> list[str]:
    """A block's parameters before `;`, or what a network or a cell declares in its body."""
    if definition.kind == "block":
        return [p.name for p in definition.inputs]
    return list(inputs_of(definition))


def by_position(definition: ast.Definition, given: Sequence[Given]) -> dict[str, Given]:
    """Tensors given by position, by the inputs' names.

    Raises:
        DlspecError: DL207 where they are more than the inputs.
    """
    names = input_names(definition)
    if len(given) > len(names):
        place = given[len(names)][1]
        raise DlspecError(
            TooManyArguments(
                place,
                definition.name,
                len(names),
                ", ".join(f"`{n}`" for n in names) or None,
                _advice(definition) if not names else None,
                definition.name_span,
            )
        )
    return dict(zip(names, given, strict=False))


def _advice(definition: ast.Definition) -> str:
    """How a definition gets its first input."""
    name = definition.settings[0].name if definition.settings else "x"
    if definition.kind == "block":
        return f"an input stands in its parentheses: `block {definition.name}({name}) {{ … }}`"
    return f"parentheses hold settings; an input stands in the body: `input {name}: float[N, 2]`"
