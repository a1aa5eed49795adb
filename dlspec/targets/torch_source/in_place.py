"""Buffers that PyTorch itself writes to: batch norm's running statistics while learning."""

from __future__ import annotations

from dlspec.ir.graph import Node, Value


def writes_in_place(node: Node | None) -> bool:
    """Whether PyTorch writes the node's buffers itself (batch norm while learning), so that only
    the first result is an expression."""
    return (
        node is not None and bool(node.op.buffers) and len(node.outputs) == 1 + len(node.op.buffers)
    )


def written_to(value: Value) -> Value:
    """The buffer that PyTorch has written a value to, where it does so itself, else the value.

    What it computes besides is called by a name of its own (`norm.y`) and so stays a statement: the
    calls that write one buffer happen in the order of their nodes.
    """
    node = value.producer
    while node is not None and writes_in_place(node) and value is not node.outputs[0]:
        slot = node.op.buffers[node.outputs.index(value) - 1]
        names = [s.name for s in (*node.op.rule.tensors, *node.op.rule.parameters)]
        before = node.inputs[names.index(slot)]
        assert before is not None
        value, node = before, before.producer
    return value
