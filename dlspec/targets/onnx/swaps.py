"""Which values of a graph are others with their first two axes swapped: a loop over time reads
[T, N, ...] in place, and copies [N, T, ...] into that order itself.

A swap that nobody reads is left out of the model. The node that makes what would be swapped says so
in its metadata (`dl.swapped`), for whoever wants to look at every value of the graph.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx

_KEY = "dl.swapped"


class Swaps:
    """The pairs that one graph (or sub-graph) has so far."""

    def __init__(self) -> None:
        self._partner: dict[str, str] = {}
        self._nodes: list[onnx.NodeProto] = []

    def of(self, name: str) -> str | None:
        """A value's partner."""
        return self._partner.get(name)

    def add(self, name: str, node: onnx.NodeProto) -> None:
        """Note that a `Transpose` makes the partner of a value."""
        (made,) = node.output
        self._partner.update({name: made, made: name})
        self._nodes.append(node)

    def rename(self, renamed: Mapping[str, str]) -> None:
        """Values have got other names."""
        self._partner = {renamed.get(a, a): renamed.get(b, b) for a, b in self._partner.items()}

    def drop_unread(self, proto: onnx.GraphProto) -> None:
        """Remove the swaps whose result nothing reads: their readers took the partner."""
        if not self._nodes:
            return
        read = {*_read(proto)}
        makers = {o: node for node in proto.node for o in node.output}
        for node in self._nodes:
            if node.output[0] in read:
                continue
            entry = makers[node.input[0]].metadata_props.add()
            entry.key, entry.value = _KEY, f"{len(node.attribute[0].ints)} {node.output[0]}"
            proto.node.remove(node)


def with_swaps(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with the swaps that were left out, each behind the node that it belongs to; the
    same where there are none."""
    import onnx

    nodes: list[onnx.NodeProto] = []
    for node in model.graph.node:
        nodes.append(node)
        for entry in node.metadata_props:
            if entry.key == _KEY:
                rank, _, name = entry.value.partition(" ")
                perm = [1, 0, *range(2, int(rank))]
                label = f"{node.name}.swapped"
                nodes.append(
                    onnx.helper.make_node("Transpose", node.output[:1], [name], label, perm=perm)
                )
    if len(nodes) == len(model.graph.node):
        return model
    found = onnx.ModelProto()
    found.CopyFrom(model)
    del found.graph.node[:]
    found.graph.node.extend(nodes)
    return found


def _read(proto: onnx.GraphProto) -> Iterator[str]:
    """All names that a graph's nodes, their bodies included, and its outputs read."""
    for output in proto.output:
        yield output.name
    for node in proto.node:
        yield from node.input
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _read(attribute.g)
