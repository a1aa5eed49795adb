"""What chosen nodes become: the ONNX nodes and the lines of PyTorch that are theirs."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from dlspec.ir.graph import Buffer, Constant, Graph, Node, Parameter, Value
from dlspec.source import Span
from dlspec.targets.torch_source import module_source
from dlspec.targets.torch_source.tree import layer_prefix

if TYPE_CHECKING:
    import onnx

OPSET = 21


def onnx_lines(nodes: Sequence[Node]) -> dict[Node, list[str]]:
    """Each node's ONNX nodes as `Relu(logits.conv) → logits.relu`; weights are not needed."""
    from onnx import GraphProto

    from dlspec.targets.onnx.builder import Builder, ModelState

    proto = GraphProto()
    state = ModelState(proto, "line", OPSET)
    builder = Builder(state, proto)
    found: dict[Node, list[str]] = {}
    made = {v for n in nodes for v in n.outputs}
    for value in dict.fromkeys(v for n in nodes for v in n.inputs if v is not None):
        if isinstance(value, Constant):
            state.names[value] = builder.constant(np.asarray(value.value))
        elif value not in made:
            state.bind(value)
    for node in nodes:
        first = len(proto.node)
        builder.add_node(node)
        found[node] = [_onnx_line(n, proto) for n in list(proto.node)[first:]]
    return found


def _onnx_line(node: onnx.NodeProto, proto: onnx.GraphProto) -> str:
    from onnx import helper, numpy_helper

    small = {
        i.name: str(numpy_helper.to_array(i).tolist())
        for i in proto.initializer
        if sum(i.dims) <= 6
    }
    reads = [small.get(name, name) or "–" for name in node.input]
    settings: list[str] = []
    for attribute in node.attribute:
        value = helper.get_attribute_value(attribute)
        if not isinstance(value, (bytes, int, float, list, tuple)):
            continue  # the body of a loop is explained by its own lines
        told = value.decode() if isinstance(value, bytes) else value
        settings.append(f"{attribute.name}={told:g}" if isinstance(told, float) else
                        f"{attribute.name}={told}")  # fmt: skip
    made = ", ".join(o for o in node.output if o)
    return f"{node.op_type}({', '.join([*reads, *settings])}) → {made}"


def torch_lines(
    graph: Graph, nodes: Collection[Node], places: Collection[Span], *, once: bool = False
) -> list[str]:
    """The lines of the emitted module that construct the nodes' layers, and those that are marked
    with one of the places; with ``once`` only the first that stand together, of a block that is
    applied many times."""
    text = module_source(graph.name, {"forward": graph})
    lines = text.splitlines()
    marks = {f"  {p.source.name.rpartition('/')[2]}:{p.line}" for p in places}
    wanted = {p for n in nodes if (p := layer_prefix(n)) is not None}
    found: list[str] = []
    begun = ended = False
    for statement in _statements(ast.parse(text)):
        first, last = statement.lineno - 1, (statement.end_lineno or statement.lineno) - 1
        code, _, comment = lines[last].partition("  #")
        layer = _layer(statement)
        marked = bool(comment) and any(comment.endswith(m) for m in marks)
        ended = ended or (once and begun and not marked)
        begun = begun or marked
        if layer in wanted or (marked and not ended):
            ending = code if layer in wanted else lines[last]
            indent = len(lines[first]) - len(lines[first].lstrip())
            found += [line[indent:] for line in (*lines[first:last], ending)]
    return found


def _statements(tree: ast.AST) -> Iterator[ast.stmt]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.Assign, ast.Return)):
            yield node


def _layer(statement: ast.stmt) -> str | None:
    """`logits.conv` of `self.logits.conv = nn.Conv2d(…)`."""
    if not isinstance(statement, ast.Assign):
        return None
    pieces: list[str] = []
    target: ast.expr = statement.targets[0]
    while True:
        if isinstance(target, ast.Attribute):
            if target.attr not in ("_modules", "_parameters", "_buffers"):
                pieces.append(target.attr)
            target = target.value
        elif isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
            pieces.append(str(target.slice.value))
            target = target.value
        else:
            break
    is_self = isinstance(target, ast.Name) and target.id == "self"
    return ".".join(reversed(pieces)) if is_self and pieces else None


def weights_of(node: Node) -> list[Value]:
    """The parameters and buffers that a node reads."""
    return [v for v in node.inputs if isinstance(v, (Parameter, Buffer))]
