"""Shape signatures: one text that inference, messages, docs and tests all read.

``(x: float[*b, i]; weight: float[units, i], bias?: float[units]) -> (y: float[*b, units])``

* an element type is one of ``float int bool any`` (a class of types; the same class twice is the
  same type) or a concrete type such as ``int64``; an output's class takes the type bound by the
  inputs;
* a dim is a name, an integer or an expression with ``+ - * //`` and parentheses over names;
* a name that is an attribute of the op stands for its value, any other is bound where it first
  stands alone in an input;
* ``*b`` binds any number of leading dims.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.shapes import DimMismatch, DTypeMismatch, RankMismatch
from dlspec.dims import Dim, Shape, text_of
from dlspec.ir.types import SPELLINGS, DType, TensorType

if TYPE_CHECKING:
    from dlspec.ops.base import Op

_TOKEN = re.compile(r"\s*(\d+|[A-Za-z_]\w*|//|[-+*()])")


@dataclass(frozen=True)
class Slot:
    """One input or output of a signature."""

    name: str
    dtype: str
    dims: tuple[str, ...]
    optional: bool

    def __str__(self) -> str:
        return f"{self.name}{'?' * self.optional}: {self.dtype}[{', '.join(self.dims)}]"


@dataclass
class Binding:
    """What the inputs have bound so far: dims by name, leading dims, element types by class."""

    dims: dict[str, Dim]
    rest: dict[str, tuple[Shape, frozenset[int]]]
    dtypes: dict[str, DType]
    where: dict[str, str]


@dataclass(frozen=True)
class Signature:
    """A parsed signature."""

    text: str
    tensors: tuple[Slot, ...]
    parameters: tuple[Slot, ...]
    outputs: tuple[Slot, ...]

    def __str__(self) -> str:
        return self.text

    def parameter_types(
        self, op: Op, tensors: Sequence[TensorType | None]
    ) -> dict[str, TensorType]:
        """Types of the parameters, from the tensors' types."""
        if not self.parameters:
            return {}
        binding = self._bind(op, self.tensors, tensors)
        return {slot.name: self._type(op, slot, binding) for slot in self.parameters}

    def output_types(self, op: Op, inputs: Sequence[TensorType | None]) -> tuple[TensorType, ...]:
        """Types of the outputs, after checking every input."""
        binding = self._bind(op, (*self.tensors, *self.parameters), inputs)
        return tuple(self._type(op, slot, binding) for slot in self.outputs)

    def _bind(self, op: Op, slots: Sequence[Slot], types: Sequence[TensorType | None]) -> Binding:
        binding = Binding({}, {}, {}, {})
        for slot, given in zip(slots, types, strict=False):
            if given is not None:
                self._bind_one(op, slot, given, binding)
        return binding

    def _bind_one(self, op: Op, slot: Slot, given: TensorType, binding: Binding) -> None:
        self._bind_dtype(op, slot, given, binding)
        names = slot.dims
        leading = names[0][1:] if names and names[0].startswith("*") else None
        fixed = names[1:] if leading is not None else names
        if len(given.shape) < len(fixed) or (leading is None and len(given.shape) != len(fixed)):
            raise DlspecError(
                RankMismatch(
                    None,
                    op=op.name,
                    operand=slot.name,
                    actual=str(given),
                    rank=given.rank,
                    expected=f"at least {len(fixed)}" if leading is not None else str(len(fixed)),
                    rule=self.text,
                )
            )
        cut = len(given.shape) - len(fixed)
        if leading is not None:
            rest = (given.shape[:cut], frozenset(a for a in given.ragged if a < cut))
            known = binding.rest.setdefault(leading, rest)
            if known[0] != rest[0]:
                self._mismatch(
                    op, slot, f"*{leading}", text_of(known[0]), text_of(rest[0]), binding
                )
            binding.where.setdefault(f"*{leading}", slot.name)
        for text, dim in zip(fixed, given.shape[cut:], strict=True):
            if text.isidentifier() and not hasattr(op, text):
                known_dim = binding.dims.setdefault(text, dim)
                binding.where.setdefault(text, slot.name)
            else:
                known_dim = _evaluate(op, text, binding)
            if known_dim != dim:
                self._mismatch(op, slot, text, str(known_dim), str(dim), binding)

    def _mismatch(
        self, op: Op, slot: Slot, dim: str, expected: str, actual: str, binding: Binding
    ) -> None:
        raise DlspecError(
            DimMismatch(
                None,
                op=op.name,
                dim=dim,
                operand=slot.name,
                actual=actual,
                expected=expected,
                other=binding.where.get(dim),
                rule=self.text,
            )
        )

    def _bind_dtype(self, op: Op, slot: Slot, given: TensorType, binding: Binding) -> None:
        fits = {
            "float": given.dtype.is_float,
            "int": given.dtype.is_integer,
            "bool": given.dtype is DType.bool_,
            "any": True,
        }.get(slot.dtype)
        if fits is None:
            fits = given.dtype is SPELLINGS[slot.dtype]
        elif fits:
            fits = binding.dtypes.setdefault(slot.dtype, given.dtype) is given.dtype
        if not fits:
            raise DlspecError(
                DTypeMismatch(
                    None,
                    op=op.name,
                    operand=slot.name,
                    actual=str(given.dtype),
                    expected=str(binding.dtypes.get(slot.dtype, slot.dtype)),
                    rule=self.text,
                )
            )

    def _type(self, op: Op, slot: Slot, binding: Binding) -> TensorType:
        shape: list[Dim] = []
        ragged: set[int] = set()
        for text in slot.dims:
            if text.startswith("*"):
                rest, rest_ragged = binding.rest[text[1:]]
                ragged |= rest_ragged
                shape.extend(rest)
            else:
                shape.append(_evaluate(op, text, binding))
        dtype = binding.dtypes.get(slot.dtype) or SPELLINGS.get(slot.dtype, DType.float32)
        return TensorType(dtype, tuple(shape), frozenset(ragged))


@cache
def _tokens(text: str) -> tuple[str, ...]:
    found: list[str] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise ValueError(f"bad dim expression {text!r}")
        found.append(match.group(1))
        position = match.end()
    return tuple(found)


def _evaluate(op: Op, text: str, binding: Binding) -> Dim:
    """The value of a dim expression; precedence climbing over a handful of tokens."""
    tokens = list(_tokens(text))

    def atom() -> Dim:
        token = tokens.pop(0)
        if token == "(":
            inner = total()
            tokens.pop(0)
            return inner
        if token == "-":
            return -atom()
        if token.isdigit():
            return Dim.of(int(token))
        if token in binding.dims:
            return binding.dims[token]
        return Dim.of(getattr(op, token))

    def term() -> Dim:
        value = atom()
        while tokens and tokens[0] in ("*", "//"):
            value = value * atom() if tokens.pop(0) == "*" else value // atom()
        return value

    def total() -> Dim:
        value = term()
        while tokens and tokens[0] in ("+", "-"):
            value = value + term() if tokens.pop(0) == "+" else value - term()
        return value

    return total()


_SLOT = re.compile(r"\s*(\w+)(\?)?\s*:\s*(\w+)\[([^\]]*)\]\s*,?")


@cache
def parse_signature(text: str) -> Signature:
    """Parse a signature; ValueError for a malformed one (a mistake of an op's author)."""
    if not text:
        return Signature("", (), (), ())
    match = re.fullmatch(r"\s*\(([^)]*(?:\([^)]*\)[^)]*)*)\)\s*->\s*\((.*)\)\s*", text)
    if match is None:
        raise ValueError(f"malformed signature {text!r}")
    before, _, after = match.group(1).partition(";")
    return Signature(text, _slots(before), _slots(after), _slots(match.group(2)))


def _slots(text: str) -> tuple[Slot, ...]:
    slots: list[Slot] = []
    position = 0
    while text[position:].strip():
        match = _SLOT.match(text, position)
        if match is None:
            raise ValueError(f"malformed signature part {text[position:]!r}")
        name, optional, dtype, dims = match.groups()
        slots.append(
            Slot(
                name, dtype, tuple(d.strip() for d in dims.split(",") if d.strip()), bool(optional)
            )
        )
        position = match.end()
    return tuple(slots)
