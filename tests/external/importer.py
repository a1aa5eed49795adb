"""Reads an ONNX model as a graph of dlspec, for tests: each operator becomes the op that means the
same.

What a family of operators means is said in `mapping_<family>.py`, by functions marked with `maps`;
what the language does not have is told there too, by `limit`, with the reason. To teach a new
operator, add a function to one of these files (or import a new one in `mappings.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from dlspec.ir.builder import GraphBuilder
from dlspec.ir.graph import Graph, Initializer, Value
from dlspec.ir.types import DType
from dlspec.ops import REGISTRY, literal
from tests.external.cases import Case

Array = NDArray[Any]
Weights = dict[str, Array | None]
Made = Value | tuple[Value, ...]
Mapping = Callable[["Node"], Made]

MAPPED: dict[str, Mapping] = {}
"""What makes the ops of each ONNX operator."""

OWN = {str(d) for d in DType}
"""Element types that a tensor of the language has; other floats are read as float32."""


@dataclass(frozen=True)
class Limit:
    """Cases of operators that the language cannot express, and why."""

    operators: tuple[str, ...]
    reason: str
    applies: Callable[[Node], bool]


LIMITS: list[Limit] = []


def maps(*operators: str) -> Callable[[Mapping], Mapping]:
    """Say what these ONNX operators mean."""

    def register(mapping: Mapping) -> Mapping:
        for operator in operators:
            assert operator not in MAPPED, f"{operator} is mapped twice"
            MAPPED[operator] = mapping
        return mapping

    return register


def limit(operators: str, reason: str, applies: Callable[[Node], bool]) -> None:
    """Say which cases of operators (names with spaces between) have nothing to compare with."""
    LIMITS.append(Limit(tuple(operators.split()), reason, applies))


@dataclass
class Imported:
    """A case as a graph, with what to run it on."""

    graph: Graph
    feeds: dict[str, Array]
    weights: dict[str, Array]


@dataclass(frozen=True)
class Refused:
    """Why there is nothing to compare a case with; the limit that says so, where one does."""

    reason: str
    limit: Limit | None = None


@dataclass
class Importer:
    """Builds the graph of one case, node by node."""

    case: Case
    known: dict[str, Array] = field(default_factory=dict[str, Array])
    values: dict[str, Value] = field(default_factory=dict[str, Value])
    feeds: dict[str, Array] = field(default_factory=dict[str, Array])
    weights: dict[str, Array] = field(default_factory=dict[str, Array])
    builder: GraphBuilder = field(default_factory=lambda: GraphBuilder("case"))
    shared: bool = False
    """Whether parameters are made beside the ops, as those that several ops share."""

    def __post_init__(self) -> None:
        if self.known:
            return
        graph = self.case.model.graph
        for tensor in graph.initializer:
            self.known[tensor.name] = onnx.numpy_helper.to_array(tensor)
        given = [i.name for i in graph.input if i.name not in self.known]
        self.known.update(zip(given, self.case.inputs, strict=True))

    def run(self) -> Imported | Refused:
        """The whole graph, its outputs called y0, y1 …; or why the language cannot express it."""
        for array in (*self.case.inputs, *self.case.outputs):
            if not isinstance(array, np.ndarray):
                return Refused("sequences and optional tensors are not in the language")
            if not is_float(array) and array.dtype.name not in OWN:
                return Refused(f"tensors of {array.dtype.name} are not in the language")
            if is_float(array) and _beyond_float32(array):
                return Refused("its numbers are no float32")
        refused = self.add(self.case.model.graph.node)
        if refused is not None:
            return refused
        for i, output in enumerate(self.case.model.graph.output):
            self.builder.output(f"y{i}", self.values[output.name])
        return Imported(self.builder.graph, self.feeds, self.weights)

    def add(self, nodes: Iterable[onnx.NodeProto]) -> Refused | None:
        """Make the ops of nodes, in order."""
        for proto in nodes:
            node = Node(self, proto)
            for rule in LIMITS:
                if node.kind in rule.operators and rule.applies(node):
                    return Refused(f"{node.kind}: {rule.reason}", rule)
            made = MAPPED[node.kind](node)
            results = made if isinstance(made, tuple) else (made,)
            assert len(results) >= len(proto.output), f"{node.kind} has more outputs"
            given = zip(proto.output, results, strict=False)
            self.values.update((name, value) for name, value in given if name)
        return None

    def body(
        self, builder: GraphBuilder, proto: onnx.GraphProto, formal: dict[str, Value]
    ) -> list[Value]:
        """The outputs of a sub-graph, made in a builder of its own."""
        inner = replace(self, builder=builder, values={**self.values, **formal})
        refused = inner.add(proto.node)
        assert refused is None, refused
        return [inner.values[o.name] for o in proto.output]

    def tensor(self, name: str) -> Value:
        """A value as an input of the graph, or as what a node has made."""
        if name not in self.values:
            self.values[name] = self.input(self.known[name])
        return self.values[name]

    def input(self, array: Array) -> Value:
        """A new input of the graph that is fed with an array."""
        value = self.builder.input(f"x{len(self.feeds)}", _own_type(array), *array.shape)
        exact = array.dtype == np.float64
        self.feeds[value.name] = array if exact else array.astype(value.type.dtype.value)
        return value

    def is_weight(self, name: str) -> bool:
        """Whether the model holds the numbers itself."""
        return any(t.name == name for t in self.case.model.graph.initializer)


def is_float(array: Array) -> bool:
    """Whether its numbers have fractions."""
    return array.dtype.name in ("float64", "float32", "float16", "bfloat16")


def _own_type(array: Array) -> str:
    return "float32" if is_float(array) else array.dtype.name


def _beyond_float32(array: Array) -> bool:
    """Whether there are numbers that float32 holds as 0 or as an infinity."""
    sizes = np.abs(array[np.isfinite(array) & (array != 0)].astype(np.float64))
    return bool(((sizes > np.finfo(np.float32).max) | (sizes < np.finfo(np.float32).tiny)).any())


@dataclass(frozen=True)
class Node:
    """One ONNX node, as a mapping sees it."""

    importer: Importer
    proto: onnx.NodeProto

    @property
    def kind(self) -> str:
        """The operator."""
        return self.proto.op_type

    @property
    def opset(self) -> int:
        """The version of the standard operators."""
        return self.importer.case.opset

    # --- what it is given -------------------------------------------------------------------------

    def attr(self, name: str, default: Any = None) -> Any:
        """An attribute's value; text as str, lists as lists."""
        for attribute in self.proto.attribute:
            if attribute.name == name:
                value = onnx.helper.get_attribute_value(attribute)
                if isinstance(value, bytes):
                    return value.decode()
                return list(value) if attribute.type in _LISTS else value
        return default

    def has(self, i: int) -> bool:
        """Whether input i is given."""
        return i < len(self.proto.input) and self.proto.input[i] != ""

    @property
    def count(self) -> int:
        """How many inputs there are."""
        return len(self.proto.input)

    def array(self, i: int) -> Array:
        """The numbers of input i, which become settings or weights; they are known beforehand."""
        return self.importer.known[self.proto.input[i]]

    def knows(self, i: int) -> bool:
        """Whether `array` has input i."""
        return self.has(i) and self.proto.input[i] in self.importer.known

    def ints(self, i: int, attribute: str | None = None) -> list[int] | None:
        """Whole numbers of input i, or of the attribute that it was in older opsets."""
        if attribute is not None and self.attr(attribute) is not None:
            return [int(n) for n in np.atleast_1d(self.attr(attribute))]
        return [int(n) for n in self.array(i).reshape(-1)] if self.has(i) else None

    def tensor(self, i: int) -> Value:
        """Input i as data."""
        return self.importer.tensor(self.proto.input[i])

    @property
    def tensors(self) -> list[Value]:
        """All inputs as data."""
        return [self.tensor(i) for i in range(self.count)]

    def weight(self, i: int) -> Array | None:
        """The numbers of input i as a parameter's, None where it is absent."""
        return self.array(i) if self.has(i) else None

    def shape(self, i: int) -> tuple[int, ...]:
        """The sizes of input i."""
        name = self.proto.input[i]
        if name in self.importer.values:
            return tuple(d.evaluate({}) for d in self.importer.values[name].type.shape)
        return self.importer.known[name].shape

    def dtype(self, i: int) -> np.dtype[Any]:
        """The element type of input i."""
        name = self.proto.input[i]
        known = self.importer.known.get(name)
        if known is None:
            return np.dtype(self.importer.values[name].type.dtype.value)
        return known.dtype

    # --- what it becomes --------------------------------------------------------------------------

    def make(
        self, name: str, *tensors: Value | None, weights: Weights | None = None, **settings: Any
    ) -> Value:
        """The result of an op of the language (the first, where it has several)."""
        return self.all(name, *tensors, weights=weights, **settings)[0]

    def all(
        self, name: str, *tensors: Value | None, weights: Weights | None = None, **settings: Any
    ) -> tuple[Value, ...]:
        """All results of an op of the language, whose parameters have these numbers; one of None is
        absent."""
        importer = self.importer
        path = f"{name}{len(importer.weights)}"
        starts: dict[str, Value | Initializer | None] = {}
        for slot, array in (weights or {}).items():
            starts[slot] = None
            if array is not None:
                key = f"shared.{path}.{slot}" if importer.shared else f"{path}.{slot}"
                importer.weights[key] = np.asarray(array, np.float32)
                starts[slot] = literal(array)
                if importer.shared:
                    starts[slot] = importer.builder.parameter(key, "float", *array.shape)
        op = REGISTRY[name](**settings)
        return importer.builder.apply(op, *tensors, path=path, parameters=starts)

    def rowed(self, name: str, value: Value, **settings: Any) -> Value:
        """The result of an op that leaves the first axis alone, on all axes of a value: it is given
        a row of its own."""
        made = self.make(name, self.make("unsqueeze", value, axis=0), **settings)
        return self.make("squeeze", made, axis=0)

    def feed(self, array: Array) -> Value:
        """An input of the graph that is worked out from one of the case."""
        return self.importer.input(array)

    def constant(self, value: float) -> Value:
        """A number in the graph."""
        return self.importer.builder.constant(value)

    def floats(self, value: Value) -> Value:
        """A tensor as float32, as the language makes it where an op wants fractions."""
        return value if value.type.dtype.is_float else self.make("cast", value, dtype="float32")


_LISTS = (onnx.AttributeProto.INTS, onnx.AttributeProto.FLOATS, onnx.AttributeProto.STRINGS)
