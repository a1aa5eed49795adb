"""A graph as text that a person can read and a golden test can hold."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from dlspec.dims import Dim
from dlspec.ir.graph import Graph, Initializer, Input, Node, Value

_INDENT = "    "


Notes = Mapping[Node, Sequence[str]]


def graph_text(graph: Graph, notes: Notes | None = None) -> str:
    """All of a graph, one line a thing, sub-graphs indented; ``notes`` stand under their nodes.

    ::

        inference tiny
            input x: float32[N, 2]
            parameter y.dense.weight: float32[2, 2] = literal
            y.dense: float32[N, 2] = dense(units=2)(x, y.dense.weight, y.dense.bias)  # tiny.dl:3
            output y = y.dense
    """
    return "\n".join(_lines(graph, notes or {})) + "\n"


def _lines(graph: Graph, notes: Notes) -> Iterator[str]:
    yield f"{graph.kind} {graph.name}"
    for value in graph.inputs:
        yield f"{_INDENT}{_input(value)}"
    for parameter in graph.parameters:
        yield f"{_INDENT}parameter {parameter} = {_init(parameter.init)}"
    for buffer in graph.buffers:
        yield f"{_INDENT}buffer {buffer} = {_init(buffer.init)}"
    for constant in graph.constants:
        yield f"{_INDENT}constant {constant} = {_array(constant.value)}"
    for node in graph.nodes:
        for line in _node(node, notes):
            yield f"{_INDENT}{line}"
        for note in notes.get(node, ()):
            yield f"{_INDENT}^ {note}"
    for output in graph.outputs:
        classes = f" of {len(output.classes)} classes" if output.classes is not None else ""
        yield f"{_INDENT}output {output.name} = {output.value.name}{classes}"
    for buffer, value in graph.updates:
        yield f"{_INDENT}update {buffer.name} = {value.name}"


def _input(value: Input) -> str:
    word = "input" if value.origin == "data" else value.origin
    text = f"{word} {value}"
    if value.distribution is not None:
        arguments = ", ".join(f"{a:g}" for a in value.distribution.arguments)
        text += f" ~ {value.distribution.kind}({arguments})"
    if value.symbol is not None:
        text += f" of {value.symbol}"
    if value.classes is not None:
        text += f" of {len(value.classes)} classes"
    return text


def _init(init: Initializer) -> str:
    return f"literal {_array(init.literal)}" if init.literal is not None else str(init)


def _node(node: Node, notes: Notes) -> Iterator[str]:
    settings: list[str] = []
    bodies: list[tuple[str, Graph]] = []
    for described in dataclasses.fields(node.op):  # type: ignore[arg-type]
        value = getattr(node.op, described.name)
        if isinstance(value, Graph):
            bodies.append((described.name, value))
        elif value != described.default:
            settings.append(f"{described.name.rstrip('_')}={_setting(value)}")
    inputs = ", ".join("none" if v is None else v.name for v in node.inputs)
    outputs = ", ".join(str(v) for v in node.outputs)
    path = "" if len(node.outputs) == 1 and node.outputs[0].name == node.path else f" @{node.path}"
    place = f"  # {node.span.source.name}:{node.span.line}" if node.span is not None else ""
    yield f"{outputs} = {node.op.name}({', '.join(settings)})({inputs}){path}{place}"
    for name, body in bodies:
        for position, line in enumerate(_lines(body, notes)):
            yield f"{_INDENT}{f'{name}: ' if position == 0 else ''}{line}"


def _setting(value: Any) -> str:
    if isinstance(value, tuple):
        inner = ", ".join(_setting(v) for v in value)  # type: ignore[reportUnknownVariableType]
        return f"({inner})"
    if isinstance(value, Value):
        return value.name
    if isinstance(value, Dim):
        return str(value)
    return (
        "none" if value is None else repr(value).lower() if isinstance(value, bool) else repr(value)
    )


def _array(array: Any) -> str:
    value = np.asarray(array)
    if value.size > 8:
        return f"array of {value.size}"
    return str(value.tolist())
