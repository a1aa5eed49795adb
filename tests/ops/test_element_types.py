"""An op that takes any element type computes in each: what ONNX Runtime and PyTorch compute of
whole numbers and truth values is what NumPy does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest

from dlspec.diagnostics import DlspecError
from dlspec.interpreter import run
from dlspec.ir.graph import Graph
from dlspec.ir.types import DType
from dlspec.ops import REGISTRY
from dlspec.targets.onnx import onnx_from_graph
from tests.ops.test_op_contract import HOLDS_A_BODY, Case, by_torch, close, feeds_of, graph_of

SIZES = dict.fromkeys("NTSWLKG", 3)
TYPES = ("int64", "int32", "uint8", "int8", "bool", "float64")


def free(name: str) -> list[str]:
    """The operands of an op that may have any element type."""
    return [slot.name for slot in REGISTRY[name].rule.tensors if str(slot.dtype) == "any"]


def of_type(name: str, sample: int, dtype: str, patch: pytest.MonkeyPatch) -> Graph | None:
    """A graph of the op on operands of this type; None where it takes none such."""
    op = REGISTRY[name]
    attributes, inputs = op.samples[sample]
    changed: dict[str, Any] = {}
    for slot, kind in inputs.items():
        known, dims = kind if len(kind) == 2 and isinstance(kind[1], tuple) else ("float32", kind)
        changed[slot] = (dtype if slot in free(name) else known, tuple(dims))
    patch.setattr(op, "samples", ((attributes, changed),))
    try:
        return graph_of(Case(name, 0))
    except DlspecError:
        return None


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("name", [n for n in sorted(REGISTRY) if n not in HOLDS_A_BODY and free(n)])
def test_any_type_is_computed(
    name: str, dtype: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for sample in range(len(REGISTRY[name].samples)):
        with monkeypatch.context() as patch:
            graph = of_type(name, sample, dtype, patch)
            if graph is None or any(p.type.dtype is DType.float32 for p in graph.weights):
                continue
            if (name, sample, dtype) == ("masked", 1, "uint8"):
                continue  # fills with -2, which semantics asks of no uint8
            feeds = feeds_of(Case(name, 0), graph, SIZES)
            if dtype == "float64":
                feeds = {n: a.astype(dtype) if n in free(name) else a for n, a in feeds.items()}
            exact = run(graph, feeds, {}).outputs
            try:
                session = ort.InferenceSession(
                    onnx_from_graph(graph, {}).SerializeToString(),
                    providers=["CPUExecutionProvider"],
                )
            except Exception as error:
                # of float64 it lacks kernels, which the engine's builder tells
                lacks = ("Could not find an implementation", "Type 'tensor(double)' of input")
                if dtype == "float64" and any(text in str(error) for text in lacks):
                    continue
                raise
            found = dict(zip(exact, session.run(list(exact), feeds), strict=True))
            said = (
                by_torch(graph, feeds, {}, DType.float32, tmp_path)[0] if dtype != "float64" else {}
            )
            for told in (found, said):
                for output, value in told.items():
                    close(value, np.asarray(exact[output]), 1e-5)
