"""What a cell says of its states: where they start, and what they are in the next step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.names import MisplacedStatement, NotYet
from dlspec.diagnostics.time import NotAState, StateChanges
from dlspec.ir.graph import Value
from dlspec.ir.types import DType, TensorType
from dlspec.ops import REGISTRY
from dlspec.ops.lengths import Full
from dlspec.sema.context import Frame
from dlspec.sema.loops import Given, Loop, State, around
from dlspec.sema.operands import cast
from dlspec.sema.tensors import as_tensor, constant, single
from dlspec.sema.types import declared_type
from dlspec.sema.values import POISON, Poisoned, Record, Tensor, describe, is_number
from dlspec.source import Span
from dlspec.syntax import ast

if TYPE_CHECKING:
    from dlspec.sema.elaborate import Elaborator


def declare_state(el: Elaborator, statement: ast.State, frame: Frame) -> None:
    """`state h: float[N, units] = 0`: a value that a cell keeps from step to step."""
    loop = el.context.loop
    if frame.kind != "cell" or loop is None:
        raise DlspecError(MisplacedStatement(statement.span, "state", frame.kind))
    kind = declared_type(statement.type, frame, el.evaluate)
    with around(el.context, loop):
        start = None if statement.value is None else el.evaluate(statement.value, frame)
    name, place = statement.name, statement.name_span
    value = open_state(el, loop, name, kind, start, place, frame)
    el.bind(name, Tensor(value), place, frame)


def open_state(
    el: Elaborator, loop: Loop, name: str, kind: TensorType, value: Any, span: Span, frame: Frame
) -> Value:
    """A state of a loop; its value in this step. It starts where the caller of the cell says, else
    at ``value``."""
    keys = (*frame.within, name, *frame.rounds)
    given = _given(loop, frame.within, name, frame.rounds)
    if given is None:
        start = _declared_start(loop, el, kind, value, span, frame.place(name))
    else:
        start = as_tensor(loop.outer, given[0], given[1])
        if (start.type.dtype, start.type.shape) != (kind.dtype, kind.shape):
            raise DlspecError(
                StateChanges(given[1], name, "start", str(start.type), str(kind), span)
            )
    formal = loop.body.input(frame.place(name), kind.dtype, *kind.shape, origin="state", span=span)
    loop.states.append(State(keys, formal, start, span))
    return formal


def _given(loop: Loop, within: tuple[str, ...], name: str, rounds: tuple[str, ...]) -> Given | None:
    """The start that the caller gave a state, by name or in a record."""
    head, *rest = (*within, name, *rounds)
    found = loop.starts.get(head)
    for key in rest:
        if found is None:
            return None
        value, span = found
        names = value.names if isinstance(value, Record) else {}
        found = (names[key], span) if key in names else None
    return found


def _declared_start(
    loop: Loop, el: Elaborator, kind: TensorType, value: Any, span: Span, path: str
) -> Value:
    outer = loop.outer
    number = 0.0 if value is None else value
    if is_number(number) or isinstance(number, bool):
        if kind.rank == 0 or kind.shape[0] != loop.like.type.shape[0]:
            if kind.rank:
                raise DlspecError(NotYet(span, "a state whose first axis is not N"))
            return constant(outer, number, kind.dtype)
        op = Full(tuple(kind.shape[1:]), float(number), kind.dtype.value)
        return outer.one(op, loop.like, path=f"{path}.start", span=span)
    tensor = single(value)
    if tensor is None or tensor.type.dtype is not kind.dtype:
        raise DlspecError(StateChanges(span, path, "start", describe(value), str(kind), span))
    zero = outer.one(
        Full(tuple(kind.shape[1:]), 0.0, kind.dtype.value), loop.like, path=f"{path}.zero"
    )
    start = outer.one(REGISTRY["add"](), zero, tensor, path=f"{path}.start", span=span)
    if start.type.shape != kind.shape:
        raise DlspecError(StateChanges(span, path, "start", str(tensor.type), str(kind), span))
    return start


def give_states(el: Elaborator, statement: ast.Assign, frame: Frame) -> None:
    """`h' = …`, `h', c' = …`."""
    values = el.values_of(statement, frame)
    for target, value in zip(statement.targets, values, strict=True):
        if target.primed:
            give_state(el, target.name, value, target.span, frame)
        else:
            el.bind(target.name, value, target.span, frame)


def give_state(el: Elaborator, name: str, value: Any, span: Span, frame: Frame) -> Tensor:
    """`h' = …`: the value of the next step, which `h'` means from here."""
    made = _follow(el, name, value, span, frame)
    el.name_value(made, frame.place(f"{name}_next"), span)
    found = Tensor(made)
    frame.names[f"{name}'"] = found
    return found


def next_of(el: Elaborator, name: str, span: Span, frame: Frame) -> Any:
    """`h'`: the next value of a state, once it is given."""
    value = frame.names.get(f"{name}'")
    if value is None:
        reason = "is read before it is given" if name in frame.names else "is no state"
        raise DlspecError(NotAState(span, name, reason))
    if value is POISON:
        raise Poisoned
    return value


def _follow(el: Elaborator, name: str, value: Any, span: Span, frame: Frame) -> Value:
    """What a state is in the next step, as a tensor of its type."""
    loop = el.context.loop
    keys = (*frame.within, name, *frame.rounds)
    states = loop.states if loop is not None else []
    state = next((s for s in states if s.keys == keys), None)
    known = ", ".join(f"`{s.keys[-1]}`" for s in states if s.keys[:-1] == frame.within)
    if state is None:
        raise DlspecError(NotAState(span, name, "is the next value of no state", known or None))
    if state.following is not None:
        raise DlspecError(NotAState(span, name, "is given twice"))
    kind = state.formal.type
    literal = single(value) is None
    tensor = (
        constant(el.context.builder, value, kind.dtype)
        if literal and is_number(value)
        else as_tensor(el.context.builder, value, span)
    )
    if tensor.type.dtype is DType.uint8 and kind.dtype.is_float:
        tensor = cast(el, tensor, kind.dtype, span)
    if (tensor.type.dtype, tensor.type.shape) != (kind.dtype, kind.shape):
        raise DlspecError(
            StateChanges(span, name, "next value", str(tensor.type), str(kind), state.span)
        )
    state.following = tensor
    return tensor
