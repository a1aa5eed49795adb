"""Symbolic dimensions with one normal form, so that equality is decided by structure.

A dimension is an integer polynomial over *atoms*: symbols (`N`, `T`) and floor divisions of a
dimension by a positive integer. Sums are collected, floor divisions are reduced by

* ``(k*q*x + r) // (k)  = q*x + r // k``   (a multiple of the divisor leaves the floor),
* ``(x // a + c) // b   = (x + a*c) // (a*b)``,

so two dimensions that these laws make equal are equal as Python objects.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import gcd
from typing import TypeAlias


@dataclass(frozen=True)
class Symbol:
    """A named unknown, at least 1 (a batch size, a length)."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class FloorDiv:
    """``numerator // divisor`` where nothing more can be taken out."""

    numerator: Dim
    divisor: int

    def __str__(self) -> str:
        text = str(self.numerator)
        return (
            f"({text})//{self.divisor}" if " " in text or "*" in text else f"{text}//{self.divisor}"
        )


Atom = Symbol | FloorDiv
Monomial = tuple[Atom, ...]
DimLike: TypeAlias = "Dim | int | str"


def _order(monomial: Monomial) -> tuple[int, str]:
    return -len(monomial), "*".join(map(str, monomial))


class Dim:
    """A dimension in normal form. Make one with `Dim.of`; ints and symbol names mix in
    arithmetic."""

    __slots__ = ("_hash", "terms")

    terms: tuple[tuple[Monomial, int], ...]

    def __init__(self, terms: Mapping[Monomial, int]) -> None:
        kept = [(m, c) for m, c in terms.items() if c]
        if len(kept) > 1:
            kept.sort(key=lambda t: _order(t[0]))
        self.terms = tuple(kept)
        self._hash = hash(self.terms)

    @staticmethod
    def of(value: DimLike) -> Dim:
        """The dimension of an integer, a symbol's name or a dimension."""
        if isinstance(value, Dim):
            return value
        if isinstance(value, str):
            return Dim({(Symbol(value),): 1})
        return Dim({(): int(value)})

    @property
    def value(self) -> int | None:
        """The integer that this is, or None where symbols are in it."""
        if not self.terms:
            return 0
        if len(self.terms) == 1 and self.terms[0][0] == ():
            return self.terms[0][1]
        return None

    @property
    def symbols(self) -> frozenset[str]:
        """The names of all symbols in it."""
        found: set[str] = set()
        for monomial, _ in self.terms:
            for atom in monomial:
                found |= {atom.name} if isinstance(atom, Symbol) else atom.numerator.symbols
        return frozenset(found)

    @property
    def symbol(self) -> str | None:
        """The symbol's name if it is one symbol and nothing else."""
        if len(self.terms) == 1:
            monomial, coefficient = self.terms[0]
            if coefficient == 1 and len(monomial) == 1 and isinstance(monomial[0], Symbol):
                return monomial[0].name
        return None

    def __add__(self, other: DimLike) -> Dim:
        terms = dict(self.terms)
        for monomial, coefficient in Dim.of(other).terms:
            terms[monomial] = terms.get(monomial, 0) + coefficient
        return Dim(terms)

    def __mul__(self, other: DimLike) -> Dim:
        terms: dict[Monomial, int] = {}
        for m, c in self.terms:
            for m2, c2 in Dim.of(other).terms:
                product = tuple(sorted(m + m2, key=str))
                terms[product] = terms.get(product, 0) + c * c2
        return Dim(terms)

    def __floordiv__(self, divisor: DimLike) -> Dim:
        d = Dim.of(divisor)
        k = d.value
        if k is None:
            quotient = self.divided_by(d)
            if quotient is None:
                raise ValueError(f"{self} is not known to be a multiple of {d}")
            return quotient
        if k <= 0:
            raise ValueError(f"{self} // {k}: the divisor must be positive")
        whole = Dim({m: c // k for m, c in self.terms})
        rest = Dim({m: c % k for m, c in self.terms})
        if rest.value is not None:
            return whole
        # x // a + c over b: one floor of the sum, with the inner divisor multiplied through
        floors = [
            (m, c) for m, c in rest.terms if len(m) == 1 and isinstance(m[0], FloorDiv) and c == 1
        ]
        if len(floors) == 1:
            inner = floors[0][0][0]
            assert isinstance(inner, FloorDiv)
            others = rest - Dim({floors[0][0]: 1})
            return whole + (inner.numerator + others * inner.divisor) // (inner.divisor * k)
        # a common factor of the symbols and the divisor: the constant's remainder cannot matter
        common = k
        for m, c in rest.terms:
            common = gcd(common, c) if m else common
        if common > 1:
            return whole + Dim({m: c // common for m, c in rest.terms}) // (k // common)
        return whole + Dim({(FloorDiv(rest, k),): 1})

    def divided_by(self, divisor: DimLike) -> Dim | None:
        """The exact quotient, or None where it is not known to be whole."""
        d = Dim.of(divisor)
        if self == d:
            return Dim.of(1)
        k = d.value
        if k is not None:
            if k and all(c % k == 0 for _, c in self.terms):
                return Dim({m: c // k for m, c in self.terms})
            return None
        if len(d.terms) != 1:
            return None
        monomial, coefficient = d.terms[0]
        quotient: dict[Monomial, int] = {}
        for m, c in self.terms:
            left = list(m)
            for atom in monomial:
                if atom not in left:
                    return None
                left.remove(atom)
            if c % coefficient:
                return None
            quotient[tuple(left)] = c // coefficient
        return Dim(quotient)

    def evaluate(self, values: Mapping[str, int]) -> int:
        """The integer for given symbols; KeyError names one that is missing."""
        total = 0
        for monomial, coefficient in self.terms:
            product = coefficient
            for atom in monomial:
                if isinstance(atom, Symbol):
                    product *= values[atom.name]
                else:
                    product *= atom.numerator.evaluate(values) // atom.divisor
            total += product
        return total

    def substitute(self, values: Mapping[str, DimLike]) -> Dim:
        """This dimension with symbols replaced by others, in normal form again."""
        total = Dim({})
        for monomial, coefficient in self.terms:
            product = Dim.of(coefficient)
            for atom in monomial:
                if isinstance(atom, Symbol):
                    product = product * Dim.of(values.get(atom.name, atom.name))
                else:
                    product = product * (atom.numerator.substitute(values) // atom.divisor)
            total = total + product
        return total

    def __neg__(self) -> Dim:
        return self * -1

    def __sub__(self, other: DimLike) -> Dim:
        return self + -Dim.of(other)

    def __radd__(self, other: DimLike) -> Dim:
        return self + other

    def __rmul__(self, other: DimLike) -> Dim:
        return self * other

    def __rsub__(self, other: DimLike) -> Dim:
        return Dim.of(other) - self

    def __eq__(self, other: object) -> bool:
        if isinstance(other, (int, str)):
            other = Dim.of(other)
        return isinstance(other, Dim) and self.terms == other.terms

    def __hash__(self) -> int:
        return self._hash

    def __str__(self) -> str:
        if not self.terms:
            return "0"
        parts: list[str] = []
        for monomial, coefficient in self.terms:
            magnitude = abs(coefficient)
            alone = len(monomial) == 1 and magnitude == 1
            # a floor division is no factor without parentheses: 2*(T//4) is not (2*T)//4
            factors = "*".join(
                f"({a})" if isinstance(a, FloorDiv) and not alone else str(a) for a in monomial
            )
            if not factors:
                text = str(magnitude)
            elif magnitude == 1:
                text = factors
            else:
                text = f"{magnitude}*{factors}"
            sign = "-" if coefficient < 0 else "+"
            parts.append(f" {sign} {text}" if parts else (f"-{text}" if coefficient < 0 else text))
        return "".join(parts)

    def __repr__(self) -> str:
        return f"Dim({self})"


Shape = tuple[Dim, ...]


def shape_of(dims: Iterable[DimLike]) -> Shape:
    """A shape from ints, names and dimensions."""
    return tuple(Dim.of(d) for d in dims)


def product(dims: Iterable[DimLike]) -> Dim:
    """The number of elements of a shape; 1 for no dims."""
    total = Dim.of(1)
    for d in dims:
        total = total * d
    return total


def text_of(shape: Iterable[DimLike]) -> str:
    """`[N, 1, 28, 28]`."""
    return "[" + ", ".join(str(Dim.of(d)) for d in shape) + "]"
