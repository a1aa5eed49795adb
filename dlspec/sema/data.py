"""What a recipe learns from: the plan of its data, and the types of the fields."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from dlspec.diagnostics import DlspecError, did_you_mean
from dlspec.diagnostics.meaning import BadValue
from dlspec.diagnostics.names import MissingArgument, UnknownName, UnknownSetting, WrongKind
from dlspec.dims import Dim
from dlspec.ir.data_plan import SOURCES, ColumnSchema, DataPlan, FieldPlan, VocabularyPlan
from dlspec.ir.types import DType, TensorType
from dlspec.sema.context import Frame
from dlspec.sema.data_body import DataBody
from dlspec.sema.data_sources import SOURCES_LATER, source_call
from dlspec.sema.program import Program
from dlspec.source import Span
from dlspec.syntax import ast

if TYPE_CHECKING:
    from dlspec.sema.elaborate import Elaborator


@dataclass
class DataFields:
    """What a recipe sees of its data: the type of each field for one example, and class names."""

    name: str
    types: dict[str, TensorType] = field(default_factory=dict[str, TensorType])
    classes: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    vocabularies: dict[str, VocabularyPlan] = field(default_factory=dict[str, VocabularyPlan])
    ending: set[str] = field(default_factory=set[str])
    """Fields whose texts have the stop symbol behind them."""


def data_fields(
    use: ast.Use, program: Program, el: Elaborator, frame: Frame
) -> tuple[DataPlan, DataFields]:
    """The plan and the fields of what a recipe is `on`."""
    value = use.value
    call_name = value.function if isinstance(value, ast.Call) else value
    arguments = value.arguments if isinstance(value, ast.Call) else ()
    if not isinstance(call_name, ast.Name):
        raise DlspecError(WrongKind(use.span, "data, such as `mnist()`", "this"))
    name = call_name.id
    found = program.definitions.get(name)
    if not isinstance(found, ast.Data) and (name in SOURCES or name in SOURCES_LATER):
        plan = DataPlan(use.alias or name, source_call(value, el, frame), span=use.span)
    else:
        if not isinstance(found, ast.Data):
            known = [*SOURCES, *(d.name for d in program.of_kind(ast.Data))]
            raise DlspecError(
                UnknownName(
                    call_name.span,
                    name,
                    did_you_mean(name, known),
                    f"sources of data are {', '.join(known)}",
                )
            )
        plan = definition_plan(found, arguments, el, frame)
        plan = replace(plan, name=use.alias or found.name)
    return plan, fields_of(plan, use.span)


def definition_plan(
    data: ast.Data, arguments: tuple[ast.Argument, ...], el: Elaborator, outer: Frame
) -> DataPlan:
    """The plan of a `data` definition with its settings given."""
    frame = Frame(data.name, "data", "", outer.program)
    known = [p.name for p in data.settings]
    given: dict[str, tuple[Any, Span]] = {}
    for position, argument in enumerate(arguments):
        key = argument.name or (known[position] if position < len(known) else "")
        if key not in known:
            raise DlspecError(
                UnknownSetting(
                    argument.span,
                    argument.name or argument.span.text,
                    data.name,
                    did_you_mean(key, known),
                    ", ".join(f"`{k}`" for k in known) or None,
                )
            )
        given[key] = (el.evaluate(argument.value, outer), argument.span)
    for parameter in data.settings:
        outside = el.context.program.given.get(f"{data.name}.{parameter.name}")
        if outside is not None:
            given[parameter.name] = (el.evaluate(outside, outer), outside.span)
    for parameter in data.settings:
        if parameter.name in given:
            frame.names[parameter.name] = given[parameter.name][0]
        elif parameter.default is not None:
            frame.names[parameter.name] = el.evaluate(parameter.default, frame)
        else:
            raise DlspecError(MissingArgument(data.name_span, parameter.name, data.name))
    if data.value is not None:
        return DataPlan(data.name, source_call(data.value, el, frame), span=data.span)
    return DataBody(data, el, frame).plan()


def fields_of(plan: DataPlan, span: Span) -> DataFields:
    """The fields of a plan with their types for one example."""
    found = DataFields(plan.name)
    entries: list[FieldPlan | ColumnSchema] = list(plan.outputs)
    if not entries:
        schema = SOURCES[plan.source.kind].columns_for(plan.source.settings)
        if schema is None:
            advice = (
                'write `data d { files = npz("d.npz"); '
                "output image: uint8[N, 28, 28] = files.image }`"
            )
            raise DlspecError(
                BadValue(
                    span, plan.source.kind, "used without a `data` block", "declared fields", advice
                )
            )
        entries = list(schema)
    for entry in entries:
        ragged = entry.ragged if isinstance(entry, FieldPlan) else ()
        if any(d is None for d in entry.shape[len(ragged) :]):
            raise DlspecError(_unknown_size(plan, entry, span))
        shape = tuple(Dim.of(d) for d in entry.shape if d is not None)
        shape = (*(Dim.of(s) for s in ragged), *shape)
        lengths = frozenset(range(len(ragged)))
        found.types[entry.name] = TensorType(_engine_dtype(entry.dtype), shape, lengths)
        if entry.classes is not None:
            found.classes[entry.name] = entry.classes
        if isinstance(entry, FieldPlan) and entry.vocabulary is not None:
            found.vocabularies[entry.name] = entry.vocabulary
        if isinstance(entry, FieldPlan) and entry.ending:
            found.ending.add(entry.name)
    return found


def _unknown_size(plan: DataPlan, entry: FieldPlan | ColumnSchema, span: Span) -> BadValue:
    """A field whose sizes nothing tells: told where it is declared."""
    place = entry.span if isinstance(entry, FieldPlan) else None
    advice = "write numbers for its sizes, or `<=T` where examples differ in length"
    if plan.source.kind == "images":
        advice = 'give a size: `images("photos", size = 64)`'
    wanted = "sizes known at compile time"
    return BadValue(place or span, entry.name, "of an unknown size", wanted, advice)


def _engine_dtype(name: str) -> DType:
    return DType.float32 if name == "float64" else DType(name)
