"""`ctc_decode` says what scores say: greedily what the best path says, by a search the likeliest
text of all paths; the same in NumPy, PyTorch and ONNX Runtime, and never by padding."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dlspec.diagnostics import DlspecError
from dlspec.dims import Dim
from dlspec.interpreter import run
from dlspec.ir.types import DType, TensorType
from dlspec.ops import REGISTRY
from dlspec.targets.onnx import onnx_from_graph
from dlspec.targets.torch_source import load_module, module_source
from tests.ops.test_ctc import graph_of, likelihoods, said

CtcDecode: Any = REGISTRY["ctc_decode"]
small = given(st.integers(1, 5), st.integers(2, 4), st.integers(0, 2**32 - 1))


def texts(found: tuple[Any, Any]) -> list[tuple[int, ...]]:
    """The texts without what stands behind them, which must be 0."""
    ids, lengths = found
    for row, length in zip(ids, lengths, strict=True):
        assert not row[length:].any()
    return [tuple(row[:n].tolist()) for row, n in zip(ids, lengths, strict=True)]


@settings(max_examples=40, deadline=None)
@small
def test_greedy_is_what_the_best_path_says(steps: int, classes: int, seed: int) -> None:
    scores = np.random.default_rng(seed).normal(size=(3, steps, classes))
    expected = [said(tuple(row.argmax(-1).tolist()), classes - 1) for row in scores]
    assert texts(CtcDecode().reference(scores)) == expected


@settings(max_examples=40, deadline=None)
@small
def test_a_wide_search_finds_the_likeliest_text(steps: int, classes: int, seed: int) -> None:
    """The beam holds every text there can be, so that nothing is lost on the way."""
    scores = np.random.default_rng(seed).normal(size=(1, steps, classes)) * 2
    known = likelihoods(scores[0])
    wide = CtcDecode(beam=64)
    if len(known) > 64:
        return
    (found,) = texts(wide.reference(scores))
    assert known[found] == pytest.approx(max(known.values()), rel=1e-12)


def test_a_search_hears_what_greedy_does_not() -> None:
    """The best path is blanks; all paths that say `0` together are likelier (Graves 2012, figure
    7.5): 0.4 * 0.4 + 2 * 0.4 * 0.6 = 0.64 against 0.36."""
    scores = np.log(np.array([[[0.4, 0.6], [0.4, 0.6]]]))
    assert texts(CtcDecode().reference(scores)) == [()]
    assert texts(CtcDecode(beam=2).reference(scores)) == [(0,)]


def test_of_equal_texts_the_first_class_is_said() -> None:
    level = np.zeros((1, 1, 4))
    level[..., 3] = -9  # the blank
    assert texts(CtcDecode(beam=3).reference(level)) == [(0,)]


SPEC = """network n {{
    input scores: float[N, <=T, 5]
    output text = ctc_decode(scores{beam})
}}"""


@pytest.mark.parametrize("beam", ["", ", beam = 1", ", beam = 4", ", beam = 16"])
def test_every_side_says_the_same_and_none_sees_padding(beam: str, tmp_path: Path) -> None:
    import onnxruntime as ort

    graph = graph_of(SPEC.format(beam=beam))
    rng = np.random.default_rng(5)
    scores, steps = rng.normal(size=(6, 9, 5)) * 2, np.array([9, 1, 2, 7, 9, 4], np.int32)
    for padding in (0.0, np.nan, 1e30):
        scores[np.arange(9) >= steps[:, None]] = padding
        feeds = {"scores": scores, "T_lengths": steps}
        meant = run(graph, feeds, {}).outputs
        names = [o.name for o in graph.outputs]
        alone = [
            run(graph, {"scores": scores[[i], :n], "T_lengths": steps[[i]]}, {}).outputs
            for i, n in enumerate(steps)
        ]
        lengths = next(n for n in names if n != "text")
        expected = texts((meant["text"], meant[lengths]))
        assert expected == [texts((a["text"], a[lengths]))[0] for a in alone]
        source = module_source("n", {"forward": graph}, dtype=DType.float64)
        module: Any = load_module(source, tmp_path / "n.py")()
        given_ = [torch.from_numpy(feeds[i.name]) for i in graph.inputs]
        for name, value in zip(names, module(*given_), strict=True):
            np.testing.assert_array_equal(value.numpy(), meant[name], err_msg=name)
        session = ort.InferenceSession(onnx_from_graph(graph, {}).SerializeToString())
        engine = session.run(names, feeds | {"scores": scores.astype(np.float32)})
        for name, value in zip(names, engine, strict=True):
            np.testing.assert_array_equal(value, meant[name], err_msg=name)


@pytest.mark.parametrize("beam", [0, 65])
def test_a_beam_has_a_size(beam: int) -> None:
    with pytest.raises(DlspecError, match="beam"):
        CtcDecode(beam=beam)


def test_classes_are_a_symbol_and_a_blank() -> None:
    kind = TensorType(DType.float32, (Dim.of("N"), Dim.of("T"), Dim.of(1)))
    with pytest.raises(DlspecError, match="no symbols and a blank"):
        CtcDecode().infer(kind)
