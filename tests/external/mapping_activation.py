"""Activations."""

from __future__ import annotations

import numpy as np

from dlspec.ir.graph import Value
from tests.external.importer import Node, Weights, limit, maps

PLAIN = {
    "HardSwish": "hard_swish",
    "Mish": "mish",
    "Relu": "relu",
    "Sigmoid": "sigmoid",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Swish": "silu",
    "Tanh": "tanh",
}


@maps(*PLAIN)
def plain(n: Node) -> Value:
    return n.make(PLAIN[n.kind], n.tensor(0))


@maps("LeakyRelu")
def leaky_relu(n: Node) -> Value:
    return n.make("leaky_relu", n.tensor(0), slope=n.attr("alpha", 0.01))


@maps("Elu", "Celu")
def elu(n: Node) -> Value:
    return n.make(n.kind.lower(), n.tensor(0), alpha=n.attr("alpha", 1.0))


@maps("Selu")
def selu(n: Node) -> Value:
    """With other numbers than its own, ``gamma elu(x, alpha)``, which it is by definition."""
    alpha, gamma = n.attr("alpha", SELU_ALPHA), n.attr("gamma", SELU_GAMMA)
    if (alpha, gamma) == (SELU_ALPHA, SELU_GAMMA):
        return n.make("selu", n.tensor(0))
    return n.make("mul", n.make("elu", n.tensor(0), alpha=alpha), n.constant(gamma))


SELU_ALPHA = float(np.float32(1.67326319217681884765625))
SELU_GAMMA = float(np.float32(1.05070102214813232421875))


@maps("ThresholdedRelu")
def thresholded_relu(n: Node) -> Value:
    return n.make("threshold", n.tensor(0), threshold=n.attr("alpha", 1.0))


@maps("HardSigmoid")
def hard_sigmoid(n: Node) -> Value:
    """``clip(alpha x + beta, 0, 1)``: ours has its own slope and offset, so x is moved to where it
    gives the same."""
    alpha, beta = n.attr("alpha", 0.2), n.attr("beta", 0.5)
    moved = n.make(
        "add", n.make("mul", n.tensor(0), n.constant(6 * alpha)), n.constant(6 * beta - 3)
    )
    return n.make("hard_sigmoid", moved)


@maps("PRelu")
def prelu(n: Node) -> Value:
    slope, rank = n.array(1), len(n.shape(0))
    if slope.size == 1:
        return n.make(
            "prelu",
            n.tensor(0),
            weights={"weight": slope.reshape(1)},
            shared=True,
        )
    weights: Weights = {"weight": slope.reshape(-1)}
    if slope.ndim > 1 or n.opset < 7:  # where broadcasting was not yet NumPy's
        return n.make("prelu", n.tensor(0), weights=weights)
    turned = n.make("transpose", n.tensor(0), first=1, second=rank - 1)
    return n.make("transpose", n.make("prelu", turned, weights=weights), first=1, second=rank - 1)


limit(
    "PRelu",
    "slopes are one for each channel, or one for all",
    lambda n: sum(size != 1 for size in n.shape(1)) > 1,
)


@maps("Gelu")
def gelu(n: Node) -> Value:
    return n.make("gelu", n.tensor(0), approximate=n.attr("approximate", "none"))


@maps("Softmax", "LogSoftmax")
def softmax(n: Node) -> Value:
    name = {"Softmax": "softmax", "LogSoftmax": "log_softmax"}[n.kind]
    return n.make(name, n.tensor(0), axis=n.attr("axis", -1 if n.opset >= 13 else 1))


limit(
    "Softmax LogSoftmax",
    "up to opset 12 all axes from the given one on are taken as one",
    lambda n: n.opset < 13 and n.attr("axis", 1) != len(n.shape(0)) - 1,
)
