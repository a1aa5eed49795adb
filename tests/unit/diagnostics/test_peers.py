"""What other frameworks call things gets the same thing in a spec's words."""

from __future__ import annotations

import pytest

from dlspec.diagnostics.core import did_you_mean
from dlspec.diagnostics.peer_calls import (
    method_advice,
    name_advice,
    optimizer_advice,
    setting_advice,
    split,
)
from dlspec.source import SourceFile, Span


def at(text: str, part: str | None = None) -> Span:
    """The place of a part of a text."""
    start = text.index(part) if part else 0
    return Span(SourceFile("t.dl", text), start, start + len(part or text))


LAYERS = {
    "nn.Linear(784, 10)": "dense(10)",
    "Linear(784, 10, bias=False)": "dense(10, bias = none)",
    "nn.Conv2d(1, 6, 5)": "conv(6, kernel = 5)",
    "nn.Conv2d(1, 6, kernel_size=5, padding=2)": "conv(6, kernel = 5, pad = 2)",
    "Conv2D(32, (3,3), activation='relu')": "conv(32, kernel = 3) -> relu",
    'Conv2D(32, (3, 5), padding="same")': 'conv(32, kernel = [3, 5], pad = "same")',
    'Conv2D(32, 3, strides=2, padding="same")': 'conv(32, kernel = 3, stride = 2, pad = "same")',
    'Conv2D(filters=32, kernel_size=3, padding="valid")': "conv(32, kernel = 3)",
    "Dense(10)": "dense(10)",
    'Dense(10, activation="softmax")': "dense(10) -> softmax",
    "Dense(units=10, use_bias=False)": "dense(10, bias = none)",
    "keras.layers.Dense(10)": "dense(10)",
    "nn.MaxPool2d(2)": "max_pool(2)",
    "MaxPooling2D((2, 2))": "max_pool(2)",
    "nn.MaxPool2d(kernel_size=3, stride=2)": "max_pool(3, stride = 2)",
    "nn.BatchNorm2d(64)": "batch_norm",
    "nn.ReLU()": "relu",
    "nn.ReLU(inplace=True)": "relu",
    "F.relu(x)": "relu(x)",
    "F.softmax(x, dim=1)": "softmax(x, axis = 1)",
    "F.max_pool2d(x, 2)": "max_pool(x, 2)",
    "nn.Embedding(1000, 64)": "embed(1000, 64)",
    "nn.Dropout(p=0.5)": "dropout(0.5)",
    "nn.Flatten()": "flatten",
    "ReLU": "relu",
    "nn.LeakyReLU(0.1)": "leaky_relu(0.1)",
}


@pytest.mark.parametrize(("written", "ours"), LAYERS.items(), ids=LAYERS)
def test_layers_translate_with_their_arguments(written: str, ours: str) -> None:
    advice = name_advice(at(written, written.split(".")[0].split("(")[0]))
    assert advice is not None
    assert advice.endswith(f" is written `{ours}`")


@pytest.mark.parametrize("name", ["relu", "dense", "x", "digits", "softmax", "n"])
def test_our_own_names_get_no_advice(name: str) -> None:
    assert name_advice(at(f"{name}(3)", name)) is None


@pytest.mark.parametrize(
    ("written", "advice"),
    [
        ("padding=1", "it is called `pad` here: `pad = 1`"),
        ("padding=(2, 2)", "it is called `pad` here: `pad = 2`"),
        ("padding='same'", 'it is called `pad` here: `pad = "same"`'),
        ("kernel_size=5", "it is called `kernel` here: `kernel = 5`"),
        ("in_channels=3", "leave it out: the shape of what comes in tells it"),
        ("activation='relu'", "an activation is applied after: `conv(…) -> relu`"),
    ],
)
def test_settings(written: str, advice: str) -> None:
    known = frozenset(["channels", "kernel", "pad", "bias"])
    assert setting_advice(written.split("=")[0], "conv", at(written), known) == advice


def test_valid_padding_is_none() -> None:
    advice = setting_advice("padding", "conv", at("padding='valid'"), None)
    assert advice == "leave it out: there is no padding unless `pad` gives some"


def test_a_setting_that_ours_lacks_gets_no_advice() -> None:
    assert setting_advice("padding", "dense", at("padding=1"), frozenset(["units"])) is None


def test_methods_name_the_tensor() -> None:
    text = "y = image.view(-1, 784)"
    assert "`image -> flatten`" in (method_advice("view", at(text, "view")) or "")


@pytest.mark.parametrize(
    ("written", "ours"),
    [
        ("Adam(lr=0.01)", "adam(0.01)"),
        ("optim.SGD(net.parameters(), lr=0.1, momentum=0.9)", "sgd(0.1, momentum = 0.9)"),
        ('"Adam"', "adam(0.001)"),
    ],
)
def test_optimisers(written: str, ours: str) -> None:
    assert optimizer_advice(written) == f"write `{ours}`"


def test_arguments_are_split_at_their_own_commas() -> None:
    assert split("1, (2, 3), f(a, b), 'x,y'") == ["1", "(2, 3)", "f(a, b)", "'x,y'"]


@pytest.mark.parametrize(
    ("word", "near"),
    [("ReLU", "relu"), ("BatchNorm", "batch_norm"), ("maxpool", "max_pool"), ("zzz", None)],
)
def test_did_you_mean_looks_past_case_and_underscores(word: str, near: str | None) -> None:
    assert did_you_mean(word, ["relu", "batch_norm", "max_pool", "elu"]) == near


def test_advice_names_what_there_is() -> None:
    """What the tables lead to exists, or is told by name to be of a later version."""
    from dlspec.diagnostics.peers import LAYERS, OPTIMIZERS
    from dlspec.ops import REGISTRY
    from dlspec.sema.later import LATER
    from dlspec.sema.program import library
    from dlspec.sema.recipe_settings import OPTIMIZERS as OURS
    from dlspec.sema.recipe_settings import OPTIMIZERS_LATER

    known = {*REGISTRY, *LATER, *library()}
    assert {peer.name for peer in LAYERS.values()} - known == set()
    assert set(OPTIMIZERS.values()) - {*OURS, *OPTIMIZERS_LATER} == set()
