"""What both forms of `generate` share: the request, the cell's body with its own choices fed to it,
and what is fed first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.meaning import BadValue
from dlspec.diagnostics.names import NoOutput, WrongKind
from dlspec.diagnostics.time import StateChanges
from dlspec.dims import Dim
from dlspec.ir.graph import Value
from dlspec.ir.types import DType, TensorType
from dlspec.ops.arithmetic import Add
from dlspec.ops.ids import class_count
from dlspec.ops.lengths import Full
from dlspec.sema.arguments import Given
from dlspec.sema.beams import Beams
from dlspec.sema.cells import cell_body, check_starts
from dlspec.sema.loops import Loop, inside
from dlspec.sema.tensors import as_tensor, constant
from dlspec.sema.values import Choose, Layer, Poisoned, Tensor, describe, is_number, literal_array
from dlspec.source import Span
from dlspec.syntax import ast

if TYPE_CHECKING:
    from dlspec.sema.elaborate import Elaborator

SETTINGS = ("start", "stop", "at_most", "steps", "choose", "from")


@dataclass(frozen=True)
class Request:
    """A `generate` as it is written: the cell, the tensors given for its inputs, the input that is
    fed, the states' starts, its settings."""

    layer: Layer
    given: Mapping[str, Given]
    fed: str
    starts: Mapping[str, Given]
    settings: Mapping[str, Given]
    choose: Choose
    path: str
    span: Span

    @property
    def definition(self) -> ast.Definition:
        """The cell's."""
        assert isinstance(self.layer.definition, ast.Definition)
        return self.layer.definition

    def whole(self, name: str) -> int | None:
        """A setting that is a whole number."""
        if name not in self.settings:
            return None
        value, place = self.settings[name]
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise DlspecError(BadValue(place, name, describe(value), "a whole number"))
        return value


def one_step(
    el: Elaborator,
    loop: Loop,
    request: Request,
    actual: Mapping[str, Given],
    within: Mapping[Dim, Value],
) -> dict[str, Value]:
    """Carry out the cell's body in an open loop; its outputs. The first of them is what `choose`
    chooses from."""
    context, definition, span = el.context, request.definition, request.span
    with inside(context, loop, within):
        inner = cell_body(el, request.layer, dict(actual), request.path, span, ())
        results = inner.names | inner.put_out
        outputs = {n: as_tensor(context.builder, results[n], span) for n in inner.outputs}
    if context.sink.errors and any(s.following is None for s in loop.states):
        raise Poisoned
    check_starts(loop, definition, SETTINGS)
    if not outputs:
        raise DlspecError(NoOutput(definition.name_span, "cell", definition.name, "`output`"))
    _check_fed(loop, next(iter(outputs.values())), request)
    return outputs


def first_fed(loop: Loop, request: Request, beams: Beams | None = None) -> Value:
    """What is fed at the first step: `start`, a number for all of it or a tensor of one example's
    or of all examples' size."""
    formal = loop.fed_input
    assert formal is not None
    kind, span = formal.type, request.span
    value, place = request.settings.get("start", (0, span))
    real = kind.dtype.is_float
    path = f"{request.path}.{request.fed}.start"
    sizes = tuple(kind.shape[1:])
    if is_number(value) or isinstance(value, bool):
        whole = isinstance(value, int) and not isinstance(value, bool) and value >= 0
        if isinstance(value, bool) or not (real or whole):
            wanted = "a number" if real else "a whole number"
            raise DlspecError(BadValue(place, "start", describe(value), wanted))
        return loop.outer.one(Full(sizes, value, kind.dtype.value), loop.like, path=path, span=span)
    array = literal_array(value)
    tensor = (
        constant(loop.outer, array, kind.dtype)
        if array is not None and (real or array.dtype.kind in "iu")
        else as_tensor(loop.outer, value, place)
    )
    if beams is not None:
        tensor = as_tensor(loop.outer, *beams.repeated((Tensor(tensor), place)))
    width = request.choose.width
    if tensor.type.dtype is not kind.dtype or tensor.type.shape not in (kind.shape, sizes):
        told, declared = (str(_of_rows(k, width)) for k in (tensor.type, kind))
        raise DlspecError(StateChanges(place, request.fed, "start", told, declared, formal.span))
    if tensor.type.shape == kind.shape:
        return tensor
    zero = Full(sizes, 0, kind.dtype.value)
    rows = loop.outer.one(zero, loop.like, path=f"{path}.rows", span=span)
    return loop.outer.one(Add(), rows, tensor, path=path, span=span)


def _check_fed(loop: Loop, scores: Value, request: Request) -> None:
    """What is fed must be what `choose` makes of the first output."""
    formal = loop.fed_input
    assert formal is not None
    choose, span = request.choose, request.span
    kind, made = formal.type, scores.type
    if choose.kind in ("sample", "beam") and not made.dtype.is_float:
        shown = str(_of_rows(made, choose.width))
        raise DlspecError(WrongKind(span, f"scores of floats for `{choose.kind}`", shown))
    if choose.kind != "same":
        made = made.with_shape(made.shape[:-1]).with_dtype(DType.int64)
    if (made.dtype, made.shape) != (kind.dtype, kind.shape):
        told, declared = (str(_of_rows(k, choose.width)) for k in (made, kind))
        raise DlspecError(StateChanges(span, request.fed, "choice", told, declared, formal.span))
    if "stop" in request.settings and (kind.rank != 1 or kind.dtype.is_float):
        place = request.settings["stop"][1]
        shown = str(_of_rows(kind, choose.width))
        raise DlspecError(WrongKind(place, "`stop` where one id is fed, int[N]", shown))
    if choose.kind != "same":
        _check_ids(loop, scores, request)


def _check_ids(loop: Loop, scores: Value, request: Request) -> None:
    """What is fed first and what is chosen must be ids that the cell takes, and what ends a text
    one that can be chosen."""
    formal = loop.fed_input
    assert formal is not None
    taken, chosen = class_count(loop.body.graph, formal), scores.type.shape[-1].value
    limits = {"start": (taken, "that `{}` may be"), "stop": (chosen, "that can be chosen")}
    for name, (limit, which) in limits.items():
        value, place = request.settings.get(name, (None, request.span))
        if isinstance(value, int) and limit is not None and value >= limit:
            ids = f"one of the {limit} ids {which.format(request.fed)}, 0 to {limit - 1}"
            raise DlspecError(BadValue(place, name, str(value), ids))
    if taken is not None and chosen is not None and chosen > taken:
        expected = f"scores of the {taken} ids that `{request.fed}` may be"
        raise DlspecError(BadValue(request.span, "choose", f"one of {chosen}", expected))


def _of_rows(kind: TensorType, width: int) -> TensorType:
    """A type as the spec has it, without the beams of each row."""
    rows = kind.shape[0].divided_by(width) if kind.rank else None
    return kind if rows is None else kind.with_shape((rows, *kind.shape[1:]), kind.ragged)
