"""One contract for every op of the registry: what `infer` says, what NumPy, PyTorch and ONNX
Runtime compute, is one thing."""

from __future__ import annotations

import ast
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from numpy.typing import NDArray

from dlspec.dims import Dim
from dlspec.interpreter import run
from dlspec.ir.builder import GraphBuilder
from dlspec.ir.graph import Graph, Value
from dlspec.ir.types import DType
from dlspec.ir.validate import validate
from dlspec.ops import REGISTRY
from dlspec.randomness import structural_weights
from dlspec.targets.onnx import onnx_from_graph
from dlspec.targets.torch_source import load_module, module_source

Array = NDArray[Any]
HOLDS_A_BODY = {"scan", "generate", "beam"}
PROBABILITIES = {"binary_cross_entropy": ("prediction", "target")}
POSITIVE = {"log": ("x",), "sqrt": ("x",), "pow": ("a",)}
NOT_ZERO = {"div": ("b",), "mod": ("b",), "floor_div": ("b",)}


@dataclass(frozen=True)
class Case:
    """One sample of one op."""

    name: str
    index: int

    def __str__(self) -> str:
        return f"{self.name}-{self.index}"


CASES = [
    Case(name, index)
    for name, op in sorted(REGISTRY.items())
    if name not in HOLDS_A_BODY
    for index in range(len(op.samples))
]


def graph_of(case: Case) -> Graph:
    """A graph of this one op."""
    op = REGISTRY[case.name]
    attributes, inputs = op.samples[case.index]
    slots = {s.name for s in op.rule.parameters}
    absent = {n: None for n in attributes if n in slots}
    made = op(**{n: v for n, v in attributes.items() if n not in slots})
    b = GraphBuilder(case.name, "training" if getattr(made, "training", False) else "inference")
    tensors: dict[str, Value | None] = {}
    for name, kind in inputs.items():
        dtype, dims = kind if len(kind) == 2 and isinstance(kind[1], tuple) else ("float32", kind)
        tensors[name] = b.input(name, dtype, *dims)
    if op.carries:  # the start of a state may be left out
        tensors = {s.name: tensors.get(s.name) for s in op.rule.tensors}
    results = b.apply(made, *tensors.values(), path="op", parameters=absent)
    for i, result in enumerate(results):
        b.output("y" if i == 0 else f"y{i}", result)
    weights = {w.name.rpartition(".")[2]: w for w in b.graph.weights}
    for slot, value in zip(op.buffers, results[len(results) - len(op.buffers) :], strict=False):
        if len(results) > 1:
            b.update(weights[slot], value)
    return b.graph


def feeds_of(case: Case, graph: Graph, sizes: dict[str, int], seed: int = 0) -> dict[str, Array]:
    """Inputs on a grid of eighths, which every precision holds."""
    rng = np.random.default_rng([zlib.crc32(str(case).encode()), seed])
    highest = {"embed": 7, "one_hot": 5}.get(case.name, 5)
    found: dict[str, Array] = {}
    for value in graph.inputs:
        shape = tuple(d.evaluate(sizes) for d in value.type.shape)
        dtype = value.type.dtype
        if dtype is DType.bool_:
            found[value.name] = np.asarray(rng.random(shape) < 0.5)
        elif value.name.startswith("lengths"):
            found[value.name] = rng.integers(0, 4, shape, dtype=np.int32)
        elif dtype.is_integer:
            low = 0 if value.name in ("ids", "label", "index") or dtype is DType.uint8 else -4
            array = rng.integers(low, highest, shape)
            if value.name in NOT_ZERO.get(case.name, ()):
                array = np.where(array == 0, 3, array)
            found[value.name] = np.asarray(array, dtype=dtype.value)
        elif value.name in PROBABILITIES.get(case.name, ()):
            found[value.name] = np.asarray(rng.integers(0, 9, shape) / 8, dtype=np.float32)
        else:
            array = rng.integers(-24, 25, shape) / 8
            if value.name in (*POSITIVE.get(case.name, ()), *NOT_ZERO.get(case.name, ())):
                array = np.abs(array) + 0.125
            found[value.name] = np.asarray(array, dtype=np.float32)
    return found


def by_torch(
    graph: Graph, feeds: dict[str, Array], weights: dict[str, Array], dtype: DType, folder: Path
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Outputs, and buffers after the run, of the emitted module."""
    made: Any = load_module(
        module_source(graph.name, {"forward": graph}, dtype=dtype), folder / f"{dtype}.py"
    )()
    kind = torch.float64 if dtype is DType.float64 else torch.float32
    state = {n: torch.from_numpy(np.array(w)).to(kind) for n, w in weights.items()}
    made = made.to(kind)
    made.load_state_dict(state)
    given = [
        torch.from_numpy(a).to(kind) if a.dtype.kind == "f" else torch.from_numpy(a)
        for a in feeds.values()
    ]
    with torch.no_grad():
        results = made(*given)
    results = results if isinstance(results, tuple) else (results,)
    found = {o.name: r.numpy() for o, r in zip(graph.outputs, results, strict=True)}
    return found, {n: b.numpy() for n, b in made.named_buffers()}


def close(a: Array, b: Array, tolerance: float) -> None:
    """Equal for integers; for floats within a tolerance of the size of the values."""
    assert a.shape == b.shape
    if a.dtype.kind in "bui":
        np.testing.assert_array_equal(a, b)
    else:
        scale = max(1.0, float(np.max(np.abs(b[np.isfinite(b)]), initial=0.0)))
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * scale)


def test_every_op_has_a_sample() -> None:
    assert [n for n, op in REGISTRY.items() if not op.samples and n not in HOLDS_A_BODY] == []


@pytest.mark.parametrize("case", CASES, ids=str)
def test_op_means_one_thing(case: Case, tmp_path: Path) -> None:
    graph = graph_of(case)
    validate(graph)
    in_place = {o.name for o in graph.outputs[1:]} if graph.updates else set[str]()
    shown = graph
    if graph.updates:  # PyTorch updates buffers in place; its results are compared as buffers
        shown = replace(graph, outputs=graph.outputs[:1])
    weights = structural_weights(graph, 7)
    model = onnx_from_graph(graph, weights)
    onnx.checker.check_model(model, full_check=True)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    for seed, n in enumerate((3, 1)):
        feeds = feeds_of(case, graph, {"N": n}, seed)
        exact = run(graph, feeds, weights, dtype=np.float64)
        rough = run(graph, feeds, weights, dtype=np.float32)
        engine = dict(
            zip([o.name for o in session.get_outputs()], session.run(None, feeds), strict=True)
        )
        for output in graph.outputs:
            y = exact.outputs[output.name]
            kind = output.value.type
            assert y.shape == tuple(d.evaluate({"N": n}) for d in kind.shape), "infer and reference"
            assert engine[output.name].dtype == np.dtype(kind.dtype.value), "infer and ONNX Runtime"
            assert rough.outputs[output.name].dtype == np.dtype(kind.dtype.value)
            close(engine[output.name], y.astype(kind.dtype.value), 2e-5)
            close(rough.outputs[output.name], y.astype(kind.dtype.value), 2e-5)
        for dtype, tolerance in ((DType.float64, 1e-9), (DType.float32, 2e-5)):
            results, buffers = by_torch(shown, feeds, weights, dtype, tmp_path)
            for name, result in results.items():
                reference = exact.outputs[name]
                assert result.dtype == reference.astype(result.dtype).dtype
                close(result, reference, tolerance)
            for name, array in exact.updates.items():
                close(buffers[name], array, tolerance)
            assert not in_place or exact.updates


@pytest.mark.parametrize("case", CASES, ids=str)
def test_symbols_stay_in_onnx(case: Case) -> None:
    graph = graph_of(case)
    model = onnx_from_graph(graph, structural_weights(graph, 7))
    for output in graph.outputs:
        (shown,) = [o for o in model.graph.output if o.name == output.name]
        dims = [
            Dim.of(d.dim_value) if d.HasField("dim_value") else Dim.of(d.dim_param)
            for d in shown.type.tensor_type.shape.dim
        ]
        assert [str(d) for d in dims] == [str(d) for d in output.value.type.shape]


@pytest.mark.parametrize("case", [c for c in CASES if REGISTRY[c.name].rule.parameters], ids=str)
def test_module_has_exactly_the_parameters(case: Case) -> None:
    graph = graph_of(case)
    (node,) = graph.nodes
    text = node.op.torch_module(*(None if v is None else v.type for v in node.inputs))
    if text is None:
        return
    name, _, arguments = text.removeprefix("nn.").partition("(")
    call = ast.parse(f"f({arguments}", mode="eval").body
    assert isinstance(call, ast.Call)
    made = getattr(torch.nn, name)(
        *(ast.literal_eval(a) for a in call.args),
        **{str(k.arg): ast.literal_eval(k.value) for k in call.keywords},
    )
    expected = {
        w.name.removeprefix("op."): tuple(d.value for d in w.type.shape) for w in graph.weights
    }
    assert {n: tuple(p.shape) for n, p in made.state_dict().items()} == expected
