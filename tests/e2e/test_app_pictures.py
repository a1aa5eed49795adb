"""The example application reads picture files, with a bundle that the compiler made."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dlspec.bundle.reader import read_manifest
from dlspec.cli.main import main
from tests.patience import PATIENCE

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """LeNet, which has not learnt, in ``build``; a seven on paper, large and of 16 bits."""
    made = tmp_path_factory.mktemp("app")
    spec = str(ROOT / "specs" / "lenet.dl")
    assert main(["compile", spec, "--out", str(made / "build"), "--no-torch"]) == 0
    ink = np.zeros((28, 28), np.uint16)
    ink[6, 8:20] = ink[6:23, 17] = 65535
    Image.fromarray((65535 - ink).repeat(4, 0).repeat(4, 1)).save(made / "seven.png")
    np.save(made / "seven.npy", (ink // 257).astype(np.uint8))
    (made / "text.png").write_text("no picture")
    (made / "text.npy").write_text("no array")
    return made


def ask(folder: Path, file: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "examples/python_app/read_digit.py"), "build/lenet", file],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


def test_it_reads_a_digit(folder: Path) -> None:
    picture, array = ask(folder, "seven.png"), ask(folder, "seven.npy")
    note = "scaled from 112 x 112 to 28 x 28, inverted, since the model was trained on black ground"
    assert note in picture.stderr
    first, *bars = picture.stdout.splitlines()
    assert first.startswith("seven.png shows a ")
    assert len(bars) == 10 and sum("←" in bar for bar in bars) == 1
    assert bars == array.stdout.splitlines()[1:]


@pytest.mark.parametrize("file", ["text.png", "text.npy", "none.png", "none.npy", "."])
def test_what_is_no_picture_is_said(folder: Path, file: str) -> None:
    done = ask(folder, file)
    assert done.returncode == 1 and done.stdout == ""
    assert "Traceback" not in done.stderr and done.stderr.strip()


def test_the_bundle_tells_what_its_pictures_lie_on(folder: Path) -> None:
    (image,) = read_manifest(folder / "build" / "lenet").inputs
    assert image.ground == "black"
