"""Builds graphs: infers types, makes parameters, gives unique names.

b = GraphBuilder("tiny")
x = b.input("x", "float", "N", 2)
y = b.one(Dense(units=3), x, path="hidden", name="y")
graph = b.finish(y=y)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from dlspec.diagnostics import DlspecError
from dlspec.dims import DimLike
from dlspec.ir.data_plan import VocabularyPlan
from dlspec.ir.graph import (
    Buffer,
    Constant,
    Distribution,
    Graph,
    Initializer,
    Input,
    Node,
    Output,
    Parameter,
    Value,
)
from dlspec.ir.types import DType, TensorType
from dlspec.source import Span

if TYPE_CHECKING:
    from dlspec.ops.base import Op

Origin = Literal["data", "noise", "lengths", "state", "step"]
Kind = Literal["inference", "training", "objective", "body"]


class GraphBuilder:
    """Adds to one graph, node by node.

    A builder with a ``parent`` makes the body of a loop: it shares the parent's names (a body may
    read values around it, and ONNX wants every name once), and its parameters, buffers and
    constants belong to the outermost graph.
    """

    def __init__(
        self, name: str, kind: Kind = "inference", parent: GraphBuilder | None = None
    ) -> None:
        self.graph = Graph(name, kind)
        self.root: GraphBuilder = parent.root if parent else self
        self._names: dict[str, int] = parent._names if parent else {}
        self._paths: dict[str, int] = parent._paths if parent else {}

    def body(self, name: str) -> GraphBuilder:
        """A builder of a loop's body inside this graph."""
        return GraphBuilder(name, "body", self)

    # --- names ------------------------------------------------------------------------------------

    def unique_name(self, wanted: str) -> str:
        """``wanted``, or with an ordinal (`h.2`) where a value has that name already; the name is
        taken from now on."""
        return _unique(wanted, self._names, ".")

    def unique_path(self, wanted: str) -> str:
        """``wanted``, or with an ordinal (`y.dense2`) where a node has that path already."""
        return _unique(wanted, self._paths, "")

    def rename(self, value: Value, wanted: str) -> None:
        """Call a value by a better name, unless another has it already."""
        if wanted not in self._names:
            self._names.pop(value.name, None)
            self._names[wanted] = 1
            value.name = wanted

    # --- what a graph is given --------------------------------------------------------------------

    def input(
        self,
        name: str,
        dtype: DType | str,
        *dims: DimLike,
        ragged: Sequence[int] = (),
        origin: Origin = "data",
        classes: tuple[str, ...] | None = None,
        vocabulary: VocabularyPlan | None = None,
        distribution: Distribution | None = None,
        symbol: str | None = None,
        span: Span | None = None,
    ) -> Input:
        """A new input; a noise has a ``distribution``, lengths have their ``symbol``."""
        kind = TensorType.of(dtype, *dims, ragged=ragged)
        if distribution is not None:
            origin = "noise"
        elif symbol is not None:
            origin = "lengths"
        value = Input(
            self.unique_name(name),
            kind,
            span,
            origin=origin,
            classes=classes,
            vocabulary=vocabulary,
            distribution=distribution,
            symbol=symbol,
        )
        self.graph.inputs.append(value)
        return value

    def noise(
        self, name: str, kind: str, arguments: Sequence[float], dtype: DType | str, *dims: DimLike
    ) -> Input:
        """A noise input of a distribution, `noise("e", "normal", (0, 1), "float", "N", 20)`."""
        return self.input(name, dtype, *dims, distribution=Distribution(kind, tuple(arguments)))

    def lengths(self, symbol: str, *dims: DimLike) -> Input:
        """The lengths of a ragged symbol: `T_lengths: int32[N]` (``dims`` where there are more
        axes before it)."""
        return self.input(f"{symbol}_lengths", DType.int32, *(dims or ("N",)), symbol=symbol)

    def parameter(
        self,
        name: str,
        dtype: DType | str,
        *dims: DimLike,
        init: Initializer | None = None,
        span: Span | None = None,
    ) -> Parameter:
        """A new trained tensor; ``name`` is its key in `state_dict`."""
        value = Parameter(
            self.unique_name(name),
            TensorType.of(dtype, *dims),
            span,
            init=init or Initializer("zeros"),
        )
        self.root.graph.parameters.append(value)
        return value

    def buffer(
        self,
        name: str,
        dtype: DType | str,
        *dims: DimLike,
        init: Initializer | None = None,
        span: Span | None = None,
    ) -> Buffer:
        """A new tensor that training updates by rule."""
        value = Buffer(
            self.unique_name(name),
            TensorType.of(dtype, *dims),
            span,
            init=init or Initializer("zeros"),
        )
        self.root.graph.buffers.append(value)
        return value

    def constant(
        self, array: Any, dtype: DType = DType.float32, *, name: str = "constant"
    ) -> Constant:
        """A compile-time tensor."""
        value = np.asarray(array, dtype=dtype.value)
        made = Constant(self.unique_name(name), TensorType.of(dtype, *value.shape), value=value)
        self.root.graph.constants.append(made)
        return made

    # --- nodes ------------------------------------------------------------------------------------

    def apply(
        self,
        op: Op,
        *tensors: Value | None,
        path: str | None = None,
        name: str | Sequence[str] | None = None,
        span: Span | None = None,
        parameters: Mapping[str, Value | Initializer | None] | None = None,
    ) -> tuple[Value, ...]:
        """Apply an op, and make the parameters that it lacks.

        Args:
            op: the op with its attributes.
            tensors: the tensor inputs; None stands for an absent one.
            path: the node's path, made unique where it is taken; parameters are named
                `<path>.<parameter>`. Without one: the op's name.
            name: what the result is called (a sequence of names for several results); without one
                it is the path.
            span: the place of the call.
            parameters: per parameter of the op a Value (used in its place: tying), an Initializer
                (its start), or None (absent). One that is not given is made with the op's own
                initializer; an optional one that has none is absent.

        Raises:
            DlspecError: if the types do not fit; diagnostics without a place get ``span``.
        """
        given = parameters or {}
        path = self.unique_path(path or op.name)
        if op.rule.parameters and not op.many:  # parameters stand behind all tensors
            tensors = (*tensors, *[None] * (len(op.rule.tensors) - len(tensors)))
        try:
            types = [None if t is None else t.type for t in tensors]
            wanted = op.parameter_types(*types)  # type: ignore[arg-type]
            weights = tuple(
                self._weight(op, slot, kind, given, path, span) for slot, kind in wanted.items()
            )
            inputs = (*tensors, *weights)
            result = op.infer(*(None if v is None else v.type for v in inputs))
        except DlspecError as error:
            raise DlspecError(
                *(replace(d, span=span) if d.span is None else d for d in error.diagnostics)
            ) from None
        outputs = tuple(
            Value(self.unique_name(wanted_name), kind, span)
            for wanted_name, kind in zip(
                _result_names(op, name, path, len(result)), result, strict=True
            )
        )
        self.graph.nodes.append(Node(op, inputs, outputs, path, span))
        return outputs

    def one(
        self,
        op: Op,
        *tensors: Value | None,
        path: str | None = None,
        name: str | None = None,
        span: Span | None = None,
        parameters: Mapping[str, Value | Initializer | None] | None = None,
    ) -> Value:
        """`apply` for an op of one result: that result."""
        (value,) = self.apply(op, *tensors, path=path, name=name, span=span, parameters=parameters)
        return value

    def _weight(
        self,
        op: Op,
        slot: str,
        kind: TensorType,
        given: Mapping[str, Value | Initializer | None],
        path: str,
        span: Span | None,
    ) -> Value | None:
        choice = given[slot] if slot in given else op.default_init(slot)
        if choice is None or isinstance(choice, Value):
            return choice
        init = Initializer(choice) if isinstance(choice, str) else choice
        make = self.buffer if slot in op.buffers else self.parameter
        return make(f"{path}.{slot}", kind.dtype, *kind.shape, init=init, span=span)

    # --- the end ----------------------------------------------------------------------------------

    def output(self, name: str, value: Value, classes: tuple[str, ...] | None = None) -> Output:
        """Name a result of the graph."""
        made = Output(name, value, classes)
        self.graph.outputs.append(made)
        return made

    def update(self, buffer: Value, value: Value) -> None:
        """Say that training sets a buffer to a value after each step, in place of what was said
        before."""
        if not isinstance(buffer, Buffer):
            raise TypeError(f"{buffer.name} is not a buffer")
        updates = self.graph.updates
        updates[:] = [(b, v) for b, v in updates if b is not buffer]
        updates.append((buffer, value))

    def latest(self, buffer: Value) -> Value:
        """What a buffer will be set to so far, else the buffer: what its next update starts from,
        where a layer is applied more than once in a step."""
        return next((v for b, v in self.graph.updates if b is buffer), buffer)

    def finish(self, **outputs: Value) -> Graph:
        """The graph, with these outputs after those already there."""
        for name, value in outputs.items():
            self.output(name, value)
        return self.graph


def free_values(body: Graph) -> tuple[Value, ...]:
    """The values that a body reads and does not make, in order of first use: the ``captures`` of
    its op."""
    made: set[Value] = {*body.inputs, *body.parameters, *body.buffers, *body.constants}
    found: dict[Value, None] = {}
    for node in body.nodes:
        for value in node.inputs:
            if value is not None and value not in made:
                found.setdefault(value)
        made.update(node.outputs)
    for output in body.outputs:
        if output.value not in made:
            found.setdefault(output.value)
    return tuple(found)


def _unique(wanted: str, taken: dict[str, int], separator: str) -> str:
    """``taken`` holds the ordinal last given out for each name, so that thousands of equal ones
    are quick."""
    name, ordinal = wanted, taken.get(wanted, 1)
    while name in taken:
        ordinal += 1
        name = f"{wanted}{separator}{ordinal}"
    taken[name] = 1
    if ordinal > 1:
        taken[wanted] = ordinal
    return name


def _result_names(op: Op, name: str | Sequence[str] | None, path: str, count: int) -> list[str]:
    """One name a result; unnamed results of an op with several are `path.slot`, as in its
    signature."""
    if name is not None and not isinstance(name, str):
        return list(name)
    base = name or path
    if count == 1:
        return [base]
    slots = [s.name for s in op.rule.outputs]
    if len(slots) != count:
        slots = [str(i) for i in range(count)]
    if name is None:
        return [f"{base}.{s}" for s in slots]
    return [base, *(f"{base}.{s}" for s in slots[1:])]
