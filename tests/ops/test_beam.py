"""Beam search finds what adding up says it must, alike on every side, and never in padding."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dlspec.diagnostics import DlspecError, Sink
from dlspec.interpreter import run
from dlspec.ir.graph import Graph
from dlspec.ir.types import DType
from dlspec.randomness import structural_weights
from dlspec.sema.analyse import analyse
from dlspec.source import SourceFile
from dlspec.targets.onnx import onnx_from_graph
from dlspec.targets.torch_source import load_module, module_source

Array = NDArray[Any]
SPEC = """
cell writer(words, units) {
    input word: int[N]
    input keys: float[N, <=S, K]
    state h: float[N, units] = 0
    state said: int[N] = 0
    focus = softmax(einsum("nk,nsk->ns", h -> dense(4), keys))
    seen = einsum("ns,nsk->nk", focus, keys)
    h' = concat(word -> embed(words, units), seen, h) -> dense(units) -> tanh
    said' = said + 1
    output scores = (h' -> dense(words)) * 4
    output focus
}
network n {
    input keys: float[N, <=S, 4]
    input first: float[N, 3]
    w = writer(WORDS, 3)
    told = generate(w, keys = keys, h = first, start = 1, STOP at_most = STEPS, choose = CHOICE)
    output word = told.word
    output focus = told.focus
    output scores = told.scores
    output h = told.final.h
    output count = told.final.said
}
"""


def graph_of(choice: str, *, words: int = 5, steps: int = 4, stop: str = "stop = 2,") -> Graph:
    text = SPEC.replace("CHOICE", choice).replace("WORDS", str(words))
    text = text.replace("STEPS", str(steps)).replace("STOP", stop)
    sink = Sink()
    spec = analyse(SourceFile("beam.dl", text), sink)
    assert not sink.errors, sink.errors
    return spec.networks["n"].graph


def drawn(lengths: list[int], seed: int = 0, spoil: float = 0.0) -> dict[str, Array]:
    """Memories with ``spoil`` behind their lengths."""
    rng = np.random.default_rng(seed)
    counts = np.array(lengths, np.int32)
    keys = rng.standard_normal((len(lengths), max(lengths), 4)).astype(np.float32)
    keys[np.arange(max(lengths)) >= counts[:, None]] = spoil
    first = rng.standard_normal((len(lengths), 3)).astype(np.float32)
    return {"keys": keys, "first": first, "S_lengths": counts}


def likelihoods(feeds: dict[str, Array], weights: Any, words: int, steps: int) -> Any:
    """The likelihood of every text of one row, by feeding it to the cell word by word."""
    w = {n.removeprefix("w."): np.asarray(a, np.float64) for n, a in weights.items()}
    keys, first = feeds["keys"][0].astype(np.float64), feeds["first"][0].astype(np.float64)

    def log_softmax(x: Array) -> Array:
        return x - np.log(np.exp(x).sum())

    def dense(name: str, x: Array) -> Array:
        return w[f"{name}.weight"] @ x + w[f"{name}.bias"]

    def step(word: int, h: Array) -> tuple[Array, Array]:
        focus = np.exp(log_softmax(keys @ dense("focus.dense", h)))
        h = np.tanh(dense("h.dense", np.concatenate([w["h.embed.weight"][word], focus @ keys, h])))
        return log_softmax(dense("scores.dense", h) * 4), h

    found: dict[tuple[int, ...], float] = {}

    def go(text: tuple[int, ...], word: int, h: Array, score: float) -> None:
        log_p, h = step(word, h)
        for k in range(words):
            if k == 2:
                found[text] = score + log_p[k]
            elif len(text) + 1 == steps:
                found[(*text, k)] = score + log_p[k]
            else:
                go((*text, k), k, h, score + log_p[k])

    go((), 1, first, 0.0)
    return found


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 3))
def test_a_wide_beam_finds_the_likeliest_of_all_texts(seed: int, steps: int) -> None:
    graph = graph_of("beam(64)", words=4, steps=steps)
    weights = structural_weights(graph, seed)
    feeds = drawn([3], seed)
    known = likelihoods(feeds, weights, 4, steps)
    found = run(graph, feeds, weights).outputs
    length = int(found["word_lengths"][0])
    assert not found["word"][0, length:].any()
    assert known[tuple(found["word"][0, :length].tolist())] == pytest.approx(
        max(known.values()), abs=1e-5
    )


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**31))
def test_one_beam_is_greedy(seed: int) -> None:
    one, greedy = graph_of("beam(1)"), graph_of("greedy")
    weights, feeds = structural_weights(one, seed), drawn([2, 4, 1], seed)
    expected = run(greedy, feeds, weights).outputs
    for name, value in run(one, feeds, weights).outputs.items():
        np.testing.assert_array_equal(value, expected[name])


LENGTHS = {"ones": [1, 1], "unsorted": [3, 1, 5, 2], "equal": [4, 4, 4], "alone": [5]}


@pytest.mark.parametrize("stop", ["stop = 2,", ""])
@pytest.mark.parametrize("lengths", LENGTHS)
def test_every_side_finds_the_same_and_none_sees_padding(
    lengths: str, stop: str, tmp_path: Path
) -> None:
    graph = graph_of("beam(3)", steps=6, stop=stop)
    weights = structural_weights(graph, 4)
    counts = LENGTHS[lengths]
    expected = run(graph, drawn(counts), weights).outputs
    for i, count in enumerate(counts):  # as alone
        feeds = {
            n: v[i : i + 1, :count] if n == "keys" else v[i : i + 1]
            for n, v in drawn(counts).items()
        }
        for name, value in run(graph, feeds, weights).outputs.items():
            whole = expected[name][i, :, :count] if name == "focus" else expected[name][i]
            np.testing.assert_allclose(value[0], whole, rtol=1e-6, atol=1e-9, err_msg=name)
    source = module_source("n", {"forward": graph}, dtype=DType.float64)
    module: Any = load_module(source, tmp_path / "n.py")()
    module.load_state_dict({n: torch.from_numpy(np.array(a)) for n, a in weights.items()})
    session = ort.InferenceSession(onnx_from_graph(graph, weights).SerializeToString())
    names = [o.name for o in graph.outputs]
    for spoil in (0.0, np.nan, 1e30):
        feeds = drawn(counts, spoil=spoil)
        asked = [torch.from_numpy(feeds[i.name]) for i in graph.inputs]
        asked = [a.double() if a.is_floating_point() else a for a in asked]
        sides = (
            module(*asked),
            session.run(names, feeds),
            run(graph, feeds, weights).outputs.values(),
        )
        for side in sides:
            for name, value in zip(names, side, strict=True):
                np.testing.assert_allclose(
                    np.asarray(value.detach() if isinstance(value, torch.Tensor) else value),
                    expected[name],
                    rtol=2e-4,
                    atol=1e-5,
                    err_msg=name,
                )


def test_of_equal_texts_the_first_is_kept(tmp_path: Path) -> None:
    """With weights of 0 every class is as likely as any other, on every side."""
    graph = graph_of("beam(3)", steps=5)
    weights = {n: np.zeros_like(a) for n, a in structural_weights(graph, 0).items()}
    feeds = drawn([2, 1])
    expected = run(graph, feeds, weights).outputs
    # 2 stops: log(1/5) is likelier than any two words
    assert expected["word_lengths"].tolist() == [0, 0] and not expected["word"].any()
    endless = graph_of("beam(3)", steps=5, stop="")
    found = run(endless, feeds, weights).outputs["word"]
    assert not found.any()  # of all texts the first: 0 0 0 0 0
    for g in (graph, endless):
        module: Any = load_module(module_source("n", {"forward": g}), tmp_path / "n.py")()
        module.load_state_dict({n: torch.from_numpy(np.array(a)) for n, a in weights.items()})
        said = module(*(torch.from_numpy(feeds[i.name]) for i in g.inputs))
        names = [o.name for o in g.outputs]
        session = ort.InferenceSession(onnx_from_graph(g, weights).SerializeToString())
        engine: list[Any] = list(session.run(names, feeds))
        for name, a, b in zip(names, said, engine, strict=True):
            if not np.issubdtype(b.dtype, np.floating):
                np.testing.assert_array_equal(a.numpy(), b, err_msg=name)
                np.testing.assert_array_equal(b, run(g, feeds, weights).outputs[name])


def test_outputs_and_states_are_those_of_the_text_that_won() -> None:
    """Fed with what a beam says, the cell gives the beam's outputs."""
    graph = graph_of("beam(4)", steps=5, stop="")
    weights = structural_weights(graph, 9)
    feeds = drawn([3, 2])
    found = run(graph, feeds, weights).outputs
    text = (
        SPEC.split("network n")[0].replace("WORDS", "5")
        + """
    network n {
        input keys: float[N, <=S, 4]
        input first: float[N, 3]
        input word: int[N, T]
        w = writer(5, 3)
        told = scan(w, word = word, keys = keys, h = first)
        output focus = told.focus
        output scores = told.scores
        output h = told.final.h
        output count = told.final.said
    }"""
    )
    sink = Sink()
    forced = analyse(SourceFile("forced.dl", text), sink).networks["n"].graph
    assert not sink.errors
    words = np.concatenate([np.ones((2, 1), np.int64), found["word"][:, :-1]], 1)
    again = run(forced, feeds | {"word": words}, weights).outputs
    for name, value in again.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-9, atol=1e-12, err_msg=name)


@pytest.mark.parametrize(
    "choice", ["beam(0)", "beam(65)", "beam(2.5)", "beam()", "beam(2, 3)", "beam(2, alpha = 1)"]
)
def test_a_beam_has_a_width(choice: str) -> None:
    sink = Sink()
    text = (
        SPEC.replace("CHOICE", choice)
        .replace("WORDS", "5")
        .replace("STEPS", "3")
        .replace("STOP", "")
    )
    try:
        analyse(SourceFile("beam.dl", text), sink)
    except DlspecError as error:
        assert error.diagnostics
    else:
        assert sink.errors
