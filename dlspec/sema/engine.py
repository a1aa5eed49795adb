"""Engine blocks: which targets to build, for which sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlspec.diagnostics import DlspecError, did_you_mean
from dlspec.diagnostics.meaning import BadValue, UnboundedDimension
from dlspec.diagnostics.names import NotYet, UnknownName, UnknownSetting
from dlspec.diagnostics.shapes import NoBatch
from dlspec.ir.graph import Graph
from dlspec.ir.least import least_sizes
from dlspec.ir.plan import EnginePlan, TargetPlan
from dlspec.sema.context import Frame
from dlspec.sema.values import Range, describe, is_number
from dlspec.syntax import ast

if TYPE_CHECKING:
    from dlspec.sema.elaborate import Elaborator

TARGETS = ("onnxruntime", "cuda", "tensorrt_rtx", "tensorrt")
PRECISIONS = {
    "float32": "float32",
    "float": "float32",
    "float16": "float16",
    "bfloat16": "bfloat16",
}
SETTINGS = ("targets", "batch", "tolerance", "outputs", "fallback")
AHEAD = ("tensorrt_rtx", "tensorrt")
DEFAULT_BATCH = (1, 64)


def engine_plan(engine: ast.Engine, graph: Graph, el: Elaborator, frame: Frame) -> EnginePlan:
    """The plan of an `engine` block for an inference graph."""
    targets: tuple[TargetPlan, ...] = ()
    bounds: dict[str, tuple[int, int]] = {}
    outputs: tuple[str, ...] | None = None
    tolerance: float | None = None
    fallback: str | None = None
    symbols = graph.symbols
    least = least_sizes(graph)
    for statement in engine.body:
        if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
            raise DlspecError(NotYet(statement.span, "this statement in an `engine`"))
        name, values = statement.targets[0].name, statement.values
        if name == "targets":
            targets = tuple(_target(v) for v in values)
        elif name == "fallback":
            if not isinstance(values[0], ast.Name) or values[0].id != "cpu":
                raise DlspecError(BadValue(statement.span, name, values[0].span.text, "`cpu`"))
            fallback = "cpu"
        elif name == "batch":
            if "N" not in symbols:
                raise DlspecError(
                    NoBatch(statement.span, graph.name, symbols[0] if symbols else None)
                )
            bounds["N"] = _bounds(name, values[0], el, frame)
        elif name in symbols:
            low, high = _bounds(name, values[0], el, frame)
            if high < least[name]:
                wanted = f"a range that reaches {least[name]}, since a window is so long"
                raise DlspecError(BadValue(values[0].span, name, f"{low}..{high}", wanted))
            bounds[name] = max(low, least[name]), high
        elif name == "tolerance":
            value = el.evaluate(values[0], frame)
            if not is_number(value) or not 0 < value < 1:
                raise DlspecError(
                    BadValue(
                        statement.span,
                        name,
                        describe(value),
                        "a part of the output's rms between 0 and 1",
                    )
                )
            tolerance = float(value)
        elif name == "outputs":
            outputs = tuple(_output(v, graph) for v in values)
        else:
            known = [*SETTINGS, *(s for s in symbols if s != "N")]
            raise DlspecError(
                UnknownSetting(
                    statement.targets[0].span,
                    name,
                    engine.name,
                    did_you_mean(name, known),
                    ", ".join(f"`{k}`" for k in known),
                )
            )
    targets = targets or (TargetPlan("onnxruntime", span=engine.span),)
    if fallback is not None:
        targets = tuple(
            TargetPlan(t.kind, t.precision, t.fallback or "cpu", t.span) for t in targets
        )
    if "N" in symbols:
        bounds.setdefault("N", DEFAULT_BATCH)
    for target in targets:
        for symbol in symbols:
            if target.kind in AHEAD and symbol not in bounds:
                raise DlspecError(
                    UnboundedDimension(engine.name_span, engine.name, symbol, target.kind)
                )
    return EnginePlan(engine.name, targets, bounds, outputs, tolerance, engine.name_span)


def default_engine(graph: Graph) -> EnginePlan:
    """What a network without an `engine` gets: ONNX Runtime on the CPU."""
    bounds = {"N": DEFAULT_BATCH} if "N" in graph.symbols else {}
    return EnginePlan("default", (TargetPlan("onnxruntime"),), bounds)


def _output(expr: ast.Expr, graph: Graph) -> str:
    names = [o.name for o in graph.outputs]
    name = expr.id if isinstance(expr, ast.Name) else expr.span.text
    if name not in names:
        raise DlspecError(
            UnknownName(
                expr.span, name, did_you_mean(name, names), f"the outputs are {', '.join(names)}"
            )
        )
    return name


def _target(expr: ast.Expr) -> TargetPlan:
    head = expr.function if isinstance(expr, ast.Call) else expr
    name = head.id if isinstance(head, ast.Name) else head.span.text
    if name not in TARGETS:
        near = did_you_mean(name, TARGETS)
        raise DlspecError(
            BadValue(
                expr.span,
                "targets",
                name,
                ", ".join(f"`{t}`" for t in TARGETS),
                f"did you mean `{near}`?" if near else None,
            )
        )
    precision, fallback = "float32", None
    for argument in expr.arguments if isinstance(expr, ast.Call) else ():
        value = (
            argument.value.id if isinstance(argument.value, ast.Name) else argument.value.span.text
        )
        if argument.name == "precision" and value in PRECISIONS:
            precision = PRECISIONS[value]
        elif argument.name == "fallback" and value == "cpu":
            fallback = "cpu"
        elif argument.name in ("precision", "fallback"):
            expected = (
                "`cpu`" if argument.name == "fallback" else ", ".join(f"`{p}`" for p in PRECISIONS)
            )
            raise DlspecError(BadValue(argument.span, argument.name, value, expected))
        else:
            given = argument.name or argument.span.text
            raise DlspecError(
                UnknownSetting(
                    argument.span,
                    given,
                    name,
                    did_you_mean(given, ["precision", "fallback"]),
                    "`precision`, `fallback`",
                )
            )
    return TargetPlan(name, precision, fallback, expr.span)  # type: ignore[arg-type]


def _bounds(name: str, expr: ast.Expr, el: Elaborator, frame: Frame) -> tuple[int, int]:
    value: Any = el.evaluate(expr, frame)
    if isinstance(value, int) and not isinstance(value, bool):
        value = Range(value, value)
    if not isinstance(value, Range) or value.first < 1 or value.last < value.first:
        wanted = "a range that begins at 1 or more, such as `1..64`"
        raise DlspecError(BadValue(expr.span, name, describe(value), wanted))
    return value.first, value.last
