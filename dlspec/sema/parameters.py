"""Parameters of layers: made where they are first applied, shared afterwards; their start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.meaning import BadValue, SharedLayer
from dlspec.diagnostics.names import WrongKind
from dlspec.dims import product, text_of
from dlspec.ir.graph import Initializer, Value
from dlspec.ir.types import TensorType
from dlspec.ops.base import Op
from dlspec.sema.arguments import Arguments, Given, call_builtin
from dlspec.sema.starts import StartFunction, fitting
from dlspec.sema.tensors import single
from dlspec.sema.values import Builtin, Initial, describe, is_number, literal_array
from dlspec.source import Span

if TYPE_CHECKING:
    from dlspec.sema.elaborate import Elaborator


def layer_parameters(
    el: Elaborator,
    op: Op,
    values: Sequence[Value],
    weights: dict[str, Given],
    path: str,
    span: Span,
) -> dict[str, Value | None]:
    """The parameters of an op at a path: made at the first application, shared by the others."""
    context = el.context
    found: dict[str, Value | None] = {}
    kinds = op.parameter_types(*(v.type for v in values))
    for slot, kind in kinds.items():
        key = f"{path}.{slot}"
        known = context.weights.get(key)
        if known is not None:
            if known.type != kind:
                raise DlspecError(
                    SharedLayer(span, path, slot, str(kind), str(known.type), known.span)
                )
            found[slot] = known
            continue
        init: Any = _default(op, slot, kinds)
        if slot in weights:
            init = initial(weights[slot][0], kind, weights[slot][1], slot)
        if init is None:
            optional = next(s.optional for s in op.rule.parameters if s.name == slot)
            if not optional:
                raise DlspecError(BadValue(span, slot, "none", "a starting value"))
            found[slot] = None
        elif isinstance(init, Value):
            if init.type != kind:
                raise DlspecError(
                    SharedLayer(weights[slot][1], path, slot, str(kind), str(init.type), init.span)
                )
            found[slot] = init
        else:
            context.count_parameter(kind.shape, span)
            make = context.builder.buffer if slot in op.buffers else context.builder.parameter
            value = make(key, kind.dtype, *kind.shape, init=init, span=span)
            context.weights[key] = value
            found[slot] = value
    return found


def _default(op: Op, slot: str, kinds: dict[str, TensorType]) -> Initializer | None:
    """The op's own starting value; a bias that starts as the weights do has their fan-in."""
    init = op.default_init(slot)
    if init is None or slot.endswith("_l0"):
        return init
    if init.kind == "fan_in_uniform" and slot != "weight" and "weight" in kinds:
        fan_in = product(kinds["weight"].shape[1:]).value
        if fan_in is not None:
            return Initializer(init.kind, {"fan_in": float(fan_in)})
    return init


def bare_parameter(el: Elaborator, key: str, kind: TensorType, start: Any, span: Span) -> Value:
    """A parameter of a body's own (`param`), shared where the body is applied again."""
    known = el.context.weights.get(key)
    if known is not None:
        return known
    init = initial(start, kind, span, key)
    if not isinstance(init, Initializer):
        raise DlspecError(WrongKind(span, "a starting value", describe(start)))
    el.context.count_parameter(kind.shape, span)
    value = el.context.builder.parameter(key, kind.dtype, *kind.shape, init=init, span=span)
    el.context.weights[key] = value
    return value


def initial(value: Any, kind: TensorType, span: Span, name: str) -> Initializer | Value | None:
    """A starting value as written: an initialiser, a number, a literal array, `none`, or a tensor
    to be used in its place.
    """
    if value is None:
        return None
    tensor = single(value)
    if tensor is not None:
        return tensor
    if isinstance(value, Initial):
        return fitting(value.init, kind, span, name)
    if isinstance(value, Builtin) and value.name in ("zeros", "ones"):
        return Initializer(value.name)
    if isinstance(value, StartFunction):
        made = call_builtin(value, Arguments(None, [], {}), span)
        return fitting(made.init, kind, span, name)
    if is_number(value):
        return Initializer("constant", {"value": float(value)})
    array = literal_array(value)
    if array is None:
        raise DlspecError(WrongKind(span, f"a starting value for `{name}`", describe(value)))
    if tuple(d.value for d in kind.shape) != array.shape:
        raise DlspecError(
            BadValue(
                span, name, f"an array of shape {list(array.shape)}", f"shape {text_of(kind.shape)}"
            )
        )
    return Initializer("literal", {}, array.astype(np.float32))
