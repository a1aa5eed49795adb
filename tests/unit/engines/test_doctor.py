"""`dlspec doctor` finds what is here, says how to have what is not, and fits a terminal."""

from __future__ import annotations

import argparse
import json

import pytest

from dlspec.cli import doctor


def test_table_fits_and_names_a_fix(capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor.run(argparse.Namespace(json=False)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert any("ONNX Runtime, CPU" in line and "✓" in line for line in lines)


def test_json_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    doctor.run(argparse.Namespace(json=True))
    found = json.loads(capsys.readouterr().out)["findings"]
    assert all(f["fix"] for f in found if f["state"] != "yes")
    assert {f["area"] for f in found} >= {"base", "train", "engines", "serve", "data"}


def test_a_missing_base_fails() -> None:
    missing = doctor.Finding("base", "NumPy", "no", "not installed", "pip install dlspec")
    text = "\n".join(doctor.table([missing], "1", colour=False))
    assert "✗ NumPy" in text and "→ pip install dlspec" in text
