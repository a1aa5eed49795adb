"""Of equal values the first comes first, in all three meanings of an op; places lead back to their
values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
import torch
from numpy.typing import NDArray

from dlspec.interpreter import run
from dlspec.ir.builder import GraphBuilder
from dlspec.ops import REGISTRY
from dlspec.targets.onnx import onnx_from_graph
from dlspec.targets.torch_source import load_module, module_source

TIES = np.random.default_rng(5).integers(0, 3, (4, 40)).astype(np.float32)


def all_three(
    folder: Path, name: str, settings: dict[str, Any], x: NDArray[Any]
) -> list[list[NDArray[Any]]]:
    """The results of an op by NumPy, PyTorch and ONNX Runtime."""
    b = GraphBuilder("order")
    results = b.apply(REGISTRY[name](**settings), b.input("x", "float", *x.shape), path="op")
    for i, result in enumerate(results):
        b.output(f"y{i}", result)
    graph = b.finish()
    meant = [*run(graph, {"x": x}, {}).outputs.values()]
    source = module_source("order", {"forward": graph})
    made: Any = load_module(source, folder / "order.py")()(torch.from_numpy(x))
    theirs = [t.numpy() for t in (made if isinstance(made, tuple) else (made,))]
    model = onnx_from_graph(graph, {}).SerializeToString()
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    return [meant, theirs, session.run(None, {"x": x})]


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("top_k", {"count": 7}),
        ("top_k", {"count": 7, "largest": False}),
        ("top_k", {"count": 3, "axis": 0}),
        ("argsort", {}),
        ("argsort", {"descending": True}),
        ("argsort", {"axis": 0}),
        ("sort", {"descending": True}),
        ("argmin", {}),
        ("argmax", {}),
    ],
)
def test_of_equals_the_first_comes_first(
    name: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    meant, theirs, engine = all_three(tmp_path, name, settings, TIES)
    for a, b, c in zip(meant, theirs, engine, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)


@pytest.mark.parametrize("descending", [False, True])
def test_places_are_in_order_and_stable(descending: bool) -> None:
    op = REGISTRY["argsort"](descending=descending)  # type: ignore[call-arg]
    places = op.reference(TIES)
    values = np.take_along_axis(TIES, places, axis=-1)
    steps = np.diff(values, axis=-1)
    assert (steps <= 0 if descending else steps >= 0).all()
    assert (np.diff(places, axis=-1)[steps == 0] > 0).all()


def test_top_k_leads_back_to_its_values() -> None:
    x = np.random.default_rng(0).normal(size=(3, 9, 2))
    values, places = REGISTRY["top_k"](count=4, axis=1).reference(x)  # type: ignore[call-arg]
    np.testing.assert_array_equal(np.take_along_axis(x, places, axis=1), values)
    np.testing.assert_array_equal(values, -np.sort(-x, axis=1)[:, :4])
