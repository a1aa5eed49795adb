"""Windows that slide over spatial axes: their geometry, and views of an array through them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from dlspec.diagnostics import Diagnostic, DlspecError
from dlspec.diagnostics.shapes import DoubtfulAxes, ImpossibleShape, InvalidSetting, RankMismatch
from dlspec.dims import Dim
from dlspec.ir.graph import Value
from dlspec.ir.types import TensorType
from dlspec.ops.base import Array
from dlspec.ops.settings import per_axis, whole

Sizes = int | tuple[int, ...]
"""One number, or one for each spatial axis."""
Pad = int | str | tuple[int | tuple[int, int], ...]
"""Room at both ends of each spatial axis: a number, a pair (before, after), or a word."""


@dataclass(frozen=True)
class Window:
    """A window on each spatial axis, one number an axis in each field."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]
    dilation: tuple[int, ...]

    @property
    def reach(self) -> tuple[int, ...]:
        """From the first element of a window to its last: ``dilation (kernel - 1) + 1``."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True))

    @property
    def is_even(self) -> bool:
        """Whether there is as much room before as after."""
        return self.before == self.after

    def sizes(self, op: str, x: TensorType) -> tuple[Dim, ...]:
        """Spatial sizes after the window has passed: ``(size + before + after - reach) // stride +
        1``."""
        sizes: list[Dim] = []
        for size, s, b, a, r in zip(
            x.shape[2:], self.stride, self.before, self.after, self.reach, strict=True
        ):
            room = size + b + a
            if room.value is not None and room.value < r:
                needed = (r - (size.value or 0) + 1) // 2
                pool = op.endswith("pool")
                raise DlspecError(
                    ImpossibleShape(
                        None,
                        op,
                        reason=f"a window of {r} does not fit into {room.value}",
                        actual=str(x),
                        advice="a smaller window fits" if pool else f"`pad = {needed}` makes room",
                    )
                )
            sizes.append((room - r) // s + 1)
        return tuple(sizes)

    def torch_pad(self) -> tuple[int, ...]:
        """The room as `F.pad` takes it: pairs, the last axis first."""
        pairs = reversed(list(zip(self.before, self.after, strict=True)))
        return tuple(n for pair in pairs for n in pair)

    def onnx(self) -> dict[str, Any]:
        """ONNX's attributes of the window."""
        return {
            "kernel_shape": list(self.kernel),
            "strides": list(self.stride),
            "pads": [*self.before, *self.after],
            "dilations": list(self.dilation),
        }

    def padded(self, x: Array, fill: float) -> Array:
        """An array [N, C, *spatial] with its room filled."""
        if not any(self.before) and not any(self.after):
            return x
        widths = list(zip(self.before, self.after, strict=True))
        sizes = [size + b + a for size, (b, a) in zip(x.shape[2:], widths, strict=True)]
        made = np.full((*x.shape[:2], *sizes), fill, x.dtype)
        inner = (slice(b, b + size) for size, (b, _) in zip(x.shape[2:], widths, strict=True))
        made[(slice(None), slice(None), *inner)] = x
        return made

    def view(self, x: Array) -> Array:
        """All windows of an array [N, C, *spatial] that has been padded: [N, C, *positions,
        *kernel]."""
        axes = tuple(range(2, x.ndim))
        view: Array = np.lib.stride_tricks.sliding_window_view(x, self.reach, axis=axes)  # type: ignore[call-overload]
        steps = (slice(None), slice(None), *(slice(None, None, s) for s in self.stride))
        inside = tuple(slice(None, None, d) for d in self.dilation)
        return view[steps + inside]


def room(
    op: str, pad: Any, kernel: tuple[int, ...], dilation: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Room before and after each axis.

    ``same`` is ``dilation (kernel - 1)`` in all, the odd one after: sizes become ceil(size /
    stride), whatever they are. ``causal`` is all of it before, so that nothing sees what follows.
    """
    full = tuple(d * (k - 1) for k, d in zip(kernel, dilation, strict=True))
    if pad == "same":
        before = tuple(n // 2 for n in full)
        return before, tuple(n - b for n, b in zip(full, before, strict=True))
    if pad == "causal":
        if len(kernel) != 1:
            raise DlspecError(
                InvalidSetting(
                    None, op, setting="pad", value="causal", expected="causal with one spatial axis"
                )
            )
        return full, (0,)
    each: tuple[Any, ...] = pad if isinstance(pad, tuple) else (pad,) * len(kernel)
    if len(each) != len(kernel):
        n = len(kernel)
        expected = f"one number, or {n} for {n} spatial axes (or pairs: before, after)"
        raise DlspecError(
            InvalidSetting(None, op, setting="pad", value=str(pad), expected=expected)
        )
    pairs = [p if isinstance(p, tuple) else (p, p) for p in each]
    return tuple(p[0] for p in pairs), tuple(p[1] for p in pairs)


def check_pad(op: str, pad: Any, words: tuple[str, ...]) -> None:
    """Refuse what can be no room for any number of axes."""
    if isinstance(pad, str):
        if pad not in words:
            shown = ", ".join(f'"{w}"' for w in words)
            raise DlspecError(
                InvalidSetting(
                    None, op, setting="pad", value=f'"{pad}"', expected=f"a number, or {shown}"
                )
            )
        return
    for each in pad if isinstance(pad, tuple) else (pad,):
        pair: tuple[Any, ...] = each if isinstance(each, tuple) else (each, each)
        if len(pair) != 2:
            raise DlspecError(
                InvalidSetting(
                    None, op, setting="pad", value=str(each), expected="pairs (before, after)"
                )
            )
        for number in pair:
            whole(op, "pad", number, 0)


def check_sizes(op: str, **settings: tuple[Any, int]) -> None:
    """Refuse settings that can be no sizes for any number of axes; each comes with the least that
    it may be."""
    for setting, (value, least) in settings.items():
        per_axis(op, setting, value, len(value) if isinstance(value, tuple) else 1, least)


def check_rank(op: str, x: TensorType, window: Any) -> None:
    """Refuse a tensor that is not N, channels and one to three spatial axes, as many of them as a
    window has that names each."""
    given = len(window) if isinstance(window, tuple) else None
    lacks_channels = x.rank < 3 or given == x.rank - 1
    if 3 <= x.rank <= 5 and not lacks_channels:
        return
    inner = ", ".join(str(d) if d.value is not None else "-1" for d in x.shape[1:])
    if sum(d.value is None for d in x.shape[1:]) > 1:
        inner = "…"
    raise DlspecError(
        RankMismatch(
            None,
            op,
            operand="x",
            actual=str(x),
            rank=x.rank,
            expected="N, channels, and one to three spatial"
            if given is None
            else f"N, channels, and {given} spatial",
            advice=f"add a channel axis: `reshape(1, {inner or '…'})`" if lacks_channels else "",
        )
    )


def doubts_of_axes(op: str, x: Value, setting: str, window: Any) -> Iterable[Diagnostic]:
    """What looks like a picture without a channel axis: [N, 28, 28] as it comes in is 28 channels
    of length 28 to a window, unless the window says that it has one axis (`kernel = [5]`)."""
    kind = x.type
    if kind.rank != 3 or isinstance(window, tuple) or _is_learnt(x):
        return
    channels, length = kind.shape[1].value, kind.shape[2].value
    if channels is not None and channels == length and channels > 1:
        yield DoubtfulAxes(
            None, op, size=channels, actual=str(kind), setting=setting, value=str(window)
        )


def _is_learnt(x: Value) -> bool:
    """Whether a layer with parameters, which chose its channels, made a tensor or what it is made
    from."""
    value: Value | None = x
    while value is not None and value.producer is not None:
        if value.producer.op.rule.parameters:
            return True
        value = value.producer.inputs[0]
    return False
