"""Where a function jumps: rounding may decide otherwise, and then everything behind changes.

A bound is proportional to the perturbation only where functions are smooth. An engine may err by
eight times what a probe perturbs; so that a probe sees every decision that such an engine may take
differently, ops that jump (comparisons, rounding to whole numbers, argmax, …) decide on operands
whose change is sixteen times that of the probe.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlspec.ir.graph import Graph, Node, Value

Array = NDArray[Any]

MARGIN = 16.0
"""A choice is decided where it stays the same under this many times a probe's change."""

_EQUALITY = frozenset({"equal", "not_equal"})
_REMAINDER = frozenset({"mod", "floor_div"})
_JUMPING = (
    _EQUALITY
    | _REMAINDER
    | frozenset({"less", "less_equal", "greater", "greater_equal", "argmax", "argmin", "argsort"})
    | frozenset({"top_k", "floor", "ceil", "round", "trunc", "sign", "cast", "threshold"})
    | frozenset({"ctc_decode"})
)


def jumping(graph: Graph) -> list[Node]:
    """The nodes that jump and are read by others, or are outputs that no score decides."""
    read = {v for node in graph.nodes for v in node.inputs if v is not None}
    shown = {o.value for o in graph.outputs}
    found: list[Node] = []
    for node in graph.nodes:
        if node.op.name not in _JUMPING or not any(_is_float(v) for v in node.inputs):
            continue
        if node.op.name == "cast" and node.outputs[0].type.dtype.is_float:
            continue
        later = read.intersection(node.outputs)
        if later or (node.op.name not in ("argmax", "argmin") and shown.intersection(node.outputs)):
            found.append(node)
    return found


def operands(nodes: list[Node]) -> list[str]:
    """Names of the values that these nodes decide on."""
    return sorted({v.name for node in nodes for v in node.inputs if v is not None})


def _is_float(value: Value | None) -> bool:
    return value is not None and value.type.dtype.is_float


class Watch:
    """Watches one probe: remembers what jumping nodes read, and decides for them.

    Args:
        nodes: that jump.
        exact: their operands without perturbation, by name.
        floor: what may be flushed to zero, so that its sign is lost.
    """

    def __init__(self, nodes: list[Node], exact: Mapping[str, Array], floor: float = 0.0) -> None:
        self._nodes = set(nodes)
        self._exact = exact
        self._floor = MARGIN * floor
        self._seen: dict[str, Array] = {}

    def __call__(self, value: Value, changed: Array) -> Array:
        """What a value is in the probe, given what it would be without jumps."""
        node = value.producer
        if node in self._nodes:
            changed = self._decided(node, value, changed)
        if value.name in self._exact:
            self._seen[value.name] = changed
        return changed

    def _decided(self, node: Node, value: Value, changed: Array) -> Array:
        if value.type.dtype.is_float and node.op.name == "top_k":
            return changed  # the values themselves do not jump
        far: list[Any] = [None if v is None else self._far(v) for v in node.inputs]
        with np.errstate(all="ignore"):
            made: Any = node.op.reference(*far)
            at = node.outputs.index(value)
            result = np.asarray(made[at] if isinstance(made, tuple) else made)
            if node.op.name in _EQUALITY:
                return self._near(node, changed)
            if node.op.name in _REMAINDER:
                exact = [self._exact[v.name] for v in node.inputs if v is not None]
                over = np.floor(exact[0] / exact[1]) != np.floor(far[0] / far[1])
                return np.where(over, result, changed)
        return result.astype(changed.dtype, copy=False)

    def _far(self, value: Value) -> Array:
        """An operand with its change enlarged."""
        exact = self._exact[value.name]
        seen = self._seen.get(value.name, exact)
        if not value.type.dtype.is_float:
            return seen
        with np.errstate(all="ignore"):
            far = exact + MARGIN * (seen - exact)
            lost = np.abs(exact) < self._floor
        return np.where(lost, -exact, np.where(np.isfinite(far), far, seen))

    def _near(self, node: Node, changed: Array) -> Array:
        """Whether two are equal; where the change is as large as what lies between them, the
        opposite of the exact answer."""
        a, b = node.inputs
        assert a is not None and b is not None
        between = self._exact[a.name] - self._exact[b.name]
        shift = self._far(a) - self._far(b) - between
        exact = np.asarray(node.op.reference(self._exact[a.name], self._exact[b.name]))
        return np.where((shift != 0) & (np.abs(between) <= np.abs(shift)), ~exact, exact)
