"""Sums of products of any tensors, written as an equation."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.shapes import DimMismatch, DTypeMismatch, InvalidSetting, RankMismatch
from dlspec.dims import Dim
from dlspec.ir.types import TensorType
from dlspec.ops.base import OnnxBuilder, Op, TorchContext
from dlspec.ops.einsum_equation import ELLIPSIS, Equation, MalformedEquation, parse_equation
from dlspec.ops.elementwise import FLOATS, broadcast, check_numbers


class Einsum(Op):
    """The sum of products that an equation tells, ``einsum("nsd,nd->ns", memory, u)``.

    A letter is an axis: one that operands share is paired, one that the result lacks is summed
    over, one that an operand has twice is its diagonal; `...` is any further axes, which broadcast.
    """

    name = "einsum"
    signature = "(x: float[*s]) -> (y: float[*y])"
    many = True
    promotion: ClassVar[Literal["none", "common", "float"]] = "float"
    equation: str
    samples = (
        ({"equation": "ij,jk->ik"}, {"a": ("N", 3), "b": (3, 4)}),
        ({"equation": "nsd,nd->ns"}, {"a": ("N", 4, 3), "b": ("N", 3)}),
        ({"equation": "...ij,...jk->...ik"}, {"a": ("N", 2, 3), "b": (3, 4)}),
        ({"equation": "nii->ni"}, {"a": ("N", 3, 3)}),
        ({"equation": "nii->n"}, {"a": ("N", 3, 3)}),
        ({"equation": "ni,nj,nk->nijk"}, {"a": ("N", 2), "b": ("N", 3), "c": ("N", 4)}),
        ({"equation": "ij,kj"}, {"a": ("N", 3), "b": (4, 3)}),
        ({"equation": "nd,nkd->nk"}, {"a": ("N", 3), "b": ("N", 2, 3)}),
        ({"equation": "n d -> n"}, {"a": ("N", 3)}),
        ({"equation": "...d,...d->..."}, {"a": ("N", 2, 3), "b": (1, 3)}),
    )

    def __post_init__(self) -> None:
        self.parsed()

    def parsed(self) -> Equation:
        """The equation."""
        given: Any = self.equation
        if not isinstance(given, str):
            raise self._wrong("this is no text")
        try:
            return parse_equation(self.equation)
        except MalformedEquation as error:
            raise self._wrong(str(error)) from None

    def _wrong(self, reason: str) -> DlspecError:
        return DlspecError(
            InvalidSetting(
                None,
                self.name,
                setting="equation",
                value=f'"{self.equation}"',
                expected=f'an equation like "nsd,nd->ns": {reason}',
            )
        )

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """The sizes of the result's letters."""
        kinds = [k for k in inputs if k is not None]
        equation = self.parsed()
        if len(kinds) != len(equation.operands):
            raise self._wrong(
                f"this one has {len(equation.operands)} operands, and {len(kinds)} are given"
            )
        sizes: dict[str, tuple[Dim, str]] = {}
        rests: list[TensorType] = []
        for kind, letters in zip(kinds, equation.operands, strict=True):
            rest = self._bind(kind, letters, sizes, kinds[0])
            if rest is not None:
                rests.append(rest)
        lead = broadcast(self.name, *rests)[0] if rests else ()
        shape: list[Dim] = []
        for letter in equation.result:
            shape.extend(lead if letter == ELLIPSIS else (sizes[letter][0],))
        return (TensorType(kinds[0].dtype, tuple(shape)),)

    def _bind(
        self,
        kind: TensorType,
        letters: tuple[str, ...],
        sizes: dict[str, tuple[Dim, str]],
        first: TensorType,
    ) -> TensorType | None:
        """Bind the letters of an operand; the type of what its `...` stands for."""
        operand = "".join(letters)
        check_numbers(self, kind, *FLOATS)
        if kind.dtype is not first.dtype:
            raise DlspecError(
                DTypeMismatch(
                    None,
                    self.name,
                    operand=operand,
                    actual=str(kind.dtype),
                    expected=str(first.dtype),
                )
            )
        named = len(letters) - (ELLIPSIS in letters)
        if kind.rank < named or (ELLIPSIS not in letters and kind.rank != named):
            raise DlspecError(
                RankMismatch(
                    None,
                    self.name,
                    operand=operand,
                    actual=str(kind),
                    rank=kind.rank,
                    expected=f"at least {named}" if ELLIPSIS in letters else str(named),
                )
            )
        rest: TensorType | None = None
        axis = 0
        for letter in letters:
            if letter == ELLIPSIS:
                end = axis + kind.rank - named
                rest = kind.with_shape(kind.shape[axis:end])
                axis = end
                continue
            size = kind.shape[axis]
            known, where = sizes.setdefault(letter, (size, operand))
            if known != size:
                raise DlspecError(
                    DimMismatch(
                        None,
                        self.name,
                        dim=letter,
                        operand=operand,
                        actual=str(size),
                        expected=str(known),
                        other=where,
                    )
                )
            axis += 1
        return rest

    def reference(self, *inputs: Any) -> Any:
        return np.einsum(str(self.parsed()), *inputs)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        operands = ", ".join(t.tensor(i) for i in range(len(inputs)))
        return f'torch.einsum("{self.parsed()}", {operands})'

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        # in ONNX, `...` stands for equally many axes in all operands
        equation = self.parsed()
        operands = list(zip(inputs, g.input_types, equation.operands, strict=True))
        rests = [
            kind.rank - len(letters) + 1
            for _, kind, letters in operands
            if kind is not None and ELLIPSIS in letters
        ]
        texts: list[str] = []
        for text, kind, letters in operands:
            assert kind is not None
            if ELLIPSIS in letters:
                lacking = max(rests) - (kind.rank - len(letters) + 1)
                place = letters.index(ELLIPSIS)
                if lacking:
                    axes = np.arange(place, place + lacking, dtype=np.int64)
                    text = g.op("Unsqueeze", text, g.constant(axes))
            texts.append(text)
        return g.op("Einsum", *texts, equation=str(equation))
