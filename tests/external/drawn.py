"""Recurrent cases with weights of their own: the package's have one number everywhere, which shows
no order of gates. What is expected is computed by the package's own evaluator, not by an engine."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator

from tests.external.cases import Case

TIME, ROWS, INPUTS, UNITS = 4, 3, 2, 5
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


@dataclass(frozen=True)
class Drawn:
    """A recurrent node: which inputs it is given after X, W and R, and its settings."""

    operator: str
    given: tuple[str, ...]
    settings: dict[str, Any] = field(default_factory=dict[str, Any])


DRAWN = {
    "rnn_with_state": Drawn("RNN", ("B", "initial_h")),
    "gru": Drawn("GRU", (), {"linear_before_reset": 1}),
    "gru_with_state": Drawn("GRU", ("B", "initial_h"), {"linear_before_reset": 1}),
    "lstm": Drawn("LSTM", ()),
    "lstm_with_states": Drawn("LSTM", ("B", "initial_h", "initial_c")),
    "lstm_with_peepholes": Drawn("LSTM", ("B", "P")),
}


@functools.cache
def drawn_case(name: str) -> Case:
    """One case, always with the same numbers."""
    drawn = DRAWN[name]
    rng = np.random.default_rng(len(name))
    gates = GATES[drawn.operator]
    states = 2 if drawn.operator == "LSTM" else 1
    shapes = {
        "X": (TIME, ROWS, INPUTS),
        "W": (1, gates * UNITS, INPUTS),
        "R": (1, gates * UNITS, UNITS),
        "B": (1, 2 * gates * UNITS),
        "initial_h": (1, ROWS, UNITS),
        "initial_c": (1, ROWS, UNITS),
        "P": (1, 3 * UNITS),
    }
    wanted = ("X", "W", "R", *drawn.given)
    arrays = {n: rng.normal(0, 0.5, shapes[n]).astype(np.float32) for n in wanted}
    places = ("X", "W", "R", "B", "", "initial_h", "initial_c", "P")
    inputs = [n if n in arrays else "" for n in places]
    while inputs[-1] == "":
        inputs.pop()
    outputs = ["Y", "Y_h", "Y_c"][: 1 + states]
    node = onnx.helper.make_node(
        drawn.operator, inputs, outputs, hidden_size=UNITS, **drawn.settings
    )
    graph = onnx.helper.make_graph(
        [node],
        name,
        [onnx.helper.make_tensor_value_info(n, 1, a.shape) for n, a in arrays.items()],
        [onnx.helper.make_tensor_value_info(n, 1, None) for n in outputs],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 14)])
    expected = ReferenceEvaluator(model).run(None, arrays)
    return Case(name, model, tuple(arrays.values()), tuple(np.asarray(e) for e in expected))
