"""A beam search the whole way: verified in ONNX Runtime, planned for TensorRT, run by itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dlspec.diagnostics import Sink
from dlspec.driver.build import BuildOptions, build_network
from dlspec.interpreter import run
from dlspec.randomness import initial_weights
from dlspec.runtime import UntrainedWarning, load
from dlspec.sema.analyse import analyse
from dlspec.source import SourceFile

SPEC = """
cell writer(words, units) {
    input word: int[N]
    input memory: float[N, <=S, D]
    state h: float[N, units] = 0
    focus = softmax(einsum("nsd,nd->ns", memory, h -> dense(D)))
    seen = einsum("ns,nsd->nd", focus, memory)
    h' = concat(word -> embed(words, 4), seen, h) -> dense(units) -> tanh
    output scores = concat(h', seen) -> dense(words)
    output focus
}
network translate(words = 9, units = 8) {
    input source: int[N, <=S]
    heard = source -> embed(words, 4) -> scan(gru(units))
    w = writer(words, units)
    start = heard.final.h
    three = beam(3)
    told = generate(w, memory = heard, h = start, start = 1, stop = 2, at_most = 4, choose = three)
    output said: int[N, <=L] = told.word
    output focus = told.focus
}
engine fast for translate { targets = onnxruntime, tensorrt_rtx; S = 1..5; batch = 1..3 }
"""


def test_a_beam_search_is_built_and_verified(tmp_path: Path) -> None:
    sink = Sink()
    source = SourceFile("translate.dl", SPEC)
    plan = analyse(source, sink).networks["translate"]
    assert not sink.errors, sink.errors
    weights = initial_weights(plan.graph)
    built = build_network(plan, weights, source, BuildOptions(tmp_path))
    found = {e.record.target: e.record.status for e in built.engines}
    assert found == {"onnxruntime": "verified", "tensorrt_rtx": "awaits-device"}
    with pytest.warns(UntrainedWarning):
        model = load(built.folder, engine="onnxruntime")
    rng = np.random.default_rng(1)
    lengths = np.array([4, 1, 5], np.int32)
    words = rng.integers(0, 9, (3, 5))
    feeds = {"source": words, "S_lengths": lengths}
    answer = model(**feeds)
    for name, value in run(plan.graph, feeds, weights).outputs.items():
        np.testing.assert_allclose(answer[name], value, rtol=1e-4, atol=1e-6, err_msg=name)
