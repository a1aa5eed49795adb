"""A number in the place of a tensor means that number in all lowerings, PyTorch's literals
included."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
import torch

from dlspec.interpreter import run
from dlspec.ir.builder import GraphBuilder
from dlspec.ir.graph import Graph
from dlspec.ir.types import DType
from dlspec.ops import REGISTRY
from dlspec.ops.elementwise import Binary
from dlspec.targets.onnx import onnx_from_graph
from dlspec.targets.torch_source import load_module, module_source
from tests.ops.test_op_contract import CASES, Case


def kinds_of(case: Case) -> dict[str, tuple[str, tuple[Any, ...]]]:
    """Element type and dims of each input of a sample."""
    given = REGISTRY[case.name].samples[case.index][1]
    return {
        name: kind if len(kind) == 2 and isinstance(kind[1], tuple) else ("float32", kind)
        for name, kind in given.items()
    }


def numbers_in(case: Case) -> list[str]:
    """The inputs that may be numbers, if others are tensors."""
    kinds = kinds_of(case)
    found = [name for name, (_, dims) in kinds.items() if dims == ()]
    return found if len(found) < len(kinds) and not REGISTRY[case.name].rule.parameters else []


def graph_of(case: Case, constants: list[str]) -> Graph:
    """A graph of this one op, some of its inputs numbers."""
    attributes, _ = REGISTRY[case.name].samples[case.index]
    b = GraphBuilder("numbers")
    tensors: list[Any] = []
    for name, (dtype, dims) in kinds_of(case).items():
        if name in constants:
            value = True if dtype == "bool" else 0.5 if dtype == "float32" else 2
            tensors.append(b.constant(np.array(value), DType(dtype)))
        else:
            tensors.append(b.input(name, dtype, *(3 if d == "N" else d for d in dims)))
    results = b.apply(REGISTRY[case.name](**attributes), *tensors, path="op")
    for i, result in enumerate(results):
        b.output(f"y{i}", result)
    return b.finish()


def turned(case: Case) -> list[list[str]]:
    """Which inputs to make numbers of: those of no axes; of two operands the first one too."""
    names = list(kinds_of(case))
    if issubclass(REGISTRY[case.name], Binary) and case.index == 2:
        return [[n] for n in names]
    return [numbers_in(case)] if numbers_in(case) else []


WITH_NUMBERS = [(case, names) for case in CASES for names in turned(case)]


@pytest.mark.parametrize(
    ("case", "names"), WITH_NUMBERS, ids=[f"{c}-{'-'.join(n)}" for c, n in WITH_NUMBERS]
)
def test_numbers_stand_for_tensors(case: Case, names: list[str], tmp_path: Path) -> None:
    graph = graph_of(case, names)
    rng = np.random.default_rng(case.index)
    feeds: dict[str, Any] = {}
    for value in graph.inputs:
        shape = tuple(d.value or 0 for d in value.type.shape)
        drawn = rng.random(shape)  # probabilities are among the inputs
        dtype = np.dtype(value.type.dtype.value)
        drawn = drawn > 0.5 if dtype.kind == "b" else drawn if dtype.kind == "f" else drawn * 3
        feeds[value.name] = np.asarray(drawn.astype(dtype))
    meant = [*run(graph, feeds, {}).outputs.values()]
    made: Any = load_module(
        module_source("numbers", {"forward": graph}), tmp_path / "numbers.py"
    )()(*(torch.from_numpy(a) for a in feeds.values()))
    theirs = [t.numpy() for t in (made if isinstance(made, tuple) else (made,))]
    model = onnx_from_graph(graph, {}).SerializeToString()
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    for a, b, c in zip(meant, theirs, session.run(None, feeds), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(c, a, rtol=1e-5, atol=1e-6)
        assert b.shape == a.shape
