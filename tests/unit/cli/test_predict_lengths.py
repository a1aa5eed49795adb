"""Answers whose examples differ in length are told without what stands behind them, and examples
of no steps are answered."""

from __future__ import annotations

import json
from typing import Any

import pytest

import dlspec
from dlspec.cli.main import main
from dlspec.diagnostics import DlspecError
from dlspec.driver import Compilation
from dlspec.driver.build import BuildOptions, build_network
from dlspec.runtime.model import Model
from dlspec.source import SourceFile

SPEC = """
const sides = vocabulary("left", "to the right")
network n {
    input x: float[N, <=T, 2]
    output best = argmax(x, axis = 2)
    output half = x / 2
    output side: int[N, <=T] of sides = argmax(x, axis = 2)
}
"""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("lengths")
    source = SourceFile("lengths.dl", SPEC)
    plan = Compilation(source, folder).spec.networks["n"]
    options = BuildOptions(folder / "build", use_torch=False)
    return str(build_network(plan, {}, source, options).folder)


@pytest.fixture(scope="module")
def model(bundle: str) -> Model:
    return dlspec.load(bundle)


UNEVEN = "[[[0, 2], [2, 0]], [], [[0, 4]]]"


def test_for_people(bundle: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", bundle, UNEVEN]) == 0
    out = capsys.readouterr().out
    assert "best: [[1 0] [] [1]]\n" in out
    assert 'side: [["to the right" left] [] ["to the right"]]\n' in out


def test_no_step_is_shown_as_none(bundle: str, capsys: pytest.CaptureFixture[str]) -> None:
    for given in ("x=[[[1, 2]], []]", "x=[[[1, 2]]]"):
        assert main(["predict", bundle, given]) == 0
    out = capsys.readouterr().out
    assert "best: [[1] []]" in out and 'side: [["to the right"] []]' in out
    assert "side: to the right\n" in out


def test_all_of_it(bundle: str, capsys: pytest.CaptureFixture[str]) -> None:
    long = [[[2.0, 0.0]] * 90, [], [[0.0, 2.0]]]
    assert main(["predict", bundle, f"x={long}", "--all"]) == 0
    out = capsys.readouterr().out
    best = out.partition("best:")[2].partition("half:")[0]
    assert out.partition("side:")[2].count("left") == 90
    assert best.count("0") == 90 and "    []\n    [1]\n" in best
    assert all(len(line) <= 80 for line in out.partition("best:")[2].splitlines())


def test_as_json(bundle: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", bundle, UNEVEN, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)["answer"]
    assert answer["half"] == [[[0, 1], [1, 0]], [], [[0, 2]]]
    assert answer["best"] == answer["side"] == [[1, 0], [], [1]]


@pytest.mark.parametrize("examples", [[[]], [[], []], [[[1, 2]], []]])
def test_examples_of_no_steps(model: Model, examples: list[Any]) -> None:
    assert [len(row) for row in model(x=examples).rows("best")] == [len(e) for e in examples]


@pytest.mark.parametrize(
    ("examples", "code"),
    [([], "DL667"), ([[[]]], "DL665"), ([[[1, 2]], [[]]], "DL669"), ([[], [[1]]], "DL665")],
)
def test_a_step_without_its_values_is_no_step(model: Model, examples: list[Any], code: str) -> None:
    with pytest.raises(DlspecError) as caught:
        model(x=examples)
    assert [d.code for d in caught.value.diagnostics] == [code]
