"""What is left over when a file has been carried out: names that nothing reads, settings from
outside that nothing has."""

from __future__ import annotations

from dlspec.diagnostics import Sink, did_you_mean
from dlspec.diagnostics.names import UnknownSetting, UnreadInNetwork
from dlspec.sema.bindings import bound_places, names_read
from dlspec.sema.inputs import input_names
from dlspec.sema.program import Program
from dlspec.sema.recipe import SETTINGS as RECIPE_SETTINGS
from dlspec.source import SourceFile, Span
from dlspec.syntax import ast

MAX_WARNINGS = 50


def warn_unread(program: Program, source: SourceFile, sink: Sink) -> None:
    """Names of networks that nothing reads; with mistakes about, they tell little."""
    if sink.errors:
        return
    read = names_read(program.file)
    told = 0
    for definition in program.networks:
        if definition.span.source is not source:
            continue  # an imported file answers for its own
        for name, span in _own_bindings(definition.body).items():
            if name not in read and name not in input_names(definition):
                near = did_you_mean(name, read & set(bound_places(definition.body)))
                sink.report(UnreadInNetwork(span, name, near))
                told += 1
                if told == MAX_WARNINGS:
                    return


def unknown_override(
    name: str, expr: ast.Expr, program: Program, source: SourceFile, sink: Sink
) -> None:
    """A setting from outside that nothing has."""
    known = set(RECIPE_SETTINGS)
    for recipe in program.of_kind(ast.Recipe):
        known |= {p.name for p in recipe.settings}
    for definition in [*program.networks, *program.of_kind(ast.Data)]:
        known |= {p.name for p in definition.settings}
        known |= {f"{definition.name}.{p.name}" for p in definition.settings}
    if name in known and sink.errors:
        return  # what it is for was not reached, for a reason that has been told
    listed = ", ".join(f"`{k}`" for k in sorted(known))
    sink.report(
        UnknownSetting(_whole(expr.span), name, source.name, did_you_mean(name, known), listed)
    )


def _whole(span: Span) -> Span:
    return Span(span.source, span.start, len(span.source.text.rstrip("\n")))


def _own_bindings(body: tuple[ast.Statement, ...]) -> dict[str, Span]:
    found: dict[str, Span] = {}
    for statement in body:
        inner = statement.statement if isinstance(statement, ast.Guarded) else statement
        if isinstance(inner, ast.Assign):
            for target in inner.targets:
                found.setdefault(target.name, target.span)
        elif isinstance(inner, (ast.For, ast.If)):
            found |= {
                k: v
                for k, v in _own_bindings(
                    inner.body + (inner.orelse if isinstance(inner, ast.If) else ())
                ).items()
                if k not in found
            }
    return found
