"""Metrics that are no mean of one number an example: figures of the whole data set.

`error_rate(text, reference)`, `exact(text, reference)`, `bleu(text, reference)` and
`perplexity(scores, reference)` are written in `metrics = …`. The graph makes a batch's sums (or its
mean), and `dlspec.ir.figures` makes the figure of the sums of all batches.

The stop symbol that `ending(…)` puts behind a field's texts is no part of them where texts are
compared: a text that `generate` made has none. `perplexity` counts it, for a model must foresee it
as any other symbol.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dlspec.diagnostics import Diagnostic, DlspecError
from dlspec.diagnostics.names import MissingArgument, TooManyArguments, UnknownSetting
from dlspec.diagnostics.shapes import DTypeMismatch, ShapeDiagnostic
from dlspec.ir.figures import Figure
from dlspec.ir.graph import Value
from dlspec.ir.types import DType
from dlspec.ops import REGISTRY
from dlspec.ops.comparison import Cast
from dlspec.ops.edit_distance import Compared, EditDistance
from dlspec.ops.joining import Stack
from dlspec.ops.ngrams import NgramMatches
from dlspec.ops.reduction import Sum
from dlspec.ops.slicing import Slice
from dlspec.sema.apply_op import apply_op
from dlspec.sema.arguments import Given, evaluate_arguments
from dlspec.sema.context import Frame
from dlspec.sema.figures import METRICS
from dlspec.sema.names import file_name
from dlspec.sema.operands import with_operands
from dlspec.sema.ragged import covered, lengths_of
from dlspec.sema.tensors import constant
from dlspec.sema.values import Tensor
from dlspec.source import Span
from dlspec.syntax import ast

if TYPE_CHECKING:
    from dlspec.sema.recipe_body import RecipeElaborator


def figure_of(
    el: RecipeElaborator, item: ast.Expr, frame: Frame, label: str
) -> tuple[Value, Figure] | None:
    """What a batch gives of a metric, and the figure of all batches; None of one that is a mean of
    numbers, or of the user's own."""
    function = item.function if isinstance(item, ast.Pipe) else item
    written = function.arguments if isinstance(function, ast.Call) else ()
    named = function.function if isinstance(function, ast.Call) else function
    if not isinstance(named, ast.Name) or (function is item and not isinstance(item, ast.Call)):
        return None
    name = named.id
    if name not in METRICS or name in frame.names or file_name(el, name, frame) is not None:
        return None
    piped: Given | None = None
    if isinstance(item, ast.Pipe):
        piped = el.evaluate(item.value, frame), item.value.span
    slots, figure = METRICS[name]
    given = evaluate_arguments(el, written, frame, piped)
    positional = ([given.piped] if given.piped else []) + given.positional
    if len(positional) > 2:
        raise DlspecError(TooManyArguments(positional[2][1], name, 2))
    found = dict(zip(slots, positional, strict=False))
    for key, value in given.named.items():
        if key not in slots or key in found:
            listed = " and ".join(f"`{s}`" for s in slots)
            raise DlspecError(UnknownSetting(value[1], key, name, None, listed))
        found[key] = value
    for slot in slots:
        if slot not in found:
            raise DlspecError(MissingArgument(item.span, slot, name))
    frame.target = label
    first, second = (found[s] for s in slots)
    return _value(el, name, [first, second], frame, label, item), figure


def _value(
    el: RecipeElaborator, name: str, given: list[Given], frame: Frame, label: str, item: ast.Expr
) -> Value:
    span = item.span
    if name == "perplexity":
        _check_scores(el, given, span)
        op = REGISTRY["cross_entropy"]()
        losses = apply_op(el, op, given, {}, f"{label}.cross_entropy", span)
        return el.mean(losses, item, "a metric", frame)
    b = el.context.builder
    if name == "bleu":
        rows, _ = _compared(el, NgramMatches(), name, given, f"{label}.matches", span)
        return b.one(Sum((0,)), rows, path=label, span=span)
    distance, symbols = _compared(el, EditDistance(), name, given, f"{label}.edits", span)
    if name == "exact":
        none = constant(b, 0.0, DType.float32)
        right = b.one(REGISTRY["equal"](), distance, none, path=f"{label}.right", span=span)
        right = b.one(Cast("float32"), right, path=f"{label}.share", span=span)
        return el.mean(Tensor(right), item, "a metric", frame)
    edits = b.one(Sum((0,)), distance, path=f"{label}.sum", span=span)
    return b.one(Stack(0), edits, symbols, path=label, span=span)


def _compared(
    el: RecipeElaborator, op: Compared, name: str, given: list[Given], path: str, span: Span
) -> tuple[Value, Value]:
    """The op of two texts without what `ending` put behind them, and how many symbols the
    references have together, a float32."""
    values = [el.tensor(value, place) for value, place in given]
    try:
        op.infer(*(v.type.with_shape(v.type.shape, ()) for v in values))
    except DlspecError as error:
        told = (_of_metric(d, name) for d in error.diagnostics)
        raise DlspecError(*(with_operands(d, span, given, values) for d in told)) from None
    (text, mine), (reference, its) = (_spoken(el, v, path) for v in values)
    b = el.context.builder
    (made,) = b.apply(op, text, reference, mine, its, path=path, span=span)
    el.context.count_nodes((made,), span)
    if its is None:  # each symbol is its own equal
        its = b.one(REGISTRY["equal"](), reference, reference, path=f"{path}.there")
    count = b.one(Cast("float32"), its, path=f"{path}.count")
    return made, b.one(Sum(tuple(range(count.type.rank))), count, path=f"{path}.symbols")


def _of_metric(diagnostic: Diagnostic, name: str) -> Diagnostic:
    """What the op of a metric has to say, in the name of the metric."""
    if isinstance(diagnostic, ShapeDiagnostic):
        rule = "(text: int[n, l], reference: int[n, t])"
        diagnostic = replace(diagnostic, op=name, rule=rule)
    if isinstance(diagnostic, DTypeMismatch):
        diagnostic = replace(diagnostic, advice=_IDS)
    return diagnostic


_IDS = "ids are compared: what `generate` gives, `ctc_decode(scores)` or `argmax(scores)`"


def _check_scores(el: RecipeElaborator, given: list[Given], span: Span) -> None:
    """Scores are floats: told before what the lengths of ids would be told of."""
    values = [el.tensor(value, place) for value, place in given]
    actual = values[0].type.dtype
    if not actual.is_float:
        wrong = DTypeMismatch(
            None,
            "perplexity",
            rule="(scores: float[*b, classes], reference: int[*b])",
            operand="scores",
            actual=str(actual),
            expected="float",
            advice="it is of the scores that the loss is of, before any choice",
        )
        raise DlspecError(with_operands(wrong, span, given, values))


def _spoken(el: RecipeElaborator, value: Value, path: str) -> tuple[Value, Value | None]:
    """A text as a full tensor with its lengths (None where all symbols count), without the stop
    symbol of a field that was made by `ending`."""
    context, b = el.context, el.context.builder
    ends = el.ends_with_stop(value)
    if 1 not in value.type.ragged:
        if ends:
            value = b.one(Slice((None, None), (None, -1)), value, path=f"{path}.spoken")
        return value, None
    lengths = lengths_of(context, value.type.shape[1], value.type)
    if ends:
        one, none = (constant(b, n, DType.int32) for n in (1, 0))
        lengths = b.one(REGISTRY["sub"](), lengths, one, path=f"{path}.before_stop")
        lengths = b.one(REGISTRY["maximum"](), lengths, none, path=f"{path}.spoken")
    return covered(context, value, 1, 0.0, keep=False), lengths
