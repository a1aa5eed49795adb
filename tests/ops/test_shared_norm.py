"""A batch norm that is applied twice in one step moves its running statistics twice, in order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dlspec.diagnostics import Sink
from dlspec.interpreter import run
from dlspec.ir.graph import Graph
from dlspec.ir.types import DType
from dlspec.randomness import structural_weights
from dlspec.sema.analyse import analyse
from dlspec.source import SourceFile
from dlspec.targets.onnx import onnx_from_graph
from dlspec.targets.torch_source import load_module, module_source
from dlspec.verify.training import verify_training
from tests.verify.networks import ort_engine

SPEC = """\
network twin {{
    input image: uint8[N, 28, 28]
    norm = batch_norm()
    x = image / 255 -> flatten
    {names}
    output logits = ({sum}) -> dense(10)
}}
recipe learn for twin on mnist {{
    minimize cross_entropy(logits, label)
    optimizer = sgd(0.1); batch = 100; epochs = 1
}}
"""


def learning(total: str) -> Graph:
    """The objective of a network that normalises twice with one layer."""
    names = "" if "norm" in total else "h = norm(x); k = norm(x * 2 + 1)"
    spec = analyse(SourceFile("twin.dl", SPEC.format(sum=total, names=names)), Sink())
    (recipe,) = spec.recipes.values()
    return recipe.steps[0].learn


LONG = "tanh(sigmoid(norm(x * 2 + 1) * 3.256789 + 1.754321) * 1.234567 + 2.345678) * 3.4567891"
"""Too long for the line of what uses it, so that it becomes a statement before that line."""


@pytest.mark.parametrize("total", ["h + 2 * k", "k + 2 * h", "k * h", f"norm(x) + {LONG}"])
def test_statistics_move_twice(total: str, tmp_path: Path) -> None:
    graph = learning(total)
    assert sorted(b.name for b, _ in graph.updates) == [
        "twin.norm.running_mean",
        "twin.norm.running_var",
    ]
    weights = structural_weights(graph, 0)
    proof = verify_training(graph, weights)
    assert proof.ok, proof.diagnostics
    rng = np.random.default_rng(1)
    feeds = {
        v.name: rng.integers(0, 9, (5, *(d.value or 5 for d in v.type.shape[1:]))).astype(
            v.type.dtype.value
        )
        for v in graph.inputs
    }
    found = run(graph, feeds, weights).updates

    layer = torch.nn.BatchNorm1d(784).double()
    state = {n.rpartition(".")[2]: a for n, a in weights.items() if ".norm." in n}
    layer.load_state_dict({n: torch.from_numpy(a) for n, a in state.items()}, strict=False)
    x = torch.from_numpy(feeds["image"]).double().flatten(1) / 255
    layer(x)
    layer(x * 2 + 1)
    for name, value in found.items():
        theirs = layer.state_dict()[name.rpartition(".")[2]].numpy()
        np.testing.assert_allclose(value, theirs, rtol=1e-12)

    source = module_source("twin", {"forward": graph}, dtype=DType.float64)
    module: Any = load_module(source, tmp_path / "twin.py")().double()
    module.load_state_dict({n: torch.from_numpy(a) for n, a in weights.items()})
    module(*(torch.from_numpy(f) for f in feeds.values()))
    for name, buffer in module.named_buffers():
        np.testing.assert_allclose(buffer.numpy(), found[name], rtol=1e-12)

    engine = ort_engine(onnx_from_graph(graph, weights))(feeds)
    for name, value in found.items():
        np.testing.assert_allclose(engine[f"{name}.next"], value, rtol=1e-5)
