"""Normalisation."""

from __future__ import annotations

from dlspec.ir.graph import Value
from tests.external.importer import Node, limit, maps


@maps("BatchNormalization")
def batch_norm(n: Node) -> Value:
    slots = ("weight", "bias", "running_mean", "running_var")
    weights = {slot: n.weight(i) for i, slot in enumerate(slots, start=1)}
    return n.make("batch_norm", n.tensor(0), weights=weights, epsilon=n.attr("epsilon", 1e-5))


limit(
    "BatchNormalization",
    "the running variance is an unbiased one, as in PyTorch",
    lambda n: n.attr("training_mode", 0) == 1,
)


@maps("LayerNormalization")
def layer_norm(n: Node) -> tuple[Value, ...]:
    """The result, the mean, and the inverse of the deviation."""
    axis, epsilon = n.attr("axis", -1), n.attr("epsilon", 1e-5)
    weights = {"weight": n.weight(1), "bias": n.weight(2)}
    x, rank = n.tensor(0), len(n.shape(0))
    y = n.make("layer_norm", x, weights=weights, axis=axis, epsilon=epsilon)
    axes = tuple(range(axis % rank, rank))
    mean = n.make("mean", x, axis=axes, keep=True)
    variance = n.make("var", x, axis=axes, keep=True, unbiased=False)
    inverse = n.make("rsqrt", n.make("add", variance, n.constant(epsilon)))
    return y, mean, inverse


@maps("RMSNormalization")
def rms_norm(n: Node) -> Value:
    weights = {"weight": n.weight(1)}
    settings = {"axis": n.attr("axis", -1), "epsilon": n.attr("epsilon", 1e-5)}
    return n.make("rms_norm", n.tensor(0), weights=weights, **settings)


@maps("GroupNormalization")
def group_norm(n: Node) -> Value:
    weights = {"weight": n.weight(1), "bias": n.weight(2)}
    settings = {"groups": n.attr("num_groups"), "epsilon": n.attr("epsilon", 1e-5)}
    return n.make("group_norm", n.tensor(0), weights=weights, **settings)


@maps("InstanceNormalization")
def instance_norm(n: Node) -> Value:
    weights = {"weight": n.weight(1), "bias": n.weight(2)}
    return n.make("instance_norm", n.tensor(0), weights=weights, epsilon=n.attr("epsilon", 1e-5))


@maps("LRN")
def lrn(n: Node) -> Value:
    return n.make(
        "lrn",
        n.tensor(0),
        size=n.attr("size"),
        alpha=n.attr("alpha", 1e-4),
        beta=n.attr("beta", 0.75),
        k=n.attr("bias", 1.0),
    )


@maps("LpNormalization")
def normalize(n: Node) -> Value:
    return n.make("normalize", n.tensor(0), axis=n.attr("axis", -1))


limit("LpNormalization", "vectors are made of length 1", lambda n: n.attr("p", 2) != 2)
