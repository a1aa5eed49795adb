"""Weights that are not what was learnt, in the file that engines are built from."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
from onnx import numpy_helper

from tests.verify.faults.fault import Edit, Fault

Array = np.ndarray


def weight(name: str, change: Callable[[Array], Array]) -> Edit:
    """Another value of an initializer."""

    def edit(model: onnx.ModelProto) -> None:
        tensor = next(t for t in model.graph.initializer if t.name == name)
        value = np.ascontiguousarray(change(numpy_helper.to_array(tensor).copy()))
        tensor.CopyFrom(numpy_helper.from_array(value, name))

    return edit


def exchanged(one: str, other: str) -> Edit:
    """Two initializers each under the other's name, as if taken by position."""

    def edit(model: onnx.ModelProto) -> None:
        first, second = (
            next(t for t in model.graph.initializer if t.name == n) for n in (one, other)
        )
        first.name, second.name = other, one

    return edit


def separate(name: str, reader: str, change: Callable[[Array], Array]) -> Edit:
    """A reader of a shared tensor gets one of its own."""

    def edit(model: onnx.ModelProto) -> None:
        tensor = next(t for t in model.graph.initializer if t.name == name)
        own = f"{name}.copy"
        value = np.ascontiguousarray(change(numpy_helper.to_array(tensor).copy()))
        model.graph.initializer.append(numpy_helper.from_array(value, own))
        node = next(
            n
            for n in model.graph.node
            if n.name.startswith(f"{model.graph.name}.{reader}/") and name in n.input
        )
        node.input[list(node.input).index(name)] = own

    return edit


def _half(w: Array) -> Array:
    return w.astype(np.float16).astype(np.float32)


def _bfloat(w: Array) -> Array:
    return (w.view(np.uint32) & 0xFFFF0000).view(np.float32)


def _of(name: str, subject: str, node: str, edit: Edit) -> Fault:
    return Fault(name, subject, "model", nodes=(node,), edit=edit)


def _thirds(w: Array) -> Array:
    """The blocks of rows in another order, as of the gates of a cell."""
    return np.concatenate([w[8:], w[:4], w[4:8]])


MODEL_FAULTS: tuple[Fault, ...] = (
    _of("kernel turned", "picture", "left.conv",
        weight("left.conv.weight", lambda w: w.swapaxes(2, 3))),
    _of("kernel flipped", "picture", "stem.conv",
        weight("stem.conv.weight", lambda w: w[:, :, ::-1, ::-1])),
    _of("colours in another order", "picture", "stem.conv",
        weight("stem.conv.weight", lambda w: w[:, ::-1])),
    _of("groups exchanged", "picture", "left.conv",
        weight("left.conv.weight", lambda w: np.roll(w, 4, 0))),
    _of("running mean not loaded", "picture", "normed.batch_norm",
        weight("normed.batch_norm.running_mean", lambda w: w + 0.125)),
    _of("variance of a biased sample", "picture", "again.batch_norm",
        weight("again.batch_norm.running_var", lambda w: w * np.float32(0.99))),
    _of("biases off by one", "picture", "scores.dense",
        weight("scores.dense.bias", lambda w: np.roll(w, 1))),
    _of("truncated to fp16", "picture", "wide.conv_transpose",
        weight("wide.conv_transpose.weight", _half)),
    _of("truncated to bfloat16", "mixed", "z.dense", weight("z.dense.weight", _bfloat)),
    _of("nearly the same", "mixed", "wide.dense",
        weight("wide.dense.weight", lambda w: w * np.float32(1 + 1e-4))),
    _of("one weight lost", "mixed", "z.dense",
        weight("z.dense.weight", lambda w: np.where(np.arange(16) == 7, w * 0, w))),
    _of("taken by position", "mixed", "wide.dense",
        exchanged("wide.dense.weight", "second.dense.weight")),
    _of("gates in another order", "mixed", "second.dense",
        weight("second.dense.weight", _thirds)),
    _of("transposed", "sentence", "query.dense", weight("query.dense.weight", lambda w: w.T)),
    _of("keys for values", "sentence", "key.dense",
        exchanged("key.dense.weight", "value.dense.weight")),
    _of("a row of the table off by one", "sentence", "table",
        separate("table.weight", "table", lambda w: np.roll(w, 1, 0))),
    _of("tie broken", "sentence", "scores.dense",
        separate("table.weight", "scores.dense", lambda w: w * np.float32(1.01))),
    _of("a shared layer twice", "mixed", "shared2",
        separate("shared.weight", "shared2", lambda w: w[::-1])),
    _of("bytes in the other order", "sentence", "value.dense",
        weight("value.dense.bias", lambda w: w.byteswap())),
    _of("places reversed", "sentence", "seen.add", weight("place", lambda w: w[::-1])),
)  # fmt: skip
