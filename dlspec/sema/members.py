"""`a.name` and `a[i]`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dlspec.diagnostics import DlspecError, did_you_mean
from dlspec.diagnostics.names import NotYet, UnknownAttribute, WrongKind
from dlspec.ops import REGISTRY
from dlspec.sema import compile_time
from dlspec.sema.apply_op import apply_op
from dlspec.sema.bindings import bound_names
from dlspec.sema.context import Frame
from dlspec.sema.data import definition_plan
from dlspec.sema.names import constant
from dlspec.sema.program import Program
from dlspec.sema.tensors import single
from dlspec.sema.values import (
    POISON,
    Choice,
    Family,
    Layer,
    Namespace,
    Poisoned,
    Record,
    Tensor,
    Vocabulary,
    describe,
    is_tensor_like,
)
from dlspec.syntax import ast
from dlspec.text import START, STOP, UNKNOWN

if TYPE_CHECKING:
    from dlspec.sema.elaborate import Elaborator


def attribute(el: Elaborator, expr: ast.Attribute, frame: Frame) -> Any:
    """`seen.logits`, `digits.size`, `x.shape`, `table.weight`."""
    value = el.evaluate(expr.object, frame)
    name = expr.name
    if isinstance(value, Family):
        value = value.last
    if isinstance(value, Record) and name in value.names:
        found = value.names[name]
        if found is POISON:
            raise Poisoned
        return Family(name, value.rounds[name], found) if name in value.rounds else found
    if isinstance(value, Record) and value.result is not None and name not in ("shape",):
        inner = value.result
        if isinstance(inner, Record):
            value = inner
            if name in value.names:
                return value.names[name]
    if name == "shape" and single(value) is not None:
        tensor = single(value)
        assert tensor is not None
        return [compile_time.simplified(d) for d in tensor.type.shape]
    if isinstance(value, Vocabulary):
        if name == "size":
            return value.size
        ids = {"unknown": UNKNOWN, "start": START, "stop": STOP}
        if value.fitted is not None and name in ids:
            return ids[name]
        if value.fitted is not None and name == "counts":
            raise DlspecError(NotYet(expr.name_span, "`.counts` of a vocabulary"))
        raise _unknown(expr, describe(value), ["size", *(ids if value.fitted else ())])
    if isinstance(value, Layer) and value.path is not None:
        weight = el.context.weights.get(f"{value.path}.{name}")
        if weight is not None:
            return Tensor(weight)
        return Choice(f"{value.path}.{name}", None, expr.span.text)
    if isinstance(value, Choice) and value.pattern is None:
        weight = el.context.weights.get(f"{value.prefix}.{name}")
        return (
            Tensor(weight)
            if weight is not None
            else Choice(f"{value.prefix}.{name}", None, expr.span.text)
        )
    if isinstance(value, Program):
        item = value.definitions.get(name)
        if item is None:
            raise _unknown(expr, f"`{value.source.name}`", list(value.definitions))
        return constant(el, item, value) if isinstance(item, ast.Const) else item
    if isinstance(value, Namespace) and name in value.names:
        return value.names[name]
    if isinstance(value, ast.Data):
        if value.name in frame.program.failed:
            raise Poisoned
        return data_vocabulary(el, value, expr, frame)
    known: list[str] = []
    if isinstance(value, ast.Definition) and name in {
        n for s in value.body for n in bound_names(s)
    }:
        advice = f"it has values once it is applied: `{value.name}(…).{name}`"
        raise DlspecError(WrongKind(expr.object.span, "a value", describe(value), advice))
    if isinstance(value, (Record, Namespace)):
        known = list(value.names)
    elif is_tensor_like(value):
        known = ["shape"]
    raise _unknown(expr, describe(value), known)


def data_vocabulary(
    el: Elaborator, data: ast.Data, expr: ast.Attribute, frame: Frame
) -> Vocabulary:
    """`addresses.words`: a vocabulary that a data definition makes."""
    plan = definition_plan(data, (), el, frame)
    wanted = f"{data.name}.{expr.name}"
    for vocabulary in plan.vocabularies:
        if vocabulary.name == wanted:
            return Vocabulary((), vocabulary)
    known = [v.name.partition(".")[2] for v in plan.vocabularies]
    raise _unknown(expr, f"the data `{data.name}`", known)


def _unknown(expr: ast.Attribute, what: str, known: list[str]) -> DlspecError:
    listed = ", ".join(f"`{k}`" for k in known[:12])
    return DlspecError(
        UnknownAttribute(
            expr.name_span, expr.name, what, did_you_mean(expr.name, known), listed or None
        )
    )


def index(el: Elaborator, expr: ast.Index, frame: Frame) -> Any:
    """`list[0]`, `seen.conv[4][2]`, `net["*.bias"]`, `x[:, 1:3]`."""
    value = el.evaluate(expr.object, frame)
    if isinstance(value, Layer):
        pattern = el.evaluate(_only(expr), frame)
        if isinstance(pattern, str) and value.path is not None:
            return Choice(value.path, pattern, expr.span.text)
        if value.path is not None and isinstance(pattern, int):
            return Choice(f"{value.path}.{pattern}", None, expr.span.text)
        raise DlspecError(WrongKind(expr.span, 'a pattern such as `"*.bias"`', describe(pattern)))
    if isinstance(value, Choice):
        return Choice(f"{value.prefix}.{el.evaluate(_only(expr), frame)}", None, expr.span.text)
    if isinstance(value, Family):
        return _round(el, value, expr, frame)
    if isinstance(value, (list, tuple, compile_time.Range)):
        return _element(el, list(value), expr, frame)
    if isinstance(value, np.ndarray) or single(value) is None:
        raise DlspecError(WrongKind(expr.object.span, "a list or a tensor", describe(value)))
    return _sliced(el, value, expr, frame)


def _only(expr: ast.Index) -> ast.Expr:
    if len(expr.items) != 1 or isinstance(expr.items[0], ast.Slice):
        raise DlspecError(WrongKind(expr.span, "one index", f"{len(expr.items)} parts"))
    return expr.items[0]


def _round(el: Elaborator, family: Family, expr: ast.Index, frame: Frame) -> Any:
    chosen = str(el.evaluate(_only(expr), frame))
    exact = family.rounds.get((chosen,))
    if exact is not None:
        return exact
    inner = {key[1:]: v for key, v in family.rounds.items() if key[0] == chosen}
    if not inner:
        rounds = ", ".join(dict.fromkeys(k[0] for k in family.rounds))
        raise DlspecError(
            UnknownAttribute(
                expr.span, f"[{chosen}]", f"`{family.name}`", None, f"the rounds {rounds}"
            )
        )
    return Family(family.name, inner, list(inner.values())[-1])


def _element(el: Elaborator, items: list[Any], expr: ast.Index, frame: Frame) -> Any:
    item = expr.items[0] if len(expr.items) == 1 else None
    if isinstance(item, ast.Slice):
        start = el.evaluate(item.start, frame) if item.start is not None else None
        stop = el.evaluate(item.stop, frame) if item.stop is not None else None
        for end in (start, stop):
            if end is not None and (not isinstance(end, int) or isinstance(end, bool)):
                raise DlspecError(WrongKind(item.span, "a whole number", describe(end)))
        return items[slice(start, stop)]
    position = el.evaluate(_only(expr), frame)
    if (
        not isinstance(position, int)
        or isinstance(position, bool)
        or not -len(items) <= position < len(items)
    ):
        raise DlspecError(
            WrongKind(expr.span, f"an index from 0 to {len(items) - 1}", describe(position))
        )
    return items[position]


def _sliced(el: Elaborator, value: Any, expr: ast.Index, frame: Frame) -> Any:
    """A part of a tensor: one `slice` for all axes, then `squeeze` of those given by a number."""
    starts: list[int | None] = []
    stops: list[int | None] = []
    dropped: list[int] = []
    for axis, item in enumerate(expr.items):
        if isinstance(item, ast.Slice):
            bounds = [
                el.evaluate(e, frame) if e is not None else None for e in (item.start, item.stop)
            ]
        else:
            position = el.evaluate(item, frame)
            if is_tensor_like(position):
                raise DlspecError(NotYet(item.span, "an index that is a tensor"))
            bounds = [
                position,
                position + 1 if isinstance(position, int) and position != -1 else None,
            ]
            dropped.append(axis)
        for bound in bounds:
            if bound is not None and (not isinstance(bound, int) or isinstance(bound, bool)):
                raise DlspecError(WrongKind(item.span, "a whole number", describe(bound)))
        starts.append(bounds[0])
        stops.append(bounds[1])
    path = el.context.sites.path(frame.prefix, "slice", expr)
    made = REGISTRY["slice"](starts=tuple(starts), stops=tuple(stops))  # type: ignore[call-arg]
    result = apply_op(el, made, [(value, expr.object.span)], {}, path, expr.span)
    for axis in reversed(dropped):
        squeeze = REGISTRY["squeeze"](axis=axis)  # type: ignore[call-arg]
        result = apply_op(el, squeeze, [(result, expr.span)], {}, f"{path}.squeeze", expr.span)
    return result
