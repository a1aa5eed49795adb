"""Operators: on compile-time values at once, on tensors as a node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.names import NotYet
from dlspec.dims import Dim
from dlspec.ops import REGISTRY
from dlspec.sema import compile_time
from dlspec.sema.apply_op import apply_op
from dlspec.sema.arguments import weigh
from dlspec.sema.context import Frame
from dlspec.sema.values import Tensor, is_number, is_tensor_like
from dlspec.source import Span
from dlspec.syntax import ast

if TYPE_CHECKING:
    from dlspec.sema.elaborate import Elaborator

_NODES = {
    "+": "add",
    "-": "sub",
    "*": "mul",
    "/": "div",
    "//": "floor_div",
    "%": "mod",
    "**": "pow",
    "@": "matmul",
    "==": "equal",
    "!=": "not_equal",
    "<": "less",
    "<=": "less_equal",
    ">": "greater",
    ">=": "greater_equal",
    "and": "logical_and",
    "or": "logical_or",
}


def unary(el: Elaborator, expr: ast.Unary, frame: Frame) -> Any:
    """`-x`, `not x`."""
    value = el.evaluate(expr.operand, frame)
    if expr.op == "-" and (is_number(value) or isinstance(value, (Dim, np.ndarray))):
        return -value
    if expr.op == "not" and isinstance(value, bool):
        return not value
    return _node(
        el, "neg" if expr.op == "-" else "logical_not", [(value, expr.operand.span)], expr, frame
    )


def binary(el: Elaborator, expr: ast.Binary, frame: Frame) -> Any:
    """`a + b` and its kin: on compile-time values at once, on tensors as a node."""
    left = el.evaluate(expr.left, frame)
    if expr.op in ("and", "or") and isinstance(left, bool):
        if left is (expr.op == "or"):
            return left
        return el.evaluate(expr.right, frame)
    right = el.evaluate(expr.right, frame)
    if expr.op == "..":
        return compile_time.make_range(left, right, expr.span)
    if expr.op in ("==", "!=") and (left is None or right is None):
        same = left is right
        return same if expr.op == "==" else not same
    if not (is_tensor_like(left) and not isinstance(left, np.ndarray)) and not (
        is_tensor_like(right) and not isinstance(right, np.ndarray)
    ):
        value = compile_time.binary(expr.op, left, right, expr.span)
        if value is not NotImplemented:
            weigh(el, value, expr.span)
            return value
    return _node(
        el, _NODES[expr.op], [(left, expr.left.span), (right, expr.right.span)], expr, frame
    )


def _node(
    el: Elaborator, name: str, operands: list[tuple[Any, Span]], expr: ast.Expr, frame: Frame
) -> Tensor:
    """A node for an operator."""
    operation = REGISTRY.get(name)
    if operation is None:
        raise DlspecError(NotYet(expr.span, f"the operator of `{name}` on tensors"))
    path = el.context.sites.path(frame.prefix, name, expr)
    return apply_op(el, operation(), operands, {}, path, expr.span)
