"""Loops."""

from __future__ import annotations

from dlspec.ir.builder import free_values
from dlspec.ir.graph import Value
from dlspec.ops.control import Scan
from tests.external.importer import Node, maps


@maps("Scan")
def scan(n: Node) -> tuple[Value, ...]:
    """Ours has rows first and time second, as ONNX's had up to opset 8; since then it has no rows,
    and one row is made for it. Ours lists what is stepped before the states."""
    importer, body, stepped = n.importer, n.attr("body"), n.attr("num_scan_inputs")
    given = [n.tensor(i) for i in range(n.count) if n.has(i)]
    if n.opset > 8:
        given = [n.make("unsqueeze", value, axis=0) for value in given]
    states, sequences = given[:-stepped], given[-stepped:]
    kinds = [(s.type, s.type.shape) for s in states]
    kinds += [(s.type, (s.type.shape[0], *s.type.shape[2:])) for s in sequences]
    inner = importer.builder.body("step")
    formal = {}
    for i in (*range(len(states), len(given)), *range(len(states))):
        kind, shape = kinds[i]
        origin = "state" if i < len(states) else "step"
        formal[body.input[i].name] = inner.input(f"in{i}", kind.dtype, *shape, origin=origin)
    for i, value in enumerate(importer.body(inner, body, formal)):
        inner.output(f"out{i}", value)
    op = Scan(inner.graph, stepped, len(states), captures=free_values(inner.graph))
    results = importer.builder.apply(op, *sequences, *states)
    outputs = len(results) - len(states)
    results = (*results[outputs:], *results[:outputs])
    return results if n.opset <= 8 else tuple(n.make("squeeze", r, axis=0) for r in results)
