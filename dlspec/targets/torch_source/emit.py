"""Graphs as the source of one `nn.Module`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from dlspec.ir.graph import Graph
from dlspec.ir.types import DType
from dlspec.targets.torch_source.context import Constants
from dlspec.targets.torch_source.method import Method
from dlspec.targets.torch_source.names import class_name
from dlspec.targets.torch_source.tree import Tree

_INDENT = "    "


def module_source(
    name: str, methods: Mapping[str, Graph], *, dtype: DType = DType.float32, header: str = ""
) -> str:
    """The text of a Python file with one module class, which imports only torch.

    Args:
        name: of the class, in any spelling: `my_net` becomes `MyNet`.
        methods: a graph a method; all share one set of parameters, whose `state_dict` keys are the
            names of the graphs' parameters and buffers. Inputs are arguments in order, noises
            keyword arguments (names by `argument_name`). A method returns its output, or a tuple
            of its outputs in order; buffer updates happen in place.
        dtype: float64 makes a module that computes in double precision throughout.
        header: comment lines at the top of the file, without `#`.
    """
    tree = Tree(methods.values(), methods)
    constants = Constants(dtype)
    written = [line for n, g in methods.items() for line in _method(n, g, tree, constants, dtype)]
    initial = [*tree.statements(), *constants.lines]
    if dtype is DType.float64:
        initial.append("self.double()")
    body = [
        *_docstring(name, methods),
        "",
        "def __init__(self) -> None:",
        f"{_INDENT}super().__init__()",
        *(_INDENT + line for line in initial),
        *written,
    ]
    code = [
        f"class {class_name(name)}(nn.Module):",
        *(_INDENT + line if line else "" for line in body),
    ]
    top = [f"# {line}".rstrip() for line in header.splitlines()]
    return (
        "\n".join([*top, *([""] if top else []), *_imports("\n".join(code)), "", "", *code]) + "\n"
    )


def _method(name: str, graph: Graph, tree: Tree, constants: Constants, dtype: DType) -> list[str]:
    method = Method(graph, tree, constants, dtype)
    given = method.arguments()
    plain = [f"{a}: Tensor" for v, a in given if v.origin != "noise"]
    noise = [f"{a}: Tensor" for v, a in given if v.origin == "noise"]
    arguments = ", ".join(["self", *plain, *(["*", *noise] if noise else [])])
    result = (
        "Tensor"
        if len(graph.outputs) == 1
        else f"tuple[{', '.join(['Tensor'] * len(graph.outputs))}]"
    )
    lines = [f"def {name}({arguments}) -> {result}:"]
    if len(_INDENT + lines[0]) > 100:
        lines = [f"def {name}(", _INDENT + arguments, f") -> {result}:"]
    return ["", *lines, *(_INDENT + line for line in method.lines())]


def _docstring(name: str, methods: Mapping[str, Graph]) -> list[str]:
    lines = [f'"""`{name}`, as its spec says.']
    for method, graph in methods.items():
        label = "" if method == "forward" else f" of {method}"
        lines += ["", f"Inputs{label}:"]
        lines += [f"    {v.name}: {v.type}" for v in graph.inputs] or ["    none"]
        lines += ["", f"Outputs{label}:", *(f"    {o.name}: {o.value.type}" for o in graph.outputs)]
    return [*lines, '"""']


def _imports(code: str) -> list[str]:
    lines: list[str] = []
    if re.search(r"\btorch\.", code):
        lines.append("import torch")
    if re.search(r"\bF\.", code):
        lines.append("import torch.nn.functional as F")
    return [*lines, "from torch import Tensor, nn"]
