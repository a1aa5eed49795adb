"""What names mean at file level, and what is called by them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.meaning import Impossible
from dlspec.diagnostics.names import NotYet
from dlspec.ops import REGISTRY
from dlspec.sema import compile_time
from dlspec.sema.context import Frame
from dlspec.sema.figures import METRICS, elsewhere
from dlspec.sema.later import LATER
from dlspec.sema.program import Program, root_name
from dlspec.sema.values import POISON, Form, Poisoned, is_tensor_like
from dlspec.syntax import ast

if TYPE_CHECKING:
    from dlspec.sema.elaborate import Elaborator

FORMS = ("scan", "each", "last", "reverse", "generate", "greedy", "sample", "same", "beam", "like")
"""Functions on tensors and layers that are no ops (`dlspec.sema.time`)."""
SHORT_NAMES = {
    "bce": "binary_cross_entropy",
    "bce_with_logits": "binary_cross_entropy_with_logits",
}
"""Second names of ops."""


def callee(el: Elaborator, expr: ast.Expr, frame: Frame) -> Any:
    """What is called. A name given in a chain (`-> conv(8) as conv`) does not hide the function
    of that name.
    """
    if not isinstance(expr, ast.Name):
        return el.evaluate(expr, frame)
    name = expr.id
    if name in frame.aliases and is_tensor_like(frame.names.get(name)):
        found = file_name(el, name, frame)
        if found is not None:
            return found
    own = name in frame.names or name in frame.later
    if name in LATER and not own and file_name(el, name, frame) is None:
        raise DlspecError(NotYet(expr.span, f"`{name}`"))
    if name in METRICS and not own and file_name(el, name, frame) is None:
        raise DlspecError(elsewhere(name, expr.span))
    return el.evaluate(expr, frame)


def file_name(el: Elaborator, name: str, frame: Frame) -> Any:
    """A definition, constant, op or function; None where there is none."""
    program = frame.program
    if name in program.imported:
        return program.imported[name]
    item = root_name(program, name)
    if isinstance(item, ast.Const):
        return constant(el, item, program)
    if item is not None:
        return item
    if name in compile_time.FUNCTIONS:
        return compile_time.FUNCTIONS[name]
    name = SHORT_NAMES.get(name, name)
    op = REGISTRY.get(name)
    if op is not None and not op.internal:
        return op
    if name in FORMS:
        return Form(name)
    return compile_time.INITIALIZERS.get(name)


def constant(el: Elaborator, item: ast.Const, program: Program) -> Any:
    """A file-level constant, evaluated once."""
    if item.name in program.working:
        raise DlspecError(Impossible(item.name_span, f"`{item.name}` is made from itself"))
    if item.name not in program.constants:
        program.constants[item.name] = POISON  # stays where the value cannot be worked out
        program.working.add(item.name)
        try:
            frame = Frame(item.name, "const", "", program)
            program.constants[item.name] = el.evaluate(item.value, frame)
        finally:
            program.working.discard(item.name)
    value = program.constants[item.name]
    if value is POISON:
        raise Poisoned
    return value
