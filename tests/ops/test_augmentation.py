"""Pictures flipped, turned and cropped by chance: what each draw does; recipes learn from them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dlspec.diagnostics import Sink
from dlspec.interpreter import run
from dlspec.randomness import initial_weights
from dlspec.sema.analyse import analyse
from dlspec.source import SourceFile
from dlspec.verify.training import verify_training

Array = NDArray[Any]


def changed(call: str, images: Array, noise: Array) -> Array:
    """What a block of the library makes of pictures for a draw of its noise."""
    dims = ", ".join(str(s) for s in images.shape[1:])
    text = f"network n {{ input image: {images.dtype}[N, {dims}]; output y = {call} }}"
    sink = Sink()
    spec = analyse(SourceFile("n.dl", text), sink)
    assert not sink.errors
    graph = spec.networks["n"].graph
    (drawn,) = [v.name for v in graph.inputs if v.origin == "noise"]
    made = run(graph, {"image": images, drawn: noise}, {}).outputs["y"]
    assert made.dtype.kind == images.dtype.kind
    return made


IMAGES = np.random.default_rng(0).integers(0, 256, (3, 2, 6, 6)).astype(np.uint8)


def test_flip_mirrors_those_that_are_drawn() -> None:
    for images in (IMAGES, IMAGES[:, 0]):
        y = changed("flip(image)", images, np.array([1.0, 0, 1]))
        assert (y[[0, 2]] == images[[0, 2], ..., ::-1]).all()
        assert (y[1] == images[1]).all()
    y = changed("flip(image, axis = 2)", IMAGES, np.ones(3))
    assert (y == IMAGES[:, :, ::-1]).all()


@pytest.mark.parametrize("shape", [(3, 2, 6, 6), (3, 6, 6)])
def test_rotation_by_right_angles(shape: tuple[int, ...]) -> None:
    images = IMAGES.reshape(-1)[: int(np.prod(shape))].reshape(shape)
    y = changed("rotate(image, 90)", images, np.array([1.0, 0.0, -1.0]))
    assert (y[1] == images[1]).all()
    assert (y[0] == np.rot90(images[0], 1, (-2, -1))).all(), "a positive angle turns to the left"
    assert (y[2] == np.rot90(images[2], -1, (-2, -1))).all()


def test_rotation_keeps_shapes_on_wide_pictures() -> None:
    """A disc stays a disc, and what comes in from outside is 0."""
    row, column = np.mgrid[0:21, 0:41]
    disc = (np.hypot(row - 10, column - 20) < 7).astype(np.float32)
    y = changed("rotate(image, 45)", disc[None], np.array([1.0]))[0]
    assert np.abs(y - disc).max() < 0.6, "only the edge blurs"
    assert np.abs(y - disc)[np.abs(np.hypot(row - 10, column - 20) - 7) > 1.5].max() < 1e-6
    full = changed("rotate(image, 45)", np.ones((1, 21, 41), np.float32), np.array([1.0]))[0]
    assert full[0, 0] == 0 and full[10, 20] == 1


def test_crops_are_windows() -> None:
    room = np.pad(IMAGES, ((0, 0), (0, 0), (1, 1), (1, 1)))
    place = np.array([[0.0, 0.99], [0.4, 0.5], [1.0, 1.0]])
    y = changed("random_crop(image, 5, room = 1)", IMAGES, place)
    for i, (u, v) in enumerate(place):
        top, left = (min(int(p * 4), 3) for p in (u, v))
        assert (y[i] == room[i, :, top : top + 5, left : left + 5]).all()
    gray = changed("random_crop(image, 4)", IMAGES[:, 1], np.zeros((3, 2)))
    assert (gray == IMAGES[:, 1, :4, :4]).all()


@pytest.mark.parametrize(
    "change", ["flip(image)", "rotate(image, 15)", "random_crop(image, 28, room = 2)"]
)
def test_recipes_learn_from_changed_pictures(change: str) -> None:
    text = f"""
network net {{
    input image: uint8[N, 28, 28]
    output logits = image / 255 -> flatten -> dense(10)
}}
recipe learn for net on mnist {{
    image = {change} when learning
    minimize cross_entropy(logits, label)
    optimizer = sgd(0.1); batch = 100; epochs = 1
}}
"""
    sink = Sink()
    (recipe,) = analyse(SourceFile("n.dl", text), sink).recipes.values()
    assert not sink.errors
    graph = recipe.steps[0].learn
    assert [v.origin for v in graph.inputs].count("noise") == 1
    proof = verify_training(graph, initial_weights(graph, 0))
    assert proof.ok, proof.diagnostics
