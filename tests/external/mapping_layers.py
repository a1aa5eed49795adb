"""Stored cases that are one layer of PyTorch's: the layer is an op of ours, whatever operators
PyTorch wrote it as."""

from __future__ import annotations

from typing import Any

from dlspec.ops import REGISTRY
from tests.external.cases import Case
from tests.external.importer import Imported, Importer

LAYERS: dict[str, tuple[str, dict[str, Any]]] = {
    "test_GLU": ("glu", {}),
    "test_GLU_dim": ("glu", {"axis": 1}),
    "test_PixelShuffle": ("depth_to_space", {"block": 3}),
    "test_Softmin": ("softmin", {}),
}
"""The op and its settings, by the name of the case; it works on the only input."""


def layer(case: Case) -> Imported:
    """A case as a graph of one op."""
    name, settings = LAYERS[case.name]
    importer = Importer(case)
    x = importer.input(case.inputs[0])
    importer.builder.output("y0", importer.builder.one(REGISTRY[name](**settings), x))
    return Imported(importer.builder.graph, importer.feeds, importer.weights)
