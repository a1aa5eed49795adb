"""Loops in the graph: `scan` steps a cell over time. (`generate`, which feeds a cell with its own
choices, is in `generation`.)

A loop's body is a graph whose nodes may read values around it; those are listed in ``captures``
and are the tail of the node's inputs. A body's noise is an input of the loop with a step axis
after N. Loops want N ≥ 1 and T ≥ 1: ONNX Runtime fails on empty ones, so the runtime refuses them
at the door.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.shapes import DimMismatch, RankMismatch
from dlspec.dims import text_of
from dlspec.ir.graph import Graph, Value
from dlspec.ir.types import DType, TensorType
from dlspec.ops.base import Environment, OnnxBuilder, Op, TorchContext

Array = NDArray[Any]


class LoopBuilder(OnnxBuilder, Protocol):
    """What a loop's ONNX lowering may use besides what every op may: sub-graphs."""

    proto: Any

    def subgraph(self, name: str) -> LoopBuilder:
        """A builder of a sub-graph; its ``proto`` is the attribute."""
        ...

    def input(self, label: str, kind: TensorType) -> str:
        """A new formal input of the sub-graph."""
        ...

    def output(self, name: str, kind: TensorType) -> None:
        """The next output of the sub-graph."""
        ...

    def inline(
        self, body: Graph, arguments: Iterable[str], captures: Mapping[Value, str]
    ) -> list[str]:
        """Emit a body's nodes; the names of its outputs."""
        ...

    def known_swapped(self, value: str) -> str | None:
        """The name of a value with its first two axes swapped, if there is one already."""
        ...


class LoopContext(TorchContext, Protocol):
    """What a loop's PyTorch lowering may use besides what every op may: local variables and the
    statements of its body."""

    layer: str | None

    def fresh(self, wanted: str) -> str:
        """A new local variable."""
        ...

    def body(self, graph: Graph, arguments: Sequence[str]) -> tuple[list[str], list[str]]:
        """The statements of a body, and the texts of its outputs."""
        ...


class Scan(Op):
    """Steps a cell over time: ``state, y[t] = body(x[t], state)``.

    Inputs: the stepped tensors (N, T, ...), the initial states (N, ...), with ``lengths`` an int32
    (N), the captures.
    Body: step values (N, ...), states → next states, outputs (N, ...).
    Outputs: the body's outputs with time (N, T, ...), the final states.

    With lengths, a state stays as it is past its row's length and outputs are 0 there (a state of
    no axes, a step counter, belongs to no row and goes on); in
    ``reverse``, a row begins at its last valid step. Outputs stand at the step that they belong to
    in either direction.

    With ``truncate`` = k, gradients do not pass between stretches of k steps (step 0 to k - 1, k to
    2k - 1, …, in either direction); what is computed is the same. Williams & Peng 1990.
    """

    name = "scan"
    internal = True
    ragged = "reduce"
    body: Graph
    stepped: int
    states: int
    reverse: bool = False
    lengths: bool = False
    captures: tuple[Value, ...] = ()
    truncate: int = 0

    def parameter_types(self, *tensors: TensorType) -> dict[str, TensorType]:
        """A loop has no parameters of its own; its body captures them."""
        return {}

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """The body's outputs with the stepped inputs' time axis, then the states."""
        first = inputs[0]
        assert first is not None
        for given, formal in zip(inputs[: self.stepped], self.body.inputs, strict=False):
            assert given is not None
            if given.rank != formal.type.rank + 1:
                raise DlspecError(
                    RankMismatch(
                        None,
                        "scan",
                        operand=formal.name,
                        actual=str(given),
                        rank=given.rank,
                        expected=str(formal.type.rank + 1),
                    )
                )
            if given.shape[1] != first.shape[1]:
                raise DlspecError(
                    DimMismatch(
                        None,
                        "scan",
                        dim="time",
                        operand=formal.name,
                        actual=str(given.shape[1]),
                        expected=str(first.shape[1]),
                    )
                )
        check_states(self.name, self.body, self.states, inputs[self.stepped :])
        own = {1} if self.lengths else set[int]()
        time = first.shape[1]
        stacked = [o.value.type for o in self.body.outputs[self.states :]]
        timed = [
            t.with_shape((t.shape[0], time, *t.shape[1:]), own | {a + 1 for a in t.ragged})
            for t in stacked
        ]
        return (*timed, *(o.value.type for o in self.body.outputs[: self.states]))

    def _parts(self, inputs: Sequence[Any]) -> tuple[list[Any], list[Any], Any, dict[Value, Any]]:
        """Stepped inputs, initial states, lengths or None, captures."""
        given = list(inputs)
        stepped, given = given[: self.stepped], given[self.stepped :]
        states, given = given[: self.states], given[self.states :]
        lengths = given.pop(0) if self.lengths else None
        return stepped, states, lengths, dict(zip(self.captures, given, strict=True))

    def run(self, environment: Environment, *inputs: Array) -> tuple[Array, ...]:
        """The loop in NumPy, its body by the interpreter."""
        stepped, states, lengths, captures = self._parts(inputs)
        time = stepped[0].shape[1]
        collected: list[list[Array]] = [[] for _ in self.body.outputs[self.states :]]
        for step in reversed(range(time)) if self.reverse else range(time):
            if self._ends_before(step, time):
                states = environment.cut(states)
            results = environment.body(
                self.body, [*(x[:, step] for x in stepped), *states], captures
            )
            following, outputs = results[: self.states], results[self.states :]
            if lengths is not None:
                valid = step < lengths
                following = [
                    _where(valid, a, b) if a.ndim else a
                    for a, b in zip(following, states, strict=True)
                ]
                outputs = [_where(valid, y, np.zeros_like(y)) for y in outputs]
            states = following
            for kept, y in zip(collected, outputs, strict=True):
                kept.append(y)
        order = -1 if self.reverse else 1
        return (*(np.stack(kept[::order], 1) for kept in collected), *states)

    def _ends_before(self, step: int, time: int) -> bool:
        """Whether a stretch ends before a step, and gradients with it."""
        if not self.truncate:
            return False
        if self.reverse:
            return step + 1 < time and (step + 1) % self.truncate == 0
        return step > 0 and step % self.truncate == 0

    def _torch_cut(self, t: LoopContext, x: str, states: Sequence[str]) -> tuple[str, list[str]]:
        """The number of a step, and the statements that end a stretch before it."""
        kinds = [i.type for i in self.body.inputs[self.stepped :]]
        cut = [s for s, k in zip(states, kinds, strict=True) if k.dtype.is_float]
        if not self.truncate or not cut:
            return "", []
        step = t.fresh("step")
        ends = f"{step} and {step} % {self.truncate} == 0"
        if self.reverse:
            ends = f"{step} + 1 < {x}.shape[1] and ({step} + 1) % {self.truncate} == 0"
        gone = ", ".join(f"{s}.detach()" for s in cut)
        return step, [
            f"if {ends}:  # gradients go no further",
            f"    {', '.join(cut)} = {gone}",
        ]

    def torch_statements(
        self, t: LoopContext, inputs: Sequence[str], outputs: Sequence[str]
    ) -> list[str]:
        """A `for` over the steps; states are local variables, outputs are collected in lists."""
        stepped, initial, lengths, _ = self._parts(inputs)
        names = [i.name for i in self.body.inputs]
        count = len(outputs) - self.states
        states = [t.fresh(n) for n in names[self.stepped :]]
        steps = [t.fresh(f"{n}_t") for n in names[: self.stepped]]
        collected = ["_" if o == "_" else t.fresh(f"{o}_steps") for o in outputs[:count]]
        sources = [f"{x}.unbind(1)" for x in stepped]
        variables = list(steps)
        lines = [f"{', '.join(states)} = {', '.join(initial)}"] if states else []
        valid = ""
        if lengths is not None:
            mask, valid = t.fresh("mask"), t.fresh("valid")
            steps_of = f"torch.arange({stepped[0]}.shape[1], device={stepped[0]}.device)"
            lines.append(f"{mask} = {steps_of} < {lengths}[:, None]")
            sources.append(f"{mask}.unbind(1)")
            variables.append(valid)
        step, cut = self._torch_cut(t, stepped[0], states)
        if step:
            sources.append(f"range({stepped[0]}.shape[1])")
            variables.append(step)
        if self.reverse:
            sources = [f"{s}[::-1]" for s in sources]
        lines += [f"{c} = []" for c in collected if c != "_"]
        over = sources[0] if len(sources) == 1 else f"zip({', '.join(sources)})"
        inner, results = t.body(self.body, [*steps, *states])
        inner = [*cut, *inner]
        following, made = results[: self.states], results[self.states :]
        kinds = [o.value.type for o in self.body.outputs]
        for name, text, kind in zip(collected, made, kinds[self.states :], strict=True):
            if name != "_":
                kept = f"{text}.masked_fill(~{valid}{_axes(kind)}, 0)" if valid else text
                inner.append(f"{name}.append({kept})")
        if states:
            if valid:
                following = [
                    f"torch.where({valid}{_axes(kind)}, {new}, {old})" if kind.rank else new
                    for new, old, kind in zip(following, states, kinds, strict=False)
                ]
            inner += assign(states, following)
        lines += [f"for {', '.join(variables)} in {over}:", *(f"    {line}" for line in inner)]
        order = "[::-1]" if self.reverse else ""
        for name, target, kind in zip(collected, outputs, t.output_types, strict=False):
            if name != "_":
                lines.append(f"{target} = torch.stack({name}{order}, 1)  # {text_of(kind.shape)}")
        return lines + assign(outputs[count:], states)

    def onnx(self, g: OnnxBuilder, *inputs: str) -> tuple[str, ...]:
        """`Scan` along axis 1, or along axis 0 of what was made time first; captured values are
        read by name."""
        b = cast(LoopBuilder, g)
        stepped, initial, lengths, captures = self._parts(inputs)
        kinds = [i.type for i in self.body.inputs]
        results = [o.value.type for o in self.body.outputs]
        inner = b.subgraph("body")
        names = [i.name for i in self.body.inputs]
        states = [
            inner.input(n, k)
            for n, k in zip(names[self.stepped :], kinds[self.stepped :], strict=True)
        ]
        steps = [inner.input(n, k) for n, k in zip(names[: self.stepped], kinds, strict=False)]
        step = inner.input("step", TensorType(DType.int32, ())) if lengths else ""
        made = inner.inline(self.body, [*steps, *states], captures)
        following, outputs = made[: self.states], made[self.states :]
        if lengths:
            valid = inner.op("Less", step, lengths)
            following = [
                _onnx_where(inner, valid, new, old, k) if k.rank else new
                for new, old, k in zip(following, states, results, strict=False)
            ]
            outputs = [
                _onnx_where(inner, valid, y, inner.constant(np.zeros((), k.dtype.value)), k)
                for y, k in zip(outputs, results[self.states :], strict=True)
            ]
            stepped = [*stepped, self._step_numbers(b, stepped[0])]
        swapped = [b.known_swapped(x) for x in stepped]
        for name, kind in zip((*following, *outputs), results, strict=True):
            inner.output(name, kind)
        count = len(outputs)
        direction = int(self.reverse)
        made_here = b.op(
            "Scan",
            *initial,
            *(there or x for there, x in zip(swapped, stepped, strict=True)),
            outputs=len(results),
            body=inner.proto,
            num_scan_inputs=len(stepped),
            scan_input_axes=[
                int(there is None and i < self.stepped) for i, there in enumerate(swapped)
            ],
            scan_input_directions=[direction] * len(stepped),
            scan_output_axes=[1] * count if count else None,
            scan_output_directions=[direction] * count if count else None,
        )
        all_made: tuple[str, ...] = (made_here,) if isinstance(made_here, str) else made_here
        return (*all_made[self.states :], *all_made[: self.states])

    def _step_numbers(self, g: OnnxBuilder, x: str) -> str:
        time = g.op("Gather", g.shape(x), g.constant(np.array(1, np.int64)))
        numbers = g.op(
            "Range", g.constant(np.array(0, np.int64)), time, g.constant(np.array(1, np.int64))
        )
        return g.op("Cast", numbers, to=DType.int32)


def check_states(op: str, body: Graph, states: int, inputs: Sequence[TensorType | None]) -> None:
    """Initial, formal and next states must have one type.

    Raises:
        DlspecError: DL302 for a state that changes its type.
    """
    formal = [i.type for i in body.inputs[len(body.inputs) - states :]] if states else []
    names = [i.name for i in body.inputs[len(body.inputs) - states :]] if states else []
    following = [o.value.type for o in body.outputs[:states]]
    for name, kind, start, end in zip(names, formal, inputs, following, strict=False):
        for other in (start, end):
            if other is not None and (other.dtype, other.shape) != (kind.dtype, kind.shape):
                raise DlspecError(
                    DimMismatch(
                        None, op, dim="state", operand=name, actual=str(other), expected=str(kind)
                    )
                )


def assign(targets: Sequence[str], values: Sequence[str]) -> list[str]:
    """One simultaneous assignment, of what does not stay as it is and is wanted."""
    pairs = [(t, v) for t, v in zip(targets, values, strict=True) if t not in ("_", v)]
    return [f"{', '.join(t for t, _ in pairs)} = {', '.join(v for _, v in pairs)}"] if pairs else []


def _where(valid: Array, a: Array, b: Array) -> Array:
    return np.where(valid.reshape(valid.shape + (1,) * (a.ndim - 1)), a, b)


def _axes(kind: TensorType) -> str:
    """Indexing that makes a mask over N broadcast over a tensor."""
    return f"[:{', None' * (kind.rank - 1)}]" if kind.rank > 1 else ""


def _onnx_where(g: OnnxBuilder, valid: str, a: str, b: str, kind: TensorType) -> str:
    if kind.rank > 1:
        valid = g.op("Unsqueeze", valid, g.constant(np.arange(1, kind.rank, dtype=np.int64)))
    return g.op("Where", valid, a, b)
