"""Fourier transforms of signals."""

from __future__ import annotations

from typing import Any

from dlspec.ir.graph import Value
from tests.external.importer import Node, limit, maps


def axis_of(n: Node) -> int:
    """The axis of time; the one behind all is that of real and imaginary parts."""
    axis: Any = n.attr("axis", 1) if n.opset < 20 else (n.ints(2) or [-2])[0]
    return int(axis) % len(n.shape(0))


@maps("DFT")
def dft(n: Node) -> Value:
    axis, last = axis_of(n), len(n.shape(0)) - 2
    x = n.make("squeeze", n.tensor(0), axis=-1)
    y = n.make("rfft", n.make("transpose", x, first=axis, second=last))
    return n.make("transpose", y, first=axis, second=last)


def _is_other(n: Node) -> bool:
    return bool(n.attr("inverse", 0)) or not n.attr("onesided", 0) or n.shape(0)[-1] != 1


limit("DFT", "a signal is real, and half of its spectrum says all of it", _is_other)


@maps("STFT")
def stft(n: Node) -> Value:
    size = (n.ints(3) or [n.shape(2)[0]])[0] if n.has(3) else n.shape(2)[0]
    x = n.make("squeeze", n.tensor(0), axis=-1)
    frames = n.make("frame", x, size=size, hop=(n.ints(1) or [0])[0])
    if n.has(2):
        frames = n.make("mul", frames, n.tensor(2))
    return n.make("rfft", frames)
