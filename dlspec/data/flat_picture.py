"""Pictures of any mode as grey or coloured ones of 8 bits, alike for training and for answering."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL import Image


def flat_picture(picture: Image.Image, channels: int) -> Image.Image:
    """The picture as it is looked at: mode L for one channel, RGB for three.

    What is transparent shows white paper; of 16 bits the upper 8 are kept, rounded.

    Raises:
        ValueError: for pictures of floats, whose black and white nothing tells.
    """
    from PIL import Image

    if picture.mode == "F":
        raise ValueError("its pixels are floats, and nothing tells which are black and white")
    if picture.mode.startswith("I"):  # 16 bits, whatever is between its bytes and Pillow
        deep = np.asarray(picture).astype(np.int64).clip(0, 65535)
        picture = Image.fromarray(((deep + 128) // 257).astype(np.uint8))
    elif picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        coloured = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", coloured.size, "white"), coloured)
    return picture.convert("L" if channels == 1 else "RGB")
