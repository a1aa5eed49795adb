"""Every code is explained by a wrong and a right example; those that are specs are run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dlspec.cli.explain import catalogue, explained, listing
from dlspec.cli.main import main
from dlspec.diagnostics import Sink
from dlspec.diagnostics.examples import explanation
from dlspec.sema.analyse import analyse
from dlspec.source import SourceFile

HERE = Path(__file__).parent / "errors"
CODES = sorted(catalogue())
EXPLAINED = {code: explanation(kind) for code, kind in catalogue().items()}

FAULTS = "no spec causes it: a fault of an engine, of its library or of dlspec"
WITHOUT = {
    "DL700": FAULTS,
    "DL701": FAULTS,
    "DL703": FAULTS,
    "DL704": FAULTS,
    "DL705": FAULTS,
    "DL706": FAULTS,
    "DL707": FAULTS,
    "DL710": "it depends on the weights",
    "DL711": "it depends on the weights",
    "DL901": FAULTS,
}
"""Codes without examples, and why."""

NOT_BY_CHECK = {
    "DL119": "a hundred and fifty levels are not written out",
    "DL120": "a million characters are not written out",
    "DL121": "twenty mistakes are not written out",
    "DL213": "the network of the example is not written out",
    "DL333": "told when the network is proved",
    "DL402": "told when the data is read",
    "DL485": "told when all combinations are compiled",
    "DL501": "told when the model is emitted",
    "DL502": "told when the model is emitted",
    "DL650": "told by the engine's builder",
    "DL651": "told by the engine's builder",
    "DL652": "told by the engine's builder",
    "DL653": "told by the engine's builder",
    "DL657": "told by the engine's library",
    "DL702": "told when the check is computed",
    "DL908": "told after training",
    "DL909": "told when training begins",
}
"""Specs that `dlspec check` alone does not refuse, and why."""


def checked(text: str) -> Sink:
    """What `dlspec check` says of an example; fragments get the definitions that they lean on."""
    sink = Sink()
    analyse(SourceFile("example.dl", text), sink, folder=HERE / "imports")
    return sink


def test_every_code_is_explained() -> None:
    assert {c for c, e in EXPLAINED.items() if not (e.wrong and e.right)} == set(WITHOUT)
    assert all(len(e.text) > 20 for e in EXPLAINED.values())


@pytest.mark.parametrize("code", CODES)
def test_explanations_fit_a_terminal(code: str) -> None:
    kind = catalogue()[code]
    assert max(map(len, (kind.__doc__ or "").splitlines())) <= 100


WRONG = [(c, x.text) for c, e in EXPLAINED.items() for x in e.wrong if x.form == "spec"]
RIGHT = [(c, x.text) for c, e in EXPLAINED.items() for x in e.right if x.form == "spec"]


@pytest.mark.parametrize(("code", "text"), WRONG, ids=[code for code, _ in WRONG])
def test_wrong_specs_get_their_code(code: str, text: str) -> None:
    if code not in NOT_BY_CHECK:
        expected = {code, "DL306"} if code == "DL450" else {code}
        assert {d.code for d in checked(text).diagnostics} == expected


@pytest.mark.parametrize(("code", "text"), RIGHT, ids=[code for code, _ in RIGHT])
def test_right_specs_are_taken(code: str, text: str) -> None:
    if code not in NOT_BY_CHECK:
        assert checked(text).errors == []


def test_most_examples_are_run() -> None:
    assert len({c for c, _ in WRONG} - set(NOT_BY_CHECK)) > 80
    assert set(NOT_BY_CHECK) <= {c for c, _ in WRONG}


def test_the_list_has_every_code_and_fits() -> None:
    lines = listing(catalogue()).splitlines()
    assert max(map(len, lines)) <= 80
    assert [line.split()[0] for line in lines if line.startswith("  DL")] == CODES


def test_one_explanation(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "dl212"]) == 0
    shown = capsys.readouterr().out
    assert shown == explained(catalogue()["DL212"]) + "\n"
    assert shown.startswith("error[DL212]: `<of>` has several outputs; which one?\n")
    assert "\nWrong:\n    network two {" in shown
    assert "relu(two(x).a)" in shown.split("\nRight:\n")[1]


@pytest.mark.parametrize(
    ("written", "advice"),
    [("DL302x", "did you mean `DL302`?"), ("DL30", "there are DL301, DL302"), ("x", "lists all")],
)
def test_an_unknown_code_is_told(
    written: str, advice: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", written]) == 1
    assert advice in capsys.readouterr().err


def test_explanations_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["code"] for line in lines] == CODES
    for line in lines:
        assert list(line) == ["code", "severity", "title", "text", "wrong", "right"]
        for example in (*line["wrong"], *line["right"]):
            assert list(example) == ["form", "remark", "text"]
            assert example["form"] in ("spec", "command", "python", "request", "file")


def test_messages_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = tmp_path / "wrong.dl"
    spec.write_text("network n {\n    input x: float[N, 4]\n    output y = x -> dens(2)\n}\n")
    assert main(["check", str(spec), "--json"]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line) == {
        "code": "DL201",
        "severity": "error",
        "message": "there is no `dens` here",
        "file": str(spec),
        "start": {"line": 3, "column": 21},
        "end": {"line": 3, "column": 25},
        "label": "not defined",
        "labels": [],
        "calls": [],
        "notes": [],
        "helps": ["did you mean `dense`?"],
    }
