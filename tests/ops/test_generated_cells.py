"""Cells of every kind generate alike on every side, whatever states and outputs they have."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
import torch
from numpy.typing import NDArray

from dlspec.diagnostics import Sink
from dlspec.interpreter import run
from dlspec.ir.graph import Graph
from dlspec.passes.pipeline import optimized
from dlspec.randomness import structural_weights
from dlspec.sema.analyse import analyse
from dlspec.source import SourceFile
from dlspec.targets.onnx import onnx_from_graph
from dlspec.targets.torch_source import argument_name, load_module, module_source

Array = NDArray[Any]
NEVER = 5
"""A symbol whose score is made so low that nothing is ended by it."""
CELLS = {
    "a step counter": """
        input word: int[N]
        state h: float[N, 4] = 0
        state t: float = 0
        t' = t + 1
        h' = tanh(h + (word -> embed(6, 4)) * t')
        output scores = (h' -> dense(6)) * 4
    """,
    "an integer first": """
        input word: int[N]
        state count: int[N] = 0
        state h: float[N, 4] = 0
        count' = count + word
        h' = tanh(h + (word -> embed(6, 4)) * 3)
        output scores = (h' -> dense(6)) * 4
    """,
    "booleans": """
        input word: int[N]
        state h: float[N, 4] = 0
        state odd: bool[N, 2] = false
        odd' = not odd
        h' = tanh(h + (word -> embed(6, 4)) * 3)
        output scores = (h' -> dense(6)) * 4
        output large = h' > 0
    """,
    "no states": """
        input word: int[N]
        input h: float[N, 4]
        output scores = (((word -> embed(6, 4)) + h) -> dense(6)) * 4
    """,
    "a table that all rows share": """
        input table: float[V, D]
        input word: int[N]
        state h: float[N, D] = 0
        h' = tanh(h + one_hot(word, 6) @ table)
        output scores = einsum("nd,vd->nv", h', table) * 4
    """,
    "a table and a counter": """
        input table: float[V, D]
        input word: int[N]
        input h: float[N, D]
        state t: float = 1
        t' = t + 1
        output scores = einsum("nd,vd->nv", (word -> embed(6, 4)) + h * t, table)
    """,
}
OUTPUTS = {
    "a step counter": ["h = told.final.h", "t = told.final.t"],
    "an integer first": ["count = told.final.count", "scores = told.scores"],
    "booleans": ["odd = told.final.odd", "large = told.large"],
    "no states": ["scores = told.scores"],
    "a table that all rows share": ["h = told.final.h"],
    "a table and a counter": ["t = told.final.t", "scores = told.scores"],
}


def text_of(cell: str, choice: str, stop: int | None) -> str:
    table = "input table: float[6, 4]" if "table" in cell else ""
    given = "table = table, " if table else ""
    ends = "" if stop is None else f"stop = {stop}, "
    shown = "\n".join(f"output {o}" for o in OUTPUTS[cell])
    body = CELLS[cell]
    start = "" if "h" not in body else "h = x, "
    if stop == NEVER:
        body = re.sub("output scores = (.*)", r"output scores = (\1) - [0, 0, 0, 0, 0, 1e4]", body)
    return f"""
    cell writer() {{ {body} }}
    network n {{
        input x: float[N, 4]
        {table}
        told = generate(writer(), {given}{start}start = 1, {ends}at_most = 5, choose = {choice})
        output word = told.word
        {shown}
    }}
    """


def graph_of(text: str) -> Graph:
    sink = Sink()
    spec = analyse(SourceFile("cells.dl", text), sink)
    assert not sink.errors, sink.errors
    return optimized(spec.networks["n"].graph)


def drawn(graph: Graph, rows: int) -> dict[str, Array]:
    rng = np.random.default_rng(rows)
    shapes = {i.name: [d.evaluate({"N": rows}) for d in i.type.shape] for i in graph.inputs}
    return {n: rng.standard_normal(s).astype(np.float32) for n, s in shapes.items()}


def by_torch(graph: Graph, weights: Any, feeds: dict[str, Array], folder: Path) -> list[Array]:
    module: Any = load_module(module_source("n", {"forward": graph}), folder / "n.py")()
    module.load_state_dict({n: torch.from_numpy(np.array(a)) for n, a in weights.items()})
    given = {i: torch.from_numpy(feeds[i.name]) for i in graph.inputs}
    noise = {argument_name(i.name): given.pop(i) for i in graph.noise_inputs}
    with torch.no_grad():
        made = module(*given.values(), **noise)
    return [v.numpy() for v in (made if isinstance(made, tuple) else (made,))]


@pytest.mark.parametrize("stop", [2, NEVER, None])
@pytest.mark.parametrize("choice", ["greedy", "beam(3)"])
@pytest.mark.parametrize("cell", CELLS)
def test_cells_generate_alike(cell: str, choice: str, stop: int | None, tmp_path: Path) -> None:
    """A symbol that is never chosen never stops."""
    graph = graph_of(text_of(cell, choice, stop))
    weights = structural_weights(graph, 3)
    session = ort.InferenceSession(onnx_from_graph(graph, weights).SerializeToString())
    for rows in (1, 5):
        feeds = drawn(graph, rows)
        expected = run(graph, feeds, weights).outputs
        if stop == NEVER:
            assert (expected["word_lengths"] == 5).all()
        for side in (session.run(None, feeds), by_torch(graph, weights, feeds, tmp_path)):
            for (name, value), found in zip(expected.items(), side, strict=True):
                assert found.shape == value.shape
                np.testing.assert_allclose(found, value, rtol=1e-4, atol=1e-5, err_msg=name)


def test_a_shared_table_is_shared_by_beams() -> None:
    """As many beams as there are texts find what trying them all does."""
    cell = "a table that all rows share"
    graph = graph_of(text_of(cell, "beam(36)", None).replace("at_most = 5", "at_most = 2"))
    feeds = drawn(graph, 3)
    found = run(graph, feeds, {}).outputs["word"]
    table, x = feeds["table"].astype(np.float64), feeds["x"].astype(np.float64)
    for row in range(3):
        score = np.zeros((6, 6))
        h = np.tanh(x[row] + table[1])
        score += (h @ table.T * 4 - np.log(np.exp(h @ table.T * 4).sum()))[:, None]
        for first in range(6):
            later = np.tanh(h + table[first]) @ table.T * 4
            score[first] += later - np.log(np.exp(later).sum())
        assert found[row].tolist() == list(np.unravel_index(score.argmax(), (6, 6)))


@pytest.mark.parametrize("choice", ["beam(3)", "sample(0.5)"])
def test_scores_are_floats(choice: str) -> None:
    text = text_of("no states", choice, None).replace(" -> dense(6)) * 4", ' -> cast("int64"))')
    sink = Sink()
    analyse(SourceFile("cells.dl", text), sink)
    assert [d.code for d in sink.errors] == ["DL211"], sink.errors
    assert "int64[N, 4]" in sink.errors[0].message  # of the spec's rows, not of its beams
