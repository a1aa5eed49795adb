"""What becomes of a picture before a network sees it, alike for training and for answering."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL import Image

Pixels = NDArray[np.uint8]

Ground = Literal["black", "white", "own"]
"""What grey pictures lie on: MNIST's digits on black, writing on paper on white; pictures that are
learnt as their files show them each on its own."""


class Unreadable(ValueError):
    """A file is no picture that can be used; the text says why."""


def read_flat(path: Path, channels: int) -> Image.Image:
    """A file's picture as it is looked at: upright, mode L for one channel, RGB for three.

    What is transparent shows white paper; of 16 bits the upper 8 are kept, rounded.

    Raises:
        ImportError: without Pillow.
        Unreadable: for what is damaged, no picture, of a size that only an attack would have, or
            of floats, whose black and white nothing tells.
    """
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings():
            # A few bytes that unpack to a huge picture: an error here, not a warning.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as opened:
                return _flat(ImageOps.exif_transpose(opened), channels)
    except Unreadable:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Unreadable(f"it is too large ({error})") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:  # what Pillow's readers raise
        if isinstance(error, OSError) and error.strerror:
            raise Unreadable(error.strerror.lower()) from error
        raise Unreadable("it is cut short or damaged, or no picture that Pillow reads") from error


def pixels_of(picture: Image.Image, size: tuple[int, int] | None = None) -> Pixels:
    """uint8[channels, H, W] of a flat picture; with ``size`` (H, W) it is scaled to cover that, and
    its middle kept."""
    from PIL import Image, ImageOps

    if size is not None and picture.size != (size[1], size[0]):
        picture = ImageOps.fit(picture, (size[1], size[0]), Image.Resampling.BILINEAR)
    pixels = np.asarray(picture, np.uint8)
    return pixels[None] if pixels.ndim == 2 else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def ground_of(pixels: Pixels) -> Literal["black", "white"]:
    """What uint8[1, H, W] lies on: the half of brightness that most of its border is in."""
    page = pixels[0]
    border = np.concatenate([page[0], page[-1], page[1:-1, 0], page[1:-1, -1]])
    return "white" if float(np.median(border)) > 127 else "black"


def _flat(picture: Image.Image, channels: int) -> Image.Image:
    from PIL import Image

    if picture.mode == "F":
        raise Unreadable("its pixels are floats, and nothing tells which are black and white")
    if picture.mode.startswith("I"):  # 16 bits, whatever is between its bytes and Pillow
        deep = np.asarray(picture).astype(np.int64).clip(0, 65535)
        picture = Image.fromarray(((deep + 128) // 257).astype(np.uint8))
    elif picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        coloured = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", coloured.size, "white"), coloured)
    return picture.convert("L" if channels == 1 else "RGB")
