"""The body of a data definition: one source, its columns, vocabularies, fields and split."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlspec.diagnostics import DlspecError, did_you_mean
from dlspec.diagnostics.meaning import BadValue
from dlspec.diagnostics.names import (
    MissingArgument,
    NotYet,
    UnknownAttribute,
    UnknownSetting,
    UnreadName,
    WrongKind,
)
from dlspec.ir.data_plan import SOURCES, DataPlan, FieldPlan, SplitPlan, VocabularyPlan
from dlspec.sema import types
from dlspec.sema.context import Frame
from dlspec.sema.data_sources import SOURCES_LATER, Column, Source, source_call
from dlspec.sema.misfits import wrong_split
from dlspec.sema.values import Vocabulary, describe, is_number
from dlspec.source import Span
from dlspec.syntax import ast
from dlspec.text import PIECES

if TYPE_CHECKING:
    from dlspec.sema.elaborate import Elaborator

SETTINGS = ("split", "seed")


class DataBody:
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
