"""A picture file as a network's input: size, channels, type, and dark digits on light paper."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dlspec.diagnostics.core import DlspecError
from dlspec.diagnostics.serve import ExtraMissing, PredictFile

if TYPE_CHECKING:
    from dlspec.bundle.manifest import InputSpec

Array = NDArray[Any]


def read_picture(path: Path, spec: InputSpec) -> tuple[Array, str | None]:
    """The picture in the input's shape, with a batch of one, and what was done to it if that
    changes what the network sees.

    Grey inputs are (N, H, W) or (N, 1, H, W), colour ones (N, 3, H, W). uint8 is 0 to 255, floats 0
    to 1. The picture is scaled to cover H x W, and its middle kept. A grey picture whose border is
    light is inverted: digits are learned white on black.

    Raises:
        DlspecError: DL436 without Pillow, DL437 where the file or the input is no picture.
    """
    from dlspec.data.flat_picture import flat_picture

    try:
        from PIL import Image, ImageOps, UnidentifiedImageError
    except ImportError as error:
        raise DlspecError(ExtraMissing(None, "PIL", "reading a picture", "serve")) from error
    channels, height, width, batched = _layout(spec, path)
    try:
        with Image.open(path) as opened:
            picture = flat_picture(ImageOps.exif_transpose(opened), channels)
    except (
        UnidentifiedImageError,
        Image.DecompressionBombError,
        OSError,
        SyntaxError,
        ValueError,
    ) as error:
        reason = "it is damaged, or no picture that Pillow reads"
        if isinstance(error, ValueError):
            reason = str(error)
        raise DlspecError(
            PredictFile(None, str(path), reason, "give a PNG or JPEG, or a .npy array")
        ) from error
    done: list[str] = []
    if picture.size != (width, height):
        done.append(f"scaled from {picture.width} x {picture.height} to {width} x {height}")
        picture = ImageOps.fit(
            picture,
            (width, height),
            Image.Resampling.BOX
            if min(picture.size) > 2 * max(width, height)
            else Image.Resampling.BICUBIC,
        )
    pixels = np.asarray(picture, np.uint8)
    if channels == 1:
        edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
        if float(np.median(edge)) > 127:
            pixels = 255 - pixels
            done.append("inverted, since it is dark on light (a .npy array is taken as it is)")
    else:
        pixels = pixels.transpose(2, 0, 1)
    array = pixels.reshape([1 if d == 0 else d for d in batched])
    if spec.dtype != "uint8":
        array = (array / 255).astype(spec.dtype)
    return np.ascontiguousarray(array), ", ".join(done) or None


def _layout(spec: InputSpec, path: Path) -> tuple[int, int, int, list[int]]:
    """Channels, height, width, and the shape with 0 for the batch axis."""
    shape = [int(d) if d.isdigit() else 0 for d in spec.dims]
    core = shape[1:] if shape and shape[0] == 0 else shape
    if len(core) == 2:
        core = [1, *core]
    is_picture = len(core) == 3 and core[0] in (1, 3) and all(core)
    if not is_picture or spec.dtype not in ("uint8", "float32", "float64", "float16"):
        reason = f"`{spec.name}` is {spec.type}, which is no picture"
        fix = "give a .npy or .json file, or `name=value`"
        raise DlspecError(PredictFile(None, str(path), reason, fix))
    return core[0], core[1], core[2], shape
