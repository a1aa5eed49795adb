"""What texts share with their references, in runs of one to four symbols."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dlspec.ir.types import DType
from dlspec.ops.base import Array, OnnxBuilder
from dlspec.ops.control import LoopContext
from dlspec.ops.edit_distance import Compared
from dlspec.ops.measured import ints, onnx_range, onnx_size, whole

LONGEST = 4
"""BLEU-4 counts runs of up to four symbols."""


class NgramMatches(Compared):
    """The sums of BLEU-4 of each row: how many runs of 1, 2, 3 and 4 symbols of the text are in the
    reference, each counted at most as often as it is there (Papineni et al. 2002, section 2.1);
    how many such runs the text has; how long text and reference are.

    Runs are compared as matrices: ``e_n[p, q]`` says that the runs of n at p and q are equal, which
    they are where the runs of n - 1 and the symbols behind them are. The run at p counts where
    fewer equal ones stand before it in the text than there are in the reference, which is clipping.
    """

    name = "ngram_matches"
    internal = True
    signature = "(text: int[n, l], reference: int[n, t]) -> (y: float32[n, 10])"
    samples = (
        ({}, {"label": ("int64", ("N", 6)), "index": ("int64", ("N", 7))}),
        (
            {},
            {
                "label": ("int32", ("N", 3)),
                "index": ("int64", ("N", 5)),
                "lengths": ("int32", ("N",)),
                "lengths2": ("int32", ("N",)),
            },
        ),
    )

    def reference(self, *inputs: Any) -> Any:
        text, other = inputs[:2]
        mine, its = self.counts(0, inputs), self.counts(1, inputs)
        place = np.arange(text.shape[1])
        here = place < mine[:, None]
        there = np.arange(other.shape[1]) < its[:, None]
        own = (text[:, :, None] == text[:, None]) & here[:, :, None] & here[:, None]
        common = (text[:, :, None] == other[:, None]) & here[:, :, None] & there[:, None]
        matches: list[Array] = []
        runs, shared = own, common
        for n in range(1, LONGEST + 1):
            if n > 1:
                runs = runs[:, :-1, :-1] & own[:, n - 1 :, n - 1 :]
                shared = shared[:, :-1, :-1] & common[:, n - 1 :, n - 1 :]
            before = np.tril(runs, -1).sum(2)
            matches.append((before < shared.sum(2)).sum(1))
        totals = [np.maximum(mine - n, 0) for n in range(LONGEST)]
        return np.stack([*matches, *totals, mine, its], 1).astype(np.float64)

    def torch_statements(
        self, t: LoopContext, inputs: Sequence[str], outputs: Sequence[str]
    ) -> list[str]:
        """The same, as statements."""
        text, other = t.tensor(0), t.tensor(1)
        names = ("mine", "its", "here", "there", "own", "common", "runs", "shared")
        v = {n: t.fresh(n) for n in names} | {"text": text, "other": other, "y": outputs[0]}
        v |= {"matches": t.fresh("matches"), "kind": t.dtype(DType.float32)}
        counts = [self.torch_counts(i, tuple(inputs)) for i in (0, 1)]
        lines = [
            "{mine} = " + counts[0] + ".long()",
            "{its} = " + counts[1] + ".long()",
            "{here} = torch.arange({text}.shape[1], device={text}.device) < {mine}[:, None]",
            "{there} = torch.arange({other}.shape[1], device={other}.device) < {its}[:, None]",
            "{own} = {text}[:, :, None] == {text}[:, None]",
            "{own} = {own} & {here}[:, :, None] & {here}[:, None]",
            "{common} = {text}[:, :, None] == {other}[:, None]",
            "{common} = {common} & {here}[:, :, None] & {there}[:, None]",
            "{runs}, {shared}, {matches} = {own}, {common}, []",
        ]
        for n in range(1, LONGEST + 1):
            if n > 1:
                behind = f"[:, {n - 1}:, {n - 1}:]"
                lines += [
                    "{runs} = {runs}[:, :-1, :-1] & {own}" + behind,
                    "{shared} = {shared}[:, :-1, :-1] & {common}" + behind,
                ]
            lines.append("{matches}.append(({runs}.tril(-1).sum(2) < {shared}.sum(2)).sum(1))")
        totals = ", ".join("({mine}" + f" - {n}).clamp(min=0)" for n in range(LONGEST))
        lines.append("{y} = torch.stack([*{matches}, " + totals + ", {mine}, {its}], 1).to({kind})")
        return [line.format(**v) for line in lines]

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        text, other = (g.op("Cast", i, to=DType.int64) for i in inputs[:2])
        mine, its = self.onnx_counts(g, 0, inputs), self.onnx_counts(g, 1, inputs)

        def at(value: str, axis: int) -> str:
            return str(g.op("Unsqueeze", value, ints(g, axis)))

        def count(value: str, axis: int) -> str:
            number = g.op("Cast", value, to=DType.int64)
            return str(g.op("ReduceSum", number, ints(g, axis), keepdims=0))

        def part(value: str, first: int, last: int) -> str:
            bounds = (ints(g, first, first), ints(g, last, last), ints(g, 1, 2))
            return str(g.op("Slice", value, *bounds))

        place = onnx_range(g, onnx_size(g, text, 1))
        here = g.op("Less", place, at(mine, 1))
        there = g.op("Less", onnx_range(g, onnx_size(g, other, 1)), at(its, 1))
        own = g.op("And", g.op("Equal", at(text, 2), at(text, 1)), at(here, 2))
        own = g.op("And", own, at(here, 1))
        common = g.op("And", g.op("Equal", at(text, 2), at(other, 1)), at(here, 2))
        common = g.op("And", common, at(there, 1))
        earlier = g.op("Less", place, at(place, 1))
        runs, shared = own, common
        matches: list[str] = []
        for n in range(1, LONGEST + 1):
            if n > 1:
                runs = g.op("And", part(runs, 0, -1), part(own, n - 1, _END))
                shared = g.op("And", part(shared, 0, -1), part(common, n - 1, _END))
                earlier = g.op("Slice", earlier, ints(g, 0, 0), ints(g, -1, -1), ints(g, 0, 1))
            before = count(g.op("And", runs, earlier), 2)
            matches.append(count(g.op("Less", before, count(shared, 2)), 1))
        none = whole(g, 0)
        totals = [g.op("Max", g.op("Sub", mine, whole(g, n)), none) for n in range(LONGEST)]
        every = [at(value, 1) for value in (*matches, *totals, mine, its)]
        return g.op("Cast", g.op("Concat", *every, axis=1), to=g.output_types[0].dtype)


_END = 2**31 - 1
"""Behind every symbol that there can be."""
