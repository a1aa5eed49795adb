"""Data definitions: sources, fields, splits. Nothing is opened here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from dlspec.diagnostics import DlspecError, did_you_mean
from dlspec.diagnostics.meaning import BadValue
from dlspec.diagnostics.names import (
    MissingArgument,
    NotYet,
    RepeatedArgument,
    TooManyArguments,
    UnknownName,
    UnknownSetting,
    UnreadName,
    WrongKind,
)
from dlspec.dims import Dim
from dlspec.ir.data_plan import (
    SOURCES,
    ColumnSchema,
    DataPlan,
    FieldPlan,
    SourceCall,
    SplitPlan,
    VocabularyPlan,
)
from dlspec.ir.types import DType, TensorType
from dlspec.sema import types
from dlspec.sema.context import Frame
from dlspec.sema.misfits import wrong_split
from dlspec.sema.program import Program
from dlspec.sema.values import Vocabulary, describe, is_number
from dlspec.source import Span
from dlspec.syntax import ast
from dlspec.text import PIECES

if TYPE_CHECKING:
    from dlspec.sema.elaborate import Elaborator

SETTINGS = ("split", "seed")
SOURCES_LATER = (
    "gym",
    "folder",
    "tsv",
    "lines",
    "emoji_32",
    "babi_task",
    "copy_task",
    "shapes_world",
    "shuffle",
    "windows",
)


@dataclass
class DataFields:
    """What a recipe sees of its data: the type of each field for one example, and class names."""

    name: str
    types: dict[str, TensorType] = field(default_factory=dict[str, TensorType])
    classes: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    vocabularies: dict[str, VocabularyPlan] = field(default_factory=dict[str, VocabularyPlan])
    ending: set[str] = field(default_factory=set[str])
    """Fields whose texts have the stop symbol behind them."""


@dataclass(frozen=True)
class Source:
    """A source bound to a name, while a data body is read."""

    call: SourceCall


@dataclass(frozen=True)
class Column:
    """A column of a source."""

    source: Source
    name: str


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


def source_call(value: ast.Expr, el: Elaborator, frame: Frame) -> SourceCall:
    """`mnist(validation = 5000)` with its settings checked against what the source takes."""
    call = value if isinstance(value, ast.Call) else None
    named = call.function if call is not None else value
    if not isinstance(named, ast.Name):
        raise DlspecError(WrongKind(value.span, "a source of data, such as `mnist()`", "this"))
    if named.id in SOURCES_LATER:
        raise DlspecError(NotYet(named.span, f"the source `{named.id}`"))
    schema = SOURCES.get(named.id)
    if schema is None:
        raise DlspecError(
            UnknownName(
                named.span,
                named.id,
                did_you_mean(named.id, SOURCES),
                f"sources of data are {', '.join(SOURCES)}",
            )
        )
    order = [s.name for s in schema.settings]
    known = ", ".join(f"`{n}`" for n in order)
    settings: dict[str, object] = {}
    for position, argument in enumerate(call.arguments if call is not None else ()):
        if argument.name is None and position >= len(order):
            raise DlspecError(TooManyArguments(argument.span, schema.name, len(order), known))
        key = argument.name or order[position]
        setting = schema.setting(key)
        if setting is None:
            raise DlspecError(
                UnknownSetting(argument.span, key, schema.name, did_you_mean(key, order), known)
            )
        if key in settings:
            raise DlspecError(RepeatedArgument(argument.span, key, schema.name))
        given = el.evaluate(argument.value, frame)
        if not setting.accepts(given):
            raise DlspecError(BadValue(argument.span, key, describe(given), setting.expected))
        settings[key] = given
    for setting in schema.settings:
        if setting.required and setting.name not in settings:
            raise DlspecError(MissingArgument(value.span, setting.name, schema.name, known))
    return SourceCall(schema.name, settings, value.span)


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
    return _Body(data, el, frame).plan()


class _Body:
    """Reads the body of a `data` definition: one source, its columns, fields, a split."""

    def __init__(self, data: ast.Data, el: Elaborator, frame: Frame) -> None:
        self.data = data
        self.el = el
        self.frame = frame
        self.sources: dict[str, Source] = {}
        self.columns: dict[str, Column] = {}
        self.read: set[str] = set()
        self.fields: list[FieldPlan] = []
        self.split: SplitPlan | None = None
        self.seed = 0
        self.vocabularies: list[VocabularyPlan] = []
        self.bound: dict[str, Span] = {}

    def plan(self) -> DataPlan:
        """Read every statement; tell what nobody reads."""
        for statement in self.data.body:
            if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
                self.assign(statement)
            elif isinstance(statement, ast.Output):
                self.output(statement)
            elif isinstance(statement, ast.Guarded):
                raise DlspecError(
                    NotYet(statement.span, "augmentation in `data`", "put it into the recipe")
                )
            else:
                raise DlspecError(NotYet(statement.span, "this statement in `data`"))
        for name, span in self.bound.items():
            if name not in self.read and name not in self.frame.read:
                raise DlspecError(UnreadName(span, name, did_you_mean(name, SETTINGS)))
        used = list({id(s): s for s in self.sources.values()}.values())
        if not used:
            advice = 'bind one: `files = npz("digits.npz")`'
            raise DlspecError(WrongKind(self.data.name_span, "a source of data", "nothing", advice))
        if len(used) > 1:
            raise DlspecError(NotYet(self.data.name_span, "several sources in one `data`"))
        return DataPlan(
            self.data.name,
            used[0].call,
            tuple(self.fields),
            self.split,
            self.seed,
            self.data.span,
            tuple(self.vocabularies),
        )

    def assign(self, statement: ast.Assign) -> None:
        """A source, a column, a setting, or a compile-time value such as a vocabulary."""
        name, value = statement.targets[0].name, statement.values[0]
        if name == "split":
            self.split = self.split_plan(value)
            return
        if name == "seed":
            seed = self.el.evaluate(value, self.frame)
            if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
                raise DlspecError(
                    BadValue(value.span, "seed", describe(seed), "a whole number from 0")
                )
            self.seed = seed
            return
        self.bound[name] = statement.targets[0].span
        head = value.function if isinstance(value, ast.Call) else value
        if isinstance(head, ast.Name) and (head.id in SOURCES or head.id in SOURCES_LATER):
            self.sources[name] = Source(source_call(value, self.el, self.frame))
            return
        column = self.column(value)
        if column is not None:
            self.columns[name] = column
            return
        if isinstance(value, ast.Call) and _is_call(value, "vocabulary"):
            of = self.column(value.arguments[0].value) if value.arguments else None
            if of is not None:
                self.read.add(name)
                self.vocabularies.append(self.vocabulary(name, of, value))
                self.frame.names[name] = Vocabulary((), self.vocabularies[-1])
                return
        self.frame.names[name] = self.el.evaluate(value, self.frame)

    def vocabulary(self, name: str, column: Column, call: ast.Call) -> VocabularyPlan:
        """`vocabulary(lines.en, by = words, size = 4000)`: the size is known without the data."""
        given = {a.name or "": a for a in call.arguments[1:]}
        for key, argument in given.items():
            if key not in ("by", "size"):
                raise DlspecError(
                    UnknownSetting(argument.span, key or argument.span.text, "vocabulary", None)
                )
        by = "words"
        if "by" in given:
            written = given["by"].value
            by = written.id if isinstance(written, ast.Name) else written.span.text
            if by not in PIECES:
                expected = ", ".join(f"`{p}`" for p in PIECES)
                raise DlspecError(BadValue(written.span, "by", by, expected))
        if "size" not in given:
            raise DlspecError(MissingArgument(call.span, "size", "vocabulary"))
        size = self.el.evaluate(given["size"].value, self.frame)
        if not isinstance(size, int) or isinstance(size, bool) or size < 4:
            raise DlspecError(
                BadValue(given["size"].span, "size", describe(size), "a whole number from 4")
            )
        return VocabularyPlan(f"{self.data.name}.{name}", column.name, by, size, call.span)  # type: ignore[arg-type]

    def column(self, expr: ast.Expr) -> Column | None:
        """`files.image`, or a name bound to such a column."""
        if isinstance(expr, ast.Name) and expr.id in self.columns:
            self.read.add(expr.id)
            return self.columns[expr.id]
        if (
            isinstance(expr, ast.Attribute)
            and isinstance(expr.object, ast.Name)
            and expr.object.id in self.sources
        ):
            source = self.sources[expr.object.id]
            self.read.add(expr.object.id)
            known = SOURCES[source.call.kind].columns_for(source.call.settings)
            if known is not None and expr.name not in {c.name for c in known}:
                names = [c.name for c in known]
                from dlspec.diagnostics.names import UnknownAttribute

                listed = ", ".join(f"`{n}`" for n in names)
                what = f"the source `{source.call.kind}`"
                raise DlspecError(
                    UnknownAttribute(
                        expr.name_span, expr.name, what, did_you_mean(expr.name, names), listed
                    )
                )
            return Column(source, expr.name)
        return None

    def output(self, statement: ast.Output) -> None:
        """`output image: uint8[N, 28, 28] = files.pixels`: a field, checked when the data is
        opened.
        """
        name = statement.target.name
        expr = statement.value or ast.Name(statement.target.span, name)
        ending = _is_call(expr, "ending")
        column = self.column(expr.arguments[0].value if ending else expr)  # type: ignore[union-attr]
        if column is None:
            raise DlspecError(
                NotYet(expr.span, "a computed field", "give a column of the source: `files.image`")
            )
        known = SOURCES[column.source.call.kind].columns_for(column.source.call.settings)
        schema = next((c for c in known or () if c.name == column.name), None)
        if statement.type is None:
            if schema is None:
                advice = f"`output {name}: float[N, 4] = …`"
                raise DlspecError(
                    BadValue(
                        statement.span,
                        name,
                        "without a type",
                        "a type, since only the file knows this column",
                        advice,
                    )
                )
            self.fields.append(
                FieldPlan(
                    name, column.name, schema.dtype, schema.shape, schema.classes, statement.span
                )
            )
            return
        written = statement.type
        dtype = types.dtype_of(written)
        shape: list[int | None] = []
        ragged: list[str] = []
        for position, dim in enumerate(written.dims or ()):
            sizes = types.dimension(dim, self.frame, self.el.evaluate, free=True)
            if position == 0:
                if sizes[0].symbol != "N":
                    raise DlspecError(
                        BadValue(
                            dim.span, "the first dimension", dim.span.text, "`N`, the examples"
                        )
                    )
                continue
            if dim.kind == "ragged":
                symbol = sizes[0].symbol
                if position != len(ragged) + 1 or position > 2 or symbol is None:
                    raise DlspecError(NotYet(dim.span, "these lengths in a field"))
                ragged.append(symbol)
            shape.extend(s.value for s in sizes)
        names = types.vocabulary_of(written, self.frame, self.el.evaluate)
        fitted = None if names is None else names.fitted
        classes = None if names is None else names.classes
        self.fields.append(
            FieldPlan(
                name,
                column.name,
                dtype.value,
                tuple(shape),
                classes or (schema.classes if schema and fitted is None else None),
                statement.span,
                ragged[0] if ragged else None,
                fitted,
                ending,
                ragged[1] if len(ragged) > 1 else None,
            )
        )

    def split_plan(self, expr: ast.Expr) -> SplitPlan:
        """`random(80%, 10%, 10%, by = files.speaker)`, `given(validation = 5000)`."""
        wrong = BadValue(
            expr.span,
            "split",
            expr.span.text,
            "parts that add up to 1, `random(80%, 10%, 10%)`, or `given(validation = 10%)`",
        )
        if not isinstance(expr, ast.Call) or not isinstance(expr.function, ast.Name):
            raise DlspecError(wrong)
        kind = expr.function.id
        if kind not in ("random", "given"):
            raise DlspecError(wrong)
        shares: list[float] = []
        validation: int | float = 0.1
        by: str | None = None
        for argument in expr.arguments:
            if argument.name == "by" and kind == "random":
                column = self.column(argument.value)
                if column is None:
                    written = f"`{argument.value.span.text}`"
                    raise DlspecError(WrongKind(argument.span, "a column of the source", written))
                by = column.name
                continue
            given = argument.value
            is_source = isinstance(given, ast.Name) and given.id in self.sources
            value = given if is_source else self.el.evaluate(given, self.frame)
            if not is_number(value) or value <= 0:
                found = f"`{given.span.text}`, a source" if is_source else describe(value)
                expected = "a part such as `10%`" + " or a count" * (kind == "given")
                raise DlspecError(BadValue(argument.span, "split", found, expected))
            if argument.name is None and kind == "random":
                shares.append(float(value))
            elif argument.name == "validation" and kind == "given":
                validation = value
            elif argument.name == "train" and kind == "given":
                continue
            else:
                raise DlspecError(
                    UnknownSetting(
                        argument.span,
                        argument.name or argument.span.text,
                        kind,
                        known="`validation`" if kind == "given" else "parts and `by`",
                    )
                )
        if kind == "random" and len(shares) in (2, 3) and abs(sum(shares) - 1) < 1e-6:
            return SplitPlan("random", shares=tuple(shares), by=by, span=expr.span)
        if kind == "given":
            return SplitPlan("given", validation=validation, span=expr.span)
        raise DlspecError(wrong_split(wrong, shares))


def _is_call(expr: ast.Expr, name: str) -> bool:
    """Whether an expression is `name(…)` with an argument."""
    return (
        isinstance(expr, ast.Call)
        and isinstance(expr.function, ast.Name)
        and expr.function.id == name
        and bool(expr.arguments)
    )


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
            advice = 'give a size: `images("photos", size = 64)`'
            raise DlspecError(
                BadValue(
                    span, entry.name, "of an unknown size", "sizes known at compile time", advice
                )
            )
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


def _engine_dtype(name: str) -> DType:
    return DType.float32 if name == "float64" else DType(name)


def vocabulary_of(plan: Mapping[str, tuple[str, ...]], name: str) -> Vocabulary | None:
    """The class names of a field as a vocabulary."""
    return Vocabulary(plan[name]) if name in plan else None
