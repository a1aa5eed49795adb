"""A small network of many ops, and engines to try verification on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from dlspec.diagnostics import Sink
from dlspec.ir.builder import GraphBuilder
from dlspec.ir.graph import Graph
from dlspec.ir.plan import NetworkPlan
from dlspec.ops.activation import Relu, Sigmoid, Softmax
from dlspec.ops.arithmetic import Add
from dlspec.ops.convolution import Conv
from dlspec.ops.joining import Concat
from dlspec.ops.linear import Dense
from dlspec.ops.normalization import BatchNorm
from dlspec.ops.pooling import MaxPool
from dlspec.ops.reduction import Argmax, Mean
from dlspec.ops.shape import Flatten
from dlspec.sema.analyse import analyse
from dlspec.source import SourceFile, Span
from dlspec.targets.onnx import onnx_from_graph

SPECS = Path(__file__).parents[2] / "specs"

Arrays = dict[str, np.ndarray]
Runner = Callable[[Mapping[str, np.ndarray]], Arrays]

_PLACES = """\
network picture {
    maps
    norm
    wide
    act
    pool
    left
    right
    joined
    residual
    mean
    flat
    hidden
    sigmoid
    scores
    sureness
    label
}
"""


def place(name: str) -> Span:
    """The line of a node in a text of one node a line."""
    source = SourceFile("picture.dl", _PLACES)
    start = _PLACES.index(f"    {name}\n") + 4
    return Span(source, start, start + len(name))


def picture() -> Graph:
    """Convolutions with padding, stride, batch normalisation, two branches joined, a pooled head,
    a label."""
    b = GraphBuilder("picture")
    x = b.input("x", "float", "N", 3, "H", 8)
    h = b.one(Conv(4, kernel=3, pad=1), x, path="maps", span=place("maps"))
    h = b.one(BatchNorm(), h, path="norm", span=place("norm"))
    h = b.one(Relu(), h, path="act", span=place("act"))
    h = b.one(MaxPool(2), h, path="pool", span=place("pool"))
    left = b.one(Conv(3, kernel=1), h, path="left", span=place("left"))
    right = b.one(Conv(3, kernel=3, pad=1), h, path="right", span=place("right"))
    wide = b.one(Conv(6, kernel=3, pad=1), h, path="wide", span=place("wide"))
    both = b.one(Concat(axis=1), left, right, path="joined", span=place("joined"))
    both = b.one(Add(), both, wide, path="residual", span=place("residual"))
    h = b.one(Mean(2), both, path="mean", span=place("mean"))
    h = b.one(
        Dense(7),
        b.one(Flatten(), h, path="flat", span=place("flat")),
        path="hidden",
        span=place("hidden"),
    )
    h = b.one(Sigmoid(), h, path="sigmoid", span=place("sigmoid"))
    scores = b.one(Dense(5), h, path="scores", span=place("scores"))
    b.output("scores", scores)
    b.output("sureness", b.one(Softmax(), scores, path="sureness.softmax", span=place("sureness")))
    b.output("label", b.one(Argmax(), scores, path="label.argmax", span=place("label")))
    return b.finish()


def plan_of(graph: Graph) -> NetworkPlan:
    """A plan with nothing but the graph."""
    return NetworkPlan(graph.name, graph)


def spec_plan(name: str) -> NetworkPlan:
    """The network of one of the repository's specs."""
    path = SPECS / f"{name}.dl"
    spec = analyse(SourceFile(path.name, path.read_text(encoding="utf-8")), Sink())
    (plan,) = spec.networks.values()
    return plan


def ort_engine(model: onnx.ModelProto, *, optimised: bool = True) -> Runner:
    """ONNX Runtime on the CPU, fully optimised as it is deployed, or not at all."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    if not optimised:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = [o.name for o in session.get_outputs()]

    def run(inputs: Mapping[str, np.ndarray]) -> Arrays:
        return dict(zip(names, session.run(names, dict(inputs)), strict=True))

    return run


def engine_of(graph: Graph, weights: Mapping[str, np.ndarray]) -> Runner:
    """The right engine of a graph."""
    return ort_engine(onnx_from_graph(graph, weights))
