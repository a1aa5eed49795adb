"""TensorRT for RTX builds an engine of every op, without a GPU; what it cannot is told here."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from dlspec.engines.capture import native_output
from dlspec.ir.graph import Graph
from dlspec.randomness import structural_weights
from dlspec.targets.onnx import onnx_from_graph
from tests.ops.test_op_contract import CASES, Case, graph_of

trt: Any = pytest.importorskip("tensorrt_rtx")

REFUSED: dict[str, str] = {
    "rows_as_steps": "it wants rows that are a multiple of its steps; free sizes are not",
}
"""Samples (`op` or `op-2`) that it refuses, and why."""


@functools.cache
def logger() -> Any:
    """A logger that keeps errors: one for all, since the library holds on to the first."""

    class Log(trt.ILogger):
        def __init__(self) -> None:
            super().__init__()
            self.errors: list[str] = []

        def log(self, severity: Any, message: str) -> None:
            if severity in (trt.ILogger.ERROR, trt.ILogger.INTERNAL_ERROR):
                self.errors.append(message)

    return Log()


def refusal(graph: Graph, *, build: bool) -> str | None:
    """Why TensorRT does not take a graph; None where it does."""
    log = logger()
    log.errors.clear()
    model = onnx_from_graph(graph, structural_weights(graph, 7)).SerializeToString()
    with native_output():
        builder = trt.Builder(log)
        strongly = 1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
        network = builder.create_network(strongly)
        parser = trt.OnnxParser(network, log)
        if not parser.parse(model):
            error = parser.get_error(0)
            return f"parse: {error.node_operator()} {error.desc()}"
        if not build:
            return None
        config = builder.create_builder_config()
        profile = builder.create_optimization_profile()
        for i in range(network.num_inputs):
            tensor = network.get_input(i)
            if any(size < 0 for size in tensor.shape):
                ends = [tuple(n if s < 0 else s for s in tensor.shape) for n in (1, 2, 4)]
                profile.set_shape(tensor.name, *ends)
        config.add_optimization_profile(profile)
        serialized = builder.build_serialized_network(network, config)
    if serialized is None:
        return f"build: {log.errors[0] if log.errors else 'no reason given'}"
    return None


def test_tensorrt_reads_every_op() -> None:
    refused = {str(c): refusal(graph_of(c), build=False) for c in CASES}
    assert {name: why for name, why in refused.items() if why} == {}


def cases() -> list[Any]:
    """Every sample of the registry; those that are known to be refused are expected to be."""
    known = {str(c): REFUSED.get(str(c)) or REFUSED.get(c.name) for c in CASES}
    return [
        pytest.param(
            case,
            id=str(case),
            marks=[pytest.mark.xfail(reason=reason, strict=True)] if reason else [],
        )
        for case, reason in zip(CASES, known.values(), strict=True)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("case", cases())
def test_tensorrt_builds_an_engine_of_every_op(case: Case) -> None:
    assert refusal(graph_of(case), build=True) is None
