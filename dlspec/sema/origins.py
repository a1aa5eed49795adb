"""How a tensor got its shape: the ops on its way that changed it."""

from __future__ import annotations

from dlspec.ir.graph import Value

MOST = 4
"""Changes that are told, the last ones."""
FAR = 40
"""Ops that are walked back at most."""


def history(value: Value) -> str | None:
    """The last changes of a shape, one a line, oldest first: `[N, 6, 14, 14] by max_pool, line 6`.

    None where the shape is as it came in, or was changed once only, which the mark at the operand
    shows already.
    """
    steps: list[str] = []
    at: Value | None = value
    for _ in range(FAR):
        node = at.producer if at is not None else None
        if at is None or node is None:
            break
        before = node.inputs[0] if node.inputs else None
        if before is None or before.type.shape != at.type.shape:
            line = f", line {node.span.line}" if node.span is not None else ""
            steps.append(f"{_sizes(at)} by `{node.op.name}`{line}")
        at = before
    if len(steps) < 2:
        return None
    begin = [_sizes(at)] if at is not None and len(steps) <= MOST else ["…"]
    return "\n".join([*begin, *reversed(steps[:MOST])])


def _sizes(value: Value) -> str:
    text = str(value.type)
    return text[text.index("[") :] if "[" in text else text
