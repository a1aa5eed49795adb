"""The op set: one class an op, one file a family."""

from dlspec.ops import (
    activation,
    arithmetic,
    bins,
    comparison,
    convolution,
    embedding,
    group_norm,
    layer_norm,
    lengths,
    linear,
    loss,
    normalization,
    pooling,
    reduction,
    response,
    shape,
)
from dlspec.ops.base import REGISTRY, Op, initializer, literal

__all__ = [
    "REGISTRY",
    "Op",
    "activation",
    "arithmetic",
    "bins",
    "comparison",
    "convolution",
    "embedding",
    "group_norm",
    "initializer",
    "layer_norm",
    "lengths",
    "linear",
    "literal",
    "loss",
    "normalization",
    "pooling",
    "reduction",
    "response",
    "shape",
]
