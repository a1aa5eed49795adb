"""Laws of ops that work on any numbers: broadcasting is NumPy's, and nothing overflows on the way
to a result that is finite."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dlspec.diagnostics import DlspecError
from dlspec.interpreter import run
from dlspec.ir.builder import GraphBuilder
from dlspec.ir.graph import Graph
from dlspec.ir.types import DType, TensorType
from dlspec.ops import REGISTRY
from dlspec.ops.elementwise import Binary, Unary
from dlspec.sema.tensors import promoted
from dlspec.targets.onnx import onnx_from_graph
from dlspec.targets.torch_source import load_module, module_source

Array = NDArray[Any]
BINARY = sorted(n for n, op in REGISTRY.items() if issubclass(op, Binary))
UNARY = sorted(n for n, op in REGISTRY.items() if issubclass(op, Unary) and n != "logical_not")
SETTINGS: dict[str, dict[str, Any]] = {"clip": {"low": -1.0, "high": 1.0}}
SIZES = (0.0, 1.0, 88.0, 100.0, 1e4, 1e37, 1e-4, 1e-8, 1e-40)
HARD = np.array([sign * size for size in SIZES for sign in (1, -1)], dtype=np.float32)
FLOAT32 = np.finfo(np.float32)


def graph_of(name: str, attributes: dict[str, Any], *arrays: Array) -> Graph:
    """One op on inputs of the arrays' types."""
    b = GraphBuilder("numbers")
    kinds = ["float" if a.dtype.kind == "f" else str(a.dtype) for a in arrays]
    inputs = [b.input(f"x{i}", kinds[i], *a.shape) for i, a in enumerate(arrays)]
    results = b.apply(REGISTRY[name](**attributes), *inputs, path="op")
    b.output("y", results[0])
    return b.finish()


def by_engines(graph: Graph, feeds: dict[str, Array], folder: Path) -> tuple[Array, Array]:
    """The result of ONNX Runtime and of PyTorch in float32."""
    session = ort.InferenceSession(
        onnx_from_graph(graph, {}).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    module: Any = load_module(module_source("numbers", {"forward": graph}), folder / "numbers.py")()
    with torch.no_grad(), warnings.catch_warnings():
        found = module(*(torch.from_numpy(a) for a in feeds.values()))
    return session.run(None, feeds)[0], found.numpy()


SHAPES = st.lists(st.sampled_from([1, 1, 2, 3]), max_size=3).map(tuple)


@pytest.mark.parametrize("name", BINARY)
@settings(max_examples=25, deadline=None)
@given(a=SHAPES, b=SHAPES)
def test_broadcasting_is_numpy_s(name: str, a: tuple[int, ...], b: tuple[int, ...]) -> None:
    op = REGISTRY[name]()
    dtype = "bool" if name.startswith("logical") else "float"
    kinds = (TensorType.of(dtype, *a), TensorType.of(dtype, *b))
    try:
        wanted = np.broadcast_shapes(a, b)
    except ValueError:
        with pytest.raises(DlspecError, match="DL304"):
            op.infer(*kinds)
        return
    (y,) = op.infer(*kinds)
    assert tuple(d.value for d in y.shape) == wanted
    values = [np.ones(s, bool if dtype == "bool" else np.float64) for s in (a, b)]
    assert np.shape(op.reference(*values)) == wanted


def test_where_broadcasts_all_three() -> None:
    (y,) = REGISTRY["where"]().infer(
        TensorType.of("bool", "N", 1, 1), TensorType.of("float", 2, 1), TensorType.of("float", 3)
    )
    assert str(y) == "float32[N, 2, 3]"


B, U8, I8, I32, I64 = DType.bool_, DType.uint8, DType.int8, DType.int32, DType.int64
F16, F32, F64 = DType.float16, DType.float32, DType.float64


@pytest.mark.parametrize(
    ("types", "common"),
    [
        ([I32, I64], I64),
        ([B, I32], I32),
        ([U8, I32], I32),
        ([U8, I8], I32),
        ([I64, F32], F32),
        ([F16, F32], F32),
        ([F32, F64], F64),
        ([I64, F16], F16),
        ([B, B], B),
    ],
)
def test_mixed_types_have_one_common_type(types: list[DType], common: DType) -> None:
    assert promoted(types, to_float=False) is common
    assert promoted(types[::-1], to_float=False) is common
    assert promoted(types, to_float=True) is (common if common.is_float else F32)


def closely(found: Array, meant: Array) -> None:
    """Where the exact answer is a number that float32 holds, the answer is one, and nearly that;
    where it is NaN or infinite, the answer is no other number."""
    if meant.dtype.kind == "b":
        np.testing.assert_array_equal(found, meant)
        return
    with np.errstate(all="ignore"):
        size = np.abs(meant)
        held = (size < FLOAT32.max) & ((size > FLOAT32.tiny) | (meant == 0))
    assert np.isfinite(found[held]).all(), "a number became none"
    np.testing.assert_array_equal(np.isnan(found), np.isnan(meant))


@pytest.mark.parametrize("name", UNARY)
def test_functions_stay_finite(name: str, tmp_path: Path) -> None:
    graph = graph_of(name, SETTINGS.get(name, {}), HARD)
    feeds = {"x0": HARD}
    meant = run(graph, feeds, {}).outputs["y"]
    for found in by_engines(graph, feeds, tmp_path):
        closely(found, meant)


ROWS = np.stack(
    [
        np.array([1e4, -1e4, 0]),
        np.array([88, 89, 90]),
        np.array([-1e4, -1e4, -1e4]),
        np.array([1e-40, 0, -1e-40]),
        np.array([1e38, 1e38, -1e38]),
    ]
).astype(np.float32)


@pytest.mark.parametrize(
    "name", ["softmax", "log_softmax", "softmin", "logsumexp", "mean", "cumsum", "sort"]
)
def test_rows_stay_finite(name: str, tmp_path: Path) -> None:
    rows = ROWS[:-1] if name in ("mean", "cumsum") else ROWS
    graph = graph_of(name, {}, rows)
    meant = run(graph, {"x0": rows}, {}).outputs["y"]
    for found in by_engines(graph, {"x0": rows}, tmp_path):
        closely(found, meant)
        np.testing.assert_allclose(found, meant, rtol=1e-5, atol=1e-6)


LABELS = np.array([0, 1, 2, 0, 1])


@pytest.mark.parametrize(
    ("name", "second"),
    [
        ("cross_entropy", LABELS),
        ("cross_entropy", np.eye(3, dtype=np.float32)[LABELS]),
        ("multi_margin", LABELS),
        ("binary_cross_entropy_with_logits", np.eye(3, dtype=np.float32)[LABELS]),
        ("binary_cross_entropy_with_logits", np.full((5, 3), 0.5, np.float32)),
        ("huber", np.zeros((5, 3), np.float32)),
        ("mae", np.zeros((5, 3), np.float32)),
        ("hinge", np.ones((5, 3), np.float32)),
    ],
)
def test_losses_stay_finite(name: str, second: Array, tmp_path: Path) -> None:
    first = ROWS.copy()
    first[4] = [1e30, 1e30, -1e30]
    graph = graph_of(name, {}, first, second)
    feeds = {"x0": first, "x1": second}
    meant = run(graph, feeds, {}).outputs["y"]
    assert np.isfinite(meant).all()
    for found in by_engines(graph, feeds, tmp_path):
        closely(found, meant)
        np.testing.assert_allclose(found, meant, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("name", "at"), [("expm1", 1e-6), ("log1p", 1e-6), ("log1p", -1e-6)])
def test_small_numbers_keep_their_digits(name: str, at: float, tmp_path: Path) -> None:
    x = np.array([at, at / 3, at * 1e-3], dtype=np.float32)
    graph = graph_of(name, {}, x)
    meant = run(graph, {"x0": x}, {}).outputs["y"]
    for found in by_engines(graph, {"x0": x}, tmp_path):
        np.testing.assert_allclose(found, meant, rtol=1e-6)


@pytest.mark.parametrize("name", ["silu", "mish", "gelu", "softplus", "log_sigmoid", "elu", "selu"])
def test_slopes_at_large_numbers_are_numbers(name: str, tmp_path: Path) -> None:
    """What is learned through them has no NaN either."""
    graph = graph_of(name, {}, HARD)
    module: Any = load_module(
        module_source("numbers", {"forward": graph}), tmp_path / "numbers.py"
    )()
    x = torch.from_numpy(HARD.copy()).requires_grad_()
    module(x).sum().backward()
    assert x.grad is not None and torch.isfinite(x.grad).all()
