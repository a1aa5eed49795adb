"""What is written for an index with steps gives what NumPy would."""

from __future__ import annotations

import re

import numpy as np
import pytest

from dlspec.diagnostics import Sink
from dlspec.interpreter import run
from dlspec.sema.analyse import analyse
from dlspec.source import SourceFile

NETWORK = "network n {{ input x: float[N, 8, 6]; output y = {} }}"


@pytest.mark.parametrize("index", [":, ::2", ":, 0:8:2, 1:", ":, -4::3", ":, ::-1", ":, :, ::-1"])
def test_the_advice_means_the_index(index: str) -> None:
    sink = Sink()
    analyse(SourceFile("steps.dl", NETWORK.format(f"x[{index}]")), sink)
    (told,) = sink.errors
    assert told.code == "DL141"
    written = re.search("write `(.+?)`", told.helps[0])
    assert written is not None
    sink = Sink()
    spec = analyse(SourceFile("steps.dl", NETWORK.format(written.group(1))), sink)
    assert not sink.errors
    x = np.arange(2 * 8 * 6, dtype=np.float32).reshape(2, 8, 6)
    y = run(spec.networks["n"].graph, {"x": x}, {}).outputs["y"]
    parts = [
        slice(*(int(p) if p.strip() else None for p in part.split(":")))
        for part in index.split(",")
    ]
    np.testing.assert_array_equal(y, x[tuple(parts)])
