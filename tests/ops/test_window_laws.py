"""Laws of windows, bins and sizes, against PyTorch on drawn geometry."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dlspec.diagnostics import DlspecError
from dlspec.ir.types import TensorType
from dlspec.ops import REGISTRY

FEW = settings(max_examples=60, deadline=None)
SIZE = st.integers(1, 13)
SMALL = st.integers(1, 4)


def picture(*sizes: int) -> Any:
    """Two examples of two channels."""
    return np.random.default_rng(sum(sizes)).normal(size=(2, 2, *sizes))


def inferred(op: Any, *sizes: Any, symbols: tuple[str, ...] = ("H", "W")) -> list[tuple[int, ...]]:
    """The spatial sizes, worked out with numbers, and with symbols that get the numbers last."""
    plain = TensorType.of("float", "N", 2, *sizes)
    free = TensorType.of("float", "N", 2, *symbols[: len(sizes)])
    given = dict(zip(symbols, sizes, strict=False))
    weights = [op.parameter_types(k).values() for k in (plain, free)]
    (a,) = op.infer(plain, *weights[0])
    (b,) = op.infer(free, *weights[1])
    return [tuple(d.evaluate({**given, "N": 2}) for d in k.shape[2:]) for k in (a, b)]


@FEW
@given(SIZE, SIZE, SMALL, SMALL, st.integers(0, 2), SMALL, st.booleans(), st.booleans())
def test_pools_are_those_of_pytorch(
    h: int, w: int, size: int, stride: int, pad: int, dilation: int, ceil: bool, include: bool
) -> None:
    x = picture(h, w)
    t = torch.from_numpy(x)
    for name, extra, theirs in (
        ("max_pool", {"dilation": dilation}, {"dilation": dilation}),
        ("avg_pool", {"count_include_pad": include}, {"count_include_pad": include}),
    ):
        op = REGISTRY[name](size=size, stride=stride, pad=pad, ceil=ceil, **extra)
        try:
            function = getattr(F, f"{name}2d")
            expected = function(t, size, stride, pad, ceil_mode=ceil, **theirs).numpy()
        except RuntimeError:  # PyTorch refuses windows that do not fit, and pads beyond their half
            with pytest.raises(DlspecError):
                op.infer(TensorType.of("float", "N", 2, h, w))
            continue
        assert inferred(op, h, w) == [expected.shape[2:]] * 2
        np.testing.assert_allclose(op.reference(x), expected, atol=1e-13)


@FEW
@given(SIZE, SMALL, SMALL, st.integers(0, 2), st.integers(0, 2), SMALL)
def test_uneven_room_is_room_made_first(
    size: int, kernel: int, stride: int, before: int, after: int, dilation: int
) -> None:
    assume(size + before + after > dilation * (kernel - 1))
    made = REGISTRY["conv"](
        channels=3, kernel=kernel, stride=stride, pad=((before, after),), dilation=dilation
    )
    x, weight = picture(size), picture(3, kernel)[0].swapaxes(0, 1)
    padded = F.pad(torch.from_numpy(x), (before, after))
    expected = F.conv1d(padded, torch.from_numpy(weight), None, stride, 0, dilation).numpy()
    assert inferred(made, size) == [expected.shape[2:]] * 2
    np.testing.assert_allclose(made.reference(x, weight, None), expected, atol=1e-12)


@FEW
@given(SIZE, SMALL, SMALL, SMALL, st.sampled_from(["conv", "max_pool", "avg_pool"]))
def test_same_is_the_size_by_the_stride(
    size: int, kernel: int, stride: int, dilation: int, name: str
) -> None:
    if name == "conv":
        op: Any = REGISTRY[name](
            channels=2, kernel=kernel, stride=stride, pad="same", dilation=dilation
        )
    else:
        op = REGISTRY[name](size=kernel, stride=stride, pad="same")
    assert inferred(op, size) == [(math.ceil(size / stride),)] * 2
    if name == "conv" and stride == 1 and dilation * (kernel - 1) % 2 == 0:
        x, weight = picture(size), picture(3, kernel)[0].swapaxes(0, 1)[:2]
        theirs = F.conv1d(torch.from_numpy(x), torch.from_numpy(weight), None, 1, "same", dilation)
        np.testing.assert_allclose(op.reference(x, weight, None), theirs.numpy(), atol=1e-12)
    grown = REGISTRY["conv_transpose"](
        channels=2, kernel=kernel, stride=stride, pad="same", dilation=dilation
    )
    assert inferred(grown, size) == [(size * stride,)] * 2


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
def test_the_odd_place_of_same_is_after() -> None:
    x, weight = picture(7), picture(2, 4)[0].swapaxes(0, 1)
    theirs = F.conv1d(torch.from_numpy(x), torch.from_numpy(weight), padding="same")
    op: Any = REGISTRY["conv"](channels=2, kernel=4, pad="same")
    np.testing.assert_allclose(op.reference(x, weight, None), theirs.numpy(), atol=1e-12)


@FEW
@given(st.integers(1, 9), SMALL, SMALL, st.integers(0, 1), st.integers(0, 1), SMALL, st.booleans())
def test_transposed_convolutions_are_those_of_pytorch(
    size: int, kernel: int, stride: int, pad: int, extra: int, dilation: int, grouped: bool
) -> None:
    assume(extra < max(stride, dilation))
    assume((size - 1) * stride - 2 * pad + dilation * (kernel - 1) + extra + 1 > 0)
    groups = 2 if grouped else 1
    op: Any = REGISTRY["conv_transpose"](
        channels=4,
        kernel=kernel,
        stride=stride,
        pad=pad,
        dilation=dilation,
        groups=groups,
        output_pad=extra,
    )
    x = picture(size)
    weight = np.random.default_rng(kernel).normal(size=(2, 4 // groups, kernel))
    expected = F.conv_transpose1d(
        torch.from_numpy(x), torch.from_numpy(weight), None, stride, pad, extra, groups, dilation
    ).numpy()
    assert inferred(op, size) == [expected.shape[2:]] * 2
    np.testing.assert_allclose(op.reference(x, weight, None), expected, atol=1e-12)


@FEW
@given(SIZE, SIZE, st.integers(1, 15), st.integers(1, 15))
def test_bins_are_those_of_pytorch(h: int, w: int, rows: int, columns: int) -> None:
    x = picture(h, w)
    for name in ("adaptive_avg_pool", "adaptive_max_pool"):
        expected = getattr(F, f"{name}2d")(torch.from_numpy(x), (rows, columns)).numpy()
        op: Any = REGISTRY[name](size=(rows, columns))
        np.testing.assert_allclose(op.reference(x), expected, atol=1e-13)


@FEW
@given(SIZE, SIZE, st.integers(1, 30), st.integers(1, 30), st.booleans())
def test_linear_sizes_are_those_of_pytorch(
    h: int, w: int, rows: int, columns: int, align: bool
) -> None:
    x = picture(h, w)
    op: Any = REGISTRY["resize"](size=(rows, columns), mode="linear", align_corners=align)
    expected = F.interpolate(
        torch.from_numpy(x), size=(rows, columns), mode="bilinear", align_corners=align
    )
    np.testing.assert_allclose(op.reference(x), expected.numpy(), atol=1e-12)


@FEW
@given(SIZE, st.integers(1, 12), st.integers(1, 4), st.sampled_from(["nearest", "linear"]))
def test_scales_are_those_of_pytorch(size: int, numerator: int, quarter: int, mode: str) -> None:
    scale = numerator / 2**quarter  # what floats hold exactly
    assume(size * scale >= 1)
    x = picture(size)
    op: Any = REGISTRY["resize"](scale=scale, mode=mode)
    expected = F.interpolate(
        torch.from_numpy(x), scale_factor=scale, mode=mode, recompute_scale_factor=True
    ).numpy()
    (y,) = op.infer(TensorType.of("float", "N", 2, size))
    assert y.shape[2] == expected.shape[2]
    if mode == "linear":
        np.testing.assert_allclose(op.reference(x), expected, atol=1e-12)


@FEW
@given(st.integers(1, 60), st.integers(1, 60))
def test_nearest_is_exact(size: int, wanted: int) -> None:
    x = np.arange(size, dtype=np.float64).reshape(1, 1, -1)
    op: Any = REGISTRY["resize"](size=(wanted,))
    y = op.reference(x).ravel()
    assert y.tolist() == [i * size // wanted for i in range(wanted)]


@FEW
@given(
    st.integers(1, 8),
    st.one_of(st.none(), st.integers(-9, 9)),
    st.one_of(st.none(), st.integers(-9, 9)),
    st.sampled_from([None, 1, 2, 3, -1, -2]),
)
def test_slices_are_numpys(size: int, start: Any, stop: Any, step: Any) -> None:
    op: Any = REGISTRY["slice"](starts=(None, start), stops=(None, stop), steps=(None, step))
    x = np.arange(2 * size).reshape(2, size)
    expected = x[:, start:stop:step]
    if expected.size == 0:
        with pytest.raises(DlspecError):
            op.infer(TensorType.of("int", "N", size))
        return
    (y,) = op.infer(TensorType.of("int", "N", size))
    assert y.shape[1] == expected.shape[1]

    class Context:
        """What the lowering asks."""

        input_types = (TensorType.of("int", "N", size),)

    text = op.torch(Context(), "x")
    found = eval(text, {"x": torch.from_numpy(x)})  # noqa: S307  (text that this op wrote)
    np.testing.assert_array_equal(found.numpy(), expected)
