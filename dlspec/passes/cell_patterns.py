"""Which standard cell a polynomial is, and what each of its gates is made from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from dlspec.ir.graph import Value
from dlspec.passes.cell_algebra import (
    ONE,
    Atom,
    Curve,
    Given,
    Matrix,
    Monomial,
    Poly,
    Product,
    Vector,
    add,
    atom,
    number,
    times,
)

Kind = Literal["rnn", "gru", "lstm"]


@dataclass(frozen=True)
class Affine:
    """``sum of products + vectors + number``; ``rest`` is what is not of that form."""

    products: tuple[tuple[Monomial, Matrix], ...]
    vectors: tuple[Vector, ...]
    number: float
    rest: Poly


@dataclass(frozen=True)
class Gate:
    """What goes into one gate.

    ``heard`` are the matrices of each step's input, ``recalled`` those of the state; vectors in
    ``bias`` are added, those in ``recalled_bias`` are added to the product with the state before a
    reset gate is applied to it. A gate that is ``turned`` is sigmoid of minus all that.
    """

    heard: tuple[tuple[Value, Matrix], ...]
    recalled: tuple[Matrix, ...]
    bias: tuple[Vector, ...]
    number: float
    recalled_bias: tuple[Vector, ...] = ()
    recalled_number: float = 0.0
    turned: bool = False


@dataclass(frozen=True)
class Cell:
    """A standard cell: its gates in PyTorch's order, and the states in the op's."""

    kind: Kind
    states: tuple[Value, ...]
    gates: tuple[Gate, ...]
    activation: str = "tanh"
    reset_after: bool = True
    peepholes: tuple[Vector | None, ...] = ()


State = tuple[Value, int]


def find_cell(states: Sequence[tuple[Value, int, Poly]]) -> Cell | None:
    """The standard cell whose states move so.

    Args:
        states: each state, its width and its next value.
    """
    if len(states) == 1:
        ((value, units, following),) = states
        return _rnn((value, units), following) or _gru((value, units), following)
    if len(states) == 2 and states[0][1] == states[1][1]:
        for (h, units, h_next), (c, _, c_next) in (states, (states[1], states[0])):
            found = _lstm((h, units), c, h_next, c_next)
            if found is not None:
                return found
    return None


# --- the cells ------------------------------------------------------------------------------------


def _rnn(h: State, following: Poly) -> Cell | None:
    """``h' = f(W x + U h + b)``."""
    for curve in _curves(following, "tanh", "relu"):
        if following != atom(curve):
            continue
        gate = _gate(curve.of, _is_state(h))
        if gate is not None:
            return Cell("rnn", (h[0],), (gate,), curve.kind)
    return None


def _gru(h: State, following: Poly) -> Cell | None:
    """``h' = (1 - z) n + z h``, or with z and 1 - z exchanged."""
    old = atom(Given(h[0], (0, h[1])))
    for z in _curves(following, "sigmoid"):
        for n in _curves(following, "tanh"):
            kept, new, mixing = atom(z), atom(n), add(number(1.0), atom(z), -1.0)
            turned = following == add(times(mixing, old), times(kept, new))
            if not turned and following != add(times(mixing, new), times(kept, old)):
                continue
            update = _gate(z.of, _is_state(h))
            if update is None:
                continue
            update = _turned(update) if turned else update
            found = _gru_of(h, update, n.of)
            if found is not None:
                return found
    return None


def _gru_of(h: State, update: Gate, new: Poly) -> Cell | None:
    """The cell of an update gate and of what the new state is tanh of; the reset gate is in it."""
    old = Given(h[0], (0, h[1]))
    form = _affine(new)
    if form is None:
        return None
    for r in {*_curves(form.rest, "sigmoid"), *_sources(form, "sigmoid")}:
        reset = _gate(r.of, _is_state(h))
        if reset is None:
            continue
        inside: Monomial = frozenset({(r, 1), (old, 1)})
        gate = _gate(new, inside.__eq__)
        if gate is not None:
            return Cell("gru", (h[0],), (reset, update, gate), reset_after=False)
        gate = _reset_after(form, r, h)
        if gate is not None:
            return Cell("gru", (h[0],), (reset, update, gate))
    return None


def _reset_after(form: Affine, r: Curve, h: State) -> Gate | None:
    """``W x + b + r (U h + b')``."""
    within: dict[Monomial, float] = {}
    for monomial, coefficient in form.rest:
        factors = dict(monomial)
        if factors.pop(r, 0) != 1:
            return None
        within[frozenset(factors.items())] = coefficient
    inner = _affine(frozenset(within.items()))
    if inner is None or inner.rest:
        return None
    is_state = _is_state(h)
    if not inner.products or not all(is_state(source) for source, _ in inner.products):
        return None
    heard = _heard(form)
    if heard is None:
        return None
    recalled = tuple(matrix for _, matrix in inner.products)
    return Gate(heard, recalled, form.vectors, form.number, inner.vectors, inner.number)


def _lstm(h: State, c: Value, h_next: Poly, c_next: Poly) -> Cell | None:
    """``c' = f c + i g``, ``h' = o tanh(c')``."""
    old = Given(c, (0, h[1]))
    parts = [(dict(monomial), factor) for monomial, factor in c_next]
    if len(parts) != 2 or any(factor != 1 for _, factor in parts):
        return None
    kept = [p for p, _ in parts if old in p]
    taken = [p for p, _ in parts if old not in p]
    if len(kept) != 1 or len(taken) != 1:
        return None
    f = _only(kept[0], {"sigmoid"}, old)
    pair = {a.kind: a for a in taken[0] if isinstance(a, Curve)}
    shown = atom(Curve("tanh", c_next))
    o = [k for k in _curves(h_next, "sigmoid") if h_next == times(atom(k), shown)]
    if f is None or set(taken[0].values()) != {1} or set(pair) != {"sigmoid", "tanh"}:
        return None
    if len(taken[0]) != 2 or len(o) != 1:
        return None
    before = frozenset({(frozenset({(old, 1)}), 1.0)})
    found = [
        _peeping(pair["sigmoid"].of, before, h),
        _peeping(f.of, before, h),
        _peeping(pair["tanh"].of, None, h),
        _peeping(o[0].of, c_next, h),
    ]
    gates = [g for g in found if g is not None]
    if len(gates) < 4:
        return None
    looks = (gates[0][1], gates[1][1], gates[3][1])
    return Cell(
        "lstm", (h[0], c), tuple(g for g, _ in gates), peepholes=looks if any(looks) else ()
    )


def _peeping(of: Poly, cell: Poly | None, h: State) -> tuple[Gate, Vector | None] | None:
    """A gate that may see a cell state through a vector, ``W x + U h + b + p cell``."""
    form = _affine(of)
    if form is None:
        return None
    if not form.rest:
        gate = _gate(of, _is_state(h))
        return None if gate is None else (gate, None)
    if cell is None:
        return None
    for look in _vectors(form.rest):
        seen = times(atom(look), cell)
        if form.rest == seen:
            gate = _gate(add(of, seen, -1.0), _is_state(h))
            return None if gate is None else (gate, look)
    return None


# --- gates ----------------------------------------------------------------------------------------


def _gate(of: Poly, recalls: Callable[[Monomial], bool]) -> Gate | None:
    """``W x + U s + b`` where ``recalls`` says what s is."""
    form = _affine(of)
    if form is None or form.rest:
        return None
    recalled = tuple(matrix for source, matrix in form.products if recalls(source))
    others = tuple(p for p in form.products if not recalls(p[0]))
    heard = _heard(Affine(others, (), 0.0, form.rest))
    if heard is None or not recalled:
        return None
    return Gate(heard, recalled, form.vectors, form.number)


def _heard(form: Affine) -> tuple[tuple[Value, Matrix], ...] | None:
    """The products, if all are with a whole input of the step, and there are some."""
    found: list[tuple[Value, Matrix]] = []
    for source, matrix in form.products:
        factors = list(source)
        if len(factors) != 1:
            return None
        ((given, power),) = factors
        if power != 1 or not isinstance(given, Given) or not _is_step(given):
            return None
        found.append((given.value, matrix))
    return tuple(found) or None


def _is_step(given: Given) -> bool:
    """Whether it is the whole of a step's input."""
    whole = (0, given.value.type.shape[1].value)
    return getattr(given.value, "origin", "") == "step" and given.columns == whole


def _is_state(h: State) -> Callable[[Monomial], bool]:
    """Whether a monomial is the whole state."""
    wanted: Monomial = frozenset({(Given(h[0], (0, h[1])), 1)})
    return wanted.__eq__


def _turned(gate: Gate) -> Gate:
    return Gate(gate.heard, gate.recalled, gate.bias, gate.number, turned=True)


def _affine(of: Poly) -> Affine | None:
    """The form of a polynomial; None where a product or a vector has a factor."""
    products: list[tuple[Monomial, Matrix]] = []
    vectors: list[Vector] = []
    constant = 0.0
    rest: dict[Monomial, float] = {}
    for monomial, coefficient in sorted(of, key=_place):
        if monomial == ONE:
            constant = coefficient
            continue
        ((first, power), *more) = monomial
        if more or power != 1 or not isinstance(first, (Product, Vector)):
            rest[monomial] = coefficient
        elif coefficient != 1:
            return None
        elif isinstance(first, Product):
            products.append((first.source, first.matrix))
        else:
            vectors.append(first)
    return Affine(tuple(products), tuple(vectors), constant, frozenset(rest.items()))


def _place(term: tuple[Monomial, float]) -> tuple[str, ...]:
    """An order of terms that does not depend on hashes: of two biases always the same is first."""
    return tuple(sorted(_name(factor) for factor, _ in term[0]))


def _name(factor: Atom) -> str:
    match factor:
        case Product(_, matrix):
            return f"{matrix.value.name} {matrix.rows} {matrix.columns}"
        case Vector(value, elements):
            return f"{value.name} {elements}"
        case Given(value, cut):
            return f"{value.name} {cut}"
        case Curve(kind):
            return kind


def _curves(of: Poly, *kinds: str) -> Iterator[Curve]:
    """The curves of these kinds in a polynomial, each once."""
    found = {a for monomial, _ in of for a, _ in monomial if isinstance(a, Curve)}
    yield from (a for a in found if a.kind in kinds)


def _sources(form: Affine, kind: str) -> Iterator[Curve]:
    """The curves in what matrices are multiplied with."""
    for source, _ in form.products:
        yield from _curves(frozenset({(source, 1.0)}), kind)


def _vectors(of: Poly) -> Iterator[Vector]:
    yield from {a for monomial, _ in of for a, _ in monomial if isinstance(a, Vector)}


def _only(factors: Mapping[Atom, int], kinds: set[str], beside: Given) -> Curve | None:
    """The one curve of a product of two."""
    rest = [a for a in factors if a != beside]
    if len(rest) != 1 or set(factors.values()) != {1}:
        return None
    (found,) = rest
    return found if isinstance(found, Curve) and found.kind in kinds else None
