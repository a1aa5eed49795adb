"""The real emoji, fetched and rendered once (the cache keeps both)."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dlspec.data import open_data, open_source
from dlspec.data.fetch import folder_of, package_named
from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.data import BadDataSetting, CacheCorrupt
from dlspec.ir.data_plan import EMOJI_KINDS, EMOJI_STYLES, DataPlan, SourceCall, SplitPlan


def test_all_drawings_are_there() -> None:
    parts = open_source("emoji")
    assert parts.validation is not None and parts.test is not None
    every = [parts.train, parts.validation, parts.test]
    assert sum(map(len, every)) == 7146
    assert str(parts.train.fields["image"]) == "uint8[N, 3, 32, 32]"
    assert parts.train.fields["label"].classes == EMOJI_KINDS
    style = np.concatenate([part["style"] for part in every])
    assert np.bincount(style).tolist() == [1689, 1943, 1923, 1591]
    assert len(EMOJI_STYLES) == 4
    labels = np.concatenate([part["label"] for part in every])
    counts = np.bincount(labels, minlength=9)
    assert counts.argmax() == EMOJI_KINDS.index("People & Body") and counts.min() > 300


def test_pictures_are_drawn_on_white() -> None:
    image = open_source("emoji").train["image"]
    corner = image[:, :, 0, 0]
    assert (corner == 255).all(axis=1).mean() > 0.8  # flags and signs fill theirs
    assert (image.reshape(len(image), -1).std(axis=1) > 0).all()
    assert image.mean() == pytest.approx(201.1, abs=1.0)  # renderers may differ in a rounding
    channels = image.mean(axis=(0, 2, 3))
    assert channels[0] > channels[1] > channels[2]  # red before green before blue: yellow faces


def test_no_emoji_is_in_two_parts() -> None:
    parts = open_source("emoji")
    assert parts.validation is not None and parts.test is not None
    names = [set(p["name"].tolist()) for p in (parts.train, parts.validation, parts.test)]
    assert not names[0] & names[1] and not names[0] & names[2] and not names[1] & names[2]
    again = open_source("emoji").test
    other = open_source("emoji", seed=1).test
    assert again is not None and other is not None
    assert np.array_equal(again.indices, parts.test.indices)
    assert not np.array_equal(other.indices, parts.test.indices)


def test_one_emoji_has_one_name_in_all_styles() -> None:
    train = open_source("emoji").train
    names, counts = np.unique(train["name"], return_counts=True)
    assert counts.max() == 4 and (counts == 4).mean() > 0.7
    styles = train["style"][train["name"] == names[counts == 4][0]]
    assert sorted(styles.tolist()) == [0, 1, 2, 3]


def test_a_spec_may_split_otherwise(tmp_path: Path) -> None:
    """As for a style that was never seen."""
    split = SplitPlan("random", shares=(0.5, 0.25, 0.25), by="style")
    parts = open_data(DataPlan("d", SourceCall("emoji", {}), split=split), folder=tmp_path)
    assert parts.test is not None
    assert not set(parts.train["style"].tolist()) & set(parts.test["style"].tolist())


def test_sizes_have_bounds() -> None:
    with pytest.raises(DlspecError) as caught:
        open_source("emoji", {"size": 2})
    assert isinstance(caught.value.diagnostics[0], BadDataSetting)


def fresh_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own with the packages that are cached already."""
    open_source("emoji")
    cached = folder_of(package_named("emoji"))
    monkeypatch.setenv("DLSPEC_CACHE", str(tmp_path))
    target = folder_of(package_named("emoji"))
    shutil.copytree(cached, target, ignore=shutil.ignore_patterns("rendered-*", ".*"))
    return target


def test_a_damaged_rendering_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = fresh_cache(tmp_path, monkeypatch)
    (folder / "rendered-8").mkdir()
    with pytest.raises(DlspecError) as caught:
        open_source("emoji", {"size": 8})
    assert isinstance(caught.value.diagnostics[0], CacheCorrupt)


def test_without_the_renderer_the_message_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh_cache(tmp_path, monkeypatch)
    program = (
        "import sys; sys.modules['resvg_py'] = None\n"
        "from dlspec.cli.main import main\n"
        "sys.exit(main(['data', 'show', 'emoji']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=Path.cwd()
    )
    assert done.returncode == 1
    assert "error[DL625]: rendering emoji needs the package resvg-py" in done.stderr
    assert "pip install 'dlspec[pictures]'" in done.stderr
    assert not list(tmp_path.glob("data/emoji/rendered-*"))
    assert not list(tmp_path.glob("data/emoji/.rendered-*part*"))
