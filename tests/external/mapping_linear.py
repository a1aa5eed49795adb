"""Products of matrices."""

from __future__ import annotations

import numpy as np

from dlspec.ir.graph import Value
from tests.external.importer import Node, limit, maps


@maps("MatMul")
def matmul(n: Node) -> Value:
    return n.make("matmul", n.tensor(0), n.tensor(1))


@maps("Einsum")
def einsum(n: Node) -> Value:
    return n.make("einsum", *n.tensors, equation=n.attr("equation"))


@maps("Gemm")
def gemm(n: Node) -> Value:
    """`dense`, whose weight takes ``alpha``, and whose bias takes ``beta``."""
    weight = n.array(1) if n.attr("transB", 0) else n.array(1).T
    weight = np.float32(n.attr("alpha", 1.0)) * weight
    x = n.make("transpose", n.tensor(0)) if n.attr("transA", 0) else n.tensor(0)
    bias = None
    if n.has(2):
        bias = np.float32(n.attr("beta", 1.0)) * np.broadcast_to(_row(n), len(weight))
    weights = {"weight": weight, "bias": bias}
    return n.make("dense", x, weights=weights, units=len(weight))


def _row(n: Node) -> np.ndarray:
    c = n.array(2)
    return c[0] if c.ndim == 2 else c


limit(
    "Gemm",
    "a bias is the same for every row",
    lambda n: n.has(2) and len(n.shape(2)) == 2 and n.shape(2)[0] != 1,
)
