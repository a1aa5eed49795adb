"""The ops where numbers, sizes and settings are odd: what NumPy means, PyTorch and ONNX Runtime
do."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
import torch
from numpy.typing import NDArray

from dlspec.diagnostics import Diagnostic, DlspecError
from dlspec.interpreter import run
from dlspec.ir.builder import GraphBuilder
from dlspec.ir.graph import Graph
from dlspec.ir.types import DType
from dlspec.ops import REGISTRY
from dlspec.targets.onnx import onnx_from_graph
from dlspec.targets.torch_source import load_module, module_source

Array = NDArray[Any]
INF, NAN = np.inf, np.nan
ODD = [NAN, INF, -INF, 0.0, -0.0, 1.5, -1.5, 20.5, -20.5, 50.0, -50.0]
PAIRS = np.array(list(itertools.product([NAN, 1, -1, INF, -INF, 2.5, -2.5, 7, 0], repeat=2))).T


def graph_of(name: str, settings: dict[str, Any], arrays: tuple[Array, ...]) -> Graph:
    """One op on inputs of the arrays' types."""
    b = GraphBuilder("edge")
    kinds = ["float32" if a.dtype.kind == "f" else str(a.dtype) for a in arrays]
    inputs = [
        b.input(f"x{i}", k, *a.shape) for i, (k, a) in enumerate(zip(kinds, arrays, strict=True))
    ]
    return b.finish(y=b.one(REGISTRY[name](**settings), *inputs, path="op"))


def three(
    folder: Path, name: str, settings: dict[str, Any], *arrays: Array
) -> tuple[Array, Array, Array]:
    """The results of an op in NumPy and PyTorch, both float64, and in ONNX Runtime."""
    graph = graph_of(name, settings, arrays)
    feeds = {
        v.name: a.astype(v.type.dtype.value) for v, a in zip(graph.inputs, arrays, strict=True)
    }
    meant = run(graph, feeds, {}).outputs["y"]
    source = module_source("edge", {"forward": graph}, dtype=DType.float64)
    module: Any = load_module(source, folder / "edge.py")()
    tensors = [torch.from_numpy(a) for a in feeds.values()]
    theirs = module(*(t.double() if t.is_floating_point() else t for t in tensors)).numpy()
    session = ort.InferenceSession(
        onnx_from_graph(graph, {}).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    engine = session.run(None, feeds)[0]
    assert theirs.dtype == meant.dtype
    assert engine.dtype == np.dtype(graph.outputs[0].value.type.dtype.value)
    return meant, theirs, engine


def agree(folder: Path, name: str, settings: dict[str, Any], *arrays: Array) -> Array:
    """The result, on which all three agree, NaN and infinities at the same places too."""
    meant, theirs, engine = three(folder, name, settings, *arrays)
    np.testing.assert_allclose(theirs, meant, rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(engine, meant, rtol=1e-5, atol=1e-6)
    return meant


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("relu", {}),
        ("sigmoid", {}),
        ("tanh", {}),
        ("softplus", {}),
        ("gelu", {}),
        ("leaky_relu", {}),
        ("log", {}),
        ("sqrt", {}),
        ("abs", {}),
        ("neg", {}),
        ("clip", {"low": -1, "high": 1.0}),
        ("clip", {"low": 0.0}),
        ("clip", {"high": 0.0}),
    ],
)
def test_functions_of_odd_numbers(name: str, settings: dict[str, Any], tmp_path: Path) -> None:
    agree(tmp_path, name, settings, np.array(ODD))
    agree(tmp_path, name, settings, np.array(0.5))


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "mod", "floor_div", "pow"])
def test_arithmetic_of_odd_numbers(name: str, tmp_path: Path) -> None:
    agree(tmp_path, name, {}, *PAIRS)


@pytest.mark.parametrize(
    "name",
    ["equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "maximum", "minimum"],
)
def test_comparison_of_odd_numbers(name: str, tmp_path: Path) -> None:
    agree(tmp_path, name, {}, *PAIRS)


def test_overflow_is_infinite_where_precision_ends() -> None:
    graph = graph_of("exp", {}, (np.array([100.0]),))
    feeds = {"x0": np.array([100.0])}
    assert run(graph, feeds, {}, dtype=np.float32).outputs["y"][0] == INF
    assert np.isfinite(run(graph, feeds, {}).outputs["y"][0])


def test_integers_divide_down_and_keep_their_type(tmp_path: Path) -> None:
    a, b = np.array([7, -7, 7, -7, 0]), np.array([2, 2, -2, -2, 3])
    assert agree(tmp_path, "floor_div", {}, a, b).tolist() == [3, -4, -4, 3, 0]
    assert agree(tmp_path, "mod", {}, a, b).tolist() == [1, 1, -1, -1, 0]


def test_large_quotients_are_whole(tmp_path: Path) -> None:
    y = agree(tmp_path, "floor_div", {}, np.array([1e6, -1e6, 6.0]), np.array([0.125, 3.0, 0.75]))
    assert y.tolist() == [8e6, -333334, 8]


def test_clip_keeps_integers(tmp_path: Path) -> None:
    y = agree(tmp_path, "clip", {"low": 0.0, "high": 5.0}, np.array([-3, 2, 9]))
    assert y.tolist() == [0, 2, 5]


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax_of_odd_rows(name: str, tmp_path: Path) -> None:
    rows = [[1, NAN, 2], [INF, 1, 0], [-INF, 0, 1], [-INF] * 3, [80, 0, -80], [1000, 0, -1000]]
    agree(tmp_path, name, {}, np.array(rows))


@pytest.mark.parametrize("name", ["sum", "mean", "max", "min", "softmax", "log_softmax", "argmax"])
def test_axes_of_one_element(name: str, tmp_path: Path) -> None:
    agree(tmp_path, name, {}, np.array([[3.5]]))


@pytest.mark.parametrize("name", ["sum", "mean", "max", "min"])
def test_reductions_of_a_number(name: str, tmp_path: Path) -> None:
    assert agree(tmp_path, name, {"axis": None}, np.array(-2.5)) == -2.5


def test_infinities_in_reductions(tmp_path: Path) -> None:
    rows = np.array([[INF, 1.0], [-INF, 1.0], [INF, -INF], [-INF, -INF]])
    for name in ("sum", "mean", "max", "min"):
        agree(tmp_path, name, {}, rows)


def test_argmax_takes_the_first_of_equals(tmp_path: Path) -> None:
    rows = np.array([[2.0, 2.0, 1.0], [-INF, -INF, -INF], [0.0, -0.0, 0.0]])
    assert agree(tmp_path, "argmax", {}, rows).tolist() == [0, 0, 0]


def test_onnx_runtime_passes_over_nan_where_a_largest_is_sought(tmp_path: Path) -> None:
    """What is known to differ: a NaN wins by meaning and in PyTorch, ONNX Runtime's is not told."""
    row = np.array([[1.0, NAN, 2.0]])
    for name, found in (("max", 2.0), ("min", 1.0), ("argmax", 2)):
        meant, theirs, engine = three(tmp_path, name, {}, row)
        np.testing.assert_array_equal(meant, theirs)
        assert name == "argmax" or np.isnan(meant).all()
        assert engine.tolist() == [found]


def test_padding_never_wins_a_max_pool(tmp_path: Path) -> None:
    x = -np.arange(1.0, 17.0).reshape(1, 1, 4, 4)
    y = agree(tmp_path, "max_pool", {"size": 3, "stride": 2, "pad": 1}, x)
    assert y.ravel().tolist() == [-1, -2, -5, -6]
    agree(tmp_path, "max_pool", {"size": (2, 3), "stride": (1, 2), "pad": (1, 0)}, x)


def test_max_pool_of_minus_infinity(tmp_path: Path) -> None:
    x = np.full((1, 1, 4, 4), -INF)
    x[0, 0, 0, 0] = 1
    y = agree(tmp_path, "max_pool", {"size": 2}, x)
    assert y.ravel().tolist() == [1, -INF, -INF, -INF]


def test_pools_leave_out_what_fills_no_window(tmp_path: Path) -> None:
    x = np.arange(25.0).reshape(1, 1, 5, 5)
    assert agree(tmp_path, "max_pool", {"size": 2}, x).ravel().tolist() == [6, 8, 16, 18]
    assert agree(tmp_path, "avg_pool", {"size": 2}, x).ravel().tolist() == [3, 5, 13, 15]


def test_binary_cross_entropy_is_finite_at_both_ends(tmp_path: Path) -> None:
    p = np.array([0, 0, 0, 1, 1, 1, 0.5, 1e-30])
    target = np.array([0, 1, 0.5, 0, 1, 0.5, 0.25, 1])
    y = agree(tmp_path, "binary_cross_entropy", {}, p, target)
    assert y[:6].tolist() == [0, 100, 50, 100, 0, 50]


def test_cross_entropy_of_sure_scores(tmp_path: Path) -> None:
    scores, labels = np.array([[1000.0, 0, -1000.0]] * 3), np.array([0, 1, 2])
    assert agree(tmp_path, "cross_entropy", {}, scores, labels).tolist() == [0, 1000, 2000]


@pytest.mark.parametrize("dtype", ["bool", "int", "float"])
def test_casts_of_fractions(dtype: str, tmp_path: Path) -> None:
    agree(tmp_path, "cast", {"dtype": dtype}, np.array([0.5, -0.5, 0.0, -0.0, 2.75, -2.75]))


def test_where_leaves_what_it_does_not_choose(tmp_path: Path) -> None:
    choice = np.array([True, False])
    y = agree(tmp_path, "where", {}, choice, np.array([1.0, NAN]), np.array([NAN, 2.0]))
    assert y.tolist() == [1, 2]


def test_gelu_is_exact(tmp_path: Path) -> None:
    y = agree(tmp_path, "gelu", {}, np.linspace(-9, 9, 145))
    assert y[0] < 0, "digits are left far below zero"
    assert y[-1] == 9


@pytest.mark.parametrize("rank", [2, 3, 4])
def test_batch_norm_learns_as_pytorch_does(rank: int) -> None:
    rng = np.random.default_rng(rank)
    x = rng.normal(3, 2, (6, 4, 5, 2)[:rank])
    b = GraphBuilder("norm", "training")
    op = REGISTRY["batch_norm"](training=True, momentum=0.3, epsilon=1e-3)  # type: ignore[call-arg]
    y, mean, variance = b.apply(op, b.input("x", "float", *x.shape), path="n")
    b.update(b.graph.buffers[0], mean)
    b.update(b.graph.buffers[1], variance)
    made = {2: torch.nn.BatchNorm1d, 3: torch.nn.BatchNorm1d, 4: torch.nn.BatchNorm2d}[rank]
    layer = made(4, eps=1e-3, momentum=0.3).double()
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter, generator=torch.Generator().manual_seed(1))
    weights = {f"n.{k}": v.numpy().copy() for k, v in layer.state_dict().items() if v.ndim}
    theirs = layer(torch.from_numpy(x)).detach().numpy()
    result = run(b.finish(y=y), {"x": x}, weights)
    np.testing.assert_allclose(result.outputs["y"], theirs, rtol=1e-12, atol=1e-13)
    assert result.updates.keys() == {"n.running_mean", "n.running_var"}
    for name, value in result.updates.items():
        after = layer.state_dict()[name.removeprefix("n.")].numpy()
        np.testing.assert_allclose(value, after, rtol=1e-13)


def told(name: str, settings: dict[str, Any], *kinds: tuple[Any, ...]) -> Diagnostic:
    """The diagnostic of a node that does not fit."""
    b = GraphBuilder("edge")
    with pytest.raises(DlspecError) as caught:
        b.apply(REGISTRY[name](**settings), *(b.input(f"x{i}", *k) for i, k in enumerate(kinds)))
    (diagnostic,) = caught.value.diagnostics
    return diagnostic


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("conv", {"channels": 6, "kernel": (5, 5)}),
        ("conv_transpose", {"channels": 6, "kernel": (5, 5)}),
        ("max_pool", {"size": (2, 2)}),
        ("avg_pool", {"size": (2, 2)}),
    ],
)
def test_a_window_of_two_axes_teaches_the_channel_axis(name: str, settings: dict[str, Any]) -> None:
    diagnostic = told(name, settings, ("float", "N", 28, 28))
    assert diagnostic.code == "DL301"
    assert "N, channels, and 2 spatial axes are wanted" in diagnostic.label_text
    assert "`reshape(1, 28, 28)`" in " ".join(diagnostic.helps)


def test_a_channel_axis_of_a_free_length() -> None:
    diagnostic = told("conv", {"channels": 6, "kernel": 3}, ("float", "N", "T"))
    assert "`reshape(1, -1)`" in " ".join(diagnostic.helps)


@pytest.mark.parametrize(
    ("name", "settings", "kinds", "code", "shown"),
    [
        ("clip", {"low": 0.5}, [("int", "N")], "DL307", "a whole number for a tensor of int64"),
        ("sum", {"axis": ()}, [("float", "N", 3)], "DL307", "at least one axis"),
        ("matmul", {}, [("int", "N", 3), ("int", 3, 2)], "DL303", "a float"),
        ("batch_norm", {}, [("int", "N", 3)], "DL303", "a float"),
        ("mse", {}, [("float", "N", 3), ("float", 3)], "DL304", "axis -2 is N and missing"),
        ("mse", {}, [("float",), ("float", "N")], "DL304", "axis -1 is missing and N"),
        ("avg_pool", {"size": 5}, [("float", "N", 3, 2, 2)], "DL306", "float32[N, 3, 2, 2]"),
    ],
)
def test_slips_are_told(
    name: str, settings: dict[str, Any], kinds: list[tuple[Any, ...]], code: str, shown: str
) -> None:
    diagnostic = told(name, settings, *kinds)
    assert diagnostic.code == code
    assert shown in diagnostic.label_text


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8", "int8"])
def test_other_is_the_place_of_every_id_without_one(tmp_path: Path, dtype: str) -> None:
    ids = np.array([0, 1, 2, 3, 100] + [-1, -100] * (dtype != "uint8")).astype(dtype)
    told = [0, 1, 2, 2, 2] + [2, 2] * (dtype != "uint8")
    for made in three(tmp_path, "one_hot", {"size": 3, "other": True}, ids):
        np.testing.assert_array_equal(made, np.eye(3)[told])
