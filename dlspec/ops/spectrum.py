"""Spectra: the Fourier transform of real signals."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.shapes import ImpossibleShape
from dlspec.ir.types import TensorType
from dlspec.ops.base import Array, OnnxBuilder, Op, TorchContext, refuse_lengths
from dlspec.ops.elementwise import FLOATS, check_numbers
from dlspec.ops.settings import limited
from dlspec.ops.sums import sum_extent

MOST = 4096
"""The longest signal: engines multiply by a matrix of its square in numbers."""


class RealFourier(Op):
    """The Fourier transform of a real signal along the last axis: ``y[k] = Σ x[t] e^(-2πi k t /
    n)`` for the frequencies k = 0 to n // 2; the last axis of y is the real and the imaginary part.

    The other frequencies mirror these. The power is ``sum(y ** 2, axis = -1)``. Engines multiply by
    a constant matrix, which is exact to rounding and as fast for frames of speech.
    """

    name = "rfft"
    signature = "(x: float[*b, n]) -> (y: float[*b, n // 2 + 1, 2])"
    ragged = "reduce"
    samples = (
        ({}, {"x": ("N", 8)}),
        ({}, {"x": ("N", 3, 7)}),
        ({}, {"x": ("N", 1)}),
        ({}, {"x": ("N", 2, 400)}),
    )

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """Half as many frequencies and one, two parts each."""
        x = inputs[0]
        assert x is not None
        check_numbers(self, x, *FLOATS)
        (y,) = super().infer(*inputs)
        size = x.shape[-1].value
        if size is None:
            raise DlspecError(
                ImpossibleShape(
                    None,
                    self.name,
                    str(self.rule),
                    reason=f"the last axis, {x.shape[-1]}, has no fixed size",
                    actual=str(x),
                    advice="cut it into pieces first: `frame(256, hop = 128)`",
                )
            )
        refuse_lengths(self, inputs, (x.rank - 1,))
        limited(self.name, "n", size, MOST)
        return (y,)

    def extent(self, result: Array, *types: TensorType | None) -> float | None:
        """What sums over many steps lose."""
        x = types[0]
        return sum_extent(result, (x.shape[-1].value or 0) if x is not None else 0)

    def reference(self, *inputs: Any) -> Any:
        x = inputs[0]
        found = np.fft.rfft(x.astype(np.float64), axis=-1)
        return np.stack([found.real, found.imag], axis=-1).astype(x.dtype)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        return f"torch.view_as_real(torch.fft.rfft({inputs[0]}))"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        kind = g.input_types[0]
        assert kind is not None
        size = kind.shape[-1].value
        assert size is not None
        waves = g.constant(fourier_matrix(size).astype(kind.dtype.value))
        sizes = np.array([*[0] * (kind.rank - 1), size // 2 + 1, 2], np.int64)
        return g.op("Reshape", g.op("MatMul", inputs[0], waves), g.constant(sizes))


@lru_cache(maxsize=8)
def fourier_matrix(size: int) -> NDArray[np.float64]:
    """The transform of so many steps as a matrix [size, 2 (size // 2 + 1)]: each frequency's
    cosine, then its sine, turned as the transform has it."""
    turns = np.outer(np.arange(size), np.arange(size // 2 + 1)) % size
    angle = 2 * np.pi * turns / size
    return np.stack([np.cos(angle), -np.sin(angle)], axis=-1).reshape(size, -1)
