"""Convolution and pooling."""

from __future__ import annotations

from typing import Any

from dlspec.ir.graph import Value
from tests.external.importer import Node, limit, maps


def pads(n: Node, kernel: list[int], strides: list[int], dilations: list[int]) -> Any:
    """The room of each spatial axis, (before, after)."""
    rank = len(kernel)
    word = n.attr("auto_pad", "NOTSET")
    if word in ("NOTSET", "VALID"):
        given = n.attr("pads", [0] * 2 * rank)
        return tuple(zip(given[:rank], given[rank:], strict=True))
    room: list[tuple[int, int]] = []
    for size, k, s, d in zip(n.shape(0)[2:], kernel, strides, dilations, strict=True):
        total = max(((size + s - 1) // s - 1) * s + d * (k - 1) + 1 - size, 0)
        less, more = total // 2, total - total // 2
        room.append((less, more) if word == "SAME_UPPER" else (more, less))
    return tuple(room)


def geometry(n: Node, kernel: list[int]) -> dict[str, Any]:
    """Stride, dilation and room."""
    strides = n.attr("strides", [1] * len(kernel))
    dilations = n.attr("dilations", [1] * len(kernel))
    return {
        "stride": tuple(strides),
        "dilation": tuple(dilations),
        "pad": pads(n, kernel, strides, dilations),
    }


@maps("Conv")
def conv(n: Node) -> Value:
    kernel = list(n.shape(1)[2:])
    return n.make(
        "conv",
        n.tensor(0),
        weights={"weight": n.weight(1), "bias": n.weight(2)},
        channels=n.shape(1)[0],
        kernel=tuple(kernel),
        groups=n.attr("group", 1),
        **geometry(n, kernel),
    )


@maps("ConvTranspose")
def conv_transpose(n: Node) -> Value:
    kernel = list(n.shape(1)[2:])
    groups = n.attr("group", 1)
    settings = geometry(n, kernel)
    extra = n.attr("output_padding", [0] * len(kernel))
    word, sizes = n.attr("auto_pad", "NOTSET"), n.attr("output_shape")
    if sizes is None and word.startswith("SAME"):
        sizes = [i * s for i, s in zip(n.shape(0)[2:], settings["stride"], strict=True)]
    if sizes is not None:
        settings["pad"], extra = _of_output(n, kernel, settings, extra, sizes)
    return n.make(
        "conv_transpose",
        n.tensor(0),
        weights={"weight": n.weight(1), "bias": n.weight(2)},
        channels=n.shape(1)[1] * groups,
        kernel=tuple(kernel),
        groups=groups,
        output_pad=tuple(extra),
        **settings,
    )


def _of_output(
    n: Node, kernel: list[int], settings: dict[str, Any], extra: list[int], sizes: list[int]
) -> tuple[Any, list[int]]:
    """The room that gives wanted sizes; where the transpose is too small, what is added."""
    room: list[tuple[int, int]] = []
    added: list[int] = []
    each = zip(n.shape(0)[2:], kernel, settings["stride"], settings["dilation"], strict=True)
    for (size, k, s, d), e, wanted in zip(each, extra, sizes, strict=True):
        total = s * (size - 1) + e + d * (k - 1) + 1 - wanted
        added.append(e + max(-total, 0))
        half = max(total, 0) // 2
        pair = (half, max(total, 0) - half)
        room.append(pair if n.attr("auto_pad", "NOTSET") == "SAME_UPPER" else pair[::-1])
    return tuple(room), added


@maps("MaxPool", "AveragePool", "LpPool")
def pool(n: Node) -> Value:
    kernel = n.attr("kernel_shape")
    settings = geometry(n, kernel)
    if n.kind != "MaxPool":
        del settings["dilation"]
    if n.kind == "AveragePool":
        settings["count_include_pad"] = bool(n.attr("count_include_pad", 0))
    if n.kind == "LpPool":
        settings["p"] = n.attr("p", 2)
    name = {"MaxPool": "max_pool", "AveragePool": "avg_pool", "LpPool": "lp_pool"}[n.kind]
    return n.make(
        name, n.tensor(0), size=tuple(kernel), ceil=bool(n.attr("ceil_mode", 0)), **settings
    )


def _wide(n: Node) -> bool:
    reach = [d * (k - 1) + 1 for k, d in zip(n.attr("kernel_shape"), _dilations(n), strict=True)]
    return any(2 * p > r for p, r in zip(n.attr("pads", []), reach, strict=False))


def _dilations(n: Node) -> list[int]:
    return n.attr("dilations", [1] * len(n.attr("kernel_shape")))


limit(
    "MaxPool AveragePool LpPool",
    "room of more than half a window is refused, as in PyTorch",
    _wide,
)
limit("MaxPool", "where the largest stood is not told", lambda n: len(n.proto.output) > 1)
limit("MaxPool", "floats are pooled", lambda n: n.dtype(0).kind != "f")
limit(
    "AveragePool LpPool",
    "only `max_pool` is dilated",
    lambda n: any(d != 1 for d in n.attr("dilations", [])),
)


@maps("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool")
def global_pool(n: Node) -> Value:
    name = {
        "GlobalAveragePool": "global_avg_pool",
        "GlobalMaxPool": "global_max_pool",
        "GlobalLpPool": "global_lp_pool",
    }[n.kind]
    settings = {"p": n.attr("p", 2)} if n.kind == "GlobalLpPool" else {}
    value = n.make(name, n.tensor(0), **settings)
    for _ in n.shape(0)[2:]:
        value = n.make("unsqueeze", value, axis=-1)
    return value
