"""Examples shorter than a window are answered alone as they are beside longer ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import dlspec
from dlspec.diagnostics import DlspecError
from dlspec.driver import Compilation
from dlspec.driver.build import BuildOptions, build_network
from dlspec.randomness import initial_weights
from dlspec.runtime.model import Model, UntrainedWarning
from dlspec.source import SourceFile

HEARS = """
network hears {
    input wave: float[N, <=S]
    frames = wave -> frame(8, hop = 4)
    heard  = frames -> scan(lstm(5))
    output heard
    output last = heard -> last
    output mean = mean(frames -> dense(3), axis = 1)
}
engine near for hears { targets = onnxruntime; BOUNDS }
"""
SEES = """
network sees {
    input picture: float[N, 1, H, 4]
    output y = picture -> conv(2, kernel = 3) -> reshape(-1)
}
"""


def loaded(text: str, folder: Path) -> Model:
    compilation = Compilation(SourceFile("short.dl", text), folder)
    (plan,) = compilation.networks.values()
    options = BuildOptions(folder / "build", use_torch=False)
    weights = initial_weights(plan.graph, 0)
    built = build_network(plan, weights, compilation.source, options)
    with pytest.warns(UntrainedWarning):
        return dlspec.load(built.folder)


@pytest.fixture(scope="module", params=["batch = 1..8", "batch = 1..8; S = 12..40"])
def hears(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Model:
    bounds = request.param
    return loaded(HEARS.replace("BOUNDS", bounds), tmp_path_factory.mktemp("short"))


def waves(*lengths: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.standard_normal(40).astype(np.float32)[:n] for n in lengths]


@pytest.mark.parametrize("lengths", [(3,), (0,), (7, 2), (8,), (1, 9), (0, 0, 30)])
def test_a_short_example_is_answered(hears: Model, lengths: tuple[int, ...]) -> None:
    together = hears(wave=[*waves(*lengths), waves(40)[0]])
    alone = hears(wave=waves(*lengths))
    counts = [max(0, (n - 8) // 4 + 1) for n in lengths]
    assert [len(r) for r in alone.rows("heard")] == counts
    for name in ("last", "mean"):
        np.testing.assert_allclose(alone[name], together[name][:-1], atol=1e-6)
    for i, count in enumerate(counts):
        assert count or not alone["last"][i].any()


def test_an_array_is_filled_up_too(hears: Model) -> None:
    wave = np.ones((2, 7), np.float32)
    found = hears(wave=wave)
    assert not found["last"].any()
    assert [len(r) for r in found.rows("heard")] == [0, 0]
    part = hears(wave=np.ones((2, 9), np.float32), S_lengths=np.array([9, 7], np.int32))
    assert [len(r) for r in part.rows("heard")] == [1, 0]


def test_no_examples_at_all(hears: Model) -> None:
    with pytest.raises(DlspecError) as caught:
        hears(wave=np.ones((2, 0), np.float32))
    assert caught.value.diagnostics[0].code == "DL667"


def test_what_has_no_lengths_is_refused(tmp_path: Path) -> None:
    sees = loaded(SEES, tmp_path)
    assert sees.manifest.least == {"H": 3}
    assert sees(picture=np.ones((1, 1, 3, 4), np.float32))["y"].size
    with pytest.raises(DlspecError) as caught:
        sees(picture=np.ones((1, 1, 2, 4), np.float32))
    assert caught.value.diagnostics[0].code == "DL677"
    assert "the network takes 3 or more" in str(caught.value)


def test_bounds_begin_at_what_the_network_takes() -> None:
    text = HEARS.replace("BOUNDS", "S = 2..40")
    (plan,) = Compilation(SourceFile("short.dl", text)).networks.values()
    assert plan.engines[0].bounds["S"] == (8, 40)
    with pytest.raises(DlspecError) as caught:
        _ = Compilation(SourceFile("short.dl", text.replace("40", "7"))).networks
    assert [d.code for d in caught.value.diagnostics] == ["DL442"]
