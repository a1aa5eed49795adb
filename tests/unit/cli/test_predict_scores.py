"""Scores are shown once, with the names of those classes that were chosen of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import dlspec
from dlspec.bundle.manifest import OutputSpec
from dlspec.cli.main import main
from dlspec.driver import Compilation
from dlspec.driver.build import BuildOptions, build_network
from dlspec.runtime.labels import labels_of
from dlspec.runtime.model import Model
from dlspec.serve.served import ServedModel
from dlspec.source import SourceFile

SPEC = """
const sides = vocabulary("left", "right")
const moods = vocabulary("calm", "wild")
network n {
    input x: float[N, 2]
    input words: float[N, <=T, 2]
    output each = softmax(words)
    output side: int[N] of sides = argmax(x)
    output way: int[N, <=T] of sides = argmax(words)
    output score = x * -3
    output likely = softmax(x)
    output untold = x + 5
    output mood: int[N] of moods = argmax(score)
    output place = argmax(untold)
    output row: int[N] of moods = argmax(untold, axis = 1)
    output none = x * 7
}
"""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("scores")
    source = SourceFile("scores.dl", SPEC)
    plan = Compilation(source, folder).spec.networks["n"]
    options = BuildOptions(folder / "build", use_torch=False)
    return str(build_network(plan, {}, source, options).folder)


@pytest.fixture(scope="module")
def model(bundle: str) -> Model:
    return dlspec.load(bundle)


@pytest.mark.filterwarnings("ignore::dlspec.runtime.UntrainedWarning")
def test_scores_have_the_names_of_their_own_classes(model: Model) -> None:
    chosen = {o.name: o.ids for o in model.outputs if o.ids is not None}
    assert chosen == {"each": "way", "likely": "side", "score": "mood", "untold": "row"}
    known = {"each": ("left", "right"), "likely": ("left", "right")}
    known |= {"score": ("calm", "wild"), "untold": ("calm", "wild")}
    assert labels_of(model.outputs) == known
    assert ServedModel("n", model).labels == known


def bars(out: str, title: str) -> list[tuple[str, float]]:
    """The names and percentages beneath a title."""
    _, _, rest = out.partition(f"  {title}:\n")
    rows = [line.split() for line in rest.splitlines()[:2]]
    return [(row[0], float(row[1])) for row in rows]


def test_each_row_of_scores_is_shown_once(bundle: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", bundle, "x=[1, 0]", "words=[[0.5, 1], [2, 0]]"]) == 0
    out = capsys.readouterr().out
    a, b = np.exp(1) / (np.exp(1) + 1), np.exp(-3) / (np.exp(-3) + 1)
    for title, names, share in (
        ("likely", ("left", "right"), a),
        ("softmax of score", ("calm", "wild"), b),
        ("softmax of untold", ("calm", "wild"), a),
    ):
        told = bars(out, title)
        assert tuple(name for name, _ in told) == names
        assert told[0][1] == pytest.approx(100 * share, abs=0.06)
    assert "side: left\n" in out and "mood: wild\n" in out
    assert "none: [[7. 0.]]" in out, "numbers of as many classes, but no scores of any"
    assert out.count("◂") == 3
    assert max(map(len, out.splitlines())) <= 80


def test_scores_of_the_same_shares_are_one(bundle: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A step's scores are as many as the classes where there is one step."""
    assert main(["predict", bundle, "x=[2, 0]", "words=[[2, 0]]"]) == 0
    out = capsys.readouterr().out
    assert out.count("left") == 3 and out.count("◂") == 3  # `each` and `likely` are the same


def test_without_what_the_bundle_tells_there_is_no_guessing() -> None:
    sides, moods = ("left", "right"), ("calm", "wild")
    scores = OutputSpec("scores", "float32", ("N", "2"))
    side = OutputSpec("side", "int64", ("N",), sides)
    mood = OutputSpec("mood", "int64", ("N",), moods)
    assert labels_of((scores, side)) == {"scores": sides}
    assert labels_of((scores, side, mood)) == {}
    told = OutputSpec("scores", "float32", ("N", "2"), ids="mood")
    assert labels_of((told, side, mood)) == {"scores": moods}
    wide = OutputSpec("scores", "float32", ("N", "3"), ids="mood")
    assert labels_of((wide, side, mood)) == {}


def test_json_has_all(bundle: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", bundle, "x=[2, 0]", "words=[[2, 0]]", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {"score", "likely", "untold", "none", "each"} <= set(told["answer"])


def test_the_manifest_keeps_it(bundle: str) -> None:
    outputs = json.loads(next(Path(bundle).rglob("manifest.json")).read_text())["outputs"]
    assert {o["name"]: o.get("ids") for o in outputs}["score"] == "mood"
