"""The cases of the `onnx` package: one ONNX model each, its inputs and the results expected of it.

The package has two kinds. *Node* cases are made by its modules `onnx.backend.test.case.node.*`
when they are imported; what their names are is read from their text, since some take seconds.
*Stored* cases were run by PyTorch, and lie in the package as files.
"""

from __future__ import annotations

import functools
import importlib
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.backend.test
import onnx.backend.test.case.node as node_cases
from numpy.typing import NDArray

Array = NDArray[Any]

NODE_FOLDER = Path(node_cases.__path__[0])
STORED_FOLDERS = tuple(
    Path(onnx.backend.test.__path__[0], "data", kind)
    for kind in ("pytorch-converted", "pytorch-operator", "simple")
)
SLOW = ("averagepool",)
"""Modules that take seconds, and name most of their cases as such."""
MISNAMED = {"rangeop": "range"}
"""Modules that are not called as their operator."""


@dataclass(frozen=True)
class Case:
    """A model with inputs and expected outputs (arrays; what is no tensor is left as it is)."""

    name: str
    model: onnx.ModelProto
    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]

    @property
    def opset(self) -> int:
        """The version of ONNX's standard operators."""
        return next(o.version for o in self.model.opset_import if o.domain in ("", "ai.onnx"))


# --- cases of nodes -------------------------------------------------------------------------------


@functools.cache
def _modules() -> dict[str, str]:
    """Operator, in small letters, to the module that has its cases."""
    names = [p.stem for p in NODE_FOLDER.glob("*.py") if not p.stem.startswith("_")]
    return {MISNAMED.get(n, n.replace("_", "")): n for n in names}


def names_of(operator: str) -> list[str]:
    """The names of an operator's node cases, without making them where the text tells them; those
    that the text of a slow module does not tell are `unnamed_of`."""
    module = _modules().get(operator.lower())
    if module is None:
        return []
    text = (NODE_FOLDER / f"{module}.py").read_text(encoding="utf-8")
    names = re.findall(r'\bname="(test_\w+)"\s*[,)]', text)
    if len(names) == len(re.findall(r"\bexpect\(", text)) or module in SLOW:
        return sorted(names)
    return sorted(_made(module))


def unnamed_of(operator: str) -> list[str]:
    """The names that the text of a slow module does not tell."""
    told = names_of(operator)
    return [name for name in sorted(_made(_modules()[operator.lower()])) if name not in told]


def node_case(operator: str, name: str) -> Case:
    """One node case."""
    return _made(_modules()[operator.lower()])[name]


@functools.cache
def _made(module: str) -> dict[str, Case]:
    """The cases that a module makes, by name; not those that write an operator out by others."""
    before = len(node_cases._NodeTestCases)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package divides by zero on purpose
        importlib.import_module(f"{node_cases.__name__}.{module}")
    made = node_cases._NodeTestCases[before:]
    return {
        c.name: Case(c.name, c.model, *(tuple(map(_array, part)) for part in c.data_sets[0]))
        for c in made
        if "_expanded" not in c.name
    }


def _array(value: Any) -> Any:
    if isinstance(value, onnx.TensorProto):
        return onnx.numpy_helper.to_array(value)
    return np.asarray(value) if isinstance(value, np.generic) else value


# --- stored cases ---------------------------------------------------------------------------------


@functools.cache
def stored() -> dict[str, tuple[Path, tuple[str, ...]]]:
    """The folder, and the operators in use, of each stored case."""
    found: dict[str, tuple[Path, tuple[str, ...]]] = {}
    for folder in (f for kind in STORED_FOLDERS for f in sorted(kind.glob("test_*"))):
        graph = onnx.load(folder / "model.onnx").graph
        found[folder.name] = folder, tuple(dict.fromkeys(n.op_type for n in graph.node))
    return found


@functools.cache
def stored_case(name: str) -> Case:
    """One stored case."""
    folder, _ = stored()[name]
    data = folder / "test_data_set_0"
    return Case(
        name,
        onnx.load(folder / "model.onnx"),
        tuple(_read(data / f"input_{i}.pb") for i in range(len(list(data.glob("input_*"))))),
        tuple(_read(data / f"output_{i}.pb") for i in range(len(list(data.glob("output_*"))))),
    )


def _read(file: Path) -> Array:
    return np.asarray(onnx.numpy_helper.to_array(onnx.load_tensor(file)))
