"""Features of sound against others: PyTorch's spectra, ONNX's windows, bands of transformers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dlspec.diagnostics import Sink
from dlspec.diagnostics.render import render
from dlspec.interpreter import run
from dlspec.ir.graph import Graph
from dlspec.ops import bands
from dlspec.sema.analyse import analyse
from dlspec.source import SourceFile
from tests.external.cases import node_case

FEATURES = """
network n {
    input wave: float[N, <=S]
    output loud = wave -> log_mel(8000, 256, 160, 32)
    output heard = wave -> mfcc(rate = 8000, size = 256, hop = 160, bands = 32)
}
"""


def told(text: str) -> tuple[Graph | None, str]:
    """The graph of the only network, or the message at 80 columns."""
    sink = Sink()
    spec = analyse(SourceFile("sound.dl", text), sink)
    if sink.errors:
        return None, "\n".join(render(d, colour=False, width=80) for d in sink.errors)
    return next(iter(spec.networks.values())).graph, ""


def waves(*lengths: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Tones in noise behind one another, NaN behind each."""
    rng = np.random.default_rng(3)
    found = np.full((len(lengths), max(lengths)), np.nan, np.float32)
    for row, n in enumerate(lengths):
        tone = 0.4 * np.sin(np.arange(n) * (0.1 + 0.2 * row))
        found[row, :n] = tone + 0.05 * rng.standard_normal(n)
    return found


# --- the whole chain ------------------------------------------------------------------------------


def test_log_mel_is_the_spectrum_of_pytorch_in_bands() -> None:
    graph, _ = told(FEATURES)
    assert graph is not None
    lengths = np.array([1500, 256, 255, 2000], np.int32)
    wave = waves(*lengths)
    found = run(graph, {"wave": wave, "S_lengths": lengths}, {}).outputs
    matrix = bands.mel_matrix(8000, 256, 32, 0, 4000)
    for row, n in enumerate(lengths):
        frames = max(0, (n - 256) // 160 + 1)
        assert found["loud_lengths"][row] == frames
        assert not np.any(found["loud"][row, frames:])
        if frames:
            signal = torch.from_numpy(wave[row, :n].astype(np.float64))
            window = torch.hann_window(256, dtype=torch.float64)
            spectrum = torch.stft(
                signal, 256, 160, window=window, center=False, return_complex=True
            )
            loud = np.log((spectrum.abs() ** 2).T.numpy() @ matrix + 1e-6)
            np.testing.assert_allclose(found["loud"][row, :frames], loud, atol=2e-5)
            heard = found["heard"][row, :frames]
            np.testing.assert_allclose(heard, loud @ bands.cosine_matrix(32, 13), atol=2e-4)


# --- constants ------------------------------------------------------------------------------------


def test_windows_are_those_of_pytorch_and_onnx() -> None:
    for size in (2, 9, 256):
        hann = torch.hann_window(size, dtype=torch.float64).numpy()
        hamming = torch.hamming_window(size, dtype=torch.float64).numpy()
        np.testing.assert_allclose(bands.hann(size), hann, atol=1e-15)
        np.testing.assert_allclose(bands.hamming(size), hamming, atol=1e-15)
    case = node_case("HannWindow", "test_hannwindow")
    np.testing.assert_allclose(bands.hann(int(case.inputs[0])), case.outputs[0], atol=1e-7)


def test_half_overlapping_windows_add_up_to_one() -> None:
    np.testing.assert_allclose(bands.hann(64)[:32] + bands.hann(64)[32:], 1)


def test_mel_bands_are_those_of_transformers() -> None:
    """transformers 5.23's `mel_filter_bank(9, 4, 0, 4000, 8000, norm=None, mel_scale="htk")`."""
    expected = [
        [0, 0, 0, 0],
        [0.630352, 0.369648, 0, 0],
        [0, 0.711260, 0.288740, 0],
        [0, 0, 0.994405, 0.005595],
        [0, 0, 0.502820, 0.497180],
        [0, 0, 0.011234, 0.988766],
        [0, 0, 0, 0.671784],
        [0, 0, 0, 0.335892],
        [0, 0, 0, 0],
    ]
    np.testing.assert_allclose(bands.mel_matrix(8000, 16, 4, 0, 4000), expected, atol=1e-6)


@given(st.sampled_from([8000, 16000, 44100]), st.integers(100, 600), st.integers(1, 12))
def test_neighbouring_bands_share_what_lies_between_their_middles(
    rate: int, size: int, count: int
) -> None:
    matrix = bands.mel_matrix(rate, size, count, 0, rate / 2)
    middles = bands.from_mel(np.linspace(0, bands.to_mel(np.array(rate / 2)), count + 2))[1:-1]
    frequency = np.arange(size // 2 + 1) * rate / size
    between = (frequency >= middles[0]) & (frequency <= middles[-1])
    np.testing.assert_allclose(matrix.sum(axis=1)[between], 1, atol=1e-9)


def test_the_cosine_transform_is_orthonormal() -> None:
    matrix = bands.cosine_matrix(12, 12)
    np.testing.assert_allclose(matrix.T @ matrix, np.eye(12), atol=1e-12)


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("x -> frame(9, 2)", "a piece of 9 does not fit into 8"),
        ("x -> frame(0, 2)", "a whole number from 1"),
        ("w -> rfft", "cut it into pieces first"),
        ("x * hann(1)", "`hann` takes sizes: whole numbers from 2 to 4,096"),
        ("x * hann(99999)", "whole numbers from 2 to 4,096"),
        ("x @ mel_matrix(8000, 14, 30)", "longer frames, or fewer bands: band 1 of 30 hears none"),
        ("x @ mel_matrix(8000, 14, 2, high = 5000)", "both from 0 to 4000, half of the rate"),
        ("x @ mel_matrix(0, 14, 2)", "a sampling rate"),
        ("x @ mel_matrix(8000, 14, 2, hihg = 3)", "did you mean `high`?"),
        ("x @ cosine_matrix(8, 9)", "at most as many as there are bands, 8"),
    ],
)
def test_mistakes_are_told(call: str, said: str) -> None:
    text = f"network n {{ input x: float[N, 8]; input w: float[N, <=S]; output y = {call} }}"
    graph, message = told(text)
    assert graph is None
    assert said in " ".join(message.split())
