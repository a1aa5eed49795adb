"""Losses of labels."""

from __future__ import annotations

import numpy as np

from dlspec.ir.graph import Value
from tests.external.importer import Node, maps


@maps("NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss")
def loss(n: Node) -> tuple[Value, ...]:
    """Ours is a number for each example; ONNX's mean divides by the sum of the weights of what
    counts."""
    name = {"NegativeLogLikelihoodLoss": "nll", "SoftmaxCrossEntropyLoss": "cross_entropy"}[n.kind]
    ignored = n.attr("ignore_index")
    weight = tuple(float(w) for w in n.array(2)) if n.has(2) else None
    y = n.make(name, n.tensor(0), n.tensor(1), axis=1, weight=weight, ignore_index=ignored)
    log_p = [n.make("log_softmax", n.tensor(0), axis=1)] if len(n.proto.output) > 1 else []
    reduction = n.attr("reduction", "mean")
    if reduction == "none":
        return y, *log_p
    total = n.make("sum", y, axis=None)
    if reduction == "sum":
        return total, *log_p
    label = n.array(1)
    counted = label != ignored
    shares = (
        np.ones(label.shape) if weight is None else np.take(weight, np.where(counted, label, 0))
    )
    return n.make("div", total, n.constant(float((shares * counted).sum()))), *log_p
