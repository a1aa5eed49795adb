"""Pictures of every mode are read alike for training and for answering."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dlspec.bundle.manifest import InputSpec
from dlspec.data.pictures import read_pictures
from dlspec.diagnostics import DlspecError
from dlspec.ir.data_plan import SOURCES
from dlspec.picture import Ground
from dlspec.runtime import read_picture

MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16")


def drawn(mode: str) -> Image.Image:
    """A dark frame around noise, so that nobody takes it for ink on paper."""
    rng = np.random.default_rng(0)
    deep = np.zeros((8, 8), np.uint16)
    deep[2:6, 2:6] = rng.integers(0, 65536, (4, 4))
    if mode == "I;16":
        return Image.fromarray(deep)
    grey = Image.fromarray((deep >> 8).astype(np.uint8))
    if mode in ("LA", "RGBA"):
        picture = grey.convert(mode)
        picture.putalpha(Image.fromarray(np.where(deep > 0, 128, 255).astype(np.uint8)))
        return picture
    return grey.convert(mode)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("channels", [1, 3])
def test_training_and_answering_read_alike(mode: str, channels: int, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    file = tmp_path / "a" / ("x.tiff" if mode in ("CMYK", "I;16") else "x.png")
    drawn(mode).save(file)
    columns, _ = read_pictures(tmp_path, ".", None, channels, None, None)
    spec = InputSpec("x", "uint8", ("N", str(channels), "8", "8"))
    answered, note = read_picture(file, spec)
    assert note is None
    np.testing.assert_array_equal(answered, columns["image"])


def test_sixteen_bits(tmp_path: Path) -> None:
    deep = np.random.default_rng(1).integers(0, 65536, (8, 8)).astype(np.uint16)
    deep[0], deep[-1], deep[:, 0], deep[:, -1] = 0, 255, 128, 129
    Image.fromarray(deep).save(tmp_path / "deep.png")
    found, _ = read_picture(tmp_path / "deep.png", InputSpec("x", "uint8", ("N", "8", "8")))
    np.testing.assert_array_equal(found[0], np.round(deep / 257).astype(np.uint8))
    colour, _ = read_picture(tmp_path / "deep.png", InputSpec("x", "uint8", ("N", "3", "8", "8")))
    np.testing.assert_array_equal(colour[0], np.repeat(found, 3, axis=0))


def test_pixels_that_are_floats_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.ones((8, 8), np.float32)).save(tmp_path / "f.tiff")
    with pytest.raises(DlspecError, match="nothing tells which are black and white"):
        read_picture(tmp_path / "f.tiff", InputSpec("x", "uint8", ("N", "8", "8")))
    (tmp_path / "a").mkdir()
    (tmp_path / "f.tiff").rename(tmp_path / "a" / "f.tiff")
    with pytest.raises(DlspecError, match="nothing tells which are black and white"):
        read_pictures(tmp_path, ".", None, 1, None, None)


def test_training_and_answering_scale_alike(tmp_path: Path) -> None:
    """From larger, smaller and oblong pictures."""
    rng = np.random.default_rng(3)
    (tmp_path / "a").mkdir()
    for height, width in ((100, 70), (5, 9), (9, 8), (40, 8)):
        noise = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
        Image.fromarray(noise).save(tmp_path / "a" / "x.png")
        columns, _ = read_pictures(tmp_path, ".", 8, 3, None, None)
        spec = InputSpec("x", "uint8", ("N", "3", "8", "8"))
        answered, note = read_picture(tmp_path / "a" / "x.png", spec)
        assert note == f"scaled from {width} x {height} to 8 x 8"
        np.testing.assert_array_equal(answered, columns["image"])


@pytest.mark.parametrize("paper", ["black", "white"])
@pytest.mark.parametrize("ground", ["black", "white", "own", None])
def test_a_picture_is_turned_to_the_ground_of_the_data(
    paper: Ground, ground: Ground | None, tmp_path: Path
) -> None:
    drawn = np.full((8, 8), {"black": 0, "white": 255}[paper], np.uint8)
    drawn[3, 3] = 140
    Image.fromarray(drawn).save(tmp_path / "l.png")
    spec = InputSpec("x", "float32", ("N", "8", "8"), ground=ground)
    found, note = read_picture(tmp_path / "l.png", spec)
    turned = ground not in (None, "own", paper)
    np.testing.assert_allclose(found[0] * 255, 255 - drawn if turned else drawn, atol=1e-4)
    if turned:
        assert note == f"inverted, since the model was trained on {ground} ground"
    else:
        untold = ground is None and paper == "white"
        assert note == ("taken as it is, on white ground" if untold else None)
    colour = InputSpec("x", "uint8", ("N", "3", "8", "8"), ground=ground)
    assert read_picture(tmp_path / "l.png", colour)[1] is None


def test_files_that_are_no_picture(tmp_path: Path) -> None:
    spec = InputSpec("x", "uint8", ("N", "8", "8"))
    (tmp_path / "text.png").write_text("no picture")
    noise = np.random.default_rng(0).integers(0, 256, (64, 64)).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / "whole.png")
    (tmp_path / "half.png").write_bytes((tmp_path / "whole.png").read_bytes()[:2000])
    for name, reason in (
        ("text.png", "cut short or damaged, or no picture that Pillow reads"),
        ("half.png", "cut short or damaged"),
        ("none.png", "no such file or directory"),
        (".", "is a directory"),
    ):
        with pytest.raises(DlspecError, match="DL437") as caught:
            read_picture(tmp_path / name, spec)
        assert reason in str(caught.value)


def test_pictures_of_a_folder_are_learnt_as_they_are() -> None:
    """What `read_pictures` does not invert, nobody may invert later."""
    grounds = {n: {c.name: c.ground for c in s.columns or ()} for n, s in SOURCES.items()}
    assert grounds["images"]["image"] == "own"
    assert grounds["mnist"]["image"] == grounds["fashion_mnist"]["image"] == "black"
