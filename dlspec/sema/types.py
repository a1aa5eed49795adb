"""Types as written: what they mean, and whether a value has one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dlspec.diagnostics import DlspecError, did_you_mean
from dlspec.diagnostics.meaning import DeclaredType
from dlspec.diagnostics.names import NotYet, UnknownDimension, UnknownType, WrongKind
from dlspec.diagnostics.shapes import BatchNotFirst
from dlspec.diagnostics.time import LengthsNotTaken
from dlspec.dims import Dim, text_of
from dlspec.ir.types import SPELLINGS, DType, TensorType
from dlspec.sema.context import Frame
from dlspec.sema.values import Range, Vocabulary, describe
from dlspec.source import Span
from dlspec.syntax import ast

Evaluate = Callable[[ast.Expr, Frame], Any]


def dtype_of(written: ast.TypeExpr) -> DType:
    """The element type that was written."""
    found = SPELLINGS.get(written.dtype)
    if found is None:
        raise DlspecError(
            UnknownType(
                written.span,
                written.dtype,
                ", ".join(SPELLINGS),
                did_you_mean(written.dtype, SPELLINGS),
            )
        )
    if found is DType.bfloat16:  # NumPy has no such numbers, and would have to say what they mean
        advice = "declare `float`; an engine computes in it by `precision = bfloat16`"
        raise DlspecError(NotYet(written.span, "the element type `bfloat16`", advice))
    return found


def dimension(dim: ast.Dim, frame: Frame, evaluate: Evaluate, *, free: bool) -> list[Dim]:
    """The dimensions that one entry stands for: a list-valued expression such as `x.shape` may be
    several.

    ``free`` lets an unbound capital name become a new symbol.
    """
    expr = dim.expr
    if expr is None:
        raise DlspecError(NotYet(dim.span, "`...` in the type of something new"))
    if isinstance(expr, ast.Name) and expr.id not in frame.names:
        if expr.id in frame.dims:
            return [frame.dims[expr.id]]
        if expr.id[:1].isupper() and free:
            frame.dims[expr.id] = Dim.of(expr.id)
            return [frame.dims[expr.id]]
        if not expr.id[:1].isupper() and expr.id not in frame.program.definitions:
            raise DlspecError(
                UnknownDimension(
                    expr.span,
                    expr.id,
                    expr.id[:1].upper() + expr.id[1:],
                    did_you_mean(expr.id, [*frame.names, *frame.dims, *frame.program.definitions]),
                )
            )
    if isinstance(expr, ast.Binary) and expr.op in (">=", ">", "<", "<="):
        raise DlspecError(NotYet(expr.span, "a bound on a dimension"))
    value = evaluate(expr, frame)
    values = list(value) if isinstance(value, (list, tuple)) else [value]
    dims: list[Dim] = []
    for v in values:
        if isinstance(v, Dim) or (isinstance(v, int) and not isinstance(v, bool) and v >= 0):
            dims.append(Dim.of(v))
        else:
            raise DlspecError(
                WrongKind(expr.span, "a size", describe(v), "a size is a whole number")
            )
    return dims


def declared_type(written: ast.TypeExpr, frame: Frame, evaluate: Evaluate) -> TensorType:
    """The type of something new (input, parameter, noise); free capital names become symbols."""
    shape: list[Dim] = []
    ragged: set[int] = set()
    for dim in written.dims or ():
        if dim.kind == "rest":
            raise DlspecError(NotYet(dim.span, "`...` in the type of something new"))
        if shape and is_batch(dim):
            raise DlspecError(batch_not_first(written, dim, len(shape)))
        if dim.kind == "ragged":
            ragged.add(len(shape))
        shape.extend(dimension(dim, frame, evaluate, free=True))
    return TensorType(dtype_of(written), tuple(shape), frozenset(ragged))


def is_batch(dim: ast.Dim) -> bool:
    """Whether a dimension is written as the batch."""
    return isinstance(dim.expr, ast.Name) and dim.expr.id == "N"


def batch_not_first(written: ast.TypeExpr, dim: ast.Dim, axis: int) -> BatchNotFirst:
    """What to say of an `N` behind other sizes; the type as it should be, where it has one `N`."""
    every = list(written.dims or ())
    sizes = [d.span.text for d in every]
    others = [s for d, s in zip(every, sizes, strict=True) if not is_batch(d)]
    taken = {s.lstrip("<=") for s in sizes}
    letter = next(c for c in "MKLPQ" if c not in taken)
    once = len(others) == len(every) - 1
    first = f"{written.dtype}[{', '.join(['N', *others])}]" if once else None
    renamed = [letter if d is dim else s for d, s in zip(every, sizes, strict=True)]
    other = f"{written.dtype}[{', '.join(renamed)}]"
    return BatchNotFirst(dim.span, axis, written.span.text, first, other)


def vocabulary_of(
    written: ast.TypeExpr | None, frame: Frame, evaluate: Evaluate
) -> Vocabulary | None:
    """The vocabulary of `int[…] of vocabulary`."""
    if written is None or written.of is None:
        return None
    if isinstance(written.of, ast.List):  # before its words are looked up as names
        raise DlspecError(_not_yet_vocabulary(written.of, "a list", written.of.items))
    value = evaluate(written.of, frame)
    if isinstance(value, (list, tuple, Range, str)):
        raise DlspecError(_not_yet_vocabulary(written.of, describe(value), (written.of,)))
    if not isinstance(value, Vocabulary):
        raise DlspecError(WrongKind(written.of.span, "a vocabulary", describe(value)))
    return value


def _not_yet_vocabulary(written: ast.Expr, found: str, words: tuple[ast.Expr, ...]) -> WrongKind:
    """Of what a vocabulary could be made: names of classes, in a list also without quotes."""
    in_list = words != (written,)
    texts = [f'"{w.id}"' if in_list and isinstance(w, ast.Name) else w.span.text for w in words]
    advice = f"write `of vocabulary({', '.join(texts)})`" if texts else None
    return WrongKind(written.span, "a vocabulary", found, advice)


def unify(
    name: str,
    written: ast.TypeExpr,
    actual: TensorType,
    span: Span,
    frame: Frame,
    evaluate: Evaluate,
) -> None:
    """Check a value against a declared type, binding the type's free dimensions in ``frame``.

    An element type is taken as declared only where it is written as a concrete one: `float` takes
    any float, `int` any integer.
    """
    declared = dtype_of(written)
    if written.dtype == "float":
        fits = actual.dtype.is_float
    elif written.dtype == "int":
        fits = actual.dtype.is_integer
    else:
        fits = actual.dtype is declared
    dims = written.dims or ()
    rest = next((i for i, d in enumerate(dims) if d.kind == "rest"), None)
    fits = fits and (len(dims) == actual.rank if rest is None else len(dims) - 1 <= actual.rank)
    if fits:
        axes = list(range(actual.rank))
        if rest is not None:
            after = len(dims) - rest - 1
            axes = axes[:rest] + axes[len(axes) - after :]
        for dim, axis in zip([d for d in dims if d.kind != "rest"], axes, strict=True):
            expr, size = dim.expr, actual.shape[axis]
            if axis in actual.ragged and dim.kind != "ragged":
                raise DlspecError(LengthsNotTaken(span, name, str(actual), dim.span))
            fresh = (
                isinstance(expr, ast.Name)
                and expr.id[:1].isupper()
                and expr.id not in frame.dims
                and expr.id not in frame.names
            )
            if fresh:
                assert isinstance(expr, ast.Name)
                frame.dims[expr.id] = size
            elif dimension(dim, frame, evaluate, free=False) != [size]:
                fits = False
    if not fits:
        raise DlspecError(
            DeclaredType(
                span, name, declared_text(written, frame, evaluate), str(actual), written.span
            )
        )


def declared_text(written: ast.TypeExpr, frame: Frame, evaluate: Evaluate) -> str:
    """A declared type as a message shows it: as written, with the sizes that are known."""
    if written.dims is None:
        return written.dtype
    known: list[str] = []
    for dim in written.dims:
        text = dim.span.text
        bound = frame.dims.get(text)
        known.append(f"{text} = {bound}" if bound is not None and str(bound) != text else text)
    return f"{written.dtype}[{', '.join(known)}]"


def shape_text(dims: tuple[Dim, ...]) -> str:
    """`[1, 10]`."""
    return text_of(dims)
