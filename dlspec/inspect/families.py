"""Families of ops, for their colours: an op belongs to that of the file that it is written in."""

from __future__ import annotations

from dlspec.ops.base import Op

_BY_FILE: dict[str, str] = {
    "convolution": "conv",
    "linear": "dense",
    "einsum": "dense",
    "embedding": "dense",
    "recurrent": "loop",
    "steps": "loop",
    "control": "loop",
    "beam": "loop",
    "generation": "loop",
    "activation": "act",
    "gating": "act",
    "rectifiers": "act",
    "error_function": "act",
    "normalization": "norm",
    "layer_norm": "norm",
    "group_norm": "norm",
    "response": "norm",
    "pooling": "pool",
    "bins": "pool",
    "reduction": "pool",
    "statistics": "pool",
    "joining": "join",
    "arithmetic": "join",
    "comparison": "join",
    "loss": "loss",
    "regression_loss": "loss",
    "binary_loss": "loss",
    "metric_loss": "loss",
    "penalty": "loss",
}

PLAIN = "plain"
"""The family of what reshapes, slices, casts, and of ops of third parties."""


def family(op: Op) -> str:
    """`conv`, `dense`, `loop`, `act`, `norm`, `pool`, `join`, `loss` or `plain`."""
    if op.name == "cast":
        return PLAIN
    return _BY_FILE.get(type(op).__module__.rpartition(".")[2], PLAIN)
