"""Graph to ONNX, emitted directly and never traced."""

from dlspec.targets.onnx.emit import onnx_from_graph
from dlspec.targets.onnx.external import Location, externalize
from dlspec.targets.onnx.precision import Legalized, legalize

__all__ = ["Legalized", "Location", "externalize", "legalize", "onnx_from_graph"]
