"""Functions of time: `scan`, `last`, `reverse`, `each`, `generate`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from dlspec.sema import cells
from dlspec.sema.arguments import Arguments
from dlspec.sema.context import Frame
from dlspec.syntax import ast

if TYPE_CHECKING:
    from dlspec.sema.elaborate import Elaborator

FormFunction = Callable[["Elaborator", Arguments, ast.Node, Frame, "str | None"], Any]

FORMS: Mapping[str, FormFunction] = {"scan": cells.scan}
"""By name."""
