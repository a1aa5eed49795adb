"""TensorRT's own list of an engine's layers, read back: which nodes each holds, and in what types
it computes.

With detailed profiling the builder logs one message that begins `Layers:`; it is the only
description of an engine that can be had without a GPU. A layer's metadata names the ONNX nodes that
were fused into it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_LINE = re.compile(r"^Name: (?P<name>.*?), LayerType: (?P<kind>[^,]*),(?P<rest>.*)$")
_NODE = re.compile(r"\[ONNX Layer: ([^\]]*)\]")
_TYPE = re.compile(r"Datatype: ([A-Za-z0-9_]+)")

NUMPY_TYPES = {
    "Float": "float32",
    "Half": "float16",
    "BFloat16": "bfloat16",
    "BF16": "bfloat16",
    "Int32": "int32",
    "Int64": "int64",
    "Int8": "int8",
    "UInt8": "uint8",
    "Bool": "bool",
}
"""TensorRT's names of element types, and NumPy's."""


@dataclass(frozen=True)
class Layer:
    """A layer of a built engine: the ONNX nodes in it, and the element types of its tensors."""

    name: str
    kind: str
    nodes: tuple[str, ...]
    types: tuple[str, ...]


def parse_layers(message: str) -> list[Layer]:
    """The layers of the builder's `Layers:` message."""
    layers: list[Layer] = []
    for line in message.splitlines():
        if line.startswith("I/O Tensors"):
            break
        match = _LINE.match(line)
        if match:
            rest = match["rest"]
            found = [str(t) for t in _TYPE.findall(rest)]
            types = tuple(dict.fromkeys(NUMPY_TYPES.get(t, t.lower()) for t in found))
            layers.append(Layer(match["name"], match["kind"], tuple(_NODE.findall(rest)), types))
    return layers


def described(layers: Sequence[Layer], sources: Mapping[str, str]) -> list[dict[str, object]]:
    """Layers as plain data, each with the places in the spec that its nodes come from."""
    return [
        {
            "layer": layer.name,
            "type": layer.kind,
            "computes in": list(layer.types),
            "nodes": list(layer.nodes),
            "spec": list(dict.fromkeys(sources[n] for n in layer.nodes if sources.get(n))),
        }
        for layer in layers
    ]
