"""What the body of a loop computes, as polynomials, so that equal formulas look equal.

Every [N, W] value of a body is a row of blocks, and every block a polynomial over atoms: columns of
a step's input or of a state, vectors and products with matrices that are read around the loop, and
curves (sigmoid, tanh, relu) of polynomials. Sums and products are multiplied out, so that
`h + z * (n - h)`, `(1 - z) * h + z * n` and any other order of the same are one polynomial; a dense
layer over `concat(x, h)` is the sum of two products, and a part of a wide dense layer is a product
with a part of its rows. What cannot be said so has no polynomial.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dlspec.ir.graph import Constant, Graph, Node, Value
from dlspec.ir.types import DType, TensorType
from dlspec.ops.activation import Relu, Sigmoid, Tanh
from dlspec.ops.arithmetic import Add, Mul, Neg, Sub
from dlspec.ops.joining import Concat
from dlspec.ops.linear import Dense, Matmul
from dlspec.ops.parting import Chunk, Split
from dlspec.ops.slicing import Slice

MOST_TERMS = 48
"""Terms of the largest polynomial that is followed: the standard cells have at most four."""

Span = tuple[int, int]


@dataclass(frozen=True)
class Given:
    """Columns of a step's input or of a state."""

    value: Value
    columns: Span


@dataclass(frozen=True)
class Vector:
    """Elements of a vector that the body reads around itself."""

    value: Value
    elements: Span


@dataclass(frozen=True)
class Matrix:
    """Rows and columns of a matrix that the body reads around itself, [units, inputs] as a dense
    layer has it; ``turned`` where it is stored as [inputs, units]."""

    value: Value
    rows: Span
    columns: Span
    turned: bool = False


@dataclass(frozen=True)
class Product:
    """A matrix times what a monomial is."""

    source: Monomial
    matrix: Matrix


@dataclass(frozen=True)
class Curve:
    """`sigmoid`, `tanh` or `relu` of a polynomial."""

    kind: str
    of: Poly


Atom = Given | Vector | Product | Curve
Monomial = frozenset[tuple[Atom, int]]
"""Atoms with their powers."""
Poly = frozenset[tuple[Monomial, float]]
"""Monomials with their coefficients, none of which is 0."""
Blocks = tuple[tuple[Poly, int], ...]
"""Polynomials beside each other, each with its width."""

ONE: Monomial = frozenset()
ZERO: Poly = frozenset()


class TooLarge(Exception):
    """A polynomial of more terms than are followed."""


def atom(of: Atom) -> Poly:
    """The polynomial that is one atom."""
    return frozenset({(frozenset({(of, 1)}), 1.0)})


def number(of: float) -> Poly:
    """The polynomial that is a number."""
    return frozenset({(ONE, of)}) if of else ZERO


def add(a: Poly, b: Poly, factor: float = 1.0) -> Poly:
    """``a + factor * b``."""
    terms = dict(a)
    for monomial, coefficient in b:
        terms[monomial] = terms.get(monomial, 0.0) + factor * coefficient
    return _poly(terms)


def times(a: Poly, b: Poly) -> Poly:
    """The product, multiplied out."""
    if len(a) * len(b) > MOST_TERMS * MOST_TERMS:
        raise TooLarge
    terms: dict[Monomial, float] = {}
    for left, x in a:
        for right, y in b:
            both = joined(left, right)
            terms[both] = terms.get(both, 0.0) + x * y
    return _poly(terms)


def joined(a: Monomial, b: Monomial) -> Monomial:
    """The product of two monomials."""
    powers = dict(a)
    for factor, power in b:
        powers[factor] = powers.get(factor, 0) + power
    return frozenset(powers.items())


def _poly(terms: dict[Monomial, float]) -> Poly:
    if len(terms) > MOST_TERMS:
        raise TooLarge
    return frozenset((m, c) for m, c in terms.items() if c != 0)


def columns(of: Poly, start: int, stop: int) -> Poly:
    """Some columns of a polynomial: those of all its atoms, since all work column by column."""

    def cut(factor: Atom) -> Atom:
        match factor:
            case Given(value, (first, _)):
                return Given(value, (first + start, first + stop))
            case Vector(value, (first, _)):
                return Vector(value, (first + start, first + stop))
            case Product(source, matrix):
                first = matrix.rows[0]
                rows = (first + start, first + stop)
                return Product(source, Matrix(matrix.value, rows, matrix.columns, matrix.turned))
            case Curve(kind, inner):
                return Curve(kind, columns(inner, start, stop))

    return frozenset(
        (frozenset((cut(factor), power) for factor, power in monomial), coefficient)
        for monomial, coefficient in of
    )


# --- blocks ---------------------------------------------------------------------------------------


def width(blocks: Blocks) -> int:
    """Columns of all blocks together."""
    return sum(w for _, w in blocks)


def part(blocks: Blocks, start: int, stop: int) -> Blocks:
    """The columns from ``start`` to before ``stop``."""
    found: list[tuple[Poly, int]] = []
    first = 0
    for poly, wide in blocks:
        low, high = max(start - first, 0), min(stop - first, wide)
        if low < high:
            whole = (low, high) == (0, wide)
            found.append((poly if whole else columns(poly, low, high), high - low))
        first += wide
    return tuple(found)


def single(blocks: Blocks) -> Poly | None:
    """The polynomial of a value that is one block."""
    return blocks[0][0] if len(blocks) == 1 else None


def _aligned(a: Blocks, b: Blocks) -> Iterator[tuple[Poly, Poly, int]]:
    """Both in the same blocks."""
    ends: set[int] = set()
    for blocks in (a, b):
        end = 0
        for _, wide in blocks:
            end += wide
            ends.add(end)
    start = 0
    for stop in sorted(ends):
        (x, _), (y, _) = *part(a, start, stop), *part(b, start, stop)
        yield x, y, stop - start
        start = stop


# --- a body ---------------------------------------------------------------------------------------


class Reading:
    """The blocks of every value of a body that can be said so."""

    def __init__(self, body: Graph) -> None:
        self._made: dict[Value, Blocks | None] = {}
        self._own = {*body.inputs, *(v for n in body.nodes for v in n.outputs)}
        for value in body.inputs:
            wide = _width(value.type)
            if wide is not None:
                self._made[value] = ((atom(Given(value, (0, wide))), wide),)
        for node in body.nodes:
            try:
                results = self._node(node)
            except TooLarge:
                results = None
            for value, result in zip(node.outputs, results or (), strict=False):
                self._made[value] = result

    def of(self, value: Value) -> Poly | None:
        """The polynomial of a value; None where it cannot be said, or is several blocks."""
        blocks = self._made.get(value)
        return None if blocks is None else single(blocks)

    def _node(self, node: Node) -> Sequence[Blocks | None] | None:
        op: Any = node.op
        if not all(v.type.rank == 2 and v.type.dtype is DType.float32 for v in node.outputs):
            return None
        match op:
            case Add() | Sub() | Mul():
                return [self._arithmetic(node)]
            case Sigmoid() | Tanh() | Relu() | Neg():
                return [self._curve(node)]
            case Dense():
                return [self._dense(node)]
            case Matmul():
                return [self._matmul(node)]
            case Concat():
                parts = [self._made.get(v) for v in node.inputs if v is not None]
                whole = [p for p in parts if p is not None]
                if len(whole) < len(parts) or op.axis not in (1, -1):
                    return None
                return [tuple(block for p in whole for block in p)]
            case Split() | Chunk():
                return self._parts(node)
            case Slice():
                return [self._slice(node)]
            case _:
                return None

    def _operand(self, value: Value | None, wide: int) -> Blocks | None:
        """Blocks of what stands in a sum or product of so many columns."""
        if value in self._own:
            blocks = self._made.get(value)
            return blocks if blocks is not None and width(blocks) == wide else None
        if value is None or value.type.dtype is not DType.float32:
            return None
        if isinstance(value, Constant) and value.type.rank == 0:
            return ((number(float(value.value)), wide),)
        if value.type.rank == 1 and value.type.shape[0].value == wide:
            return ((atom(Vector(value, (0, wide))), wide),)
        return None

    def _arithmetic(self, node: Node) -> Blocks | None:
        wide = _width(node.outputs[0].type)
        if wide is None:
            return None
        a, b = (self._operand(v, wide) for v in node.inputs)
        if a is None or b is None:
            return None
        combine: Callable[[Poly, Poly], Poly]
        match node.op:
            case Add():
                combine = add
            case Sub():
                combine = _minus
            case _:
                combine = times
        return tuple((combine(x, y), w) for x, y, w in _aligned(a, b))

    def _curve(self, node: Node) -> Blocks | None:
        x = self._source(node.inputs[0])
        if x is None:
            return None
        if isinstance(node.op, Neg):
            return tuple((_minus(ZERO, poly), w) for poly, w in x)
        return tuple((atom(Curve(node.op.name, poly)), w) for poly, w in x)

    def _source(self, value: Value | None) -> Blocks | None:
        return self._made.get(value) if value is not None else None

    def _dense(self, node: Node) -> Blocks | None:
        source, weight, bias = node.inputs
        x = self._source(source)
        if x is None or weight is None or weight in self._own or bias in self._own:
            return None
        units = weight.type.shape[0].value
        if units is None:
            return None
        total = ZERO if bias is None else atom(Vector(bias, (0, units)))
        return self._product(x, weight, units, total, turned=False)

    def _matmul(self, node: Node) -> Blocks | None:
        source, weight = node.inputs
        x = self._source(source)
        if x is None or weight is None or weight in self._own or weight.type.rank != 2:
            return None
        units = weight.type.shape[1].value
        return None if units is None else self._product(x, weight, units, ZERO, turned=True)

    def _product(
        self, x: Blocks, weight: Value, units: int, total: Poly, *, turned: bool
    ) -> Blocks | None:
        if weight.type.dtype is not DType.float32:
            return None
        first = 0
        for poly, wide in x:
            matrix = Matrix(weight, (0, units), (first, first + wide), turned)
            for monomial, coefficient in poly:
                if monomial == ONE:
                    return None  # the sum of a matrix's rows: nothing that a cell would have
                total = add(total, atom(Product(monomial, matrix)), coefficient)
            first += wide
        return ((total, units),)

    def _parts(self, node: Node) -> Sequence[Blocks] | None:
        x = self._source(node.inputs[0])
        op: Any = node.op
        sizes = [_width(v.type) for v in node.outputs]
        if x is None or op.axis not in (1, -1):
            return None
        found: list[Blocks] = []
        first = 0
        for size in sizes:
            if size is None:
                return None
            found.append(part(x, first, first + size))
            first += size
        return found

    def _slice(self, node: Node) -> Blocks | None:
        x = self._source(node.inputs[0])
        op: Any = node.op
        steps = op.steps or (None,) * len(op.starts)
        rows, *rest = zip(op.starts, op.stops, steps, strict=True)
        if x is None or rows not in ((None, None, None), (None, None, 1)) or len(rest) > 1:
            return None
        start, stop, step = slice(*rest[0]).indices(width(x)) if rest else (0, width(x), 1)
        return part(x, start, stop) if step == 1 and start < stop else None


def _minus(a: Poly, b: Poly) -> Poly:
    return add(a, b, -1.0)


def _width(kind: TensorType) -> int | None:
    """Columns of an [N, W] of floats."""
    if kind.rank != 2 or kind.dtype is not DType.float32:
        return None
    return kind.shape[1].value
