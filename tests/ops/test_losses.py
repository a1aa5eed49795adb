"""Losses are those of PyTorch and of their papers, and keep examples and steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from dlspec.diagnostics import DlspecError
from dlspec.interpreter import run
from dlspec.ir.builder import GraphBuilder
from dlspec.ir.types import TensorType
from dlspec.ops import REGISTRY

Array = NDArray[Any]
RNG = np.random.default_rng(7)
X, Y = RNG.normal(size=(6, 4)), RNG.normal(size=(6, 4))
SCORES, LABEL = RNG.normal(size=(6, 4)) * 3, RNG.integers(0, 4, 6)
P, Q = (np.exp(a) / np.exp(a).sum(-1, keepdims=True) for a in (X, Y))
SIGN = np.where(RNG.random(6) < 0.5, -1.0, 1.0)
WEIGHT = (0.5, 2.0, 0.0, 1.25)
IGNORED = np.where(np.arange(6) % 3 == 0, -100, LABEL)


def meant(name: str, settings: dict[str, Any], *arrays: Array) -> Array:
    """The reference of one op."""
    b = GraphBuilder("loss")
    kinds = ["float" if a.dtype.kind == "f" else "int" for a in arrays]
    inputs = [b.input(f"x{i}", kinds[i], *a.shape) for i, a in enumerate(arrays)]
    graph = b.finish(y=b.one(REGISTRY[name](**settings), *inputs, path="loss"))
    return run(graph, {f"x{i}": a for i, a in enumerate(arrays)}, {}).outputs["y"]


def t(array: Any) -> torch.Tensor:
    """A tensor in float64, or of whole numbers."""
    return torch.as_tensor(np.asarray(array))


def each(function: Callable[..., torch.Tensor], *arrays: Array, **options: Any) -> Array:
    """PyTorch's own loss of each example: the mean over what it keeps besides."""
    loss = function(*map(t, arrays), reduction="none", **options)
    return loss.numpy().mean(axis=tuple(range(1, loss.ndim)))


CASES: list[tuple[str, dict[str, Any], tuple[Array, ...], Array]] = [
    ("mse", {}, (X, Y), each(F.mse_loss, X, Y)),
    ("mae", {}, (X, Y), each(F.l1_loss, X, Y)),
    ("huber", {"delta": 0.3}, (X, Y), each(F.huber_loss, X, Y, delta=0.3)),
    ("smooth_l1", {"beta": 0.3}, (X, Y), each(F.smooth_l1_loss, X, Y, beta=0.3)),
    ("poisson_nll", {}, (X, Y**2), each(F.poisson_nll_loss, X, Y**2)),
    ("poisson_nll", {"full": True}, (X, 3 * P), each(F.poisson_nll_loss, X, 3 * P, full=True)),
    (
        "poisson_nll",
        {"log_input": False},
        (P, 3 * Q),
        each(F.poisson_nll_loss, P, 3 * Q, log_input=False),
    ),
    ("gaussian_nll", {}, (X, Y, P), each(F.gaussian_nll_loss, X, Y, P)),
    ("gaussian_nll", {"full": True}, (X, Y, P), each(F.gaussian_nll_loss, X, Y, P, full=True)),
    ("binary_cross_entropy", {}, (P, Q), each(F.binary_cross_entropy, P, Q)),
    (
        "binary_cross_entropy_with_logits",
        {"pos_weight": WEIGHT},
        (X, Q),
        each(F.binary_cross_entropy_with_logits, X, Q, pos_weight=t(WEIGHT)),
    ),
    ("cross_entropy", {}, (SCORES, LABEL), each(F.cross_entropy, SCORES, LABEL)),
    (
        "cross_entropy",
        {"weight": WEIGHT, "smoothing": 0.2},
        (SCORES, LABEL),
        each(F.cross_entropy, SCORES, LABEL, weight=t(WEIGHT), label_smoothing=0.2),
    ),
    (
        "cross_entropy",
        {"ignore_index": -100, "smoothing": 0.2},
        (SCORES, IGNORED),
        each(F.cross_entropy, SCORES, IGNORED, label_smoothing=0.2),
    ),
    (
        "cross_entropy",
        {"weight": WEIGHT, "smoothing": 0.2},
        (SCORES, P),
        each(F.cross_entropy, SCORES, P, weight=t(WEIGHT), label_smoothing=0.2),
    ),
    (
        "nll",
        {"weight": WEIGHT, "ignore_index": -100},
        (SCORES, IGNORED),
        each(F.nll_loss, SCORES, IGNORED, weight=t(WEIGHT)),
    ),
    ("multi_margin", {}, (SCORES, LABEL), each(F.multi_margin_loss, SCORES, LABEL)),
    (
        "multi_margin",
        {"p": 2, "margin": 0.5},
        (SCORES, LABEL),
        each(F.multi_margin_loss, SCORES, LABEL, p=2, margin=0.5),
    ),
    ("kl_divergence", {}, (np.log(P), Q), F.kl_div(t(np.log(P)), t(Q), reduction="none").sum(-1)),
    (
        "kl_divergence",
        {"log_target": True},
        (np.log(P), np.log(Q)),
        F.kl_div(t(np.log(P)), t(Q), reduction="none").sum(-1),
    ),
    ("cosine_similarity", {}, (X, Y), F.cosine_similarity(t(X), t(Y))),
    (
        "cosine_embedding",
        {"margin": 0.1},
        (X, Y, SIGN),
        each(F.cosine_embedding_loss, X, Y, SIGN, margin=0.1),
    ),
    ("triplet", {}, (X, Y, P), each(F.triplet_margin_loss, X, Y, P)),
    (
        "triplet",
        {"margin": 0.1, "p": 3},
        (X, Y, P),
        each(F.triplet_margin_loss, X, Y, P, margin=0.1, p=3),
    ),
    ("hinge", {}, (X[:, 0], SIGN), np.maximum(0, 1 - X[:, 0] * SIGN)),
    ("l1", {}, (X, Y), np.abs(X).sum() + np.abs(Y).sum()),
    ("l2", {}, (X, Y), (X**2).sum() + (Y**2).sum()),
]


@pytest.mark.parametrize(("name", "settings", "arrays", "expected"), CASES)
def test_losses_are_pytorch_s(
    name: str, settings: dict[str, Any], arrays: tuple[Array, ...], expected: Any
) -> None:
    found = meant(name, settings, *arrays)
    np.testing.assert_allclose(found, np.asarray(expected), rtol=1e-11, atol=1e-13)


def test_contrastive_loss_pulls_and_pushes() -> None:
    """Hadsell et al. 2006, equation 4: half the square of the distance, or of what is missing."""
    distance, same = np.array([0.5, 0.5, 2.0, 0.0]), np.array([1.0, 0.0, 0.0, 1.0])
    assert meant("contrastive", {}, distance, same).tolist() == [0.125, 0.125, 0, 0]
    assert meant("contrastive", {"margin": 3.0}, distance, same).tolist() == [0.125, 3.125, 0.5, 0]


def test_a_class_that_never_happens_has_no_divergence() -> None:
    log_p = np.log(np.array([[0.25, 0.25, 0.5]]))
    y = meant("kl_divergence", {}, log_p, np.array([[0.5, 0.5, 0.0]]))
    np.testing.assert_allclose(y, np.log(2), rtol=1e-15)


def test_cross_entropy_is_nll_of_log_softmax() -> None:
    log_p = torch.log_softmax(t(SCORES), -1).numpy()
    settings = {"weight": WEIGHT, "ignore_index": 2}
    np.testing.assert_allclose(
        meant("nll", settings, log_p, LABEL),
        meant("cross_entropy", settings, SCORES, LABEL),
        rtol=1e-13,
    )


def test_a_label_is_a_distribution_on_one_class() -> None:
    hot = np.eye(4)[LABEL]
    settings = {"weight": WEIGHT, "smoothing": 0.3}
    np.testing.assert_allclose(
        meant("cross_entropy", settings, SCORES, hot),
        meant("cross_entropy", settings, SCORES, LABEL),
        rtol=1e-13,
    )


def k(*dims: Any, ragged: tuple[int, ...] = (), dtype: str = "float") -> TensorType:
    """A type."""
    return TensorType.of(dtype, *dims, ragged=ragged)


def kept(name: str, *kinds: TensorType, **settings: Any) -> str:
    """The type of a loss."""
    (y,) = REGISTRY[name](**settings).infer(*kinds)
    return str(y)


STEPS = k("N", "T", 5, ragged=(1,))


def test_losses_keep_examples_and_steps() -> None:
    assert kept("mse", k("N", 1, 28, 28), k("N", 1, 28, 28)) == "float32[N]"
    assert kept("mse", k("N"), k("N")) == "float32[N]"
    assert kept("mse", STEPS, STEPS, kept=(0, 1)) == "float32[N, <=T]"
    assert kept("binary_cross_entropy", k("N", 4), k()) == "float32[N]"
    label = k("N", "T", ragged=(1,), dtype="int")
    for name in ("cross_entropy", "nll", "multi_margin", "accuracy"):
        assert kept(name, STEPS, label) == "float32[N, <=T]"
    assert kept("cross_entropy", k("N", 5, 8, 8), k("N", 8, 8, dtype="int"), axis=1) == (
        "float32[N, 8, 8]"
    )
    assert kept("cross_entropy", STEPS, STEPS) == "float32[N, <=T]"
    for name in ("kl_divergence", "cosine_similarity"):
        assert kept(name, STEPS, STEPS) == "float32[N, <=T]"
    assert kept("triplet", STEPS, STEPS, STEPS) == "float32[N, <=T]"


def test_losses_refuse_to_look_along_lengths() -> None:
    lengths_last = k("N", 5, "T", ragged=(2,))
    for name, kinds in {
        "mse": (STEPS, STEPS),
        "cross_entropy": (lengths_last, k("N", 5, dtype="int")),
        "kl_divergence": (lengths_last, lengths_last),
        "triplet": (lengths_last,) * 3,
    }.items():
        with pytest.raises(DlspecError, match="DL308"):
            REGISTRY[name]().infer(*kinds)


@pytest.mark.parametrize(
    ("name", "settings", "kinds", "shown"),
    [
        ("cross_entropy", {"weight": (1, 2)}, (k("N", 5), k("N", dtype="int")), "each class"),
        ("cross_entropy", {"ignore_index": 1}, (k("N", 5), k("N", 5)), "probabilities"),
        ("multi_margin", {"p": 3}, (), "1 or 2"),
        ("binary_cross_entropy_with_logits", {"pos_weight": (1, 2)}, (k("N", 5),) * 2, "last axis"),
        ("binary_cross_entropy_with_logits", {"pos_weight": -1}, (), "from 0"),
        ("smooth_l1", {"beta": 0}, (), "more than 0"),
        ("triplet", {"margin": -1}, (), "from 0"),
    ],
)
def test_settings_that_cannot_be(
    name: str, settings: dict[str, Any], kinds: tuple[TensorType, ...], shown: str
) -> None:
    with pytest.raises(DlspecError) as caught:
        REGISTRY[name](**settings).infer(*kinds)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "DL307"
    assert shown in diagnostic.label_text
