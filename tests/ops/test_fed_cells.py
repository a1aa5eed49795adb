"""What a generation is fed first may be a tensor, and it may be as long as another one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest

from dlspec.diagnostics import Sink
from dlspec.interpreter import run
from dlspec.ir.graph import Graph
from dlspec.passes.pipeline import optimized
from dlspec.randomness import structural_weights
from dlspec.sema.analyse import analyse
from dlspec.source import SourceFile
from dlspec.targets.onnx import onnx_from_graph
from tests.ops.test_generated_cells import Array, by_torch

ECHO = """
cell speaker(bands) {
    input frame: float[N, bands]
    state h: float[N, 4] = 0
    h' = tanh(concat(frame, h) -> dense(4))
    output frame = h' -> dense(bands)
}
network n {
    input x: float[N, TIME, 4]
    heard = generate(speaker(4), h = x -> last, start = START, steps = STEPS, choose = same)
    output y = heard.frame
    output end = heard.final.h
}
"""
WRITER = """
cell writer() {
    input word: int[N]
    state h: float[N, 4] = 0
    h' = tanh((word -> embed(6, 4)) + (h -> dense(4)))
    output scores = (h' -> dense(6)) * 4
}
network n {
    input x: float[N, TIME, 4]
    input first: int[N]
    told = generate(writer(), h = x -> last, start = START, STEPS, choose = CHOOSE)
    output word = told.word
    output scores = told.scores
}
"""
LENGTHS = np.array([5, 1, 3], np.int32)


def errors_of(text: str) -> list[str]:
    sink = Sink()
    analyse(SourceFile("fed.dl", text), sink)
    return [d.code for d in sink.errors]


def graph_of(text: str, **settings: str) -> Graph:
    for name, value in settings.items():
        text = text.replace(name.upper(), value)
    sink = Sink()
    spec = analyse(SourceFile("fed.dl", text), sink)
    assert not sink.errors, [d.message for d in sink.errors]
    return optimized(spec.networks["n"].graph)


def fed(graph: Graph) -> dict[str, Array]:
    """Inputs of three examples of five steps, with NaN behind their lengths."""
    rng = np.random.default_rng(0)
    feeds: dict[str, Array] = {}
    for value in graph.inputs:
        shape = tuple(d.evaluate({"N": 3, "T": 5}) for d in value.type.shape)
        if value.origin == "lengths":
            feeds[value.name] = LENGTHS
        elif value.name == "first":
            feeds[value.name] = np.array([1, 4, 2])
        elif value.name == "x":
            x = rng.standard_normal(shape).astype(np.float32)
            x[np.arange(5) >= LENGTHS[:, None]] = np.nan if value.type.ragged else 0
            feeds[value.name] = x
        else:
            feeds[value.name] = rng.random(shape).astype(np.float32)
    return feeds


def alike(
    graph: Graph, folder: Path
) -> tuple[dict[str, Array], dict[str, Array], dict[str, Array]]:
    """What NumPy, ONNX and PyTorch agree on; what they were fed, and the weights."""
    weights = structural_weights(graph, 3)
    feeds = fed(graph)
    expected = run(graph, feeds, weights).outputs
    session = ort.InferenceSession(onnx_from_graph(graph, weights).SerializeToString())
    for side in (session.run(None, feeds), by_torch(graph, weights, feeds, folder)):
        for (name, value), found in zip(expected.items(), side, strict=True):
            assert found.shape == value.shape
            np.testing.assert_allclose(found, value, rtol=1e-4, atol=1e-5, err_msg=name)
    return expected, feeds, dict(weights)


def echoed(first: Array, h: Array, weights: dict[str, Array], steps: int) -> tuple[Array, Array]:
    """One row of `speaker`, by hand; its states too."""
    names = sorted(weights)
    inner, outer = (n.removesuffix(".weight") for n in names if n.endswith(".weight"))
    if weights[f"{inner}.weight"].shape[1] != 8:
        inner, outer = outer, inner
    frame, frames, states = first, [], []
    for _ in range(steps):
        h = np.tanh(
            weights[f"{inner}.weight"] @ np.concatenate([frame, h]) + weights[f"{inner}.bias"]
        )
        frame = weights[f"{outer}.weight"] @ h + weights[f"{outer}.bias"]
        frames.append(frame)
        states.append(h)
    return np.stack(frames), np.stack(states)


@pytest.mark.parametrize(
    "start", ["0", "0.5", "[1, 2, 3, 4]", "ones(4)", "x -> last", "x -> mean(axis = T)"]
)
@pytest.mark.parametrize("time", ["T", "<=T"])
@pytest.mark.parametrize("steps", ["5", "like(x)"])
def test_a_cell_that_hears_itself(start: str, time: str, steps: str, tmp_path: Path) -> None:
    found, feeds, weights = alike(graph_of(ECHO, start=start, time=time, steps=steps), tmp_path)
    x, ragged = feeds["x"], time == "<=T"
    for row in range(3):
        count = LENGTHS[row] if ragged else 5
        last = x[row, count - 1]
        first = {
            "0": np.zeros(4),
            "0.5": np.full(4, 0.5),
            "[1, 2, 3, 4]": np.arange(1, 5),
            "ones(4)": np.ones(4),
            "x -> last": last,
        }.get(start, x[row, :count].mean(0))
        steps_here = count if steps == "like(x)" else 5
        frames, states = echoed(first, last, weights, steps_here)
        np.testing.assert_allclose(found["y"][row, :steps_here], frames, atol=1e-6)
        assert not found["y"][row, steps_here:].any()
        np.testing.assert_allclose(found["end"][row], states[-1], atol=1e-6)


@pytest.mark.parametrize("choose", ["greedy", "sample(0.7)", "beam(3)"])
def test_each_example_may_begin_with_its_own_word(choose: str, tmp_path: Path) -> None:
    """As if it were alone with that number."""
    settings = {"time": "T", "choose": choose, "steps": "stop = 5, at_most = 5"}
    together, feeds, _ = alike(graph_of(WRITER, start="first", **settings), tmp_path)
    for row, first in enumerate(feeds["first"]):
        graph = graph_of(WRITER, start=str(first), **settings)
        alone = run(graph, fed(graph), structural_weights(graph, 3)).outputs
        np.testing.assert_array_equal(together["word"][row], alone["word"][row])
        np.testing.assert_array_equal(together["scores"][row], alone["scores"][row])


@pytest.mark.parametrize("choose", ["greedy", "sample(0.7)", "sample"])
@pytest.mark.parametrize("time", ["T", "<=T"])
def test_words_as_many_as_steps(choose: str, time: str, tmp_path: Path) -> None:
    """Along a tensor a row says what it says in so many steps."""
    along, feeds, weights = alike(
        graph_of(WRITER, start="first", time=time, choose=choose, steps="steps = like(x)"),
        tmp_path,
    )
    graph = graph_of(WRITER, start="first", time=time, choose=choose, steps="steps = 5")
    feeds = {i.name: feeds[i.name] for i in graph.inputs}
    given = run(graph, feeds, weights).outputs
    for row, count in enumerate(LENGTHS if time == "<=T" else [5] * 3):
        np.testing.assert_array_equal(along["word"][row, :count], given["word"][row, :count])
        assert not along["word"][row, count:].any()
        np.testing.assert_allclose(along["scores"][row, :count], given["scores"][row, :count])


def text(**settings: Any) -> str:
    made = WRITER
    for name, value in ({"time": "<=T", "start": "1", "choose": "greedy"} | settings).items():
        made = made.replace(name.upper(), value)
    return made


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"steps": "steps = like(x), stop = 2"}, "DL801"),
        ({"steps": "steps = like(x), at_most = 4"}, "DL801"),
        ({"steps": "steps = like(x)", "choose": "beam(2)"}, "DL801"),
        ({"steps": "steps = like(first)"}, "DL368"),
        ({"steps": "steps = like()"}, "DL206"),
        ({"steps": "steps = like(x, x)"}, "DL207"),
        ({"steps": "steps = like(x, axis = 1)"}, "DL205"),
        ({"steps": "steps = x"}, "DL442"),
        ({"steps": "steps = 3, at_most = 4"}, "DL442"),
        ({"steps": "at_most = 4", "start": "0.5"}, "DL442"),
        ({"steps": "at_most = 4", "start": "x"}, "DL364"),
        ({"steps": "at_most = 4", "start": "[1, 2]"}, "DL364"),
        ({"steps": "at_most = 4", "start": "one_hot(first, 6)"}, "DL364"),
        ({"steps": "at_most = 4", "choose": "beam(2)", "start": "one_hot(first, 6)"}, "DL364"),
    ],
)
def test_mistakes(settings: dict[str, str], code: str) -> None:
    assert errors_of(text(**settings)) == [code]


def test_a_stop_is_one_id() -> None:
    stopping = ECHO.replace("choose = same", "choose = same, stop = 2")
    for name, value in {"TIME": "T", "START": "0", "STEPS": "4"}.items():
        stopping = stopping.replace(name, value)
    assert errors_of(stopping) == ["DL211"]
