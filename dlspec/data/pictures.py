"""Pictures in folders: each sub-folder is a class."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dlspec.data.columns import Columns
from dlspec.data.files import broken, inside, missing
from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.data import MissingPillow, PictureSizes
from dlspec.picture import Pixels, Unreadable, pixels_of, read_flat
from dlspec.source import Span

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")


def read_pictures(
    folder: Path,
    name: str,
    size: int | None,
    channels: int,
    classes: tuple[str, ...] | None,
    span: Span | None,
) -> tuple[Columns, tuple[str, ...]]:
    """Columns ``image`` uint8[N, channels, H, W] and ``label`` int64[N], and the class names.

    Classes are the sub-folders in the order of their names (or ``classes``, for a test set). With
    ``size`` a picture is scaled to cover the square and its middle is kept; without, all must have
    one size. The camera's orientation mark is obeyed.
    """
    root = inside(folder, name, span)
    files, found = _listing(folder, root, name, classes, span)
    first = _pixels(files[0][0], size, channels, span)
    images = np.empty((len(files), *first.shape), np.uint8)
    for i, (path, _) in enumerate(files):
        pixels = _pixels(path, size, channels, span)
        if pixels.shape != first.shape:
            a, b = (f"{p.shape[2]} x {p.shape[1]}" for p in (first, pixels))
            raise DlspecError(PictureSizes(span, _short(files[0][0]), a, _short(path), b))
        images[i] = pixels
    labels = np.array([label for _, label in files], np.int64)
    return {"image": images, "label": labels}, found


def _listing(
    folder: Path, root: Path, name: str, classes: tuple[str, ...] | None, span: Span | None
) -> tuple[list[tuple[Path, int]], tuple[str, ...]]:
    try:
        present = tuple(
            sorted(p.name for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
        )
        known = present if classes is None else classes
        strange = [c for c in present if c not in known]
        if strange:
            reason = f"`{strange[0]}` is not a class of the training set ({', '.join(known)})"
            raise broken(name, "a folder of classes", reason, span)
        files = [
            (inside(folder, str(path), span), label)
            for label, c in enumerate(known)
            if c in present
            for path in sorted((root / c).iterdir())
            if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
        ]
    except OSError as error:
        raise missing(name, error, span) from error
    if not files:
        reason = "it has no sub-folder" if not present else "its sub-folders hold no pictures"
        raise broken(name, "a folder of classes", reason, span)
    return files, known


def _pixels(path: Path, size: int | None, channels: int, span: Span | None) -> Pixels:
    """One picture as uint8[channels, H, W]."""
    try:
        picture = read_flat(path, channels)
    except ImportError as error:
        raise DlspecError(MissingPillow(span, "pip install pillow")) from error
    except Unreadable as error:
        raise broken(_short(path), "a picture", str(error), span) from error
    return pixels_of(picture, None if size is None else (size, size))


def _short(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"
