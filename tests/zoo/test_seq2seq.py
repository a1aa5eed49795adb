"""Sequence to sequence on real data: a little training, a bundle, texts in and texts out."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

import dlspec
from dlspec.cli.main import main
from dlspec.data import open_data
from dlspec.data.dataset import Splits
from dlspec.driver import Compilation
from dlspec.driver.build import BuildOptions, Built, build_network
from dlspec.driver.files import read_spec
from dlspec.serve import create_app
from dlspec.text import decoded, encoded
from dlspec.train import TrainOptions, train
from tests.patience import PATIENCE

pytestmark = pytest.mark.filterwarnings("ignore::dlspec.runtime.model.ProvedLessWarning")
SPECS = Path(__file__).resolve().parents[2] / "specs"
SYSTEMS = {
    "pronounce": ("phonemes", "learn"),
    "pronounce_plain": ("phonemes", "learn_plain"),
    "translate": ("translate", "learn"),
}
SMALL = {"phonemes": {"units": "24"}, "translate": {"units": "16"}}


@cache
def compiled(name: str) -> Compilation:
    """A spec with few units."""
    return Compilation(read_spec(SPECS / f"{name}.dl"), SPECS, SMALL[name])


@cache
def data_of(name: str) -> Splits:
    """The real data of a spec: some examples, and the words of all."""
    plan = compiled(name).recipe("learn").data
    assert plan is not None
    data = open_data(plan, folder=SPECS)
    some, few = data.train.subset(np.arange(512)), data.train.subset(np.arange(64))
    return Splits(some, few, None, data.vocabularies)


@pytest.fixture(scope="module", params=SYSTEMS)
def learnt(request: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Built, list[Any]]:
    """The name of a network, its bundle after a few steps, and what the run told."""
    name: str = request.param
    spec, recipe_name = SYSTEMS[name]
    folder = tmp_path_factory.mktemp(name)
    compilation = compiled(spec)
    recipe, few = compilation.recipe(recipe_name), data_of(spec)
    options = TrainOptions(
        run_dir=folder / "run", epochs=2, threads=1, matmul="highest", quiet=True
    )
    result = train(replace(recipe, batch=32), few, options)
    network = compilation.networks[name]
    built = build_network(
        network,
        result.weights[name],
        compilation.source,
        BuildOptions(folder / "build", use_torch=False, fast=name == "translate"),
        training={"recipe": recipe_name, "epochs": 2, "steps": result.steps},
        words=few.vocabularies,
    )
    return name, built, result.history


GIVEN = {"word": ["aardvark", "x", "knights"], "source": ["a library for fonts", "fast", "zqx"]}


def test_it_learns_and_answers_in_text(learnt: tuple[str, Built, list[Any]]) -> None:
    name, built, history = learnt
    assert history[-1]["train.loss"] < 0.97 * history[0]["train.loss"]
    assert {e.record.status for e in built.engines} <= {"verified", "awaits-device"}
    model = dlspec.load(built.folder)
    given, said = ("source", "words") if name == "translate" else ("word", "phonemes")
    together = model(**{given: GIVEN[given]})
    texts = together.text(said)
    assert len(texts) == 3 and all(isinstance(text, str) for text in texts)
    for i, text in enumerate(GIVEN[given]):  # an answer does not depend on what stands beside it
        assert model(**{given: text}).text(said) == [texts[i]]
        assert "<stop>" not in texts[i] and "<start>" not in texts[i]
    if "focus" in {output.name for output in model.outputs}:
        focus = together["focus"]
        lengths = [len(row) for row in together.rows(said)]
        for row, length in enumerate(lengths):
            np.testing.assert_allclose(focus[row, :length].sum(-1), 1, rtol=1e-5)
            assert not focus[row, length:].any()


def test_it_is_served_and_predicts(
    learnt: tuple[str, Built, list[Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    name, built, _ = learnt
    given, said = ("source", "words") if name == "translate" else ("word", "phonemes")
    text = GIVEN[given][0]
    expected = dlspec.load(built.folder)(**{given: text}).text(said)[0]
    assert main(["predict", str(built.folder), f"{given}={text}"]) == 0
    assert expected in capsys.readouterr().out
    # a server is sent ids, and how many there are
    model = dlspec.load(built.folder)
    vocabulary = next(i for i in model.inputs if i.name == given)
    assert vocabulary.classes is not None and vocabulary.by is not None
    ids = encoded(text, vocabulary.by, {w: i for i, w in enumerate(vocabulary.classes)})
    sent = {
        "inputs": [
            {"name": given, "shape": [1, len(ids)], "datatype": "INT64", "data": ids},
            {"name": "S_lengths", "shape": [1], "datatype": "INT32", "data": [len(ids)]},
        ]
    }
    answer = asyncio.run(asked(create_app({name: model}), f"/v2/models/{name}/infer", sent))
    outputs = {o["name"]: o["data"] for o in answer["outputs"]}
    chosen = next(o for o in model.outputs if o.name == said)
    assert chosen.classes is not None and chosen.by is not None
    spoken = outputs[said][: outputs["L_lengths"][0]]
    assert decoded(spoken, chosen.by, chosen.classes) == expected


async def asked(app: Any, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """A request to the server's application, answered."""
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://here", timeout=PATIENCE
    ) as client:
        answer = await client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found
