"""Ops whose NumPy meaning is wrong: the two lowerings stand against it."""

from __future__ import annotations

import numpy as np

from tests.verify.faults.fault import Fault, meant

MEANING_FAULTS: tuple[Fault, ...] = (
    meant("epsilon", "picture", "batch_norm",
          lambda op, right, x, w, b, m, v, *_: right(x, w, b, m, v + 1e-4)),
    meant("tanh form of gelu", "mixed", "gelu", lambda op, right, x: (
        x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    )),
    meant("padding not counted", "picture", "avg_pool",
          lambda op, right, x: right(x) / right(np.ones_like(x))),
    meant("slope", "picture", "leaky_relu",
          lambda op, right, x: np.where(x >= 0, x, 0.01 * x)),
    meant("remainder of C", "integers", "mod", lambda op, right, a, b: np.fmod(a, b)),
    meant("last of equal ones", "integers", "argmax",
          lambda op, right, x: x.shape[-1] - 1 - x[..., ::-1].argmax(-1)),
    meant("softmax of queries", "sentence", "softmax",
          lambda op, right, x: right(x.swapaxes(1, 2)).swapaxes(1, 2)),
)  # fmt: skip
