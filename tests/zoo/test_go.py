"""AlphaGo's policy network: it learns from real games, is built, and answers over HTTP."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest

from dlspec.diagnostics import Sink
from dlspec.interpreter import run
from dlspec.sema.analyse import analyse
from dlspec.source import SourceFile
from tests.zoo.carried_out import ROOT, carried_out
from tests.zoo.test_zoo import assert_builds, whole

SPEC = ROOT / "specs" / "alphago.dl"


def test_a_small_policy_learns_and_answers(tmp_path: Path) -> None:
    few = {"games": "10", "k": "4", "layers": "2"}
    done = carried_out("alphago", "imitate", tmp_path, settings=few, examples=320, epochs=3)
    losses = done.losses()
    assert losses[-1] < losses[0] < np.log(361) + 0.2
    batch = done.test.take(np.arange(2))
    answer = done.model(planes=batch["planes"])
    served = done.served(planes=batch["planes"])
    assert np.allclose(np.reshape(served["chance"], (2, 361)), answer["chance"], atol=1e-6)
    assert np.allclose(answer["chance"].sum(1), 1, atol=1e-4)
    assert served["best"] == answer["chance"].argmax(1).tolist()


@pytest.mark.parametrize("k", [128, 192, 256])
def test_published_sizes(k: int) -> None:
    plan = whole(SPEC, k=str(k), layers="12").networks["policy"]
    assert plan.graph.outputs[0].value.type.shape[-1].value == 361
    count = sum(int(np.prod([d.value for d in p.type.shape])) for p in plan.graph.parameters)
    # 5 x 5 over 48 planes, eleven 3 x 3, one 1 x 1 without a bias, a bias for each point
    assert count == (25 * 48 * k + k) + 11 * (9 * k * k + k) + k + 361


@pytest.mark.slow
def test_full_size_is_proved(tmp_path: Path) -> None:
    spec = whole(SPEC, k="192", layers="12")
    assert_builds(spec.networks["policy"], spec, tmp_path, fast=False)


def test_the_eight_symmetries() -> None:
    """What is drawn turns board and place alike, and all eight come about."""
    text = """network n {
        input board: uint8[N, 2, 5, 5]
        input place: int[N]
        turned, there = symmetry8(board, place)
        output turned
        output there
    }"""
    sink = Sink()
    spec = analyse(SourceFile("n.dl", text), sink)
    assert not sink.errors
    graph = spec.networks["n"].graph
    (noise,) = [v.name for v in graph.inputs if v.origin == "noise"]
    draws = np.array(list(product((0.0, 1.0), repeat=3)))
    board = np.random.default_rng(2).permutation(50).reshape(1, 2, 5, 5).astype(np.uint8)
    boards = np.repeat(board, 8, 0)
    seen: set[bytes] = set()
    for place in range(25):
        feeds = {"board": boards, "place": np.full(8, place), noise: draws}
        made = run(graph, feeds, {}).outputs
        assert made["turned"].dtype == np.uint8
        for turned, there in zip(made["turned"], made["there"], strict=True):
            assert (turned.reshape(2, 25)[:, there] == board.reshape(2, 25)[:, place]).all()
            seen.add(turned.tobytes())
    every = {
        np.ascontiguousarray(np.rot90(b, turns, (1, 2))).tobytes()
        for b in (board[0], board[0, :, ::-1])
        for turns in range(4)
    }
    assert seen == every and len(seen) == 8
