"""Pictures at another size."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlspec.ir.graph import Value
from tests.external.importer import Node, limit, maps


@maps("Resize", "Upsample")
def resize(n: Node) -> Value:
    scales, sizes = (2, 3) if n.kind == "Resize" else (1, 9)
    given = sizes if n.has(sizes) else scales
    axes = n.attr("axes", list(range(len(n.shape(0)))))
    each = dict(zip(axes, n.array(given), strict=True))
    spatial = range(2, len(n.shape(0)))
    settings: dict[str, Any] = {"mode": n.attr("mode", "nearest")}
    if n.has(sizes):
        settings["size"] = tuple(int(each[a]) for a in spatial)
    else:  # as they were written: 0.6, not the float32 next to it
        settings["scale"] = tuple(float(str(each[a])) for a in spatial)
    if n.attr("coordinate_transformation_mode") == "align_corners":
        settings["align_corners"] = True
    return n.make("resize", n.tensor(0), **settings)


def _ratios(n: Node) -> np.ndarray:
    """How many times as large each axis becomes."""
    if n.kind == "Upsample":
        return n.array(1)
    if n.has(2):
        return n.array(2)
    axes = n.attr("axes", list(range(len(n.shape(0)))))
    return n.array(3) / np.array([n.shape(0)[a] for a in axes])


def _other_coordinates(n: Node) -> bool:
    mode = n.attr("coordinate_transformation_mode", "half_pixel")
    return mode not in ("half_pixel", "align_corners", "asymmetric")


def _other_elements(n: Node) -> bool:
    """Whether ONNX chooses others than ``floor(i in / out)``."""
    words = n.attr("coordinate_transformation_mode", "half_pixel"), n.attr("nearest_mode")
    if n.attr("mode", "nearest") != "nearest" or words == ("asymmetric", "floor"):
        return False
    return words != ("half_pixel", None) or bool((_ratios(n) % 1).any())


limit("Resize", "there is no cubic interpolation", lambda n: n.attr("mode") == "cubic")
limit("Resize", "nothing is smoothed before", lambda n: n.attr("antialias", 0) == 1)
limit(
    "Resize",
    "a size is given, not worked out from a shape",
    lambda n: n.attr("keep_aspect_ratio_policy", "stretch") != "stretch",
)
limit("Resize", "coordinates are PyTorch's", _other_coordinates)
limit("Resize", "the nearest element is PyTorch's, floor(i in / out)", _other_elements)
limit(
    "Resize",
    "steps and corners are those of the size that comes out; ONNX's are those of the size before "
    "it is rounded",
    lambda n: n.attr("mode") == "linear" and bool((_ratios(n) * n.shape(0) % 1).any()),
)
