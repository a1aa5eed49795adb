"""How many edits make one text another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from dlspec.ir.types import DType, TensorType
from dlspec.ops.base import OnnxBuilder
from dlspec.ops.control import LoopBuilder, LoopContext
from dlspec.ops.measured import Measured, ints, onnx_range, onnx_size, whole


class Compared(Measured):
    """Base of ops on two texts of ids, `text` and `reference`, each with its lengths."""

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """Ids may be whole numbers of different sizes."""
        text, reference, *rest = inputs
        if text is not None and reference is not None:
            both = text.dtype.is_integer and reference.dtype.is_integer
            reference = reference.with_dtype(text.dtype) if both else reference
        return super().infer(text, reference, *rest)


class EditDistance(Compared):
    """How many symbols of each text must be inserted, deleted or replaced to make it the reference
    (Levenshtein 1966).

    Row i of the table has the distances of the first i symbols of the text from all beginnings of
    the reference: ``d[i, j] = min(d[i-1, j] + 1, d[i-1, j-1] + (text[i] != reference[j]),
    d[i, j-1] + 1)``. The chain of the last term is a running minimum, ``min over k <= j of
    (c[k] - k) + j``, so that a row is made at once.
    """

    name = "edit_distance"
    signature = "(text: int[n, l], reference: int[n, t]) -> (y: float32[n])"
    samples = (
        ({}, {"label": ("int64", ("N", 4)), "index": ("int64", ("N", 6))}),
        (
            {},
            {
                "label": ("int64", ("N", 5)),
                "index": ("int32", ("N", 3)),
                "lengths": ("int32", ("N",)),
                "lengths2": ("int32", ("N",)),
            },
        ),
    )

    def reference(self, *inputs: Any) -> Any:
        text, other = inputs[:2]
        mine, its = self.counts(0, inputs), self.counts(1, inputs)
        place = np.arange(other.shape[1] + 1)
        row = np.broadcast_to(place, (len(other), len(place)))
        for step in range(text.shape[1]):
            changed = row[:, :-1] + (text[:, step, None] != other)
            least = np.concatenate([row[:, :1] + 1, np.minimum(row[:, 1:] + 1, changed)], 1)
            least = np.minimum.accumulate(least - place, axis=1) + place
            row = np.where((step < mine)[:, None], least, row)
        return np.take_along_axis(row, its[:, None], 1)[:, 0].astype(np.float64)

    def torch_statements(
        self, t: LoopContext, inputs: Sequence[str], outputs: Sequence[str]
    ) -> list[str]:
        """The same, as statements."""
        text, other = t.tensor(0), t.tensor(1)
        names = ("place", "row", "step", "changed", "least")
        told = {n: t.fresh(n) for n in names} | {
            "text": text,
            "other": other,
            "mine": self.torch_counts(0, tuple(inputs)),
            "its": self.torch_counts(1, tuple(inputs)),
            "y": outputs[0],
            "kind": t.dtype(DType.float32),
        }
        lines = [
            "{place} = torch.arange({other}.shape[1] + 1, device={other}.device)",
            "{row} = {place}.expand({other}.shape[0], -1)",
            "for {step} in range({text}.shape[1]):",
            "    {changed} = {row}[:, :-1] + ({text}[:, {step}, None] != {other})",
            "    {least} = torch.minimum({row}[:, 1:] + 1, {changed})",
            "    {least} = torch.cat(({row}[:, :1] + 1, {least}), 1)",
            "    {least} = ({least} - {place}).cummin(1).values + {place}",
            "    {row} = torch.where(({step} < {mine})[:, None], {least}, {row})",
            "{y} = {row}.gather(1, {its}.long()[:, None])[:, 0].to({kind})",
        ]
        return [line.format(**told) for line in lines]

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        """A `Scan` over the text; ONNX has no running minimum, so that each row takes that of a
        triangle."""
        text, other = (g.op("Cast", i, to=DType.int64) for i in inputs[:2])
        mine, its = self.onnx_counts(g, 0, inputs), self.onnx_counts(g, 1, inputs)
        one = whole(g, 1)
        place = onnx_range(g, g.op("Add", onnx_size(g, other, 1), one))
        rows = g.op("Unsqueeze", onnx_size(g, other, 0), ints(g, 0))
        start = g.op("Expand", place, g.op("Concat", rows, g.shape(place), axis=0))
        ahead = g.op("Less", g.op("Unsqueeze", place, ints(g, 1)), place)
        steps = onnx_range(g, onnx_size(g, text, 1))

        b = cast(LoopBuilder, g)
        inner = b.subgraph("body")
        kind = TensorType.of(DType.int64, "N", "places")
        row = inner.input("row", kind)
        symbol = inner.input("symbol", TensorType.of(DType.int64, "N"))
        step = inner.input("step", TensorType(DType.int64, ()))
        unequal = inner.op(
            "Not", inner.op("Equal", inner.op("Unsqueeze", symbol, ints(inner, 1)), other)
        )
        before = inner.op("Slice", row, ints(inner, 0), ints(inner, -1), ints(inner, 1))
        changed = inner.op("Add", before, inner.op("Cast", unequal, to=DType.int64))
        longer = inner.op("Add", row, whole(inner, 1))
        first = inner.op("Slice", longer, ints(inner, 0), ints(inner, 1), ints(inner, 1))
        rest = inner.op("Slice", longer, ints(inner, 1), ints(inner, _END), ints(inner, 1))
        least = inner.op("Concat", first, inner.op("Min", rest, changed), axis=1)
        least = inner.op("Unsqueeze", inner.op("Sub", least, place), ints(inner, 1))
        least = inner.op("Where", ahead, whole(inner, _END), least)
        least = inner.op("ReduceMin", least, ints(inner, 2), keepdims=0)
        least = inner.op("Add", least, place)
        on = inner.op("Unsqueeze", inner.op("Less", step, mine), ints(inner, 1))
        inner.output(inner.op("Where", on, least, row), kind)
        last = b.op(
            "Scan", start, text, steps, body=inner.proto, num_scan_inputs=2, scan_input_axes=[1, 0]
        )
        found = g.op("GatherElements", last, g.op("Unsqueeze", its, ints(g, 1)), axis=1)
        return g.op("Cast", g.op("Squeeze", found, ints(g, 1)), to=g.output_types[0].dtype)


_END = 2**31 - 1
"""Behind every step that there can be."""
