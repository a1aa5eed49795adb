"""Pictures sampled at places."""

from __future__ import annotations

import numpy as np

from dlspec.ir.graph import Value
from tests.external.importer import Node, limit, maps


@maps("GridSample")
def grid_sample(n: Node) -> Value:
    """`affine` with a map to one place shows there what the picture has at it: there is a copy of
    the picture, and such a map, for each place of the grid."""
    x, grid = n.array(0), n.array(1)
    rows, height, width, _ = grid.shape
    places = grid.reshape(-1, 2)
    theta = np.zeros((len(places), 2, 3), np.float32)
    theta[:, :, 2] = places
    copies = n.feed(np.repeat(x, height * width, axis=0))
    y = n.make("affine", copies, n.feed(theta))
    corner = n.make("slice", y, starts=(None, None, 0, 0), stops=(None, None, 1, 1))
    apart = n.rowed("reshape", corner, shape=(rows, height * width, x.shape[1]))
    return n.make("reshape", n.make("transpose", apart), shape=(x.shape[1], height, width))


limit("GridSample", "pictures have two axes", lambda n: len(n.shape(0)) != 4)
limit(
    "GridSample",
    "between elements it is linear",
    lambda n: n.attr("mode", "linear") not in ("linear", "bilinear"),
)
limit("GridSample", "outside it is 0", lambda n: n.attr("padding_mode", "zeros") != "zeros")
limit("GridSample", "-1 and 1 are the edges", lambda n: n.attr("align_corners", 0) == 1)
