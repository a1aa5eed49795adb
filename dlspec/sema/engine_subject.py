"""Which network an `engine` is for: named itself, by its recipe, or as one of a recipe's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dlspec.diagnostics import DlspecError, did_you_mean
from dlspec.diagnostics.names import NotYet, UnknownName, WrongKind
from dlspec.sema.program import Program
from dlspec.syntax import ast

Uses = Sequence[tuple[str, ast.Definition]]
"""The networks of a recipe, by the names that it has for them."""


def subject_of(
    engine: ast.Engine, program: Program, uses: Mapping[str, Uses]
) -> tuple[str | None, str | None]:
    """The name of the network (None of a recipe whose networks failed), and of the recipe, if the
    engine is for one. ``uses`` are the networks of each recipe.

    Raises:
        DlspecError: DL201, DL211 or DL801 for what is no network.
    """
    value, place = engine.subject.value, engine.subject.span
    parts: list[str] = []
    while isinstance(value, ast.Attribute):
        parts.insert(0, value.name)
        value = value.object
    if not isinstance(value, ast.Name):
        raise DlspecError(WrongKind(value.span, "a recipe or a network", "this"))
    item = program.definitions.get(value.id)
    name: str | None = value.id
    recipe: str | None = None
    if isinstance(item, ast.Recipe):
        recipe = item.name
        part = parts.pop(0) if parts else None
        name = _of_recipe(engine, item, part, uses.get(item.name, ()))
    elif not isinstance(item, ast.Definition) or item.kind != "network":
        near = did_you_mean(value.id, [*program.definitions])
        raise DlspecError(
            UnknownName(value.span, value.id, near, "an engine is for a recipe or a network")
        )
    if parts and name is not None:
        raise DlspecError(NotYet(place, "an engine for a layer of a network"))
    return name, recipe


def _of_recipe(engine: ast.Engine, recipe: ast.Recipe, part: str | None, uses: Uses) -> str | None:
    """One of a recipe's networks: that with a name, or the only one."""
    place = engine.subject.span
    if part is not None:
        for alias, definition in uses:
            if part in (alias, definition.name):
                return definition.name
        aliases = [a for a, _ in uses]
        known = f"the recipe's networks are {', '.join(aliases)}"
        raise DlspecError(UnknownName(place, part, did_you_mean(part, aliases), known))
    if len(uses) > 1:
        listed = " or ".join(f"`{recipe.name}.{a}`" for a, _ in uses)
        found = f"a recipe with {len(uses)}"
        raise DlspecError(WrongKind(place, "one network", found, f"write {listed}"))
    return uses[0][1].name if uses else None
