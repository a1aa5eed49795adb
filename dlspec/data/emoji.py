"""Emoji as colour pictures: drawings of four vendors, rendered once and kept beside their package.

The packages hold SVG drawings and the categories of Unicode. Skin tones are left out (the same
drawing five times over), and so are the extras that one vendor has. It is clip art: of CIFAR's
shape, not of its difficulty.
"""

from __future__ import annotations

import html
import io
import json
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlspec.data.cache import locked, writing
from dlspec.data.columns import Columns
from dlspec.data.fetch import package_named, ready
from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.data import CacheCorrupt, MissingPillow, MissingRenderer
from dlspec.ir.data_plan import EMOJI_KINDS, EMOJI_STYLES
from dlspec.source import Span

TONES = re.compile(r"-(medium-)?(light|dark)$|-medium$")
"""How one vendor marks a skin tone; the others say so."""
COLUMNS = ("image", "label", "style", "name")
RENDERER = "pip install 'dlspec[pictures]'"

Pixels = NDArray[np.uint8]


def read_emoji(size: int, span: Span | None = None) -> Columns:
    """Every emoji on white, in the order of styles and names.

    ``image`` uint8[N, 3, size, size]; ``label`` int64[N], the kind; ``style`` int64[N], the vendor;
    ``name`` int64[N], the same for all drawings of one emoji (its place among all names sorted).

    Raises:
        DlspecError: DL615 to DL618 where the packages cannot be had, DL625 without a renderer.
    """
    folder = ready(package_named("emoji"))
    rendered = folder / f"rendered-{size}"
    if not rendered.is_dir():
        with writing(folder), locked(folder / ".rendered.lock"):
            if not rendered.is_dir():
                _render_all(folder, rendered, size, span)
    try:
        return {c: np.load(rendered / f"{c}.npy", mmap_mode="r") for c in COLUMNS}
    except (OSError, ValueError, EOFError) as error:
        raise DlspecError(CacheCorrupt(None, "emoji", str(rendered), f"({error})")) from error


def emoji_names() -> list[str]:
    """What the vendors call each emoji, at the places that the column ``name`` counts:
    "cat-with-tears-of-joy".

    Raises:
        DlspecError: DL615 to DL618 where the packages cannot be had.
    """
    folder = ready(package_named("emoji"))
    return sorted({name for style in EMOJI_STYLES for name, *_ in _drawings(folder, style)})


def _render_all(folder: Path, target: Path, size: int, span: Span | None) -> None:
    """Renders every drawing into a folder that appears when it is whole."""
    drawings = [d for style in EMOJI_STYLES for d in _drawings(folder, style)]
    names = sorted({name for name, _, _, _ in drawings})
    place = {name: i for i, name in enumerate(names)}
    images = np.empty((len(drawings), 3, size, size), np.uint8)
    told = f"rendering {len(drawings):,} emoji of {size} x {size} pixels into the cache, once"
    print(told, file=sys.stderr, flush=True)
    for i, (_, _, _, svg) in enumerate(drawings):
        images[i] = _pixels(svg, size, span)
    part = Path(tempfile.mkdtemp(prefix=f".{target.name}.part-", dir=folder))
    try:
        columns = {
            "image": images,
            "label": np.array([EMOJI_KINDS.index(kind) for _, kind, _, _ in drawings], np.int64),
            "style": np.array([EMOJI_STYLES.index(style) for _, _, style, _ in drawings], np.int64),
            "name": np.array([place[name] for name, _, _, _ in drawings], np.int64),
        }
        for name, column in columns.items():
            with (part / f"{name}.npy").open("wb") as file:
                np.save(file, column)
                file.flush()
                os.fsync(file.fileno())
        os.replace(part, target)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _drawings(folder: Path, style: str) -> list[tuple[str, str, str, str]]:
    """Name, kind, style and SVG text of a vendor's emoji, in the order of names."""
    icons: dict[str, Any] = json.loads((folder / f"{style}-icons.json").read_bytes())
    categories: dict[str, list[str]] = json.loads(
        (folder / f"{style}-categories.json").read_bytes()
    )["categories"]
    kinds = {kind.replace(" & ", " "): kind for kind in EMOJI_KINDS}
    found: list[tuple[str, str, str, str]] = []
    for category, names in categories.items():
        kind = kinds.get(category.replace(" & ", " "))
        if kind is None:
            continue
        for name in names:
            icon = icons["icons"].get(name)
            toned = "skin-tone" in name or (style == "fluent" and TONES.search(name))
            if icon is not None and not toned:
                found.append((name, kind, style, _svg(icon, icons)))
    return sorted(found)


def _svg(icon: dict[str, Any], pack: dict[str, Any]) -> str:
    """A whole SVG text: the drawing's own frame where it has one, else its pack's."""
    left, top, width, height = (
        icon.get(key, pack.get(key, default))
        for key, default in (("left", 0), ("top", 0), ("width", 16), ("height", 16))
    )
    frame = html.escape(f"{left} {top} {width} {height}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="{frame}" width="{width}" height="{height}">{icon["body"]}</svg>'
    )


def _pixels(svg: str, size: int, span: Span | None) -> Pixels:
    """One drawing on white as uint8[3, size, size]."""
    try:
        import resvg_py
    except ImportError as error:
        raise DlspecError(MissingRenderer(span, RENDERER)) from error
    try:
        from PIL import Image
    except ImportError as error:
        raise DlspecError(MissingPillow(span, RENDERER)) from error
    png = resvg_py.svg_to_bytes(
        svg_string=svg, width=size, height=size, background="#ffffff", skip_system_fonts=True
    )
    with Image.open(io.BytesIO(png)) as opened:
        picture = opened.convert("RGB")
    if picture.size != (size, size):  # a drawing that is not quite square keeps its proportions
        square = Image.new("RGB", (size, size), "white")
        square.paste(picture, ((size - picture.width) // 2, (size - picture.height) // 2))
        picture = square
    return np.asarray(picture, np.uint8).transpose(2, 0, 1)
