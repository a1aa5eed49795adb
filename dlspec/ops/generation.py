"""Generation: a cell that is fed with its own choices, as one loop in the graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, cast

import numpy as np

from dlspec.dims import Dim
from dlspec.ir.graph import Graph, Value
from dlspec.ir.types import DType, TensorType
from dlspec.ops.base import Environment, OnnxBuilder, Op
from dlspec.ops.comparison import chosen
from dlspec.ops.control import Array, LoopBuilder, LoopContext, assign, check_states

Choose = Literal["greedy", "sample", "same"]


class Generate(Op):
    """Steps a cell on what it chose before: ``state, scores[t] = body(fed, state)``, then ``fed =
    choose(scores[t])``.

    Inputs: what is fed first (N, ...), the initial states (N, ...), for ``sample`` a uniform noise
    (N, at_most), the captures.
    Body: the fed value (N, ...), states → next states, scores (N, V), further outputs (N, ...).
    Outputs: the choices (N, at_most) int64, with ``stop`` their lengths (N) int32, the body's
    outputs (N, at_most, ...), the final states.

    ``greedy`` takes the first largest score. ``sample`` draws from softmax(scores / temperature)
    by its distribution function: the number of classes whose cumulated probability is at most u.
    ``same`` feeds the first output itself, of any axes; the choices are those outputs. After
    ``stop`` a row is done: the stop symbol and all that follows are not returned (0), and its
    states stay as they are. The loop ends when all rows are done, or after ``at_most`` steps. A
    state of no axes, a step counter, belongs to no row and goes on. Two generations have lengths
    of their own, so their step axes are told apart by ``symbol``; it stands for ``at_most``.
    Without ``shown`` the first output is no result: the scores of many words at every step are
    large.
    """

    name = "generate"
    internal = True
    ragged = "reduce"
    body: Graph
    states: int
    stop: int | None
    at_most: int
    choose: Choose = "greedy"
    temperature: float = 1.0
    captures: tuple[Value, ...] = ()
    symbol: str = ""
    shown: bool = True

    @property
    def _told(self) -> int:
        """Which of the body's outputs is the first that is a result."""
        return self.states + (not self.shown)

    def parameter_types(self, *tensors: TensorType) -> dict[str, TensorType]:
        """A loop has no parameters of its own; its body captures them."""
        return {}

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """The step axis has the size ``at_most``; it is ragged where there is a stop symbol."""
        check_states(self.name, self.body, self.states, inputs[1:])
        fed = self.body.inputs[0].type
        own = set[int]() if self.stop is None else {1}
        steps = Dim.of(self.symbol or self.at_most)
        timed = [
            k.with_shape((k.shape[0], steps, *k.shape[1:]), own | {a + 1 for a in k.ragged})
            for k in (fed, *(o.value.type for o in self.body.outputs[self._told :]))
        ]
        lengths = [] if self.stop is None else [TensorType(DType.int32, fed.shape[:1])]
        return (
            timed[0],
            *lengths,
            *timed[1:],
            *(o.value.type for o in self.body.outputs[: self.states]),
        )

    def _parts(self, inputs: Sequence[Any]) -> tuple[Any, list[Any], Any, dict[Value, Any]]:
        """What is fed first, initial states, the noise or None, captures."""
        first, *given = inputs
        states, given = given[: self.states], given[self.states :]
        noise = given.pop(0) if self.choose == "sample" else None
        return first, states, noise, dict(zip(self.captures, given, strict=True))

    # --- NumPy ------------------------------------------------------------------------------------

    def run(self, environment: Environment, *inputs: Array) -> tuple[Array, ...]:
        """The loop in NumPy, its body by the interpreter."""
        fed, states, noise, captures = self._parts(inputs)
        count = len(fed)
        done = np.zeros(count, np.bool_)
        lengths = np.zeros(count, np.int32)
        rows: list[list[Array]] = [[] for _ in range(1 + len(self.body.outputs) - self._told)]
        for step in range(self.at_most):
            results = environment.body(self.body, [fed, *states], captures)
            following, outputs = results[: self.states], results[self.states :]
            fed = self._choose(outputs[0], None if noise is None else noise[:, step])
            before = done
            if self.stop is not None:
                done = done | (fed == self.stop)
                lengths = lengths + (~done).astype(np.int32)
            for kept, value in zip(rows, (fed, *results[self._told :]), strict=True):
                kept.append(masked(done, value, np.zeros_like(value)))
            states = [
                masked(before, new, old) if new.ndim else new
                for new, old in zip(following, states, strict=True)
            ]
            if done.all():
                break
        for kept in rows:
            kept += [np.zeros_like(kept[0])] * (self.at_most - len(kept))
        stacked = [np.stack(kept, 1) for kept in rows]
        return (stacked[0], *([] if self.stop is None else [lengths]), *stacked[1:], *states)

    def _choose(self, scores: Array, u: Array | None) -> Array:
        if u is None:
            return scores if self.choose == "same" else scores.argmax(-1).astype(np.int64)
        scaled = scores / self.temperature
        weights = np.exp(scaled - scaled.max(-1, keepdims=True))
        cumulated = np.cumsum(weights / weights.sum(-1, keepdims=True), -1)
        return np.minimum((cumulated <= u[:, None]).sum(-1), scores.shape[-1] - 1).astype(np.int64)

    # --- PyTorch ----------------------------------------------------------------------------------

    def torch_statements(
        self, t: LoopContext, inputs: Sequence[str], outputs: Sequence[str]
    ) -> list[str]:
        """A `for` that breaks when all rows are done."""
        first, initial, noise, _ = self._parts(inputs)
        names = [i.name for i in self.body.inputs]
        fed, *states = [t.fresh(n) for n in names]
        lines = assign([fed, *states], [first, *initial])
        done = ""
        if self.stop is not None:
            done = t.fresh("done")
            lines.append(f"{done} = torch.zeros_like({fed}, dtype=torch.bool)")
            if outputs[1] != "_":
                lines.append(f"{outputs[1]} = torch.zeros_like({fed}, dtype=torch.int32)")
        targets = [outputs[0], *outputs[1 if self.stop is None else 2 :]]
        kept = len(targets) - self.states
        collected = ["_" if o == "_" else t.fresh(f"{o}_steps") for o in targets[:kept]]
        lines += [f"{c} = []" for c in collected if c != "_"]
        step = t.fresh("step") if noise is not None else "_"
        inner = self._torch_step(t, (fed, done, step, outputs[1]), states, collected, noise)
        lines += [f"for {step} in range({self.at_most}):", *(f"    {line}" for line in inner)]
        for name, target in zip(collected, targets, strict=False):
            if name != "_":
                pad = (
                    ""
                    if not done
                    else f" + [torch.zeros_like({name}[0])] * ({self.at_most} - len({name}))"
                )
                lines.append(f"{target} = torch.stack({name}{pad}, 1)")
        return lines + assign(targets[kept:], states)

    def _torch_step(
        self,
        t: LoopContext,
        locals_: tuple[str, str, str, str],
        states: Sequence[str],
        collected: Sequence[str],
        noise: str | None,
    ) -> list[str]:
        fed, done, step, lengths = locals_
        inner, results = t.body(self.body, [fed, *states])
        following, made = results[: self.states], results[self.states :]
        kinds = [o.value.type for o in self.body.outputs]
        if done:
            before = [
                f"torch.where({done}{axes(k)}, {old}, {new})" if k.rank else new
                for new, old, k in zip(following, states, kinds, strict=False)
            ]
            inner += assign(states, before)
        inner += self._torch_choice(t, fed, made[0], step, noise)
        if done:
            inner.append(f"{done} = {done} | ({fed} == {self.stop})")
            if lengths != "_":
                inner.append(f"{lengths} = {lengths} + (~{done}).int()")
        kinds_kept = (self.body.inputs[0].type, *kinds[self._told :])
        for name, text, kind in zip(
            collected, (fed, *results[self._told :]), kinds_kept, strict=True
        ):
            if name != "_":
                kept = f"{text}.masked_fill({done}{axes(kind)}, 0)" if done else text
                inner.append(f"{name}.append({kept})")
        if done:
            return [*inner, f"if {done}.all():", "    break"]
        return inner + assign(states, following)

    def _torch_choice(
        self, t: LoopContext, fed: str, scores: str, step: str, noise: str | None
    ) -> list[str]:
        if self.choose == "same":
            return [f"{fed} = {scores}"]
        if noise is None:
            return [f"{fed} = {scores}.argmax(-1)"]
        cumulated = t.fresh("cumulated")
        scaled = scores if self.temperature == 1.0 else f"({scores} / {self.temperature!r})"
        last = f"{scores}.shape[-1] - 1"
        return [
            f"{cumulated} = {scaled}.softmax(-1).cumsum(-1)",
            f"{fed} = ({cumulated} <= {noise}[:, {step}, None]).sum(-1).clamp(max={last})",
        ]

    # --- ONNX -------------------------------------------------------------------------------------

    def onnx(self, g: OnnxBuilder, *inputs: str) -> tuple[str, ...]:
        """`Loop` with a trip limit, and with a condition where there is a stop symbol."""
        b = cast(LoopBuilder, g)
        first, initial, noise, captures = self._parts(inputs)
        fed_kind = self.body.inputs[0].type
        rows = TensorType(DType.bool_, fed_kind.shape[:1])
        counts = TensorType(DType.int32, fed_kind.shape[:1])
        inner = b.subgraph("body")
        step = inner.input("step", TensorType(DType.int64, ()))
        more = inner.input("more", TensorType(DType.bool_, ()))
        fed = inner.input(self.body.inputs[0].name, fed_kind)
        done = inner.input("done", rows) if self.stop is not None else ""
        lengths = inner.input("lengths", counts) if self.stop is not None else ""
        states = [inner.input(i.name, i.type) for i in self.body.inputs[1:]]
        made = inner.inline(self.body, [fed, *states], captures)
        kinds = [o.value.type for o in self.body.outputs]
        following, outputs = made[: self.states], made[self.states :]
        chosen = self._onnx_choice(inner, outputs[0], kinds[self.states], noise, step)
        kept = [chosen, *made[self._told :]]
        kept_kinds = [fed_kind, *kinds[self._told :]]
        carried = [(chosen, fed_kind)]
        if self.stop is not None:
            following = [
                choice(inner, done, old, new, k) if k.rank else new
                for new, old, k in zip(following, states, kinds, strict=False)
            ]
            now = inner.op(
                "Or", done, inner.op("Equal", chosen, inner.constant(np.array(self.stop, np.int64)))
            )
            kept = [
                choice(inner, now, inner.constant(np.zeros((), k.dtype.value)), v, k)
                for v, k in zip(kept, kept_kinds, strict=True)
            ]
            longer = inner.op("Cast", inner.op("Not", now), to=DType.int32)
            carried += [(now, rows), (inner.op("Add", lengths, longer), counts)]
            least = inner.op("ReduceMin", inner.op("Cast", now, to=DType.int32), keepdims=0)
            more = inner.op("Not", inner.op("Cast", least, to=DType.bool_))
        inner.output(more, TensorType(DType.bool_, ()))
        for name, kind in (
            *carried,
            *zip(following, kinds, strict=False),
            *zip(kept, kept_kinds, strict=True),
        ):
            inner.output(name, kind)
        return self._onnx_loop(b, inner, [first, *initial], len(carried), kept_kinds)

    def _onnx_loop(
        self,
        b: LoopBuilder,
        inner: LoopBuilder,
        initial: Sequence[str],
        carried: int,
        kinds: Sequence[TensorType],
    ) -> tuple[str, ...]:
        first, *states = initial
        starts = [first]
        if carried > 1:
            count = b.shape(first)
            starts.append(b.op("Expand", b.constant(np.array(False)), count))
            starts.append(b.op("Expand", b.constant(np.array(0, np.int32)), count))
        made = b.op(
            "Loop",
            b.constant(np.array(self.at_most, np.int64)),
            b.constant(np.array(True)),
            *starts,
            *states,
            outputs=carried + self.states + len(kinds),
            body=inner.proto,
        )
        final = made[carried : carried + self.states]
        stacked = [
            self._onnx_stacked(b, v, k)
            for v, k in zip(made[carried + self.states :], kinds, strict=True)
        ]
        return (stacked[0], *([made[2]] if carried > 1 else []), *stacked[1:], *final)

    def _onnx_stacked(self, b: LoopBuilder, value: str, kind: TensorType) -> str:
        """(steps, N, ...) to (N, at_most, ...)."""
        rank = kind.rank + 1
        turned = b.op("Transpose", value, perm=[1, 0, *range(2, rank)])
        if self.stop is None:
            return turned
        taken = b.op("Slice", b.shape(turned), _ints(b, 1), _ints(b, 2))
        lack = b.op("Sub", _ints(b, self.at_most), taken)
        pads = b.op(
            "Concat",
            _ints(b, *[0] * (rank + 1)),
            lack,
            *([_ints(b, *[0] * (rank - 2))] * (rank > 2)),
            axis=0,
        )
        return b.op("Pad", turned, pads, b.constant(np.zeros((), kind.dtype.value)))

    def _onnx_choice(
        self, g: OnnxBuilder, scores: str, kind: TensorType, noise: str | None, step: str
    ) -> str:
        if self.choose == "same":
            return scores
        if noise is None:
            return g.op("ArgMax", scores, axis=-1, keepdims=0)
        if self.temperature != 1.0:
            scores = g.op("Div", scores, g.constant(np.array(self.temperature, kind.dtype.value)))
        cumulated = g.op(
            "CumSum",
            g.op("Softmax", scores, axis=-1),
            g.constant(np.array(kind.rank - 1, np.int64)),
        )
        u = g.op("Gather", noise, g.op("Unsqueeze", step, _ints(g, 0)), axis=1)
        below = g.op("Cast", g.op("LessOrEqual", cumulated, u), to=DType.int64)
        number = g.op("ReduceSum", below, _ints(g, -1), keepdims=0)
        classes = g.op("Gather", g.shape(scores), g.constant(np.array(-1, np.int64)))
        return g.op("Min", number, g.op("Sub", classes, g.constant(np.array(1, np.int64))))


def masked(done: Array, value: Array, instead: Array) -> Array:
    """The value, of rows that are done something instead."""
    return np.where(done.reshape(done.shape + (1,) * (value.ndim - 1)), instead, value)


def axes(kind: TensorType) -> str:
    """Indexing that makes a mask over rows broadcast over a tensor."""
    return f"[:{', None' * (kind.rank - 1)}]" if kind.rank > 1 else ""


def choice(g: OnnxBuilder, condition: str, a: str, b: str, kind: TensorType) -> str:
    """Of rows where the condition holds a, else b, as an ONNX value."""
    if kind.rank > 1:
        condition = g.op("Unsqueeze", condition, _ints(g, *range(1, kind.rank)))
    return chosen(g, condition, a, b, kind)


def _ints(g: OnnxBuilder, *values: int) -> str:
    return g.constant(np.array(values, np.int64))
