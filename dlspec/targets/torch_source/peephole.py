"""Faster ways to say the same in PyTorch."""

from __future__ import annotations

import ast

_LOSSES = frozenset(
    {
        "cross_entropy",
        "nll_loss",
        "mse_loss",
        "l1_loss",
        "huber_loss",
        "smooth_l1_loss",
        "binary_cross_entropy",
    }
    | {"binary_cross_entropy_with_logits", "kl_div"}
)


def improve(tree: ast.expr, *, scalar: bool) -> ast.expr:
    """`torch.mean(F.cross_entropy(x, y, reduction="none"))` is `F.cross_entropy(x, y)`, one kernel
    and one pass back.

    Only where the result is a ``scalar``, so that the mean is over all there is; a loss with class
    weights divides by their sum, which is another mean, and is left as it is.
    """
    loss = _averaged(tree) if scalar else None
    if loss is None or not _is_loss(loss):
        return tree
    kept = [k for k in loss.keywords if k.arg != "reduction"]
    if len(kept) == len(loss.keywords) or any(k.arg in ("weight", "ignore_index") for k in kept):
        return tree
    return ast.copy_location(ast.Call(loss.func, loss.args, kept), loss)


def _averaged(tree: ast.expr) -> ast.Call | None:
    """What a call of `mean` is the mean of."""
    if not (
        isinstance(tree, ast.Call)
        and isinstance(tree.func, ast.Attribute)
        and tree.func.attr == "mean"
    ):
        return None
    base = tree.func.value
    if isinstance(base, ast.Name) and base.id == "torch":
        base = tree.args[0]
    return base if isinstance(base, ast.Call) else None


def _is_loss(call: ast.Call) -> bool:
    function = call.func
    return (
        isinstance(function, ast.Attribute)
        and isinstance(function.value, ast.Name)
        and function.value.id == "F"
        and function.attr in _LOSSES
    )
