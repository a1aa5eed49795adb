"""Pictures of every mode are read alike for training and for answering."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dlspec.bundle.manifest import InputSpec
from dlspec.cli.predict_picture import read_picture
from dlspec.data.pictures import read_pictures
from dlspec.diagnostics import DlspecError

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
