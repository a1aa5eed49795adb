"""Each mistake of meaning in ``errors/<code>/<case>.dl`` gives the message in ``<case>.err``.

A case may begin with ``# --set name=value`` for settings from outside, and import files from
``errors/imports``.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import dlspec.diagnostics.experiments
import dlspec.diagnostics.meaning
import dlspec.diagnostics.names
import dlspec.diagnostics.recipes
import dlspec.diagnostics.shapes
import dlspec.diagnostics.time  # noqa: F401  (all six fill the catalogue)
from dlspec.diagnostics import CATALOGUE, Sink
from dlspec.diagnostics.render import render
from dlspec.sema.analyse import analyse
from dlspec.source import SourceFile

HERE = Path(__file__).parent / "errors"
MODULES = tuple(
    f"dlspec.diagnostics.{m}"
    for m in ("names", "meaning", "recipes", "experiments", "shapes", "time")
)
CODES = sorted(c for c, kind in CATALOGUE.items() if kind.__module__ in MODULES)
CASES = sorted(p for p in HERE.glob("*/*.dl") if p.parent.name in {*CODES, "several"})
BY_HAND = {"DL485", "DL486", "DL487"}
"""Of running experiments; `tests/train/test_experiments.py` has them."""


def told(text: str, name: str) -> Sink:
    """What semantics says of a spec."""
    settings = dict(re.findall(r"^# --set ([\w.]+)=(.*)$", text, re.M))
    sink = Sink()
    analyse(SourceFile(name, text), sink, folder=HERE / "imports", overrides=settings)
    return sink


@pytest.mark.parametrize("case", CASES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_message(case: Path, request: pytest.FixtureRequest) -> None:
    sink = told(case.read_text(encoding="utf-8"), case.name)
    message = "\n\n".join(render(d, colour=False, width=80) for d in sink.diagnostics) + "\n"
    expected = case.with_suffix(".err")
    if request.config.getoption("--update-golden"):
        expected.write_text(message, encoding="utf-8")
    assert message == expected.read_text(encoding="utf-8")
    expected_codes = {"DL450", "DL201"} if case.parent.name == "DL450" else {case.parent.name}
    if case.parent.name != "several":
        assert {d.code for d in sink.diagnostics} == expected_codes


@pytest.mark.parametrize("code", sorted(set(CODES) - BY_HAND))
def test_every_code_has_a_case(code: str) -> None:
    assert any(case.parent.name == code for case in CASES)
