"""`ctc` is PyTorch's, is what adding up all paths gives, and never sees padding."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dlspec.diagnostics import Sink
from dlspec.interpreter import run
from dlspec.ir.graph import Graph
from dlspec.ir.types import DType
from dlspec.ops import REGISTRY
from dlspec.sema.analyse import analyse
from dlspec.source import SourceFile
from dlspec.targets.onnx import onnx_from_graph
from dlspec.targets.torch_source import load_module, module_source

Array = NDArray[Any]
CTC = REGISTRY["ctc"]()


def said(path: tuple[int, ...], blank: int) -> tuple[int, ...]:
    """What a path says: repeats once, no blanks."""
    return tuple(k for k, _ in itertools.groupby(path) if k != blank)


def log_softmax(x: Array) -> Array:
    """In plain words."""
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def likelihoods(scores: Array) -> dict[tuple[int, ...], float]:
    """The probability of every text, by all paths."""
    p, (steps, classes) = np.exp(log_softmax(scores)), scores.shape
    found: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(classes), repeat=steps):
        text = said(path, classes - 1)
        found[text] = found.get(text, 0.0) + float(np.prod(p[range(steps), path]))
    return found


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 5), st.integers(2, 4), st.integers(0, 2**32 - 1))
def test_it_adds_up_all_paths(steps: int, classes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(1, steps, classes)) * 2
    known = likelihoods(scores[0])
    assert sum(known.values()) == pytest.approx(1)
    for text, p in known.items():
        padded = np.array([[*text, 0, 0]])
        loss = CTC.reference(scores, padded, None, np.array([len(text)], np.int32))
        np.testing.assert_allclose(loss, -np.log(p), rtol=1e-10, atol=1e-12)


def ragged(seed: int = 0) -> tuple[Array, Array, Array, Array]:
    """Scores and texts of several lengths: full, empty, and one that cannot be said."""
    rng = np.random.default_rng(seed)
    text = rng.integers(0, 4, (6, 4))
    text[5] = 1  # of repeats, which want a blank between them
    steps, symbols = np.array([9, 5, 1, 7, 2, 6], np.int32), np.array([4, 2, 1, 0, 3, 4], np.int32)
    return rng.normal(size=(6, 9, 5)) * 2, text, steps, symbols


def test_it_is_pytorch_s() -> None:
    scores, text, steps, symbols = ragged()
    log_p = torch.from_numpy(scores).log_softmax(-1).transpose(0, 1)
    lengths = torch.from_numpy(steps), torch.from_numpy(symbols)
    expected = F.ctc_loss(log_p, torch.from_numpy(text), *lengths, blank=4, reduction="none")
    assert expected.isinf().tolist() == [False, False, False, False, True, True]
    found = CTC.reference(scores, text, steps, symbols)
    finite = expected.isfinite().numpy()
    np.testing.assert_allclose(found[finite], expected.numpy()[finite], rtol=1e-12)
    assert found[~finite].tolist() == [0, 0], "a text that cannot be said counts nothing"


SPEC = """network n {
    input scores: float[N, <=T, 5]
    input text: int[N, <=L]
    output loss = ctc(scores, text)
}"""


def graph_of(text: str) -> Graph:
    """The graph of a spec's only network."""
    sink = Sink()
    spec = analyse(SourceFile("ctc.dl", text), sink)
    assert not sink.diagnostics, sink.diagnostics
    return spec.networks["n"].graph


def test_gradients_are_those_of_differences_and_none_flow_into_padding(tmp_path: Path) -> None:
    graph = graph_of(SPEC)
    source = module_source("n", {"forward": graph}, dtype=DType.float64)
    module: Any = load_module(source, tmp_path / "n.py")()
    scores, text, steps, symbols = ragged(1)
    scores[np.arange(9) >= steps[:, None]] = np.nan
    text[np.arange(4) >= symbols[:, None]] = 10**6
    given_ = {"scores": scores, "text": text, "T_lengths": steps, "L_lengths": symbols}
    x = torch.from_numpy(scores).requires_grad_()
    loss = module(x, *(torch.from_numpy(given_[i.name]) for i in graph.inputs[1:]))
    meant = run(graph, given_, {}).outputs["loss"]
    np.testing.assert_allclose(loss.detach().numpy(), meant, rtol=1e-12)
    loss.sum().backward()
    assert x.grad is not None
    slope = x.grad.numpy()
    assert not slope[np.arange(9) >= steps[:, None]].any()
    assert not slope[4:].any(), "a text that cannot be said teaches nothing"
    direction = np.random.default_rng(2).normal(size=scores.shape)
    ends = [
        run(graph, {**given_, "scores": scores + h * direction}, {}).outputs["loss"].sum()
        for h in (1e-6, -1e-6)
    ]
    assert (slope * direction).sum() == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-7)


def test_rows_are_what_they_are_alone() -> None:
    graph = graph_of(SPEC)
    scores, text, steps, symbols = ragged(3)
    lengths = {"T_lengths": steps, "L_lengths": symbols}
    together = run(graph, {"scores": scores, "text": text, **lengths}, {}).outputs["loss"]
    for row, (step, symbol) in enumerate(zip(steps, symbols, strict=True)):
        alone = {
            "scores": scores[[row], :step],
            "text": text[[row], :symbol],
            "T_lengths": steps[[row]],
            "L_lengths": symbols[[row]],
        }
        np.testing.assert_allclose(run(graph, alone, {}).outputs["loss"], together[row], rtol=1e-12)


def test_full_tensors_need_no_lengths() -> None:
    graph = graph_of(SPEC.replace("<=T", "T").replace("<=L", "3"))
    assert [i.name for i in graph.inputs] == ["scores", "text"]
    scores, text, *_ = ragged(4)
    found = run(graph, {"scores": scores, "text": text[:, :3]}, {}).outputs["loss"]
    np.testing.assert_array_equal(found, CTC.reference(scores, text[:, :3]))


def test_scores_that_are_no_numbers_show(tmp_path: Path) -> None:
    graph = graph_of(SPEC)
    scores, text, steps, symbols = ragged(5)
    scores = scores.astype(np.float32)
    scores[0, 2, 1] = np.nan
    scores[2] = np.nan
    given = {"scores": scores, "text": text, "T_lengths": steps, "L_lengths": symbols}
    meant = run(graph, given, {}).outputs["loss"]
    session = ort.InferenceSession(onnx_from_graph(graph, {}).SerializeToString())
    (engine,) = session.run(["loss"], given)
    module: Any = load_module(module_source("n", {"forward": graph}), tmp_path / "n.py")()
    lowered = module(*(torch.from_numpy(given[i.name]) for i in graph.inputs)).numpy()
    wrong = [True, False, True, False, False, False]
    for found in (meant, engine, lowered):
        assert np.isnan(found).tolist() == wrong
        assert found[4:].tolist() == [0, 0]
