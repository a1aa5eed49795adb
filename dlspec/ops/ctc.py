"""Connectionist temporal classification: how likely a text is, whatever the steps that say it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import numpy as np

from dlspec.diagnostics import Diagnostic
from dlspec.diagnostics.time import NoClassForBlank
from dlspec.ir.graph import Input, Value
from dlspec.ir.types import DType, TensorType
from dlspec.ops.base import OnnxBuilder, TorchContext
from dlspec.ops.control import LoopBuilder
from dlspec.ops.measured import Measured, ints, onnx_range, onnx_size, whole

NEVER = -1e30
"""The logarithm of a probability of 0 where infinity would give NaN."""


class Ctc(Measured):
    """The negative log-probability of a text of class ids, summed over all ways to say it: each
    step says a class of softmax(scores) or the blank, which is the last class; steps that say the
    same class in a row say it once, and blanks are left out (Graves et al. 2006, equations 6-8).

    A text that cannot be said in its steps (it has more symbols, and repeats that a blank must
    part, than there are steps) counts 0 and teaches nothing, as PyTorch's ``zero_infinity``.
    """

    name = "ctc"
    signature = "(scores: float[n, t, classes], text: int[n, l]) -> (y: float[n])"
    samples = (
        ({}, {"scores": ("N", 7, 6), "label": ("int64", ("N", 3))}),
        (
            {},
            {
                "scores": ("N", 5, 6),
                "label": ("int64", ("N", 3)),
                "lengths": ("int32", ("N",)),
                "lengths2": ("int32", ("N",)),
            },
        ),
        ({}, {"scores": ("N", 3, 6), "label": ("int32", ("N", 3)), "lengths": ("int32", ("N",))}),
    )

    def doubts(self, *tensors: Value) -> Iterable[Diagnostic]:
        """The text's vocabulary leaves no class for the blank, or too many."""
        classes = tensors[0].type.shape[-1].value
        size = vocabulary_size(tensors[1])
        if size is not None and classes is not None and classes != size + 1:
            yield NoClassForBlank(None, classes=classes, size=size, wanted=size + 1)

    def reference(self, *inputs: Any) -> Any:
        scores, text = inputs[:2]
        steps, symbols = self.counts(0, inputs), self.counts(1, inputs)
        rows, time, classes = scores.shape
        top = scores.max(axis=-1, keepdims=True)
        log_p = scores - top - np.log(np.exp(scores - top).sum(axis=-1, keepdims=True))
        said = np.full((rows, 2 * text.shape[1] + 1), classes - 1)
        said[:, 1::2] = text  # a blank before, between and after
        never = np.full((rows, 2), -np.inf, scores.dtype)
        skips = said != np.concatenate([np.full((rows, 2), classes - 1), said], 1)[:, :-2]
        alpha = np.full(said.shape, -np.inf, scores.dtype)
        alpha[:, 0] = 0
        for step in range(time):
            before = np.concatenate([never, alpha], 1)
            paths = np.logaddexp(alpha, before[:, 1:-1])
            paths = np.logaddexp(paths, np.where(skips, before[:, :-2], -np.inf))
            paths = paths + np.take_along_axis(log_p[:, step], said, 1)
            alpha = np.where((step < steps)[:, None], paths, alpha)
        last = np.take_along_axis(alpha, 2 * symbols[:, None], 1)[:, 0]
        other = np.take_along_axis(alpha, np.maximum(2 * symbols - 1, 0)[:, None], 1)[:, 0]
        total = np.logaddexp(last, np.where(symbols > 0, other, -np.inf))
        return np.where(total == -np.inf, np.zeros((), scores.dtype), -total)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        scores, text = t.tensor(0), t.tensor(1)
        steps, symbols = self.torch_counts(0, inputs), self.torch_counts(1, inputs)
        return (
            f"F.ctc_loss({scores}.log_softmax(-1).transpose(0, 1), {text}.long(), {steps},"
            f" {symbols}, blank={scores}.shape[2] - 1, reduction='none', zero_infinity=True)"
        )

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        scores, text = inputs[:2]
        kind = g.output_types[0].dtype.value
        steps, symbols = self.onnx_counts(g, 0, inputs), self.onnx_counts(g, 1, inputs)
        log_p = g.op("LogSoftmax", scores, axis=-1)
        said, skips = self._onnx_said(g, scores, g.op("Cast", text, to=DType.int64))
        rows, time = (onnx_size(g, scores, a) for a in (0, 1))
        wide = g.op(
            "Expand", g.op("Unsqueeze", said, ints(g, 1)), self._sizes(g, rows, time, whole(g, 1))
        )
        spoken = g.op("GatherElements", log_p, wide, axis=2)
        never = g.constant(np.array(NEVER, kind))
        first = g.op("Equal", onnx_range(g, onnx_size(g, said, 1)), whole(g, 0))
        start = g.op("Where", first, g.constant(np.array(0, kind)), never)
        start = g.op("Expand", start, g.shape(said))
        alpha = self._onnx_scan(cast(LoopBuilder, g), start, spoken, steps, skips)
        at = g.op("Unsqueeze", g.op("Mul", symbols, whole(g, 2)), ints(g, 1))
        last = g.op("GatherElements", alpha, at, axis=1)
        before = g.op("Max", g.op("Sub", at, whole(g, 1)), whole(g, 0))
        other = g.op("GatherElements", alpha, before, axis=1)
        other = g.op("Where", g.op("Greater", at, whole(g, 0)), other, never)
        total = g.op("Squeeze", onnx_log_sum(g, last, other, kind), ints(g, 1))
        never_said = g.op("Less", total, g.constant(np.array(NEVER / 2, kind)))
        return g.op("Where", never_said, g.constant(np.array(0, kind)), g.op("Neg", total))

    def _onnx_said(self, g: OnnxBuilder, scores: str, text: str) -> tuple[str, str]:
        """The text with blanks before, between and after, and where a step may skip a blank."""
        blank = g.op("Sub", onnx_size(g, scores, 2), whole(g, 1))
        rows, symbols = (onnx_size(g, text, a) for a in (0, 1))
        parted = g.op(
            "Concat",
            g.op("Unsqueeze", g.op("Expand", blank, g.shape(text)), ints(g, 2)),
            g.op("Unsqueeze", text, ints(g, 2)),
            axis=2,
        )
        sizes = self._sizes(g, rows, g.op("Mul", symbols, whole(g, 2)))
        parted = g.op("Reshape", parted, sizes, allowzero=1)
        one = g.op("Expand", blank, self._sizes(g, rows, whole(g, 1)))
        said = g.op("Concat", parted, one, axis=1)
        shifted = g.op("Slice", g.op("Concat", one, one, said, axis=1), *_but_the_last(g, 2))
        return said, g.op("Not", g.op("Equal", said, shifted))

    def _sizes(self, g: OnnxBuilder, *sizes: str) -> str:
        return g.op("Concat", *(g.op("Unsqueeze", s, ints(g, 0)) for s in sizes), axis=0)

    def _onnx_scan(self, b: LoopBuilder, start: str, spoken: str, steps: str, skips: str) -> str:
        """The forward variables after the last step of each row."""
        real = b.output_types[0].dtype
        inner = b.subgraph("body")
        alpha = inner.input("alpha", TensorType.of(real, "N", "places"))
        said = inner.input("said", TensorType.of(real, "N", "places"))
        step = inner.input("step", TensorType(DType.int64, ()))
        never = inner.constant(np.array(NEVER, real.value))
        pads = inner.constant(np.array([0, 2, 0, 0], np.int64))
        before = inner.op("Pad", alpha, pads, never)
        once = inner.op("Slice", before, *_but_the_last(inner, 1, 1))
        twice = inner.op("Slice", before, *_but_the_last(inner, 2))
        paths = onnx_log_sum(inner, alpha, once, real.value)
        paths = onnx_log_sum(inner, paths, inner.op("Where", skips, twice, never), real.value)
        valid = inner.op("Unsqueeze", inner.op("Less", step, steps), ints(inner, 1))
        following = inner.op("Where", valid, inner.op("Add", paths, said), alpha)
        inner.output(following, TensorType.of(real, "N", "places"))
        numbers = onnx_range(b, onnx_size(b, spoken, 1))
        made = b.op(
            "Scan", start, spoken, numbers, body=inner.proto, num_scan_inputs=2,
            scan_input_axes=[1, 0],
        )  # fmt: skip
        return str(made)


def vocabulary_size(value: Value) -> int | None:
    """How many ids the vocabulary of a field or input has; None where it has none."""
    while value.producer is not None and value.producer.op.name in ("masked", "cast"):
        source = value.producer.inputs[0]
        assert source is not None
        value = source
    if not isinstance(value, Input):
        return None
    if value.vocabulary is not None:
        return value.vocabulary.size
    return None if value.classes is None else len(value.classes)


def onnx_log_sum(g: OnnxBuilder, a: str, b: str, kind: str) -> str:
    """log(e ** a + e ** b), of numbers that are not infinite."""
    top = g.op("Max", a, b)
    low = g.op("Min", a, b)
    one = g.constant(np.array(1, kind))
    more = g.op("Exp", g.op("Sub", low, top))
    return g.op("Add", top, g.op("Log", g.op("Add", one, more)))


def _but_the_last(g: OnnxBuilder, count: int, first: int = 0) -> tuple[str, str, str]:
    """Starts, ends and axes that leave out the last few of axis 1 (and the first)."""
    return ints(g, first), ints(g, -count), ints(g, 1)
