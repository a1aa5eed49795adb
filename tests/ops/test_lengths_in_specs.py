"""Ops along lengths, as a spec writes them: each row is what it would be alone, without padding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from numpy.typing import NDArray

from dlspec.diagnostics import Sink
from dlspec.interpreter import run
from dlspec.ir.graph import Graph
from dlspec.sema.analyse import analyse
from dlspec.source import SourceFile
from dlspec.targets.onnx import onnx_from_graph

Array = NDArray[Any]
LENGTHS = (5, 1, 3)


def graph_of(expression: str) -> Graph:
    """The graph of one expression of `x` and `z`."""
    text = f"""network n {{
        input x: float[N, <=T, 3]
        input z: float[N, <=T, 3]
        output y = {expression}
    }}"""
    sink = Sink()
    spec = analyse(SourceFile("lengths.dl", text), sink)
    assert not sink.errors, sink.errors
    return spec.networks["n"].graph


def logsumexp(a: Array, axis: int) -> Array:
    """In plain words, for small numbers."""
    return np.log(np.exp(a).sum(axis=axis))


CASES: dict[str, Callable[[Array, Array], Any]] = {
    "prod(x, axis = T)": lambda x, z: x.prod(axis=0),
    "norm(x, axis = T)": lambda x, z: np.sqrt((x * x).sum(axis=0)),
    "logsumexp(x, axis = T)": lambda x, z: logsumexp(x, 0),
    "any(x > 1, axis = T)": lambda x, z: (x > 1).any(axis=0),
    "all(x < 1, axis = T)": lambda x, z: (x < 1).all(axis=0),
    "argmin(x, axis = 1)": lambda x, z: x.argmin(axis=0),
    "mean(norm(x - z), axis = T)": lambda x, z: np.linalg.norm(x - z, axis=-1).mean(),
    "mean(mse(x, z), axis = T)": lambda x, z: ((x - z) ** 2).mean(axis=-1).mean(),
    "sum(huber(x, z, 0.5), axis = T)": lambda x, z: (
        np.where(abs(x - z) <= 0.5, (x - z) ** 2 / 2, 0.5 * (abs(x - z) - 0.25)).mean(-1).sum()
    ),
    "mean(bce(sigmoid(x), 1), axis = T)": lambda x, z: np.log1p(np.exp(-x)).mean(-1).mean(),
    "mean(cross_entropy(x, argmax(z)), axis = T)": lambda x, z: (
        logsumexp(x, 1) - np.take_along_axis(x, z.argmax(1)[:, None], 1)[:, 0]
    ).mean(),
    "sum(cumsum(x, axis = 1), axis = T)": lambda x, z: np.cumsum(x, axis=0).sum(axis=0),
    "sum(cumsum(x, axis = 1, reverse = true) * z, axis = T)": lambda x, z: (
        np.cumsum(x[::-1], axis=0)[::-1] * z
    ).sum(axis=0),
    'einsum("ntd,nte->nde", x, z)': lambda x, z: np.einsum("td,te->de", x, z),
    "mean(accuracy(x, argmax(z)), axis = T)": lambda x, z: (x.argmax(1) == z.argmax(1)).mean(),
    "max(top_k(x, 2).values, axis = T)": lambda x, z: np.sort(x, axis=1)[:, :0:-1].max(axis=0),
    "sum(cosine_similarity(x, z), axis = T)": lambda x, z: (
        (x * z).sum(1) / np.linalg.norm(x, axis=1) / np.linalg.norm(z, axis=1)
    ).sum(),
}


@pytest.mark.parametrize("expression", CASES)
def test_rows_never_see_padding(expression: str) -> None:
    graph = graph_of(expression)
    rng = np.random.default_rng(3)
    rows = [rng.normal(size=(2, length, 3)) for length in LENGTHS]
    expected = np.array([CASES[expression](*row) for row in rows])
    model = onnx_from_graph(graph, {}).SerializeToString()
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    for padding in (np.nan, 1e9, -1e9):
        x, z = np.full((2, len(LENGTHS), max(LENGTHS), 3), padding, np.float32)
        for i, row in enumerate(rows):
            x[i, : LENGTHS[i]], z[i, : LENGTHS[i]] = row
        given = {"x": x, "z": z, "T_lengths": np.array(LENGTHS, np.int32)}
        feeds = {i.name: given[i.name] for i in graph.inputs}
        (meant,) = run(graph, feeds, {}).outputs.values()
        np.testing.assert_allclose(meant, expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(session.run(None, feeds)[0], expected, rtol=1e-4, atol=1e-5)


JOINED = """network n {
    input start: float[N, 2, 3]
    input x: float[N, <=T, 3]
    together = concat(start, x, axis = 1)
    output y = together
    output least = min(together, axis = 1)
    output heard = together -> last
}"""


def test_what_stands_before_makes_each_row_longer() -> None:
    sink = Sink()
    graph = analyse(SourceFile("joined.dl", JOINED), sink).networks["n"].graph
    assert not sink.errors
    rng = np.random.default_rng(5)
    lengths = np.array([4, 0, 1], np.int32)
    # above 0, so that a padding of 0 would show in `least`
    start, x = rng.uniform(1, 2, (3, 2, 3)), rng.uniform(1, 2, (3, 4, 3))
    x[np.arange(4) >= lengths[:, None]] = np.nan
    feeds = {"start": start.astype(np.float32), "x": x.astype(np.float32), "T_lengths": lengths}
    session = ort.InferenceSession(onnx_from_graph(graph, {}).SerializeToString())
    names = [o.name for o in graph.outputs]
    meant = run(graph, feeds, {}).outputs
    for found in (meant, dict(zip(names, session.run(names, feeds), strict=True))):
        for i, length in enumerate(lengths):
            row = np.concatenate([start[i], x[i, :length]])
            np.testing.assert_allclose(found["y"][i, : length + 2], row, rtol=1e-5)
            assert not found["y"][i, length + 2 :].any()
            np.testing.assert_allclose(found["least"][i], row.min(0), rtol=1e-5)
            np.testing.assert_allclose(found["heard"][i], row[-1], rtol=1e-5)


@pytest.mark.parametrize(
    "joined", ["concat(x, start, axis = 1)", "concat(x, x, axis = 1)", "concat(free, x, axis = 1)"]
)
def test_padding_between_tensors_is_refused(joined: str) -> None:
    text = f"""network n {{
        input start: float[N, 2, 3]; input free: float[N, S, 3]; input x: float[N, <=T, 3]
        output y = {joined}
    }}"""
    sink = Sink()
    analyse(SourceFile("joined.dl", text), sink)
    assert [d.code for d in sink.errors] == ["DL308"]
    assert "`concat` has no rule" in sink.errors[0].message
