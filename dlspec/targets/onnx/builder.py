"""What ops build their ONNX nodes with: implements `dlspec.ops.base.OnnxBuilder`, and sub-graphs
for loops."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dlspec.ir.graph import Graph, Node, Value
from dlspec.ir.types import TensorType
from dlspec.targets.onnx.protos import fill_attribute, fill_tensor, fill_value_info
from dlspec.targets.onnx.swaps import Swaps

if TYPE_CHECKING:
    import onnx

Array = NDArray[Any]


class ModelState:
    """What all graphs of one model share: names, initializers, and which ONNX value each Value
    became."""

    def __init__(self, proto: onnx.GraphProto, name: str, opset: int) -> None:
        self.proto = proto
        self.name = name
        self.opset = opset
        self.names: dict[Value, str] = {}
        self.taken: set[str] = {""}
        self.node_names: set[str] = set()
        self.constants: dict[tuple[str, tuple[int, ...], bytes], str] = {}

    def unique(self, wanted: str) -> str:
        """``wanted`` or ``wanted.2`` …; taken from now on."""
        return unique(wanted, self.taken)

    def bind(self, value: Value, wanted: str | None = None) -> str:
        """Give a Value its ONNX name."""
        name = self.unique(wanted or value.name)
        self.names[value] = name
        return name


def unique(wanted: str, taken: set[str]) -> str:
    """``wanted``, or ``wanted.2`` … where it is taken; taken from now on."""
    name, ordinal = wanted, 1
    while name in taken:
        ordinal += 1
        name = f"{wanted}.{ordinal}"
    taken.add(name)
    return name


class Builder:
    """Adds ONNX nodes to one GraphProto on behalf of one dlspec node at a time."""

    input_types: tuple[TensorType | None, ...] = ()
    output_types: tuple[TensorType, ...] = ()

    def __init__(self, state: ModelState, proto: onnx.GraphProto, path: str = "") -> None:
        self.state = state
        self.opset = state.opset
        self.proto = proto
        self.swaps = Swaps()
        self._prefix = path
        self._path = path
        self._source = ""

    # --- the protocol of ops ----------------------------------------------------------------------

    def op(self, kind: str, *inputs: str, outputs: int = 1, **attributes: Any) -> Any:
        """Add a node; the name of its output, or a tuple of names where ``outputs`` > 1."""
        label = f"{self._path}/{kind}" if self._path else kind
        node = self.proto.node.add()
        node.op_type = kind
        node.name = unique(f"{self.state.name}.{label}", self.state.node_names)
        node.input.extend(inputs)
        made = [self.state.unique(label) for _ in range(outputs)]
        node.output.extend(made)
        for name, value in attributes.items():
            if value is not None:
                fill_attribute(node.attribute.add(), name, value)
        if self._source:
            entry = node.metadata_props.add()
            entry.key, entry.value = "dl.src", self._source
        return made[0] if outputs == 1 else tuple(made)

    def constant(self, value: Array) -> str:
        """The initializer that holds the array; equal ones are one."""
        array = np.asarray(value)
        key = (array.dtype.name, array.shape, array.tobytes())
        name = self.state.constants.get(key)
        if name is None:
            label = (
                f"{array.dtype.name}({array.item():g})"
                if array.ndim == 0
                else f"{self._path}/constant"
            )
            name = self.state.constants[key] = self.state.unique(label)
            fill_tensor(self.state.proto.initializer.add(), name, array)
        return name

    def shape(self, value: str) -> str:
        """The run-time shape of a value."""
        return self.op("Shape", value)

    def swapped(self, value: str, rank: int) -> str:
        """A value with its first two axes swapped; made once."""
        made = self.swaps.of(value)
        if made is None:
            made = self.op("Transpose", value, perm=[1, 0, *range(2, rank)])
            self.swaps.add(value, self.proto.node[-1])
        return made

    def known_swapped(self, value: str) -> str | None:
        """A value with its first two axes swapped, if it has been made."""
        return self.swaps.of(value)

    # --- nodes of a graph -------------------------------------------------------------------------

    def add(self, graph: Graph) -> None:
        """Emit every node of a graph."""
        for node in graph.nodes:
            self.add_node(node)

    def add_node(self, node: Node) -> None:
        """Emit one node; its results get the names of its Values."""
        names = self.state.names
        self._path = f"{self._prefix}{node.path}"
        self._source = str(node.span) if node.span is not None else ""
        self.input_types = tuple(None if v is None else v.type for v in node.inputs)
        self.output_types = tuple(v.type for v in node.outputs)
        first = len(self.proto.node)
        made = node.op.onnx(self, *("" if v is None else names[v] for v in node.inputs))
        results = (made,) if isinstance(made, str) else tuple(made)
        self._name_results(node.outputs, results, first)

    def _name_results(self, values: Sequence[Value], results: Sequence[str], first: int) -> None:
        """Rename what the op's own nodes made to the names of the Values; pass on what it did not
        make itself."""
        own = self.proto.node[first:]
        made_here = {o for node in own for o in node.output}
        renamed: dict[str, str] = {}
        for value, result in zip(values, results, strict=True):
            wanted = self.state.names.get(value)  # an output has been given its name beforehand
            name = wanted or self.state.bind(value)
            if result in made_here and result not in renamed:
                renamed[result] = name
            else:
                identity = self.op("Identity", renamed.get(result, result))
                self.proto.node[-1].output[0] = name
                self.state.taken.discard(identity)
        if renamed:
            self.state.taken.difference_update(renamed)
            for node in own:
                _rename(node.input, renamed)
                _rename(node.output, renamed)
            self.swaps.rename(renamed)

    # --- sub-graphs of loops ----------------------------------------------------------------------

    def subgraph(self, name: str) -> Builder:
        """A builder of a loop body's GraphProto (`builder.proto`), to be given as an attribute; it
        sees all names around it."""
        import onnx

        inner = Builder(self.state, onnx.GraphProto(name=self.state.unique(f"{self._path}/{name}")))
        inner._prefix = inner._path = f"{self._path}/"
        inner._path = self._path
        inner._source = self._source
        return inner

    def input(self, label: str, kind: TensorType) -> str:
        """A new formal input of this sub-graph."""
        name = self.state.unique(f"{self._path}/{label}")
        fill_value_info(self.proto.input.add(), name, kind)
        return name

    def output(self, name: str, kind: TensorType) -> None:
        """Make a value (made in this sub-graph) its next output."""
        made = {o for node in self.proto.node for o in node.output}
        if name not in made or any(o.name == name for o in self.proto.output):
            name = self.op("Identity", name)
        fill_value_info(self.proto.output.add(), name, kind)

    def inline(
        self, body: Graph, arguments: Iterable[str], captures: Mapping[Value, str]
    ) -> list[str]:
        """Emit a body's nodes here, its inputs standing for these names; the names of its
        outputs."""
        names = self.state.names
        for node in body.nodes:  # a body that stands here a second time gets new names
            for value in node.outputs:
                names.pop(value, None)
        for value, name in zip(body.inputs, arguments, strict=True):
            names[value] = name
        for value, name in captures.items():
            names.setdefault(value, name)
        outer = self._path, self._source
        self.add(body)
        self._path, self._source = outer
        return [names[o.value] for o in body.outputs]


def _rename(names: Any, renamed: Mapping[str, str]) -> None:
    for i, name in enumerate(names):
        if name in renamed:
            names[i] = renamed[name]
