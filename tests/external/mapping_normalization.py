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
