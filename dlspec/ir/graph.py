"""The graph: typed SSA, ordered and named. Everything that computes in dlspec is one of these.

A network yields up to three graphs of the same node type: *inference* (what an engine runs),
*training* (buffers updated, noise and masks as inputs) and *objective* (a recipe's loss on top).

Sub-graphs (the bodies of `scan` and `generate`) are graphs held by an op's attribute. Their nodes
may read values of the graph around them; every value so read is listed in the op's ``captures`` and
is also the tail of the node's
``inputs``, so that def-use analyses see it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from dlspec.ir.data_plan import VocabularyPlan
from dlspec.ir.types import TensorType
from dlspec.source import Span

if TYPE_CHECKING:
    from dlspec.ops.base import Op

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Initializer:
    """How a parameter or buffer begins.

    ``kind`` is one of the names in `dlspec.randomness` (`zeros`, `ones`, `constant`, `normal`,
    `uniform`, `kaiming_uniform`, …) with its arguments, or ``literal`` with the value itself.
    """

    kind: str
    arguments: Mapping[str, float] = field(default_factory=dict[str, float])
    literal: Array | None = None

    def __str__(self) -> str:
        inner = ", ".join(f"{k}={v:g}" for k, v in self.arguments.items())
        return f"{self.kind}({inner})" if inner else self.kind


@dataclass(frozen=True)
class Distribution:
    """What a noise is drawn from: `normal(mean, std)`, `uniform(low, high)`, `bernoulli(p)`,
    `categorical(weights)`."""

    kind: str
    arguments: tuple[float, ...] = ()


@dataclass(eq=False)
class Value:
    """A tensor in a graph. ``name`` is unique in its graph and stable under edits elsewhere in the
    spec."""

    name: str
    type: TensorType
    span: Span | None = None
    producer: Node | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"{self.name}: {self.type}"


@dataclass(eq=False)
class Input(Value):
    """What the application gives. ``classes`` names the ids of an `int … of vocabulary`.

    ``origin`` says what kind of input: ``data``; ``noise`` (then ``distribution`` is set and the
    runtime draws what is left out); ``lengths`` of the ragged symbol ``symbol`` (int32, named
    `T_lengths`); ``state`` and
    ``step`` in the body of a loop.
    """

    origin: Literal["data", "noise", "lengths", "state", "step"] = "data"
    classes: tuple[str, ...] | None = None
    vocabulary: VocabularyPlan | None = None
    distribution: Distribution | None = None
    symbol: str | None = None


@dataclass(eq=False)
class Parameter(Value):
    """A trained tensor. Its name is the key in `state_dict`, `weights.safetensors` and the ONNX
    initializers."""

    init: Initializer = field(default_factory=lambda: Initializer("zeros"))


@dataclass(eq=False)
class Buffer(Value):
    """A tensor that training updates by rule, not by gradient (batch-norm statistics, moving
    averages)."""

    init: Initializer = field(default_factory=lambda: Initializer("zeros"))


@dataclass(eq=False)
class Constant(Value):
    """A compile-time tensor."""

    value: Array = field(default_factory=lambda: np.zeros(()))


@dataclass(eq=False)
class Node:
    """One application of an op.

    ``inputs`` follow the op's signature: tensors, then parameters; None stands for an absent
    optional one. ``path`` is the stable name (`maps`, `y.dense2`, `h.3.dense`), unique in the
    graph, that engines quote in their errors.
    """

    op: Op
    inputs: tuple[Value | None, ...]
    outputs: tuple[Value, ...]
    path: str
    span: Span | None = None

    def __post_init__(self) -> None:
        for value in self.outputs:
            value.producer = self


@dataclass(eq=False)
class Output:
    """A named result of a graph; ``classes`` names the ids of an `int … of vocabulary`, as far as
    the spec has them; what a ``vocabulary`` holds is known once there is data. ``steps`` says what
    the spec calls an axis whose lengths are new, `L` of `int[N, <=L]`: those are `L_lengths`."""

    name: str
    value: Value
    classes: tuple[str, ...] | None = None
    vocabulary: VocabularyPlan | None = None
    steps: Mapping[int, str] = field(default_factory=dict[int, str])


@dataclass(eq=False)
class Graph:
    """Inputs, weights, nodes in execution order, outputs; ``updates`` pairs each buffer with its
    next value."""

    name: str
    kind: Literal["inference", "training", "objective", "body"] = "inference"
    inputs: list[Input] = field(default_factory=list[Input])
    parameters: list[Parameter] = field(default_factory=list[Parameter])
    buffers: list[Buffer] = field(default_factory=list[Buffer])
    constants: list[Constant] = field(default_factory=list[Constant])
    nodes: list[Node] = field(default_factory=list[Node])
    outputs: list[Output] = field(default_factory=list[Output])
    updates: list[tuple[Buffer, Value]] = field(default_factory=list[tuple[Buffer, Value]])

    def values(self) -> Iterator[Value]:
        """Every value, in order of definition."""
        yield from self.inputs
        yield from self.parameters
        yield from self.buffers
        yield from self.constants
        for node in self.nodes:
            yield from node.outputs

    @property
    def weights(self) -> list[Parameter | Buffer]:
        """Parameters and buffers: what is stored."""
        return [*self.parameters, *self.buffers]

    @property
    def data_inputs(self) -> list[Input]:
        """The inputs that an application must give."""
        return [i for i in self.inputs if i.origin == "data"]

    @property
    def noise_inputs(self) -> list[Input]:
        """The inputs that the runtime draws when they are left out."""
        return [i for i in self.inputs if i.origin == "noise"]

    @property
    def symbols(self) -> list[str]:
        """Names of the symbolic dimensions of the inputs, in order of appearance."""
        found: dict[str, None] = {}
        for value in self.inputs:
            for dim in value.type.shape:
                for name in sorted(dim.symbols):
                    found.setdefault(name)
        return list(found)

    def output(self, name: str) -> Output:
        """The output of a name; KeyError if there is none."""
        for output in self.outputs:
            if output.name == name:
                return output
        raise KeyError(name)

    def users(self) -> dict[Value, list[Node]]:
        """Which nodes read each value."""
        found: dict[Value, list[Node]] = {}
        for node in self.nodes:
            for value in node.inputs:
                if value is not None:
                    found.setdefault(value, []).append(node)
        return found


def live_nodes(graph: Graph, roots: Iterable[Value]) -> list[Node]:
    """The nodes that the given values depend on, in the graph's order."""
    wanted: set[Value] = set(roots)
    kept: list[Node] = []
    for node in reversed(graph.nodes):
        if any(o in wanted for o in node.outputs):
            kept.append(node)
            wanted.update(v for v in node.inputs if v is not None)
    kept.reverse()
    return kept


def pruned(graph: Graph, outputs: Sequence[Output], *, keep_inputs: bool = False) -> Graph:
    """A graph of the same values with only what the given outputs and the buffer updates need.

    Updates are kept when they come from a node that an output needs anyway.
    """
    roots = [o.value for o in outputs]
    nodes = live_nodes(graph, roots)
    made = {v for n in nodes for v in n.outputs}
    updates = [(b, v) for b, v in graph.updates if v in made]
    used: set[Value] = set(roots)
    for node in nodes:
        used.update(v for v in node.inputs if v is not None)
    return Graph(
        graph.name,
        graph.kind,
        [i for i in graph.inputs if keep_inputs or i in used],
        [p for p in graph.parameters if p in used],
        [b for b in graph.buffers if b in used],
        [c for c in graph.constants if c in used],
        nodes,
        list(outputs),
        updates,
    )
