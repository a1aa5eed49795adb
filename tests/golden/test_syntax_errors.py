"""Each mistake in ``errors/DL1xx/<case>.dl`` gives the message in ``<case>.err`` beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

import dlspec.diagnostics.slips
import dlspec.diagnostics.syntax  # both fill the catalogue
from dlspec.diagnostics import CATALOGUE, Sink
from dlspec.diagnostics.render import render
from dlspec.source import SourceFile
from dlspec.syntax import parse

HERE = Path(__file__).parent / "errors"
CASES = sorted(HERE.glob("DL1*/*.dl"))
TOO_LONG_TO_KEEP = {"DL120"}  # tested in tests/unit/syntax/test_limits.py


@pytest.mark.parametrize("case", CASES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_message(case: Path, request: pytest.FixtureRequest) -> None:
    sink = Sink()
    parse(SourceFile(case.name, case.read_text(encoding="utf-8")), sink)
    told = "\n\n".join(render(d, colour=False, width=80) for d in sink.diagnostics) + "\n"
    expected = case.with_suffix(".err")
    if request.config.getoption("--update-golden"):
        expected.write_text(told, encoding="utf-8")
    assert told == expected.read_text(encoding="utf-8")
    assert case.parent.name in {d.code for d in sink.diagnostics}


def test_every_code_has_a_case() -> None:
    assert CATALOGUE["DL100"] is dlspec.diagnostics.syntax.Unexpected
    codes = {code for code in CATALOGUE if code.startswith("DL1")} - TOO_LONG_TO_KEEP
    assert codes == {case.parent.name for case in CASES}
