"""Truncated backpropagation through time: gradients end at stretches of `truncate` steps, what is
computed is the same, and the engine knows nothing of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from dlspec.diagnostics import Sink
from dlspec.ir.graph import Graph
from dlspec.passes.pipeline import optimized, with_fused_cells
from dlspec.randomness import structural_weights
from dlspec.sema.analyse import Spec, analyse
from dlspec.source import SourceFile
from dlspec.train.program import program_of
from dlspec.verify.training import verify_training

SPEC = """
data walks {
    file = npz("walks.npz")
    output x: float[N, TIME, 2] = file.x
    output goal: float[N, 3] = file.goal
}
cell elman(units = 3) {
    input x: float[N, 2]
    state h: float[N, units] = 0
    output h' = tanh(dense(units)(x) + dense(units, bias = none)(h))
}
network net {
    input x: float[N, TIME, 2]
    input goal: float[N, 3]
    begin = dense(3)(goal)
    run = scan(CELL, x, h = begin, MORE)
    output y = run.h -> dense(1)
    output end = run.final.h
}
recipe learn for net on walks {
    minimize mean(mean(y ** 2, axis = 1)) + mse(end, goal) with sgd(0.1)
}
"""
STANDARD = {"rnn(3)": "rnn", "gru(3)": "gru", "lstm(3)": "lstm"}


def spec_of(cell: str, more: str, time: str = "8") -> Spec:
    sink = Sink()
    text = SPEC.replace("CELL", cell).replace(", MORE", more).replace("TIME", time)
    spec = analyse(SourceFile("net.dl", text), sink)
    assert not sink.diagnostics, [d.message for d in sink.diagnostics]
    return spec


def inputs(time: int = 8, rows: int = 4) -> dict[str, torch.Tensor]:
    draw = np.random.default_rng(0)
    fields = {"x": draw.normal(size=(rows, time, 2)), "goal": draw.normal(size=(rows, 3))}
    return {n: torch.from_numpy(a.astype(np.float32)) for n, a in fields.items()}


def slopes(
    spec: Spec, folder: Path, given: dict[str, torch.Tensor]
) -> tuple[float, dict[str, Any]]:
    """The loss and its gradients in the module that is trained."""
    plan = with_fused_cells(spec.recipes["learn"])
    program = program_of(plan, folder / "recipe.py", 0, torch.device("cpu"))
    method = program.learn[0]
    loss = method.call(**{method.keywords[n]: given[n] for n in method.inputs})
    names = list(program.parameters)
    found = torch.autograd.grad(loss, [program.parameters[n] for n in names])
    return float(loss.detach()), dict(zip(names, found, strict=True))


def by_hand(
    spec: Spec, cell: str, every: int, reverse: bool, given: dict[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """The loop that one would write: PyTorch's cells, `detach` between the stretches."""
    from dlspec.train.program import initial

    weights = {
        n: torch.from_numpy(a).requires_grad_()
        for n, a in initial(spec.recipes["learn"], 0).items()
    }
    dense = {n.rpartition(".")[0] for n in weights if n.endswith(".weight")}

    def layer(part: str, x: torch.Tensor) -> torch.Tensor:
        (name,) = [d for d in dense if d == f"net.{part}"]
        return F.linear(x, weights[f"{name}.weight"], weights.get(f"{name}.bias"))

    x, goal = given["x"], given["goal"]
    h = layer("begin.dense", goal)
    c = torch.zeros_like(h)
    slots = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    parts = [next((w for n, w in weights.items() if n.endswith(s)), None) for s in slots]
    steps = range(x.shape[1])[::-1] if reverse else range(x.shape[1])
    kept: dict[int, torch.Tensor] = {}
    for count, t in enumerate(steps):
        ends = (t + 1) % every == 0 if reverse else t % every == 0
        if count and ends:
            h, c = h.detach(), c.detach()
        if cell == "elman":
            h = torch.tanh(layer("run.elman.h.dense", x[:, t]) + layer("run.elman.h.dense2", h))
        elif cell.startswith("rnn"):
            h = torch.rnn_tanh_cell(x[:, t], h, *parts)
        elif cell.startswith("gru"):
            h = torch.gru_cell(x[:, t], h, *parts)
        else:
            h, c = torch.lstm_cell(x[:, t], (h, c), *parts)
        kept[t] = h
    y = layer("y.dense", torch.stack([kept[t] for t in range(x.shape[1])], 1))
    loss = (y**2).mean(1).mean() + ((h - goal) ** 2).mean()
    found = torch.autograd.grad(loss, list(weights.values()))
    return dict(zip(weights, found, strict=True))


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("cell", ["elman", *STANDARD])
def test_gradients_are_those_of_a_loop_that_detaches(
    tmp_path: Path, cell: str, reverse: bool
) -> None:
    way = ", reverse = true" if reverse else ""
    given = inputs()
    loss, found = slopes(spec_of(cell, f", truncate = 3{way}"), tmp_path, given)
    whole, full = slopes(spec_of(cell, way), tmp_path, given)
    assert loss == pytest.approx(whole, rel=1e-6)  # what is computed is the same
    wanted = by_hand(spec_of(cell, way), cell, 3, reverse, given)
    assert wanted.keys() == found.keys() == full.keys()
    for name, slope in wanted.items():
        torch.testing.assert_close(found[name], slope, rtol=1e-4, atol=1e-6)
    recurrent = next(n for n in found if n.endswith(("weight_hh_l0", "run.elman.h.dense2.weight")))
    assert not torch.allclose(found[recurrent], full[recurrent], rtol=1e-3)


@pytest.mark.parametrize("cell", ["elman", "lstm(3)"])
def test_a_long_stretch_is_no_truncation(tmp_path: Path, cell: str) -> None:
    _, found = slopes(spec_of(cell, ", truncate = 8"), tmp_path, inputs())
    _, full = slopes(spec_of(cell, ""), tmp_path, inputs())
    for name, slope in full.items():
        torch.testing.assert_close(found[name], slope, rtol=1e-4, atol=1e-6)


def loops(graph: Graph) -> list[str]:
    return [n.op.name for n in graph.nodes if n.op.name in ("scan", *STANDARD.values())]


@pytest.mark.parametrize("cell", ["elman", "lstm(3)"])
def test_the_engine_and_the_measuring_keep_their_kernels(cell: str) -> None:
    spec = spec_of(cell, ", truncate = 3", "<=T")
    plan = with_fused_cells(spec.recipes["learn"])
    kernel = "rnn" if cell == "elman" else "lstm"
    assert loops(plan.steps[0].learn) == ["scan"]
    assert loops(plan.steps[0].evaluate) == [kernel]
    assert loops(optimized(spec.networks["net"].graph)) == [kernel]


@pytest.mark.parametrize("more", [", truncate = 2", ", truncate = 2, reverse = true"])
@pytest.mark.parametrize("cell", ["elman", "gru(3)"])
def test_the_proof_of_training_holds_with_lengths(cell: str, more: str) -> None:
    """NumPy holds the states where stretches end, so that differences are truncated alike."""
    learn = spec_of(cell, more, "<=T").recipes["learn"].steps[0].learn
    verify_training(learn, structural_weights(learn, 0), sizes={"N": 3, "T": 7}).raise_if_failed()


def test_the_proof_finds_gradients_that_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    from dlspec.ops.control import Scan

    learn = spec_of("elman", ", truncate = 2").recipes["learn"].steps[0].learn
    monkeypatch.setattr(Scan, "_torch_cut", lambda *_: ("", []))
    proof = verify_training(learn, structural_weights(learn, 0), sizes={"N": 3})
    assert any("gradient of" in d.message for d in proof.diagnostics)


def test_the_source_says_where_gradients_end(tmp_path: Path) -> None:
    plan = spec_of("lstm(3)", ", truncate = 20").recipes["learn"]
    program_of(plan, tmp_path / "recipe.py", 0, torch.device("cpu"))
    text = (tmp_path / "recipe.py").read_text()
    assert "% 20 == 0:  # gradients go no further" in text and ".detach()" in text
    assert isinstance(nn.LSTM(2, 3), nn.Module) and "nn.LSTM(2, 3, batch_first=True)" in text
