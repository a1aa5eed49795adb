"""A picture file as a network's input: size, channels, type, and what it lies on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dlspec.diagnostics.core import DlspecError
from dlspec.picture import Unreadable, ground_of, pixels_of, read_flat

if TYPE_CHECKING:
    from dlspec.bundle.manifest import InputSpec
    from dlspec.diagnostics import serve as faults
else:
    from dlspec.late import LateModule

    faults = LateModule("dlspec.diagnostics.serve")


def read_picture(path: str | os.PathLike[str], spec: InputSpec) -> tuple[NDArray[Any], str | None]:
    """The picture in the input's shape, with a batch of one, and what was done to it if that
    changes what the network sees.

    Grey inputs are (N, H, W) or (N, 1, H, W), colour ones (N, 3, H, W). uint8 is 0 to 255, floats 0
    to 1. The picture is scaled to cover H x W, and its middle kept, as in training. A grey one is
    inverted where its border is light and the model was trained on black ground, or the other way
    round; where the data did not tell its ground, a picture is taken as it is.

    Raises:
        DlspecError: DL436 without Pillow, DL437 where the file or the input is no picture.
    """
    path = Path(path)
    channels, height, width, dims = _layout(spec, path)
    try:
        picture = read_flat(path, channels)
    except ImportError as error:
        raise DlspecError(faults.ExtraMissing(None, "PIL", "reading a picture", "serve")) from error
    except Unreadable as error:
        fix = "give a PNG or JPEG, or a .npy array"
        raise DlspecError(faults.PredictFile(None, str(path), str(error), fix)) from error
    done: list[str] = []
    if picture.size != (width, height):
        done.append(f"scaled from {picture.width} x {picture.height} to {width} x {height}")
    pixels = pixels_of(picture, (height, width))
    if channels == 1 and spec.ground != "own":
        ground = ground_of(pixels)
        if spec.ground is not None and ground != spec.ground:
            pixels = 255 - pixels
            done.append(f"inverted, since the model was trained on {spec.ground} ground")
        elif spec.ground is None and ground == "white":
            done.append("taken as it is, on white ground")
    array = pixels.reshape([1 if d == 0 else d for d in dims])
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
        raise DlspecError(faults.PredictFile(None, str(path), reason, fix))
    return core[0], core[1], core[2], shape
