"""Recurrent cells against PyTorch's and ONNX Runtime's own, and cells of one's own against the loop
that anyone would write.

    python -m tests.bench.bench_time [--pairs 15] [--only train]

One thread, seconds of the processor, both sides taking turns; a row's ratio is the median over
pairs of (dlspec's time) / (the peer's). Batch 32, 50 steps, 128 inputs and units where nothing else
is said.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from dlspec.driver.phases import Compilation
from dlspec.ir.graph import Graph
from dlspec.ops.control import Scan
from dlspec.randomness import initial_weights
from dlspec.source import SourceFile
from dlspec.targets.onnx import onnx_from_graph
from dlspec.targets.torch_source import load_module, module_source
from tests.bench.pairs import compare, save

BATCH, STEPS, SIZE = 32, 50, 128
Work = Callable[[], Any]

CELLS = """
cell written(units) {
    input x: float[N, D]
    state h: float[N, units] = 0
    state c: float[N, units] = 0
    z = concat(x, h)
    i = z -> dense(units) -> sigmoid
    f = z -> dense(units, bias = 1) -> sigmoid
    o = z -> dense(units) -> sigmoid
    c' = f * c + i * (z -> dense(units) -> tanh)
    h' = o * tanh(c')
    output h'
}
cell reset_first(units) {
    input x: float[N, D]
    state h: float[N, units] = 0
    r = concat(x, h) -> dense(units) -> sigmoid
    z = concat(x, h) -> dense(units) -> sigmoid
    n = concat(x, r * h) -> dense(units) -> tanh
    h' = (1 - z) * n + z * h
    output h'
}
cell coupled(units) {
    input x: float[N, D]
    state h: float[N, units] = 0
    state c: float[N, units] = 0
    z = concat(x, h)
    f = z -> dense(units) -> sigmoid
    o = z -> dense(units) -> sigmoid
    c' = f * c + (1 - f) * (z -> dense(units) -> tanh)
    h' = o * tanh(c')
    output h'
}
cell residual(units) {
    input x: float[N, D]
    state h: float[N, units] = 0
    state c: float[N, units] = 0
    i, f, g, o = split((x -> dense(4 * units)) + (h -> dense(4 * units)), 4)
    c' = sigmoid(f) * c + sigmoid(i) * tanh(g)
    h' = sigmoid(o) * tanh(c') + x
    output h'
}
cell normed(units) {
    input x: float[N, D]
    state h: float[N, units] = 0
    state c: float[N, units] = 0
    z = (x -> dense(4 * units) -> layer_norm) + (h -> dense(4 * units) -> layer_norm)
    i, f, g, o = split(z, 4)
    c' = sigmoid(f) * c + sigmoid(i) * tanh(g)
    h' = sigmoid(o) * tanh(c' -> layer_norm)
    output h'
}
"""


def graph_of(cell: str, time: str = "T") -> Graph:
    """A network that is one cell over a sequence."""
    text = (
        f"{CELLS}\nnetwork net {{\n    input x: float[N, {time}, {SIZE}]\n"
        f"    output y = x -> scan({cell})\n}}\n"
    )
    (plan,) = Compilation(SourceFile("cells.dl", text)).networks.values()
    return plan.graph


def is_loop(graph: Graph) -> bool:
    """Whether a cell was not fused."""
    return any(isinstance(n.op, Scan) for n in graph.nodes)


def drawn(batch: int = BATCH) -> tuple[np.ndarray, np.ndarray]:
    """Sequences, and lengths of which the mean is about three quarters, as in buckets."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((batch, STEPS, SIZE)).astype(np.float32)
    lengths = rng.integers(STEPS // 2, STEPS + 1, batch).astype(np.int32)
    lengths[-1] = STEPS
    return x, lengths


def spent(work: Work, times: int) -> Callable[[], float]:
    """The seconds of the processor that so many calls take."""

    def measured() -> float:
        start = time.process_time()
        for _ in range(times):
            work()
        return (time.process_time() - start) / times

    return measured


# --- learning -------------------------------------------------------------------------------------


class Packed(nn.Module):
    """What one writes for sequences of different lengths."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.cell = getattr(nn, kind)(SIZE, SIZE, batch_first=True)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        packed = nn.utils.rnn.pack_padded_sequence(
            x, lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        y, _ = self.cell(packed)
        return nn.utils.rnn.pad_packed_sequence(y, batch_first=True, total_length=x.shape[1])[0]


class Whole(nn.Module):
    """The layer as it is."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.cell = getattr(nn, kind)(SIZE, SIZE, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.cell(x)[0]


class Loop(nn.Module):
    """The loop over the steps that anyone would write."""

    states = 2

    def forward(self, x: Tensor) -> Tensor:
        states = [x.new_zeros(x.shape[0], SIZE) for _ in range(self.states)]
        found: list[Tensor] = []
        for t in range(x.shape[1]):
            states = self.step(x[:, t], *states)
            found.append(states[0])
        return torch.stack(found, 1)

    def step(self, x: Tensor, *states: Tensor) -> list[Tensor]:
        """The next states."""
        raise NotImplementedError


class ResetFirst(Loop):
    states = 1

    def __init__(self) -> None:
        super().__init__()
        self.gates = nn.Linear(2 * SIZE, 2 * SIZE)
        self.new = nn.Linear(2 * SIZE, SIZE)

    def step(self, x: Tensor, *states: Tensor) -> list[Tensor]:
        (h,) = states
        r, z = torch.sigmoid(self.gates(torch.cat((x, h), 1))).chunk(2, 1)
        n = torch.tanh(self.new(torch.cat((x, r * h), 1)))
        return [(1 - z) * n + z * h]


class Coupled(Loop):
    def __init__(self) -> None:
        super().__init__()
        self.gates = nn.Linear(2 * SIZE, 3 * SIZE)

    def step(self, x: Tensor, *states: Tensor) -> list[Tensor]:
        h, c = states
        f, o, g = self.gates(torch.cat((x, h), 1)).chunk(3, 1)
        f = torch.sigmoid(f)
        c = f * c + (1 - f) * torch.tanh(g)
        return [torch.sigmoid(o) * torch.tanh(c), c]


class Residual(Loop):
    def __init__(self) -> None:
        super().__init__()
        self.heard, self.recalled = nn.Linear(SIZE, 4 * SIZE), nn.Linear(SIZE, 4 * SIZE)

    def step(self, x: Tensor, *states: Tensor) -> list[Tensor]:
        h, c = states
        i, f, g, o = (self.heard(x) + self.recalled(h)).chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return [torch.sigmoid(o) * torch.tanh(c) + x, c]


class Normed(Loop):
    def __init__(self) -> None:
        super().__init__()
        self.heard, self.recalled = nn.Linear(SIZE, 4 * SIZE), nn.Linear(SIZE, 4 * SIZE)
        self.norms = nn.ModuleList(nn.LayerNorm(n * SIZE) for n in (4, 4, 1))

    def step(self, x: Tensor, *states: Tensor) -> list[Tensor]:
        h, c = states
        z = self.norms[0](self.heard(x)) + self.norms[1](self.recalled(h))
        i, f, g, o = z.chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return [torch.sigmoid(o) * torch.tanh(self.norms[2](c)), c]


def learning(module: nn.Module, *inputs: Any) -> Work:
    """Forward and back."""
    tensors = [torch.from_numpy(i) for i in inputs]

    def step() -> None:
        module.zero_grad()
        module(*tensors).square().mean().backward()

    return step


def emitted(graph: Graph) -> nn.Module:
    """The module that dlspec trains."""
    with tempfile.TemporaryDirectory() as folder:
        made = load_module(module_source("net", {"forward": graph}), Path(folder) / "net.py")()
    weights = initial_weights(graph, 0)
    made.load_state_dict({k: torch.from_numpy(np.array(v)) for k, v in weights.items()})
    return made.train()


def train_rows(pairs: int) -> list[dict[str, Any]]:
    """Steps of training."""
    x, lengths = drawn()
    rows: list[dict[str, Any]] = []
    named: list[tuple[str, str, str, nn.Module, str]] = [
        ("lstm / nn.LSTM", "lstm(128)", "T", Whole("LSTM"), "<= 1.05"),
        ("gru / nn.GRU", "gru(128)", "T", Whole("GRU"), "<= 1.05"),
        ("lstm with lengths / packed nn.LSTM", "lstm(128)", "<=T", Packed("LSTM"), "<= 1.05"),
        ("gru with lengths / packed nn.GRU", "gru(128)", "<=T", Packed("GRU"), "<= 1.05"),
        ("a written lstm / nn.LSTM", "written(128)", "T", Whole("LSTM"), "<= 1.05"),
        ("gru that resets first / loop", "reset_first(128)", "T", ResetFirst(), "<= 1"),
        ("coupled gates / loop", "coupled(128)", "T", Coupled(), "<= 1"),
        ("lstm with a residual / loop", "residual(128)", "T", Residual(), "<= 1"),
        ("layer-norm lstm / loop", "normed(128)", "T", Normed(), "<= 1"),
    ]
    for name, cell, kind, peer, promise in named:
        inputs = (x, lengths) if kind == "<=T" else (x,)
        ours = learning(emitted(graph_of(cell, kind)), *inputs)
        rows.append(
            compare(
                f"training, {name}",
                spent(ours, 3),
                spent(learning(peer, *inputs), 3),
                pairs=pairs,
                promise=promise,
            )
        )
    return rows


# --- the engine -----------------------------------------------------------------------------------


def raw(kind: str, *, lengths: bool) -> onnx.ModelProto:
    """An ONNX model with the operator, batch first, as one makes it by hand."""
    gates = {"LSTM": 4, "GRU": 3}[kind]
    rng = np.random.default_rng(1)
    shapes = {"W": (1, gates * SIZE, SIZE), "R": (1, gates * SIZE, SIZE), "B": (1, 8 * SIZE)}
    shapes["B"] = (1, 2 * gates * SIZE)
    weights = [
        numpy_helper.from_array(rng.normal(0, 0.1, s).astype(np.float32), n)
        for n, s in shapes.items()
    ]
    weights.append(numpy_helper.from_array(np.array([1]), "one"))
    options = {"linear_before_reset": 1} if kind == "GRU" else {}
    given = ["xt", "W", "R", "B", *(["T_lengths"] if lengths else [])]
    nodes = [
        helper.make_node("Transpose", ["x"], ["xt"], perm=[1, 0, 2]),
        helper.make_node(kind, given, ["y4"], hidden_size=SIZE, **options),
        helper.make_node("Squeeze", ["y4", "one"], ["y3"]),
        helper.make_node("Transpose", ["y3"], ["y"], perm=[1, 0, 2]),
    ]
    entries = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", "T", SIZE])]
    if lengths:
        entries.append(helper.make_tensor_value_info("T_lengths", TensorProto.INT32, ["N"]))
    result = [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", "T", SIZE])]
    graph = helper.make_graph(nodes, "raw", entries, result, weights)
    return helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 21)])


def answering(model: onnx.ModelProto, **inputs: np.ndarray) -> Work:
    """A call of ONNX Runtime with one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    wanted = {i.name for i in session.get_inputs()}
    feeds = {n: a for n, a in inputs.items() if n in wanted}
    return lambda: session.run(None, feeds)


def engine_rows(pairs: int) -> list[dict[str, Any]]:
    """Answers of the engine."""
    rows: list[dict[str, Any]] = []
    named: list[tuple[str, str, str, str, int, str]] = [
        ("lstm / raw LSTM", "lstm(128)", "T", "LSTM", 32, "<= 1.05"),
        ("lstm / raw LSTM, batch 1", "lstm(128)", "T", "LSTM", 1, "<= 1.05"),
        ("gru / raw GRU", "gru(128)", "T", "GRU", 32, "<= 1.05"),
        ("lstm with lengths / raw LSTM", "lstm(128)", "<=T", "LSTM", 32, "<= 1.05"),
        ("a written lstm / raw LSTM", "written(128)", "T", "LSTM", 32, "<= 1.05"),
        ("gru that resets first / raw GRU", "reset_first(128)", "T", "GRU", 32, "<= 1.05"),
        ("lstm with a residual / raw LSTM", "residual(128)", "T", "LSTM", 32, "<= 1.3"),
        ("coupled gates / raw LSTM", "coupled(128)", "T", "LSTM", 32, "<= 1.3"),
        ("layer-norm lstm / raw LSTM", "normed(128)", "T", "LSTM", 32, "<= 1.3"),
    ]
    for name, cell, kind, peer, batch, promise in named:
        x, lengths = drawn(batch)
        graph = graph_of(cell, kind)
        model = onnx_from_graph(graph, initial_weights(graph, 0))
        times = 4 if batch > 1 else 60
        ours = answering(model, x=x, T_lengths=lengths)
        theirs = answering(raw(peer, lengths=kind == "<=T"), x=x, T_lengths=lengths)
        rows.append(
            compare(
                f"engine, {name}",
                spent(ours, times),
                spent(theirs, times),
                pairs=pairs,
                promise=promise,
            )
        )
    return rows


def main() -> int:
    """Compare and write the rows; 1 where a promise is not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--only", choices=["train", "engine"])
    given = parser.parse_args()
    torch.set_num_threads(1)
    assert not is_loop(graph_of("written(128)"))
    assert not is_loop(graph_of("reset_first(128)"))
    assert is_loop(graph_of("coupled(128)"))
    rows: list[dict[str, Any]] = []
    if given.only != "engine":
        rows += train_rows(given.pairs)
    if given.only != "train":
        rows += engine_rows(given.pairs)
    if given.only is None:
        save("time", rows)
    return int(any(row["ratio"] > float(row["promise"].split()[-1]) for row in rows))


if __name__ == "__main__":
    sys.exit(main())
