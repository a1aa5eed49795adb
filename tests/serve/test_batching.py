"""Requests that are computed together: each has the answer that it has alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dlspec.diagnostics.core import DlspecError
from dlspec.runtime import Model
from dlspec.serve import create_app
from dlspec.serve.batching import Batcher, are_independent, layout_of, together
from tests.patience import PATIENCE
from tests.serve import web
from tests.serve.conftest import running
from tests.serve.text_models import WORDS, sound

Array = NDArray[Any]
Arrays = Sequence[Array]
WORD = st.sampled_from([*WORDS, "zebra"])
LINE = st.lists(WORD, max_size=16).map(" ".join)
REQUEST = st.lists(LINE, min_size=1, max_size=4)
SPELT = st.lists(st.text("abc", min_size=1, max_size=8), min_size=1, max_size=3)


def same(alone: Arrays, beside: Arrays) -> None:
    for one, other in zip(alone, beside, strict=True):
        if one.dtype.kind == "f":
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
        else:
            np.testing.assert_array_equal(one, other)


@settings(max_examples=60, deadline=None)
@given(requests=st.lists(REQUEST, min_size=2, max_size=6))
def test_together_is_alone(texts: dict[str, Model], requests: list[list[str]]) -> None:
    """Of any lengths, empty texts among them; float outputs along steps are cut to each one's."""
    for name in ("tagger", "hasher"):
        model = texts[name]
        layout = layout_of(model)
        assert layout is not None
        inputs = [i.name for i in model.inputs if i.origin == "data"]
        bound = [model.bind(dict.fromkeys(inputs, lines))[0] for lines in requests]
        for one, beside in zip(bound, together(layout, model.engine.answers, bound), strict=True):
            same(model.engine.answers(one), beside)


@settings(max_examples=30, deadline=None)
@given(requests=st.lists(SPELT, min_size=2, max_size=5))
def test_what_is_generated_together_is_alone(
    texts: dict[str, Model], requests: list[list[str]]
) -> None:
    model = texts["speller"]
    layout = layout_of(model)
    assert layout is not None
    bound = [model.bind({"word": words})[0] for words in requests]
    for one, beside in zip(bound, together(layout, model.engine.answers, bound), strict=True):
        alone = model.answered(one, model.engine.answers(one))
        other = model.answered(one, beside)
        assert alone.text("phonemes") == other.text("phonemes")
        np.testing.assert_allclose(alone["focus"], other["focus"], atol=1e-6)


def test_waves_of_different_lengths(texts: dict[str, Model]) -> None:
    model = texts["hearer"]
    layout = layout_of(model)
    assert layout is not None
    rng = np.random.default_rng(1)
    bound = [model.bind({"wave": rng.normal(size=(2, n)).astype("f4")})[0] for n in (3, 90, 1)]
    for one, beside in zip(bound, together(layout, model.engine.answers, bound), strict=True):
        same(model.engine.answers(one), beside)


def test_pictures_too(models: dict[str, Model]) -> None:
    model = models["rows"]
    layout = layout_of(model)
    assert layout is not None
    images = np.random.default_rng(2).integers(0, 255, (3, 28, 28)).astype(np.uint8)
    bound = [model.bind({"image": images[:1]})[0], model.bind({"image": images[1:]})[0]]
    for one, beside in zip(bound, together(layout, model.engine.answers, bound), strict=True):
        same(model.engine.answers(one), beside)


def test_a_model_that_looks_at_its_batch_is_left_alone(
    texts: dict[str, Model], models: dict[str, Model]
) -> None:
    crowd, tagger = texts["crowd"], texts["tagger"]
    layouts = layout_of(crowd), layout_of(tagger)
    assert layouts[0] is not None and layouts[1] is not None
    assert not are_independent(crowd, layouts[0])
    assert are_independent(tagger, layouts[1])
    served = create_app({"crowd": crowd, **texts, "rows": models["rows"]}, batch=8).models
    assert [n for n, m in served.items() if m.batcher is None] == ["crowd"]
    assert all(m.batcher is None for m in create_app(texts).models.values())


@contextmanager
def held(batcher: Batcher, count: int) -> Generator[None]:
    """The engine's first answer takes until so many requests wait behind it."""
    door, compute = threading.Event(), batcher.compute

    def behind(bound: Mapping[str, Array]) -> list[Array]:
        assert door.wait(PATIENCE)
        return compute(bound)

    batcher.compute = behind
    yield
    end = time.monotonic() + PATIENCE
    while batcher.waiting < count:
        assert time.monotonic() < end, "they never came"
        time.sleep(0.001)
    door.set()


def test_who_waits_is_taken_along(texts: dict[str, Model]) -> None:
    """While the only place is taken, requests queue up; then as many as fit are one run."""
    model = texts["tagger"]
    layout = layout_of(model)
    assert layout is not None
    batcher = Batcher(model.engine.answers, layout, 8, 1)
    lines = [["to be", "or"], ["not"], ["to be or not to be"], ["be"] * 5, ["or or"], ["to"] * 12]
    bound = [model.bind({"word": given})[0] for given in lines]
    with ThreadPoolExecutor(len(lines)) as pool:
        with held(batcher, len(bound) - 1):
            waiting = [pool.submit(batcher.answers, one) for one in bound]
        for one, answer in zip(bound, waiting, strict=True):
            same(model.engine.answers(one), answer.result(PATIENCE))
    assert batcher.runs == 3, "the first; four of the others, which have 8 rows; one of 12"


def test_an_error_is_told_to_its_own(texts: dict[str, Model]) -> None:
    """An engine that fails at one request fails at all that were put together: each is then
    computed alone."""
    model = texts["tagger"]
    layout = layout_of(model)
    assert layout is not None
    batcher = Batcher(model.engine.answers, layout, 8, 1)
    fine = model.bind({"word": ["to be"]})[0]
    broken = {**fine, "word": fine["word"] + 99}  # past what is checked: no such row to look up
    with ThreadPoolExecutor(3) as pool:
        with held(batcher, 2):
            waiting = [pool.submit(batcher.answers, one) for one in (fine, broken, fine)]
        with pytest.raises(DlspecError, match="DL658"):
            waiting[1].result(PATIENCE)
        for place in (0, 2):
            same(model.engine.answers(fine), waiting[place].result(PATIENCE))


def test_clients_at_once(texts: dict[str, Model]) -> None:
    """Real clients that ask for different lengths at the same time, some of them wrongly: each has
    its own right answer, or its own error."""
    app = create_app(texts, batch=16, threads=1)
    wrong: list[str] = []
    clients = 8
    begin = threading.Barrier(clients)

    def asked(client: httpx.Client, model: str, lines: list[str]) -> httpx.Response:
        name = "word"
        sent = [{"name": name, "shape": [len(lines)], "datatype": "BYTES", "data": lines}]
        return client.post(f"/v2/models/{model}/infer", json={"inputs": sent})

    def ask(seed: int) -> None:
        rng = np.random.default_rng(seed)
        begin.wait(PATIENCE)
        with web.client(address) as client:
            for number in range(12):
                if number % 4 == 3:
                    long = asked(client, "tagger", ["to", "be " * 40])
                    if long.status_code != 400 or "`word[1]` has 40 words" not in long.text:
                        wrong.append(long.text)
                    continue
                counts = rng.integers(0, 16, int(rng.integers(1, 5)))
                lines = [" ".join(rng.choice(WORDS, n)) for n in counts]
                found = {o["name"]: o for o in asked(client, "tagger", lines).json()["outputs"]}
                expected = texts["tagger"](word=lines)
                scores = np.reshape(found["scores"]["data"], found["scores"]["shape"])
                if found["tag"]["data"] != expected.text("tag") or not np.allclose(
                    scores, expected["scores"], atol=1e-5
                ):
                    wrong.append(str(found)[:300])
                letters = ["".join(rng.choice(list("abc"), 3)) for _ in counts]
                found = {o["name"]: o for o in asked(client, "speller", letters).json()["outputs"]}
                if found["phonemes"]["data"] != [sound(w) for w in letters]:
                    wrong.append(str(found)[:300])

    batcher = app.models["tagger"].batcher
    assert batcher is not None
    with running(app) as address, ThreadPoolExecutor(clients) as pool:
        with held(batcher, clients - 1):  # the first requests of all come together
            answers = [pool.submit(ask, seed) for seed in range(clients)]
        for answer in answers:
            answer.result(60)
    assert wrong == []
    assert batcher.runs <= 9 * clients - 4
