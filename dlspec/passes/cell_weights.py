"""The weights of a written-out cell, put together as a fused kernel wants them.

The cell's parameters keep their names and shapes: parts of them are cut out and joined by ordinary
nodes, which training differentiates and an engine computes once, when it is built. Where a
parameter is already as it is wanted, it is read itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dlspec.ir.graph import Constant, Node, Value
from dlspec.ir.types import DType, TensorType
from dlspec.ops.arithmetic import Add, Neg
from dlspec.ops.axes import Transpose
from dlspec.ops.base import Op
from dlspec.ops.joining import Concat
from dlspec.ops.slicing import Slice
from dlspec.passes.cell_algebra import Matrix, Span, Vector
from dlspec.passes.cell_patterns import Gate
from dlspec.passes.naming import Naming
from dlspec.source import Span as Place


class Packer:
    """Makes nodes and constants of a graph.

    Args:
        naming: a new name, like a wanted one.
        path: what names begin with.
        span: the place of the cell in the spec.
    """

    def __init__(self, naming: Naming, path: str, span: Place | None) -> None:
        self.nodes: list[Node] = []
        self.constants: list[Constant] = []
        self._stacked: dict[tuple[Matrix, ...], Value] = {}
        self._naming = naming
        self._path = path
        self._span = span

    # --- the weights of all gates -----------------------------------------------------------------

    def heard(self, gates: Sequence[Gate], inputs: Sequence[Value], name: str) -> Value:
        """[gates * units, D], the columns in the order of the inputs."""
        rows = [
            [self._sum([m for v, m in gate.heard if v is wanted], wanted) for wanted in inputs]
            for gate in gates
        ]
        return self._matrix(rows, gates, name)

    def recalled(self, gates: Sequence[Gate], name: str) -> Value:
        """[gates * units, units]."""
        rows = [[self._sum(list(gate.recalled), None)] for gate in gates]
        return self._matrix(rows, gates, name)

    def biases(
        self, gates: Sequence[Gate], units: int, names: tuple[str, str]
    ) -> tuple[Value | None, Value | None]:
        """Both biases, [gates * units]: a second one of a gate goes into the second, and so does
        what a reset gate is applied to; None where no gate has one."""
        first: list[list[Vector | Value]] = []
        second: list[list[Vector | Value]] = []
        apart = {v.value for gate in gates for v in gate.recalled_bias}
        for gate in gates:
            # a part of the same parameter as the bias within a reset gate stands beside it
            plain: list[Vector | Value] = [v for v in gate.bias if v.value not in apart]
            plain += [v for v in gate.bias if v.value in apart]
            if gate.number:
                plain.insert(0, self._full(gate.number, units))
            within: list[Vector | Value] = list(gate.recalled_bias)
            if gate.recalled_number:
                within.append(self._full(gate.recalled_number, units))
            if not within and not self._is_within_reset(gate, gates):
                plain, within = plain[:1], plain[1:]
            first.append(plain)
            second.append(within)
        return self._bias(first, gates, units, names[0]), self._bias(second, gates, units, names[1])

    def vector(self, of: Vector | None, units: int, name: str) -> Value:
        """[units]; zeros for None."""
        return self._full(0.0, units) if of is None else self._piece_of_vector(of, name)

    # --- matrices ---------------------------------------------------------------------------------

    @staticmethod
    def _is_within_reset(gate: Gate, gates: Sequence[Gate]) -> bool:
        """Whether a reset gate would be applied to a second bias: to the last one of a gru's."""
        return len(gates) == 3 and gate is gates[-1]

    def _matrix(
        self, rows: Sequence[Sequence[Matrix | Value]], gates: Sequence[Gate], name: str
    ) -> Value:
        lines: list[Matrix | Value] = []
        for row, gate in zip(rows, gates, strict=True):
            line = self._joined(row, 1, name)
            if gate.turned:
                line = self._apply(Neg(), name, self._value(line, name))
            lines.append(line)
        return self._value(self._joined(lines, 0, name), name)

    def _sum(self, matrices: list[Matrix], zeros: Value | None) -> Matrix | Value:
        """The matrices that one input is multiplied with, as one."""
        if len(matrices) == 1:
            return matrices[0]
        total = self._value(matrices[0], "weight")
        for matrix in matrices[1:]:
            total = self._apply(Add(), "weight.sum", total, self._value(matrix, "weight"))
        return total

    def _joined(self, parts: Sequence[Matrix | Value], axis: int, name: str) -> Matrix | Value:
        """Matrices beside or below each other; neighbours of one parameter are one part of it."""
        merged: list[Matrix | Value] = []
        for part in parts:
            both = _together(merged[-1], part, axis) if merged else None
            if both is None:
                merged.append(part)
            else:
                merged[-1] = both
        if len(merged) == 1:
            return merged[0]
        wide = _same_columns(merged) if axis == 0 else None
        if wide is not None:  # layers over concat(x, h): joined once, then cut for x and for h
            whole = self._below_each_other([Matrix(m.value, m.rows, _all(m)) for m in wide])
            (_, height), columns = _all_rows(whole), wide[0].columns
            return Matrix(whole, (0, height), columns)
        return self._apply(Concat(axis=axis), name, *(self._value(p, name) for p in merged))

    def _below_each_other(self, parts: list[Matrix]) -> Value:
        """Matrices with all their columns below each other, made once."""
        key = tuple(parts)
        if key not in self._stacked:
            values = [self._value(p, "weight") for p in parts]
            self._stacked[key] = self._apply(Concat(axis=0), "weight", *values)
        return self._stacked[key]

    def _value(self, part: Matrix | Value, name: str) -> Value:
        if isinstance(part, Value):
            return part
        value, rows, columns = part.value, part.rows, part.columns
        if part.turned:
            value = self._apply(Transpose(), f"{name}.turned", value)
        return self._cut(value, (rows, columns), name)

    # --- vectors ----------------------------------------------------------------------------------

    def _bias(
        self,
        lines: Sequence[Sequence[Vector | Value]],
        gates: Sequence[Gate],
        units: int,
        name: str,
    ) -> Value | None:
        if not any(lines):
            return None
        pieces: list[Vector | Value] = []
        for line, gate in zip(lines, gates, strict=True):
            piece = self._total(line, units, name)
            if gate.turned:
                piece = self._apply(Neg(), name, self._piece(piece, name))
            both = _in_one(pieces[-1], piece) if pieces else None
            if both is None:
                pieces.append(piece)
            else:
                pieces[-1] = both
        values = [self._piece(p, name) for p in pieces]
        return values[0] if len(values) == 1 else self._apply(Concat(axis=0), name, *values)

    def _total(self, line: Sequence[Vector | Value], units: int, name: str) -> Vector | Value:
        if not line:
            return self._full(0.0, units)
        if len(line) == 1:
            return line[0]
        values = [self._piece(p, name) for p in line]
        total = values[0]
        for value in values[1:]:
            total = self._apply(Add(), f"{name}.sum", total, value)
        return total

    def _piece(self, part: Vector | Value, name: str) -> Value:
        return self._piece_of_vector(part, name) if isinstance(part, Vector) else part

    def _piece_of_vector(self, part: Vector, name: str) -> Value:
        return self._cut(part.value, (part.elements,), name)

    # --- nodes ------------------------------------------------------------------------------------

    def _cut(self, value: Value, spans: tuple[Span, ...], name: str) -> Value:
        sizes = [d.value for d in value.type.shape]
        whole = [span == (0, size) for span, size in zip(spans, sizes, strict=True)]
        if all(whole):
            return value
        starts = tuple(None if w else s[0] for s, w in zip(spans, whole, strict=True))
        stops = tuple(None if w else s[1] for s, w in zip(spans, whole, strict=True))
        return self._apply(Slice(starts, stops), name, value)

    def _full(self, number: float, units: int) -> Value:
        name = self._naming(f"{self._path}.{'zeros' if number == 0 else 'constant'}")
        array = np.full(units, number, np.float32)
        made = Constant(name, TensorType.of(DType.float32, units), value=array)
        self.constants.append(made)
        return made

    def _apply(self, op: Op, name: str, *inputs: Value) -> Value:
        (kind,) = op.infer(*(v.type for v in inputs))
        path = self._naming(f"{self._path}.{name}")
        result = Value(path, kind, self._span)
        self.nodes.append(Node(op, inputs, (result,), path, self._span))
        return result


def _together(a: Matrix | Value, b: Matrix | Value, axis: int) -> Matrix | None:
    """Two parts of one matrix that are one part of it, the second right of (axis 1) or below the
    first."""
    if not isinstance(a, Matrix) or not isinstance(b, Matrix):
        return None
    if a.value is not b.value or a.turned != b.turned:
        return None
    if axis == 1 and a.rows == b.rows and a.columns[1] == b.columns[0]:
        return Matrix(a.value, a.rows, (a.columns[0], b.columns[1]), a.turned)
    if axis == 0 and a.columns == b.columns and a.rows[1] == b.rows[0]:
        return Matrix(a.value, (a.rows[0], b.rows[1]), a.columns, a.turned)
    return None


def _same_columns(parts: Sequence[Matrix | Value]) -> list[Matrix] | None:
    """The parts, where all are the same columns, and not all, of equally wide matrices."""
    found = [p for p in parts if isinstance(p, Matrix) and not p.turned]
    if len(found) < len(parts) or len({(p.columns, _all(p)) for p in found}) > 1:
        return None
    return None if found[0].columns == _all(found[0]) else found


def _all(part: Matrix) -> Span:
    """All columns of what a part is of."""
    return 0, part.value.type.shape[1].value or 0


def _all_rows(value: Value) -> Span:
    return 0, value.type.shape[0].value or 0


def _in_one(a: Vector | Value, b: Vector | Value) -> Vector | None:
    """Two parts of one vector that are one part of it."""
    if not isinstance(a, Vector) or not isinstance(b, Vector) or a.value is not b.value:
        return None
    if a.elements[1] != b.elements[0]:
        return None
    return Vector(a.value, (a.elements[0], b.elements[1]))
