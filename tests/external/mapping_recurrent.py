"""Recurrent layers over a whole sequence."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlspec.ir.graph import Value
from tests.external.importer import Node, Weights, limit, maps

CELLS = {"RNN": ("rnn", (0,), 1), "GRU": ("gru", (1, 0, 2), 1), "LSTM": ("lstm", (0, 2, 3, 1), 2)}
"""Our op, where its gates are among ONNX's, and how many states there are."""


@maps(*CELLS)
def recurrent(n: Node) -> tuple[Value, ...]:
    """One op for each direction. ONNX has time first and, where both directions are, an axis for
    them; ``layout`` 1 has rows first in everything."""
    states = CELLS[n.kind][2]
    rows_first = n.attr("layout", 0) == 1
    x = n.tensor(0) if rows_first else n.make("transpose", n.tensor(0), first=0, second=1)
    lengths = n.tensor(4) if n.has(4) else None
    directions = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}
    made: list[tuple[Value, ...]] = []
    for i, reverse in enumerate(directions[n.attr("direction", "forward")]):
        starts = [_start(n, 5 + s, i, rows_first) for s in range(states)]
        made.append(_layer(n, i, reverse, [x, *starts, lengths]))
    steps, *ends = zip(*made, strict=True)
    axis = 1 if rows_first else 0
    y = n.make("stack", *steps, axis=2)  # [N, T, directions, H]
    if not rows_first:
        y = n.rowed("permute", y, order=(2, 3, 1, 4))
    return (y, *(n.make("stack", *end, axis=axis) for end in ends))


def _layer(n: Node, i: int, reverse: bool, tensors: list[Value | None]) -> tuple[Value, ...]:
    name, order, _ = CELLS[n.kind]
    units = n.attr("hidden_size")
    gates = len(order)

    def ordered(array: np.ndarray) -> np.ndarray:
        parts = np.split(array, gates)
        return np.concatenate([parts[g] for g in order])

    weights: Weights = {
        "weight_ih_l0": ordered(n.array(1)[i]),
        "weight_hh_l0": ordered(n.array(2)[i]),
        "bias_ih_l0": None,
        "bias_hh_l0": None,
    }
    if n.has(3):
        biases = np.split(n.array(3)[i], 2)
        for slot, bias in zip(("bias_ih_l0", "bias_hh_l0"), biases, strict=True):
            weights[slot] = ordered(bias)
    settings: dict[str, Any] = {"units": units, "reverse": reverse}
    if n.kind == "LSTM" and n.has(7):
        settings["peephole"] = True
        parts = np.split(n.array(7)[i], 3)
        for slot, part in zip(("i", "o", "f"), parts, strict=True):
            weights[f"peephole_{slot}"] = part
    y, *ends = n.all(name, *tensors, weights=weights, **settings)
    if tensors[-1] is not None:  # no longer ragged: what lies behind a length is 0 in ONNX too
        y = n.make("masked", y, tensors[-1], keep=False)
    return (y, *ends)


def _start(n: Node, index: int, direction: int, rows_first: bool) -> Value | None:
    if not n.has(index):
        return None
    array = n.array(index)
    return n.feed(array[:, direction] if rows_first else array[direction])


def _resets_something(n: Node) -> bool:
    """Whether there is anything that the reset gate acts on: a state before the first step, or a
    bias of what it resets."""
    time = n.shape(0)[1 if n.attr("layout", 0) else 0]
    bias = n.has(3) and bool(n.array(3)[:, -n.attr("hidden_size") :].any())
    return time > 1 or n.has(5) or bias


limit(
    "GRU",
    "the reset gate is applied after the product, as in PyTorch",
    lambda n: not n.attr("linear_before_reset", 0) and _resets_something(n),
)


@maps("ReverseSequence")
def reverse_sequence(n: Node) -> Value:
    lengths = n.feed(n.array(1).astype(np.int32))
    if n.attr("batch_axis", 1) == 0:
        return n.make("reversed", n.tensor(0), lengths)
    turned = n.make("reversed", n.make("transpose", n.tensor(0), first=0, second=1), lengths)
    return n.make("transpose", turned, first=0, second=1)
