"""The text that the scores of connectionist temporal classification say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, cast

import numpy as np

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.shapes import ImpossibleShape
from dlspec.dims import Dim
from dlspec.ir.types import DType, TensorType
from dlspec.ops.base import Array, OnnxBuilder
from dlspec.ops.control import LoopBuilder, LoopContext
from dlspec.ops.ctc import NEVER, onnx_log_sum
from dlspec.ops.measured import Measured, ints, onnx_range, onnx_size, whole
from dlspec.ops.settings import limited

MOST_BEAMS = 64
"""Beams are compared with each other at every step."""


class CtcDecode(Measured):
    """The text that scores say, as class ids: the best class of each step, repeats once and without
    blanks; with ``beam`` the likeliest text, by a search that keeps so many beginnings.

    The last class is the blank, as in `ctc`. The search adds up all ways to say a beginning (Graves
    2012, section 7.5.3; Hannun et al. 2014): each is kept with the logarithms of its probability
    with a blank as its last step and without, and goes on by staying as it is or by one symbol. Of
    equal ones the first in the order of beams, then of classes, is kept.
    """

    name = "ctc_decode"
    signature = "(scores: float[n, t, classes]) -> (text: int64[n, t], lengths: int32[n])"
    renewed: ClassVar[bool] = True
    beam: int | None = None
    symbol: str = ""
    samples = (
        ({}, {"scores": ("N", 6, 4)}),
        ({}, {"scores": ("N", 5, 4), "lengths": ("int32", ("N",))}),
        ({"beam": 3}, {"scores": ("N", 5, 4)}),
        ({"beam": 4}, {"scores": ("N", 3, 3), "lengths": ("int32", ("N",))}),
    )

    def __post_init__(self) -> None:
        if self.beam is not None:
            limited(self.name, "beam", self.beam, MOST_BEAMS)

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """At most as many symbols as steps, and how many there are."""
        text, lengths = super().infer(*inputs)
        scores = inputs[0]
        assert scores is not None
        if scores.shape[2].value is None or scores.shape[2].value < 2:
            raise DlspecError(
                ImpossibleShape(
                    None,
                    self.name,
                    reason=f"{scores.shape[2]} classes are no symbols and a blank",
                    actual=str(scores),
                    advice="`dense(letters.size + 1)` makes scores",
                )
            )
        steps = Dim.of(self.symbol) if self.symbol else scores.shape[1]
        return text.with_shape((text.shape[0], steps), (1,)), lengths

    # --- NumPy ------------------------------------------------------------------------------------

    def reference(self, *inputs: Any) -> Any:
        scores, steps = inputs[0], self.counts(0, inputs)
        if self.beam is not None:
            return _search(scores, steps, self.beam)
        best = scores.argmax(-1)
        before = np.concatenate([np.full((len(best), 1), -1), best[:, :-1]], 1)
        there = np.arange(best.shape[1]) < steps[:, None]
        kept = there & (best != scores.shape[2] - 1) & (best != before)
        text = np.take_along_axis(best, np.argsort(~kept, axis=1, kind="stable"), 1)
        lengths = kept.sum(1).astype(np.int32)
        return np.where(np.arange(text.shape[1]) < lengths[:, None], text, 0), lengths

    # --- PyTorch ----------------------------------------------------------------------------------

    def torch_statements(
        self, t: LoopContext, inputs: Sequence[str], outputs: Sequence[str]
    ) -> list[str]:
        """The same, as statements."""
        scores = inputs[0]
        counts = self.torch_counts(0, tuple(inputs))
        text = t.fresh("text") if outputs[0] == "_" else outputs[0]
        lengths = t.fresh("lengths") if outputs[1] == "_" else outputs[1]
        if self.beam is not None:
            return self._torch_search(t, scores, counts, text, lengths)
        kind = t.input_types[0]
        assert kind is not None
        blank = int(kind.shape[2].value or 0) - 1
        best, before, step, kept = (t.fresh(n) for n in ("best", "before", "step", "kept"))
        return [
            f"{best} = {scores}.argmax(-1)",
            f"{before} = F.pad({best}[:, :-1], (1, 0), value=-1)",
            f"{step} = torch.arange({best}.shape[1], device={best}.device)",
            f"{kept} = ({best} != {blank}) & ({best} != {before})",
            f"{kept} = {kept} & ({step} < {counts}[:, None])",
            f"{lengths} = {kept}.sum(1).int()",
            f"{text} = {best}.gather(1, (~{kept}).int().argsort(dim=1, stable=True))",
            f"{text} = {text}.masked_fill({step} >= {lengths}[:, None], 0)",
        ]

    def _torch_search(
        self, t: LoopContext, scores: str, counts: str, text: str, lengths: str
    ) -> list[str]:
        kind = t.input_types[0]
        assert kind is not None
        width, symbols = self.beam, int(kind.shape[2].value or 0) - 1
        v = {n: t.fresh(n) for n in _TORCH_NAMES}
        lines = [
            "{log_p} = {scores}.log_softmax(-1)",
            "{texts} = {scores}.new_full(({scores}.shape[0], {width}, {scores}.shape[1]), -1,"
            " dtype=torch.long)",
            "{sizes} = {texts}.new_zeros({texts}.shape[:2])",
            "{ended} = {scores}.new_full({texts}.shape[:2], {never})",
            "{spoken} = {ended}.clone()",
            "{ended}[:, 0] = 0",
            "{places} = torch.arange({scores}.shape[1], device={scores}.device)",
            "{classes} = torch.arange({symbols}, device={scores}.device)",
            "for {step} in range({scores}.shape[1]):",
            "    {now} = {log_p}[:, {step}]",
            "    {total} = torch.logaddexp({ended}, {spoken})",
            "    {last} = {texts}.gather(2, ({sizes} - 1).clamp(min=0)[..., None])[..., 0]",
            "    {stay} = {spoken} + {now}.gather(1, {last}.clamp(min=0))",
            "    {stay} = {stay}.masked_fill({sizes} == 0, {never})",
            "    {rest} = {total} + {now}[:, {symbols}:]",
            "    {more} = torch.where({classes} == {last}[..., None], {ended}[..., None],"
            " {total}[..., None]) + {now}[:, None, :{symbols}]",
            "    {short} = {texts}.masked_fill({places} == {sizes}[..., None] - 1, -1)",
            "    {parent} = ({short}[:, :, None] == {texts}[:, None]).all(-1)",
            "    {alive} = {total} > {never} / 2",
            "    {parent} = {parent} & ({sizes} > 0)[..., None] & {alive}[..., None]"
            " & {alive}[:, None]",
            "    {gained} = {more}.gather(2, {last}.clamp(min=0)[:, None].expand(-1, {width}, -1))",
            "    {gained} = {gained}.transpose(1, 2).masked_fill(~{parent}, {never}).amax(-1)",
            "    {stay} = torch.logaddexp({stay}, {gained})",
            "    {moved} = ({parent}[..., None] & ({last}[..., None, None] == {classes})).any(1)",
            "    {more} = {more}.masked_fill({moved}, {never})",
            "    {all_} = torch.cat((torch.logaddexp({rest}, {stay}), {more}.flatten(1)), 1)",
            "    {value}, {at} = {all_}.sort(dim=1, descending=True, stable=True)",
            "    {value}, {at} = {value}[:, :{width}], {at}[:, :{width}]",
            "    {kept} = {at} < {width}",
            "    {source} = torch.where({kept}, {at}, ({at} - {width}) // {symbols})",
            "    {said} = ({at} - {width}) % {symbols}",
            "    {size} = {sizes}.gather(1, {source})",
            "    {made} = {texts}.gather(1, {source}[..., None].expand_as({texts}))",
            "    {made} = torch.where(~{kept}[..., None] & ({places} == {size}[..., None]),"
            " {said}[..., None], {made})",
            "    {on} = ({step} < {counts})[:, None]",
            "    {texts} = torch.where({on}[..., None], {made}, {texts})",
            "    {sizes} = torch.where({on}, {size} + ~{kept}, {sizes})",
            "    {quiet} = {rest}.gather(1, {source}).masked_fill(~{kept}, {never})",
            "    {loud} = torch.where({kept}, {stay}.gather(1, {source}), {value})",
            "    {ended} = torch.where({on}, {quiet}, {ended})",
            "    {spoken} = torch.where({on}, {loud}, {spoken})",
            "{best} = torch.logaddexp({ended}, {spoken}).argmax(1, keepdim=True)",
            "{lengths} = {sizes}.gather(1, {best})[:, 0].int()",
            "{text} = {texts}.gather(1, {best}[..., None].expand(-1, -1, {texts}.shape[2]))[:, 0]",
            "{text} = {text}.clamp(min=0)",
        ]
        told = {"scores": scores, "counts": counts, "text": text, "lengths": lengths}
        settings = {"width": width, "symbols": symbols, "never": NEVER}
        return [line.format(**v, **told, **settings) for line in lines]

    # --- ONNX -------------------------------------------------------------------------------------

    def onnx(self, g: OnnxBuilder, *inputs: str) -> tuple[str, ...]:
        """Best classes are scattered to their places; the search is a `Scan`."""
        counts = self.onnx_counts(g, 0, inputs)
        if self.beam is not None:
            return self._onnx_search(cast(LoopBuilder, g), inputs[0], counts)
        kind = g.input_types[0]
        assert kind is not None
        best = g.op("ArgMax", inputs[0], axis=-1, keepdims=0)
        time = onnx_size(g, best, 1)
        pads = g.constant(np.array([0, 1, 0, 0], np.int64))
        ends = ints(g, 0), ints(g, -1), ints(g, 1)
        before = g.op("Slice", g.op("Pad", best, pads, whole(g, -1)), *ends)
        step = onnx_range(g, time)
        said = g.op("Not", g.op("Equal", best, whole(g, int(kind.shape[2].value or 0) - 1)))
        new = g.op("Not", g.op("Equal", best, before))
        there = g.op("Less", step, g.op("Unsqueeze", counts, ints(g, 1)))
        kept = g.op("And", g.op("And", said, new), there)
        number_ = g.op("Cast", kept, to=DType.int64)
        place = g.op("Sub", g.op("CumSum", number_, whole(g, 1)), whole(g, 1))
        place = g.op("Where", kept, place, time)
        wide = g.op("Pad", g.op("Sub", best, best), g.constant(np.array([0, 0, 0, 1], np.int64)))
        text = g.op("Slice", g.op("ScatterElements", wide, place, best, axis=1), *ends)
        lengths = g.op("ReduceSum", number_, ints(g, 1), keepdims=0)
        return text, g.op("Cast", lengths, to=DType.int32)

    def _onnx_search(self, b: LoopBuilder, scores: str, counts: str) -> tuple[str, ...]:
        kind = b.input_types[0]
        assert kind is not None and self.beam is not None
        real, symbols = kind.dtype, int(kind.shape[2].value or 0) - 1
        never = np.array(NEVER, real.value)
        log_p = b.op("LogSoftmax", scores, axis=-1)
        row = b.op("Slice", b.shape(scores), ints(b, 0), ints(b, 1))
        time = b.op("Slice", b.shape(scores), ints(b, 1), ints(b, 2))
        beams = b.op("Concat", row, ints(b, self.beam), axis=0)
        texts = b.op("Expand", whole(b, -1), b.op("Concat", beams, time, axis=0))
        first = np.full(self.beam, never)
        spoken = b.op("Expand", b.constant(first), beams)
        first = first.copy()
        first[0] = 0
        starts = (
            texts,
            b.op("Expand", whole(b, 0), beams),
            b.op("Expand", b.constant(first), beams),
        )
        inner = b.subgraph("body")
        many = TensorType(DType.int64, (Dim.of("N"), Dim.of(self.beam), Dim.of("places")))
        count = TensorType(DType.int64, many.shape[:2])
        logs = TensorType(real, many.shape[:2])
        kinds = (many, count, logs, logs)
        names = ("texts", "sizes", "ended", "spoken")
        states = [inner.input(n, k) for n, k in zip(names, kinds, strict=True)]
        now = inner.input("now", TensorType(real, (Dim.of("N"), kind.shape[2])))
        step = inner.input("step", TensorType(DType.int64, ()))
        following = _OnnxStep(inner, self.beam, symbols, never).step(states, now)
        on = inner.op("Unsqueeze", inner.op("Less", step, counts), ints(inner, 1))
        for new, old, each in zip(following, states, kinds, strict=True):
            valid = inner.op("Unsqueeze", on, ints(inner, 2)) if each.rank == 3 else on
            inner.output(inner.op("Where", valid, new, old), each)
        made = b.op(
            "Scan",
            *starts,
            spoken,
            log_p,
            onnx_range(b, onnx_size(b, scores, 1)),
            outputs=4,
            body=inner.proto,
            num_scan_inputs=2,
            scan_input_axes=[1, 0],
        )
        texts, sizes, ended, spoken = made
        total = onnx_log_sum(b, ended, spoken, real.value)
        best = b.op("ArgMax", total, axis=1, keepdims=1)
        length = b.op("Squeeze", b.op("GatherElements", sizes, best, axis=1), ints(b, 1))
        wide = b.op("Concat", row, ints(b, 1), time, axis=0)
        at = b.op("Expand", b.op("Unsqueeze", best, ints(b, 2)), wide)
        text = b.op("Squeeze", b.op("GatherElements", texts, at, axis=1), ints(b, 1))
        return b.op("Max", text, whole(b, 0)), b.op("Cast", length, to=DType.int32)


_TORCH_NAMES = (
    "log_p",
    "texts",
    "sizes",
    "ended",
    "spoken",
    "places",
    "classes",
    "step",
    "now",
    "total",
    "last",
    "stay",
    "rest",
    "more",
    "short",
    "parent",
    "alive",
    "gained",
    "moved",
    "all_",
    "value",
    "at",
    "kept",
    "source",
    "said",
    "size",
    "made",
    "on",
    "quiet",
    "loud",
    "best",
)


class _OnnxStep:
    """One step of the search as ONNX nodes; see `_advanced`, which does the same in NumPy."""

    def __init__(self, g: OnnxBuilder, width: int, symbols: int, never: Array) -> None:
        self.g = g
        self.width = width
        self.symbols = symbols
        self.never = g.constant(never)
        self.half = g.constant(never / 2)
        self.kind = str(never.dtype)

    def at(self, x: str, *axes: int) -> str:
        return self.g.op("Unsqueeze", x, ints(self.g, *axes))

    def step(self, states: Sequence[str], now: str) -> tuple[str, str, str, str]:
        g = self.g
        texts, sizes, ended, spoken = states
        one, none = whole(g, 1), whole(g, 0)
        places = onnx_range(g, onnx_size(g, texts, 2))
        classes = g.constant(np.arange(self.symbols, dtype=np.int64))
        total = onnx_log_sum(g, ended, spoken, self.kind)
        end = g.op("Max", g.op("Sub", sizes, one), none)
        last = g.op("GatherElements", texts, self.at(end, 2), axis=2)
        last = g.op("Squeeze", last, ints(g, 2))
        known = g.op("Max", last, none)
        begun = g.op("Greater", sizes, none)
        again = g.op("Add", spoken, g.op("GatherElements", now, known, axis=1))
        stay = g.op("Where", begun, again, self.never)
        ends = ints(g, self.symbols), ints(g, self.symbols + 1), ints(g, 1)
        rest = g.op("Add", total, g.op("Slice", now, *ends))
        same = g.op("Equal", classes, self.at(last, 2))
        before = g.op("Where", same, self.at(ended, 2), self.at(total, 2))
        spoken_now = g.op("Slice", now, ints(g, 0), ints(g, self.symbols), ints(g, 1))
        more = g.op("Add", before, self.at(spoken_now, 1))
        cut = g.op("Equal", places, self.at(g.op("Sub", sizes, one), 2))
        short = g.op("Where", cut, whole(g, -1), texts)
        equal = g.op("Equal", self.at(short, 2), self.at(texts, 1))
        least = g.op("ReduceMin", g.op("Cast", equal, to=6), ints(g, 3), keepdims=0)
        alive = g.op("Greater", total, self.half)
        parent = g.op("And", g.op("Cast", least, to=9), self.at(g.op("And", begun, alive), 2))
        parent = g.op("And", parent, self.at(alive, 1))
        wide = g.op("Expand", self.at(known, 1), g.shape(parent))
        gained = g.op("Transpose", g.op("GatherElements", more, wide, axis=2), perm=[0, 2, 1])
        gained = g.op("Where", parent, gained, self.never)
        stay = onnx_log_sum(g, stay, g.op("ReduceMax", gained, ints(g, 2), keepdims=0), self.kind)
        taken = g.op("And", self.at(parent, 3), g.op("Equal", self.at(last, 2, 3), classes))
        moved = g.op("ReduceMax", g.op("Cast", taken, to=6), ints(g, 1), keepdims=0)
        more = g.op("Where", g.op("Cast", moved, to=9), self.never, more)
        flat = g.op("Reshape", more, ints(g, -1, self.width * self.symbols))
        every = g.op("Concat", onnx_log_sum(g, rest, stay, self.kind), flat, axis=1)
        value, place = g.op("TopK", every, ints(g, self.width), axis=1, outputs=2)
        kept = g.op("Less", place, whole(g, self.width))
        behind = g.op("Max", g.op("Sub", place, whole(g, self.width)), none)
        number_ = whole(g, self.symbols)
        source = g.op("Where", kept, place, g.op("Div", behind, number_))
        said = g.op("Mod", behind, number_)
        size = g.op("GatherElements", sizes, source, axis=1)
        rows = g.op("Expand", self.at(source, 2), g.shape(texts))
        made = g.op("GatherElements", texts, rows, axis=1)
        new = g.op("And", self.at(g.op("Not", kept), 2), g.op("Equal", places, self.at(size, 2)))
        made = g.op("Where", new, self.at(said, 2), made)
        longer = g.op("Add", size, g.op("Cast", g.op("Not", kept), to=7))
        quiet = g.op("Where", kept, g.op("GatherElements", rest, source, axis=1), self.never)
        loud = g.op("Where", kept, g.op("GatherElements", stay, source, axis=1), value)
        return made, longer, quiet, loud


def _search(scores: Array, steps: Array, width: int) -> tuple[Array, Array]:
    """The likeliest text of each row by beam search, and its length."""
    rows, time, classes = scores.shape
    top = scores.max(axis=-1, keepdims=True)
    log_p = scores - top - np.log(np.exp(scores - top).sum(axis=-1, keepdims=True))
    texts = np.full((rows, width, time), -1)
    sizes = np.zeros((rows, width), np.int64)
    ended = np.full((rows, width), NEVER, scores.dtype)
    spoken = ended.copy()
    ended[:, 0] = 0
    for step in range(time):
        states = (texts, sizes, ended, spoken)
        following = _advanced(states, log_p[:, step], classes - 1)
        on = step < steps
        texts, sizes, ended, spoken = (
            np.where(on.reshape(-1, *(1,) * (new.ndim - 1)), new, old)
            for new, old in zip(following, states, strict=True)
        )
    best = np.logaddexp(ended, spoken).argmax(1)
    chosen = texts[np.arange(rows), best]
    return np.maximum(chosen, 0), sizes[np.arange(rows), best].astype(np.int32)


def _advanced(
    states: tuple[Array, Array, Array, Array], now: Array, symbols: int
) -> tuple[Array, Array, Array, Array]:
    """One step of the search: every beginning stays or takes a symbol; the best ones are kept."""
    texts, sizes, ended, spoken = states
    (_, width, time), places = texts.shape, np.arange(texts.shape[2])
    total = np.logaddexp(ended, spoken)
    end = np.maximum(sizes - 1, 0)
    last = np.take_along_axis(texts, end[..., None], 2)[..., 0]
    known = np.maximum(last, 0)
    stay = np.where(sizes > 0, spoken + np.take_along_axis(now, known, 1), NEVER)
    rest = total + now[:, symbols:]
    same = np.arange(symbols) == last[..., None]
    more = np.where(same, ended[..., None], total[..., None]) + now[:, None, :symbols]
    # what one beginning becomes by a symbol may be another that is kept already: they are one
    short = np.where(places == sizes[..., None] - 1, -1, texts)
    alive = total > NEVER / 2
    parent = (short[:, :, None] == texts[:, None]).all(-1)
    parent &= ((sizes > 0) & alive)[..., None] & alive[:, None]
    by_parent = np.take_along_axis(more, np.repeat(known[:, None], width, 1), 2)
    gained = np.where(parent, by_parent.transpose(0, 2, 1), NEVER).max(-1)
    stay = np.logaddexp(stay, gained)
    moved = (parent[..., None] & (last[..., None, None] == np.arange(symbols))).any(1)
    more = np.where(moved, NEVER, more)
    every = np.concatenate([np.logaddexp(rest, stay), more.reshape(len(more), -1)], 1)
    at = np.argsort(-every, axis=1, kind="stable")[:, :width]
    kept = at < width
    source = np.where(kept, at, (at - width) // symbols)
    size = np.take_along_axis(sizes, source, 1)
    made = np.take_along_axis(texts, np.repeat(source[..., None], time, 2), 1)
    new = ~kept[..., None] & (places == size[..., None])
    made = np.where(new, ((at - width) % symbols)[..., None], made)
    quiet = np.where(kept, np.take_along_axis(rest, source, 1), NEVER)
    loud = np.where(kept, np.take_along_axis(stay, source, 1), np.take_along_axis(every, at, 1))
    dtype = ended.dtype
    return made, size + ~kept, quiet.astype(dtype), loud.astype(dtype)
