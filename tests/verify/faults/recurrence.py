"""What exporters and engines get wrong about time: gates, biases, directions, lengths, states."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.verify.faults.engines import reading
from tests.verify.faults.fault import (
    Change,
    Fault,
    attributes,
    given,
    kind,
    lowered,
    meant,
    number,
    stated,
)
from tests.verify.networks import Arrays, Runner

Array = np.ndarray
_KINDS = {"lstm": "LSTM", "gru": "GRU", "rnn": "RNN"}
_X, _W, _R, _B, _LENGTHS, _H = range(6)


def ints(g: Any, *values: int) -> str:
    return g.constant(np.array(values, np.int64))


# --- of the ONNX lowering -------------------------------------------------------------------------


def joined(count: int, *order: int) -> Change:
    """Where so many parts are joined: in another order."""

    def change(g: Any, op: str, inputs: list[str], attributes: dict[str, Any]) -> str:
        turned = [inputs[i] for i in order] if len(inputs) == count else inputs
        return g.op(op, *turned, **attributes)

    return change


def _added_biases(g: Any, op: str, inputs: list[str], attributes: dict[str, Any]) -> str:
    """Both biases added up in the first: right for all cells but the one whose reset gate is
    applied to the second."""
    if len(inputs) == 2:
        total = g.op("Add", *inputs)
        inputs = [total, g.op("Sub", total, total)]
    return g.op(op, *inputs, **attributes)


def _halved_biases(g: Any, op: str, inputs: list[str], attributes: dict[str, Any]) -> str:
    """Half of their sum in each."""
    if len(inputs) == 2:
        inputs = [g.op("Mul", g.op("Add", *inputs), number(g, 0.5))] * 2
    return g.op(op, *inputs, **attributes)


def _first_bias(g: Any, op: str, inputs: list[str], attributes: dict[str, Any]) -> str:
    """The second one lost."""
    if len(inputs) == 2:
        inputs = [inputs[0], g.op("Sub", inputs[1], inputs[1])]
    return g.op(op, *inputs, **attributes)


def replaced_input(place: int, value: Callable[[Any, list[str]], str]) -> Change:
    """One input of a cell's operator, where it is there, replaced."""

    def change(g: Any, inputs: list[str]) -> list[str]:
        if len(inputs) <= place or not inputs[place]:
            return inputs
        return [*inputs[:place], value(g, inputs), *inputs[place + 1 :]]

    return given(change)


def _steps(g: Any, inputs: list[str]) -> str:
    """How many steps all rows are padded to."""
    return g.op("Cast", g.op("Slice", g.shape(inputs[_X]), ints(g, 0), ints(g, 1)), to=6)


def _one_more(g: Any, inputs: list[str]) -> str:
    more = g.op("Add", inputs[_LENGTHS], number(g, 1, "int32"))
    return g.op("Min", more, _steps(g, inputs))


def _one_less(g: Any, inputs: list[str]) -> str:
    less = g.op("Sub", inputs[_LENGTHS], number(g, 1, "int32"))
    return g.op("Max", less, number(g, 1, "int32"))


def _cut_to(steps: int) -> Callable[[Any, list[str]], str]:
    """The steps that there were when it was exported."""
    return lambda g, inputs: g.op("Slice", inputs[_X], ints(g, 0), ints(g, steps))


def _first_row(g: Any, inputs: list[str]) -> str:
    """The start of the first example for all of them, as an export with a batch of one has it."""
    first = g.op("Slice", inputs[_H], ints(g, 0), ints(g, 1), ints(g, 1))
    return g.op("Expand", first, g.shape(inputs[_H]))


def _a_single_row(g: Any, inputs: list[str]) -> str:
    """A start of a batch of one."""
    return g.op("Slice", inputs[_H], ints(g, 0), ints(g, 1), ints(g, 1))


def _turned(g: Any, value: str) -> str:
    return g.op(
        "Slice", value, ints(g, -1), ints(g, np.iinfo(np.int64).min), ints(g, 0), ints(g, -1)
    )


def _padding_first(g: Any, op: str, inputs: list[str], attributes: dict[str, Any]) -> Any:
    """All of the padded axis turned, and forward: the padding comes first."""
    if attributes["direction"] != "reverse":
        return g.op(op, *inputs, **attributes)
    inputs = [_turned(g, inputs[_X]), *inputs[1:]]
    y, *ends = g.op(op, *inputs, **{**attributes, "direction": "forward"})
    return (_turned(g, y), *ends)


def _last_step(g: Any, op: str, inputs: list[str], attributes: dict[str, Any]) -> Any:
    """The output of the last step as the final state, as where nobody thought of lengths."""
    y, _, *rest = g.op(op, *inputs, **attributes)
    last = g.op("Slice", y, ints(g, -1), ints(g, np.iinfo(np.int64).max), ints(g, 0))
    return (y, g.op("Squeeze", last, ints(g, 0)), *rest)


def _last_of_all(g: Any, op: str, inputs: list[str], attributes: dict[str, Any]) -> Any:
    """The last step of the padded axis."""
    ends = (ints(g, -1), ints(g, np.iinfo(np.int64).max), ints(g, 1))
    return g.op("Squeeze", g.op("Slice", inputs[0], *ends), ints(g, 1))


def _everywhere(name: str, change: Change, *ops: str) -> list[Fault]:
    return [lowered(f"{name} of {op}", "memory", op, _KINDS[op], change) for op in ops or _KINDS]


_LOOPS = ("loop.leaky", "turned.leaky")

ONNX = [
    lowered("gates of lstm as PyTorch has them", "memory", "lstm", "Concat",
            joined(4, 0, 2, 3, 1)),
    lowered("gates of lstm as Keras has them", "memory", "lstm", "Concat", joined(4, 0, 2, 1, 3)),
    lowered("gates of gru as PyTorch has them", "memory", "gru", "Concat", joined(3, 1, 0, 2)),
    lowered("gates of gru turned", "memory", "gru", "Concat", joined(3, 2, 1, 0)),
    lowered("linear_before_reset flipped", "memory", "gru", "GRU",
            attributes(linear_before_reset=lambda v: 1 - v)),
    lowered("linear_before_reset always", "memory", "gru", "GRU",
            attributes(linear_before_reset=1), ("before.written",)),
    lowered("linear_before_reset never", "memory", "gru", "GRU",
            attributes(linear_before_reset=0), ("gated.gru",)),
    lowered("biases of gru exchanged", "memory", "gru", "Concat", joined(2, 1, 0), ("gated.gru",)),
    lowered("biases of gru added up", "memory", "gru", "Concat", _added_biases, ("gated.gru",)),
    lowered("biases of gru halved", "memory", "gru", "Concat", _halved_biases, ("gated.gru",)),
    lowered("bias of the state lost in gru", "memory", "gru", "Concat", _first_bias,
            ("gated.gru",)),
    lowered("bias of the state lost in lstm", "memory", "lstm", "Concat", _first_bias),
    lowered("bias of the state lost in rnn", "memory", "rnn", "Concat", _first_bias),
    lowered("peepholes as PyTorch orders gates", "memory", "lstm", "Concat", joined(3, 0, 2, 1),
            ("peeped.lstm",)),
    lowered("peephole of the output gate at the input gate", "memory", "lstm", "Concat",
            joined(3, 1, 0, 2), ("peeped.lstm",)),
    lowered("another curve in rnn", "memory", "rnn", "RNN", attributes(activations=["Relu"])),
    *_everywhere("padding first", _padding_first, "lstm", "gru"),
    *_everywhere("direction lost", attributes(direction="forward"), "lstm", "gru"),
    *_everywhere("lengths lost", given(lambda g, i: [*i[:_LENGTHS], "", *i[_LENGTHS + 1:]])),
    *_everywhere("lengths one too long", replaced_input(_LENGTHS, _one_more)),
    *_everywhere("lengths one too short", replaced_input(_LENGTHS, _one_less)),
    *_everywhere("start lost", given(lambda g, i: [*i[:_H], "", *i[_H + 1:]])),
    *_everywhere("start of the first row", replaced_input(_H, _first_row)),
    *_everywhere("start of a batch of one", replaced_input(_H, _a_single_row)),
    *_everywhere("last step, not last valid step,", _last_step),
    *_everywhere("time frozen at 5 steps", replaced_input(_X, _cut_to(5))),
    lowered("mask of a loop off by one", "memory", "scan", "Less", kind("LessOrEqual")),
    lowered("mask of a loop the other way", "memory", "scan", "Less", kind("GreaterOrEqual")),
    lowered("states of a loop not kept", "memory", "scan", "Where",
            lambda g, k, i, a: g.op("Identity", i[1])),
    lowered("loop not reversed", "memory", "scan", "Scan", attributes(
        scan_input_directions=lambda d: [0] * len(d), scan_output_directions=[0]
    ), ("turned.leaky",)),
    lowered("outputs of a reversed loop turned", "memory", "scan", "Scan", attributes(
        scan_output_directions=lambda d: [1 - v for v in d]
    )),
    lowered("steps of a reversed loop numbered forward", "memory", "scan", "Scan", attributes(
        scan_input_directions=lambda d: [*d[:-1], 0]
    ), ("turned.leaky",)),
    lowered("start of a loop of the first row", "memory", "scan", "Scan", given(
        lambda g, i: [g.op("Expand", g.op("Slice", i[0], ints(g, 0), ints(g, 1)), g.shape(i[0])),
                      *i[1:]]
    ), ("loop.leaky",)),
    lowered("time of a loop frozen at 5 steps", "memory", "scan", "Scan", given(
        lambda g, i: [i[0], *(g.op("Slice", v, ints(g, 0), ints(g, 5), ints(g, a))
                              for v, a in zip(i[1:], (1, 0), strict=True))]
    )),
    lowered("last step for the last valid one", "memory", "last_step", "GatherND", _last_of_all),
    lowered("last step but one", "memory", "last_step", "Sub", given(
        lambda g, i: [g.op("Sub", i[0], i[1]), i[1]]
    )),
]  # fmt: skip


# --- of the lowering to PyTorch -------------------------------------------------------------------

TORCH = [
    stated("mask off by one in gru", "memory", "gru", {"device) < ": "device) <= "}),
    stated("mask off by one in a loop", "memory", "scan", {"device) < ": "device) <= "}),
    stated("padding first in lstm", "memory", "lstm", {
        ".take_along_dim(backwards, 1)": ".flip(1)"}),
    stated("last step, not last valid step", "memory", "gru", {
        ".take_along_dim((T_lengths.long().clamp(min=1) - 1)[:, None, None], 1)[:, 0]": "[:, -1]"
    }, ("gated.gru",)),
    stated("start lost in gru", "memory", "gru", {"= start": "= torch.zeros_like(start)"}),
    stated("start of the first row", "memory", "lstm", {
        "= start": "= start[:1].expand_as(start)"}),
    stated("peepholes exchanged", "memory", "lstm", {
        "peephole_f": "peephole", "peephole_i": "peephole_f", "peephole ": "peephole_i "},
        ("peeped.lstm",)),
    stated("peephole of the output gate sees the old state", "memory", "lstm", {
        "peephole_o * c_next": "peephole_o * c_0"}, ("peeped.lstm",)),
    stated("reset after the product", "memory", "gru", {"F.linear(r * h_0": "r * F.linear(h_0"},
           ("before.written",)),
    stated("update gate the other way", "memory", "gru", {
        "torch.lerp(z_n, h_0, u)": "torch.lerp(h_0, z_n, u)"}, ("before.written",)),
    stated("gates exchanged", "memory", "lstm", {"i, f, g, o =": "f, i, g, o ="},
           ("peeped.lstm",)),
    stated("a loop that is not reversed", "memory", "scan", {"[::-1]": ""}, ("turned.leaky",)),
]  # fmt: skip


# --- of the meaning -------------------------------------------------------------------------------


def _with_lengths(change: Callable[[Array, int], Array]) -> Callable[..., Any]:
    """Other lengths."""

    def wrong(op: Any, right: Callable[..., Any], x: Array, *rest: Any) -> Any:
        place = len(op.carries)
        lengths = change(rest[place], x.shape[1])
        return right(x, *rest[:place], lengths, *rest[place + 1 :])

    return wrong


MEANING = [
    meant("lengths one too long", "memory", "gru",
          _with_lengths(lambda v, most: np.minimum(v + 1, most))),
    meant("lengths one too short", "memory", "lstm",
          _with_lengths(lambda v, most: np.maximum(v - 1, 1))),
]  # fmt: skip


# --- of the engine --------------------------------------------------------------------------------

_ALL = (
    "x.masked", "long.lstm", "back.lstm", "peeped.lstm", "gated.gru", "before.written",
    "plain.rnn", *_LOOPS,
    "steps.concat", "ends.concat", "scores.dense",
)  # fmt: skip


def _not_reset(runner: Runner) -> Runner:
    """States that stay in the engine from call to call."""
    held: dict[tuple[int, ...], Array] = {}

    def run(inputs: Any) -> Arrays:
        start = inputs["start"]
        answers = runner({**inputs, "start": start + held.get(start.shape, np.float32(0))})
        held[start.shape] = answers["ends"][:, :6]
        return answers

    return run


def _lengths(change: Callable[[Array, int], Array]) -> Callable[[Arrays], Arrays]:
    def changed(inputs: Arrays) -> Arrays:
        lengths = change(inputs["T_lengths"], inputs["x"].shape[1])
        return {**inputs, "T_lengths": lengths.astype(np.int32)}

    return changed


def _padded(steps: int) -> Callable[[Arrays], Arrays]:
    """Never more steps than so many."""
    return lambda inputs: {
        **inputs,
        "x": inputs["x"][:, :steps],
        "T_lengths": np.minimum(inputs["T_lengths"], steps),
    }


def _when(condition: Callable[[Array, int], bool], other: Callable[..., Array]) -> Any:
    """Other lengths in some batches."""
    return _lengths(lambda v, most: other(v, most) if condition(v, most) else v)


def _of(name: str, wrap: Any) -> Fault:
    return Fault(name, "memory", "engine", nodes=_ALL, wrap=wrap)


ENGINE = [
    _of("states not reset between batches", _not_reset),
    _of("rows taken as sorted by length", reading(_lengths(lambda v, _: np.sort(v)[::-1]))),
    _of("rows taken as equally long", reading(_lengths(lambda v, _: np.full_like(v, v.max())))),
    _of("all steps of all rows", reading(_lengths(lambda v, most: np.full_like(v, most)))),
    _of("odd lengths cut to even ones", reading(_lengths(lambda v, _: np.maximum(1, v // 2 * 2)))),
    _of("a single step run twice", reading(_lengths(lambda v, most: np.minimum(
        np.maximum(v, 2), most)))),
    _of("steps beyond the seventh lost", reading(_padded(7))),
    _of("equal lengths taken for no padding", reading(_when(
        lambda v, most: len(v) > 1 and len(set(v.tolist())) == 1,
        lambda v, most: np.full_like(v, most)))),
    _of("sorted lengths packed wrongly", reading(_when(
        lambda v, most: len(v) > 2 and v[0] > v[1] >= v[2] and (np.diff(v) <= 0).all(),
        lambda v, most: np.maximum(1, v - 1)))),
    _of("batches of length one answered from the start", reading(_when(
        lambda v, most: bool((v == 1).all()) and most > 1,
        lambda v, most: np.minimum(v + 1, most)))),
]  # fmt: skip

RECURRENCE_FAULTS: tuple[Fault, ...] = (*ONNX, *TORCH, *MEANING, *ENGINE)
