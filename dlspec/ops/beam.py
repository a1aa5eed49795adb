"""Generation by beam search: of several texts at once, the likeliest is kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from dlspec.dims import Dim
from dlspec.ir.graph import Graph, Value
from dlspec.ir.types import DType, TensorType
from dlspec.ops.base import Environment, OnnxBuilder, Op
from dlspec.ops.comparison import chosen
from dlspec.ops.control import Array, LoopBuilder, LoopContext, assign, check_states
from dlspec.ops.ctc import NEVER
from dlspec.ops.generation import axes, choice, masked
from dlspec.ops.measured import ints, onnx_range, onnx_size, whole


class Beam(Op):
    """Steps a cell on several texts of each row, and keeps the ``width`` likeliest.

    Inputs: the ids fed first (N * width) and the initial states (N * width, ...), each row's
    ``width`` times in a row; the captures, which stand for so many rows as well.
    Body: the fed ids (N * width), states → next states, scores (N * width, V), further outputs.
    Outputs: the likeliest text (N, at_most) int64, with ``stop`` its length (N) int32, the body's
    outputs on its way (N, at_most, ...), the states at its end (N, ...).

    A text's likelihood is the sum of log softmax(scores) of what it says, the stop symbol included.
    At each step every text that has not stopped goes on with each class; of all these and those
    that have stopped the likeliest are kept, of equal ones those of the first text, then of the
    larger score, then of the first class: a single text is what `greedy` says. No text becomes
    likelier as it goes on: the loop ends when each row's likeliest text has stopped, or after
    ``at_most`` steps. After its stop symbol a text is 0, the outputs too, and its states stay as
    they are (Graves 2012; Sutskever et al. 2014).
    """

    name = "beam"
    internal = True
    ragged = "reduce"
    body: Graph
    states: int
    stop: int | None
    at_most: int
    width: int
    captures: tuple[Value, ...] = ()
    symbol: str = ""
    shown: bool = True

    @property
    def _told(self) -> int:
        """Which of the body's outputs is the first that is a result; without ``shown`` the scores
        are none."""
        return self.states + (not self.shown)

    def parameter_types(self, *tensors: TensorType) -> dict[str, TensorType]:
        """A loop has no parameters of its own; its body captures them."""
        return {}

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """One text of each row; its step axis is ragged where there is a stop symbol."""
        check_states(self.name, self.body, self.states, inputs[1:])
        fed = self.body.inputs[0].type
        rows = fed.shape[0] // self.width
        steps, own = Dim.of(self.symbol or self.at_most), set() if self.stop is None else {1}
        timed = [
            k.with_shape((rows, steps, *k.shape[1:]), own | {a + 1 for a in k.ragged})
            for k in (fed, *(o.value.type for o in self.body.outputs[self._told :]))
        ]
        ends = [o.value.type for o in self.body.outputs[: self.states]]
        return (
            timed[0],
            *([] if self.stop is None else [TensorType(DType.int32, (rows,))]),
            *timed[1:],
            *(k.with_shape((rows, *k.shape[1:]), k.ragged) if k.rank else k for k in ends),
        )

    @property
    def _few(self) -> int:
        """How many continuations of one text may be among the likeliest of all."""
        classes = self.body.outputs[self.states].value.type.shape[-1].value
        return min(self.width, int(classes or 0))

    @property
    def _ended(self) -> Array:
        """What the continuations of a text that has stopped add to its score: one does nothing."""
        return np.array([0.0] + [NEVER] * (self._few - 1))

    def _parts(self, inputs: Sequence[Any]) -> tuple[Any, list[Any], dict[Value, Any]]:
        """The ids fed first, initial states, captures."""
        first, *given = inputs
        states, given = given[: self.states], given[self.states :]
        return first, states, dict(zip(self.captures, given, strict=True))

    # --- NumPy ------------------------------------------------------------------------------------

    def run(self, environment: Environment, *inputs: Array) -> tuple[Array, ...]:
        """The loop in NumPy, its body by the interpreter."""
        fed, states, captures = self._parts(inputs)
        width, count = self.width, len(fed) // self.width
        first = np.arange(count)[:, None] * width
        score = np.full((count, width), NEVER, environment.dtype)
        score[:, 0] = 0
        done = np.zeros((count, width), np.bool_)
        lengths = np.zeros((count, width), np.int32)
        sources: list[Array] = []
        said: list[Array] = []
        shown: list[list[Array]] = [[] for _ in self.body.outputs[self._told :]]
        for _ in range(self.at_most):
            results = environment.body(self.body, [fed, *states], captures)
            following, outputs = results[: self.states], results[self.states :]
            score, source, new = self._best(score, outputs[0], done)
            rows = (first + source).ravel()
            states = [
                masked(done.ravel(), after, before)[rows] if after.ndim else after
                for after, before in zip(following, states, strict=True)
            ]
            fed = new.ravel()
            done = np.take_along_axis(done, source, 1) | (new == self.stop)
            lengths = np.take_along_axis(lengths, source, 1) + ~done
            sources.append(source)
            said.append(new)
            for kept, value in zip(shown, results[self._told :], strict=True):
                kept.append(value)
            if done[:, 0].all():
                break
        return self._likeliest(
            sources, said, shown, lengths[:, 0], [s[::width] if s.ndim else s for s in states]
        )

    def _best(self, score: Array, scores: Array, done: Array) -> tuple[Array, Array, Array]:
        """The scores of the likeliest continuations, which texts they go on from, and what with."""
        width, few = self.width, self._few
        top = scores.max(-1, keepdims=True)
        log_p = scores - top - np.log(np.exp(scores - top).sum(-1, keepdims=True))
        order = np.argsort(-scores, axis=1, kind="stable")[:, :few]
        log_p = np.take_along_axis(log_p, order, 1).reshape(-1, width, few)
        log_p = np.where(done[..., None], self._ended, log_p)
        total = (score[..., None] + log_p).reshape(len(score), -1)
        at = np.argsort(-total, axis=1, kind="stable")[:, :width]
        source, new = at // few, np.take_along_axis(order.reshape(len(score), -1), at, 1)
        if self.stop is not None:
            new = np.where(np.take_along_axis(done, source, 1), self.stop, new)
        return np.take_along_axis(total, at, 1).astype(score.dtype), source, new

    def _likeliest(
        self,
        sources: list[Array],
        said: list[Array],
        shown: list[list[Array]],
        lengths: Array,
        states: list[Array],
    ) -> tuple[Array, ...]:
        """The way of each row's first text, followed back from its end."""
        count = len(lengths)
        rows, now = np.arange(count), np.zeros(count, np.int64)
        text = np.zeros((count, self.at_most), np.int64)
        outputs = [np.zeros((count, self.at_most, *k[0].shape[1:]), k[0].dtype) for k in shown]
        for step in reversed(range(len(said))):
            text[:, step] = said[step][rows, now]
            now = sources[step][rows, now]
            for kept, found in zip(shown, outputs, strict=True):
                found[:, step] = kept[step][rows * self.width + now]
        if self.stop is None:
            return text, *outputs, *states
        behind = np.arange(self.at_most) >= lengths[:, None]
        for found in (text, *outputs):
            found[behind] = 0
        return text, lengths, *outputs, *states

    # --- PyTorch ----------------------------------------------------------------------------------

    def torch_statements(
        self, t: LoopContext, inputs: Sequence[str], outputs: Sequence[str]
    ) -> list[str]:
        """A `for` that breaks when the likeliest texts have stopped, and one back along them."""
        v = {name: t.fresh(name) for name in _TORCH_NAMES}
        fed, *states = [t.fresh(i.name) for i in self.body.inputs]
        targets = [outputs[0], *outputs[1 if self.stop is None else 2 :]]
        shown = targets[1 : len(targets) - self.states]
        lists = ["_" if o == "_" else t.fresh(f"{o}_steps") for o in shown]
        start, initial, _ = self._parts(inputs)
        width = self.width
        settings = {"width": width, "start": start, "never": NEVER, "fed": fed} | v
        settings |= {"stop": self.stop, "few": self._few, "device": f"device={fed}.device"}
        lines = [
            "{fed} = {start}",
            "{first} = torch.arange(0, {fed}.shape[0], {width}, {device})[:, None]",
            "{score} = torch.full(({first}.shape[0], {width}), {never}, {device})",
            "{score}[:, 0] = 0",
            "{sources}, {said} = [], []",
        ]
        if self.stop is not None:
            lines.append("{done} = torch.zeros_like({score}, dtype=torch.bool)")
            lines.append("{lengths} = torch.zeros_like({score}, dtype=torch.int32)")
            lines.append("{ended} = torch.full(({few},), {never}, {device})")
            lines.append("{ended}[0] = 0")
        lines = [line.format(**settings) for line in lines]
        lines += [f"{name} = []" for name in lists if name != "_"]
        lines += assign(states, initial)
        inner = self._torch_step(t, settings, states, lists)
        lines += [f"for _ in range({self.at_most}):", *(f"    {line}" for line in inner)]
        lines += self._torch_back(settings, lists)
        if self.stop is not None and outputs[1] != "_":
            lines.append("{} = {lengths}[:, 0]".format(outputs[1], **settings))
        made = ["{text}".format(**settings), *lists]
        for target, name in zip([outputs[0], *shown], made, strict=True):
            if target != "_":
                lines.append(f"{target} = {name}")
        ends = targets[len(targets) - self.states :]
        formal = [i.type for i in self.body.inputs[1:]]
        best = [f"{s}[::{width}]" if k.rank else s for s, k in zip(states, formal, strict=True)]
        return lines + assign(ends, best)

    def _torch_step(
        self, t: LoopContext, v: dict[str, Any], states: Sequence[str], lists: Sequence[str]
    ) -> list[str]:
        lines, results = t.body(self.body, [v["fed"], *states])
        following, made = results[: self.states], results[self.states :]
        lines += [
            f"{n}.append({x})"
            for n, x in zip(lists, results[self._told :], strict=True)
            if n != "_"
        ]
        kinds = [o.value.type for o in self.body.outputs]
        text = [
            f"{{order}} = {made[0]}.sort(dim=1, descending=True, stable=True)[1][:, :{self._few}]",
            f"{{log_p}} = {made[0]}.log_softmax(-1).gather(1, {{order}})",
            "{log_p} = {log_p}.unflatten(0, (-1, {width}))",
        ]
        if self.stop is not None:
            text.append("{log_p} = torch.where({done}[..., None], {ended}, {log_p})")
            flat = t.fresh("flat")
            text.append(f"{flat} = {{done}}.flatten()")
            following = [
                f"torch.where({flat}{axes(k)}, {old}, {new})" if k.rank else new
                for new, old, k in zip(following, states, kinds, strict=False)
            ]
        text += [
            "{total} = ({score}[..., None] + {log_p}).flatten(1)",
            "{score}, {at} = {total}.sort(dim=1, descending=True, stable=True)",
            "{score}, {at} = {score}[:, :{width}], {at}[:, :{width}]",
            "{source} = {at} // {few}",
            "{new} = {order}.unflatten(0, (-1, {width})).flatten(1).gather(1, {at})",
        ]
        if self.stop is not None:
            text.append("{done} = {done}.gather(1, {source})")
            text.append("{new} = {new}.masked_fill({done}, {stop})")
        text += [
            "{rows} = ({first} + {source}).flatten()",
            "{sources}.append({source})",
            "{said}.append({new})",
        ]
        lines += [line.format(**v) for line in text]
        moved = [
            f"{value}[{v['rows']}]" if k.rank else value
            for value, k in zip(following, kinds, strict=False)
        ]
        lines += assign(states, moved)
        lines.append("{fed} = {new}.flatten()".format(**v))
        if self.stop is not None:
            text = [
                "{done} = {done} | ({new} == {stop})",
                "{lengths} = {lengths}.gather(1, {source}) + (~{done}).int()",
                "if {done}[:, 0].all():",
                "    break",
            ]
            lines += [line.format(**v) for line in text]
        return lines

    def _torch_back(self, v: dict[str, Any], lists: Sequence[str]) -> list[str]:
        """The first text's way; what is shown becomes tensors (N, at_most, ...) of its steps."""
        text = [
            "{now} = torch.zeros_like({first})",
            "{text} = {now}.new_zeros({now}.shape[0], {at_most})",
            "{way} = []",
            "for {step} in reversed(range(len({said}))):",
            "    {text}[:, {step}] = {said}[{step}].gather(1, {now})[:, 0]",
            "    {now} = {sources}[{step}].gather(1, {now})",
            "    {way}.insert(0, ({first} + {now})[:, 0])",
        ]
        if self.stop is not None:
            text.append("{behind} = torch.arange({at_most}, device={text}.device)")
            text.append("{behind} = {behind} >= {lengths}[:, :1]")
            text.append("{text} = {text}.masked_fill({behind}, 0)")
        lines = [line.format(**v, at_most=self.at_most) for line in text]
        kinds = [o.value.type for o in self.body.outputs[self._told :]]
        for name, kind in zip(lists, kinds, strict=True):
            if name == "_":
                continue
            steps = f"[x[i] for x, i in zip({name}, {v['way']})]"
            if self.stop is None:
                lines.append(f"{name} = torch.stack({steps}, 1)")
            else:
                none = f"torch.zeros_like({name}[0][::{self.width}])"
                steps += f" + [{none}] * ({self.at_most} - len({name}))"
                lines.append(f"{name} = torch.stack({steps}, 1)")
                tail = "".join(", None" for _ in range(kind.rank - 1))
                index = f"[:, :{tail}]" if tail else ""
                lines.append(f"{name} = {name}.masked_fill({v['behind']}{index}, 0)")
        return lines

    # --- ONNX -------------------------------------------------------------------------------------

    def onnx(self, g: OnnxBuilder, *inputs: str) -> tuple[str, ...]:
        """`Loop`, and a `Scan` back along the likeliest text."""
        b = cast(LoopBuilder, g)
        first, initial, captures = self._parts(inputs)
        width = self.width
        kinds = [o.value.type for o in self.body.outputs]
        real = kinds[self.states].dtype
        count = b.op("Div", b.shape(first), ints(b, width))
        beams = b.op("Concat", count, ints(b, width), axis=0)
        begun = np.full(width, NEVER, real.value)
        begun[0] = 0
        starts = [
            first,
            b.op("Expand", b.constant(begun), beams),
            b.op("Expand", b.constant(np.array(False)), beams),
            b.op("Expand", b.constant(np.array(0, np.int32)), beams),
            *initial,
        ]
        inner = b.subgraph("body")
        self._onnx_step(inner, captures, real)
        made = b.op(
            "Loop",
            b.constant(np.array(self.at_most, np.int64)),
            b.constant(np.array(True)),
            *starts,
            outputs=len(starts) + 2 + len(kinds) - self._told,
            body=inner.proto,
        )
        _, _, _, lengths, *rest = made
        states, (sources, said, *shown) = rest[: self.states], rest[self.states :]
        way, text = self._onnx_back(b, sources, said, count)
        lengths = b.op("Squeeze", b.op("Slice", lengths, ints(b, 0), ints(b, 1), ints(b, 1)))
        lengths = b.op("Reshape", lengths, ints(b, -1))
        outputs = [self._onnx_steps(b, text, lengths, TensorType(DType.int64, kinds[-1].shape[:1]))]
        index = b.op("Unsqueeze", way, ints(b, 2))
        for value, kind in zip(shown, kinds[self._told :], strict=True):
            taken = b.op("GatherND", value, index, batch_dims=1)
            outputs.append(self._onnx_steps(b, taken, lengths, kind))
        firsts = b.op("Mul", onnx_range(b, b.op("Squeeze", count)), whole(b, width))
        ends = [
            b.op("Gather", s, firsts, axis=0) if k.rank else s
            for s, k in zip(states, kinds, strict=False)
        ]
        told = [] if self.stop is None else [lengths]
        return (outputs[0], *told, *outputs[1:], *ends)

    def _onnx_step(self, g: LoopBuilder, captures: dict[Value, str], real: DType) -> None:
        """The loop's body."""
        width, few = self.width, self._few
        kinds = [o.value.type for o in self.body.outputs]
        many = self.body.inputs[0].type
        beams = TensorType(DType.bool_, (many.shape[0] // width, Dim.of(width)))
        g.input("step", TensorType(DType.int64, ()))
        g.input("more", TensorType(DType.bool_, ()))
        fed = g.input(self.body.inputs[0].name, many)
        score = g.input("score", beams.with_dtype(real))
        done = g.input("done", beams)
        lengths = g.input("lengths", beams.with_dtype(DType.int32))
        states = [g.input(i.name, i.type) for i in self.body.inputs[1:]]
        made = g.inline(self.body, [fed, *states], captures)
        following, outputs = made[: self.states], made[self.states :]
        _, order = g.op("TopK", outputs[0], ints(g, few), axis=1, outputs=2)
        log_p = g.op("GatherElements", g.op("LogSoftmax", outputs[0], axis=-1), order, axis=1)
        log_p = g.op("Reshape", log_p, ints(g, -1, width, few))
        if self.stop is not None:
            ended = g.constant(self._ended.astype(real.value))
            log_p = g.op("Where", g.op("Unsqueeze", done, ints(g, 2)), ended, log_p)
            flat = g.op("Reshape", done, ints(g, -1))
            following = [
                choice(g, flat, old, new, k) if k.rank else new
                for new, old, k in zip(following, states, kinds, strict=False)
            ]
        total = g.op("Add", g.op("Unsqueeze", score, ints(g, 2)), log_p)
        total = g.op("Reshape", total, ints(g, -1, width * few))
        score, at = g.op("TopK", total, ints(g, width), axis=1, outputs=2)
        source = g.op("Div", at, whole(g, few))
        order = g.op("Reshape", order, ints(g, -1, width * few))
        new = g.op("GatherElements", order, at, axis=1)
        first = g.op("Mul", onnx_range(g, onnx_size(g, at, 0)), whole(g, width))
        rows = g.op("Add", source, g.op("Unsqueeze", first, ints(g, 1)))
        rows = g.op("Reshape", rows, ints(g, -1))
        more = g.constant(np.array(True))
        if self.stop is not None:
            done = g.op("GatherElements", done, source, axis=1)
            new = g.op("Where", done, whole(g, self.stop), new)
            done = g.op("Or", done, g.op("Equal", new, whole(g, self.stop)))
            longer = g.op("Cast", g.op("Not", done), to=DType.int32)
            lengths = g.op("Add", g.op("GatherElements", lengths, source, axis=1), longer)
            best = g.op("Slice", done, ints(g, 0), ints(g, 1), ints(g, 1))
            least = g.op("ReduceMin", g.op("Cast", best, to=DType.int32), keepdims=0)
            more = g.op("Not", g.op("Cast", least, to=DType.bool_))
        else:
            done, lengths = g.op("Identity", done), g.op("Identity", lengths)
        g.output(more, TensorType(DType.bool_, ()))
        g.output(g.op("Reshape", new, ints(g, -1)), many)
        g.output(score, beams.with_dtype(real))
        g.output(done, beams)
        g.output(lengths, beams.with_dtype(DType.int32))
        for value, kind in zip(following, kinds, strict=False):
            g.output(g.op("Gather", value, rows, axis=0) if kind.rank else value, kind)
        for value in (source, new):
            g.output(value, beams.with_dtype(DType.int64))
        for value, kind in zip(made[self._told :], kinds[self._told :], strict=True):
            g.output(g.op("Identity", value), kind)

    def _onnx_back(self, b: LoopBuilder, sources: str, said: str, count: str) -> tuple[str, str]:
        """The rows (steps, N) of the first text's way, and what it says."""
        inner = b.subgraph("back")
        one = TensorType(DType.int64, (Dim.of("N"), Dim.of(1)))
        beams = one.with_shape((one.shape[0], Dim.of(self.width)))
        now, source, new = (
            inner.input(n, k) for n, k in (("now", one), ("source", beams), ("new", beams))
        )
        before = inner.op("GatherElements", source, now, axis=1)
        first = inner.op(
            "Mul", onnx_range(inner, onnx_size(inner, now, 0)), whole(inner, self.width)
        )
        rows = inner.op("Add", first, inner.op("Squeeze", before, ints(inner, 1)))
        word = inner.op("Squeeze", inner.op("GatherElements", new, now, axis=1), ints(inner, 1))
        inner.output(before, one)
        inner.output(rows, one.with_shape(one.shape[:1]))
        inner.output(word, one.with_shape(one.shape[:1]))
        start = b.op("Expand", whole(b, 0), b.op("Concat", count, ints(b, 1), axis=0))
        _, way, text = b.op(
            "Scan",
            start,
            sources,
            said,
            outputs=3,
            body=inner.proto,
            num_scan_inputs=2,
            scan_input_directions=[1, 1],
            scan_output_directions=[1, 1],
        )
        return way, text

    def _onnx_steps(self, b: LoopBuilder, value: str, lengths: str, kind: TensorType) -> str:
        """(steps, N, ...) to (N, at_most, ...), 0 behind the lengths."""
        rank = kind.rank + 1
        turned = b.op("Transpose", value, perm=[1, 0, *range(2, rank)])
        if self.stop is None:
            return turned
        zero = b.constant(np.zeros((), kind.dtype.value))
        lack = b.op(
            "Sub", ints(b, self.at_most), b.op("Slice", b.shape(turned), ints(b, 1), ints(b, 2))
        )
        rest = [ints(b, *[0] * (rank - 2))] * (rank > 2)
        pads = b.op("Concat", ints(b, *[0] * (rank + 1)), lack, *rest, axis=0)
        full = b.op("Pad", turned, pads, zero)
        steps = b.constant(np.arange(self.at_most))
        there = b.op(
            "Less", steps, b.op("Unsqueeze", b.op("Cast", lengths, to=DType.int64), ints(b, 1))
        )
        if rank > 2:
            there = b.op("Unsqueeze", there, ints(b, *range(2, rank)))
        return chosen(b, there, full, zero, kind)


_TORCH_NAMES = (
    *(
        "first",
        "score",
        "done",
        "lengths",
        "sources",
        "said",
        "ended",
        "order",
        "log_p",
        "total",
        "at",
    ),
    *("source", "new", "rows", "now", "text", "way", "step", "behind"),
)
