"""Which values of a graph are others with their first two axes swapped: a loop over time reads
[T, N, ...] in place, and copies [N, T, ...] into that order itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx


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
        for node in self._nodes:
            if node.output[0] not in read:
                proto.node.remove(node)


def _read(proto: onnx.GraphProto) -> Iterator[str]:
    """All names that a graph's nodes, their bodies included, and its outputs read."""
    for output in proto.output:
        yield output.name
    for node in proto.node:
        yield from node.input
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _read(attribute.g)
