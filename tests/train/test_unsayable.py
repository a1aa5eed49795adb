"""Texts that `ctc` cannot say in their steps are told when training begins."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlspec.cli.main import main
from dlspec.diagnostics import Sink
from dlspec.ops import REGISTRY
from dlspec.sema.analyse import analyse
from dlspec.source import SourceFile
from dlspec.train.feed import batch_sizes
from dlspec.train.unsayable import is_unsayable, measure_of

RAGGED = """
data d {
    file = csv("d.csv")
    inn = vocabulary(file.a, by = characters, size = 8)
    out = vocabulary(file.b, by = characters, size = 8)
    output x: int[N, <=T] of inn = file.a
    output y: int[N, <=L] of out = file.b
}
network net(inn, out) {
    input x: int[N, <=T] of inn
    output scores = x -> embed(inn.size, 4) -> dense(out.size + 1)
}
recipe learn for net(d.inn, d.out) on d {
    minimize ctc(scores, y); optimizer = adam(0.01); batch = 4; steps = 1
}
"""
FULL = """
data d { file = npz("d.npz"); output x: float[N, 4, 2] = file.x; output y: int[N, 3] = file.y }
network net { input x: float[N, 4, 2]; output scores = x -> dense(5) }
recipe learn for net on d {
    minimize ctc(scores, y); optimizer = adam(0.01); batch = 4; steps = 1
}
"""
LOSSES = (
    "input scores: float[N, <=T, 4]; input text: int[N, <=L]",
    "input scores: float[N, T, 4]; input text: int[N, <=L]",
    "input scores: float[N, <=T, 4]; input text: int[N, L]",
    "input scores: float[N, T, 4]; input text: int[N, L]",
)


def said(folder: Path, capfd: pytest.CaptureFixture[str]) -> tuple[int, int] | None:
    """How many texts of how many a training tells of."""
    assert main(["train", str(folder / "d.dl"), "--fast"]) == 0
    err = capfd.readouterr().err
    found = re.search(r"warning: (\d+) of (\d+) texts cannot be said", err)
    counts = None if found is None else (int(found[1]), int(found[2]))
    assert ("the loss is 0 from the start" in err) == (counts is not None and len({*counts}) == 1)
    return counts


def test_of_several_lengths(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d.dl").write_text(RAGGED)
    fine, wrong = ["aaa,bcb", "aaa,bb", "aa,b", "aaaaa,bbb"], ["aa,bb", "aaaa,bbb", "a,bc"]
    (tmp_path / "d.csv").write_text("\n".join(["a,b", *fine * 10]))
    assert said(tmp_path, capfd) is None
    (tmp_path / "d.csv").write_text("\n".join(["a,b", *wrong * 10]))
    counts = said(tmp_path, capfd)
    assert counts is not None and counts[0] == counts[1] > 20
    (tmp_path / "d.csv").write_text("\n".join(["a,b", *fine * 10, *wrong * 10]))
    counts = said(tmp_path, capfd)
    assert counts is not None and 10 < counts[0] < 31 <= counts[1] - counts[0] + 15


def test_of_one_length(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d.dl").write_text(FULL)
    x = np.ones((20, 4, 2), np.float32)
    np.savez(tmp_path / "d.npz", x=x, y=np.array([[0, 1, 1]] * 20))
    assert said(tmp_path, capfd) is None
    np.savez(tmp_path / "d.npz", x=x, y=np.array([[2, 2, 2]] * 20))
    assert said(tmp_path, capfd) is not None


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(LOSSES), st.integers(0, 2**32 - 1))
def test_it_is_what_ctc_counts_nothing_for(inputs: str, seed: int) -> None:
    text = f"network n {{ {inputs}; output y = ctc(scores, text) }}"
    graph = analyse(SourceFile("n.dl", text), Sink()).networks["n"].graph
    (node,) = [n for n in graph.nodes if n.op.name == "ctc"]
    rng = np.random.default_rng(seed)
    steps, symbols = rng.integers(1, 6, 2)
    fields = {
        "scores": rng.standard_normal((8, steps, 4)),
        "text": rng.integers(0, 2, (8, symbols)),
        "T_lengths": rng.integers(0, steps + 1, 8).astype(np.int32),
        "L_lengths": rng.integers(0, symbols + 1, 8).astype(np.int32),
    }
    there = {i.name for i in graph.inputs}
    counts = [fields[n] if n in there else None for n in ("T_lengths", "L_lengths")]
    loss = REGISTRY["ctc"]().reference(fields["scores"], fields["text"], *counts)
    measure = measure_of(graph, node)
    assert measure is not None
    sizes = batch_sizes(graph.inputs, fields)
    found = is_unsayable(*measure, fields, sizes)
    certain = np.zeros(8, bool)  # nothing to say in no steps costs nothing too
    if counts[0] is not None and counts[1] is not None:
        certain = (counts[0] == 0) & (counts[1] == 0)
    assert (found | certain).tolist() == (loss == 0).tolist()
