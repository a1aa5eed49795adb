"""The standard recurrent cells in PyTorch: a call of one kernel over the whole sequence, or the
loop that one would write for a cell that PyTorch has no kernel of.

Rows of different lengths go through the kernel as they are, padding covered with zeros: that is
faster than packing, and waits for nothing on a GPU. What a row's last step left in h stands in y;
only where another state is asked for after the last step (c of an LSTM), the sequence is packed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlspec.ops.control import LoopContext

if TYPE_CHECKING:
    from dlspec.ops.recurrent import Recurrent


@dataclass(frozen=True)
class Call:
    """One application: the texts of what goes in and the names of what comes out; ``valid`` is the
    mask of the steps that count, "" where all do."""

    x: str
    states: Sequence[str]
    lengths: str
    weights: Sequence[str]
    valid: str
    outputs: Sequence[str]


def statements(
    op: Recurrent, t: LoopContext, inputs: Sequence[str], outputs: Sequence[str]
) -> list[str]:
    """The statements of an op over a whole sequence."""
    x, *rest = inputs
    count = len(op.carries)
    given, lengths, weights = rest[:count], rest[count], rest[count + 1 :]
    names = [t.fresh(f"{s}_0") for s in op.carries]
    zeros = f"{x}.new_zeros({x}.shape[0], {op.units})"
    lines = [f"{n} = {g or zeros}" for n, g in zip(names, given, strict=True)]
    valid = ""
    if lengths:
        valid = t.fresh("valid")
        steps = f"torch.arange({x}.shape[1], device={x}.device)"
        lines.append(f"{valid} = {steps} < {lengths}[:, None]")
    call = Call(x, names, lengths, weights, valid, outputs)
    made = _in_one_call(op, t, call) if op.is_standard() else _in_a_loop(op, t, call)
    return lines + made


# --- one kernel -----------------------------------------------------------------------------------


def _in_one_call(op: Recurrent, t: LoopContext, call: Call) -> list[str]:
    x, lengths, outputs = call.x, call.lengths, call.outputs
    lines: list[str] = []
    source, back = x, t.fresh("backwards")
    if op.reverse and lengths:
        steps = f"torch.arange({x}.shape[1], device={x}.device)"
        lines.append(f"{back} = ({lengths}[:, None] - 1 - {steps}).clamp(min=0)[..., None]")
        source = f"{x}.take_along_dim({back}, 1)"
    elif op.reverse:
        source = f"{x}.flip(1)"
    turned = t.fresh("y")
    ends = [t.fresh(f"{s}_n") for s in op.carries]
    packed = bool(lengths) and any(o != "_" for o in outputs[2:])
    if packed:
        lines += _packed(op, t, call, source, turned, ends)
    else:
        if lengths:
            source = f"{source}.masked_fill(~{call.valid}[..., None], 0)"
        start = [f"{s}[None]" for s in call.states]
        lines += _call(op, t, call.weights, source, start, turned, ends)
    if outputs[0] != "_":
        result = turned
        if op.reverse:
            result = f"{turned}.take_along_dim({back}, 1)" if lengths else f"{turned}.flip(1)"
        mask = f".masked_fill(~{call.valid}[..., None], 0)" if lengths else ""
        lines.append(f"{outputs[0]} = {result}{mask}")
    last = [f"{end}[0]" for end in ends]
    if lengths and not packed:
        place = f"({lengths}.long().clamp(min=1) - 1)[:, None, None]"
        last[0] = f"{turned}.take_along_dim({place}, 1)[:, 0]"
    for target, ended, began in zip(outputs[1:], last, call.states, strict=True):
        if target != "_":
            some = f"torch.where({lengths}[:, None] > 0, {ended}, {began})"
            lines.append(f"{target} = {some if lengths else ended}")
    return lines


def _call(
    op: Recurrent,
    t: LoopContext,
    weights: Sequence[str],
    source: str,
    start: Sequence[str],
    y: str,
    ends: Sequence[str],
) -> list[str]:
    """One call of the layer that holds the weights, or of the function that it would call."""
    first = start[0] if len(start) == 1 else f"({', '.join(start)})"
    if t.layer is not None:
        end = ends[0] if len(ends) == 1 else f"({', '.join(ends)})"
        return [f"{y}, {end} = {t.layer}({source}, {first})"]
    held, has_bias = _held(weights)
    return [
        f"{y}, {', '.join(ends)} = torch.{op.torch_function}(",
        f"    {source}, {first},",
        f"    {held},",
        f"    {has_bias}, 1, 0.0, self.training, False, True,",
        ")",
    ]


def _held(weights: Sequence[str]) -> tuple[str, bool]:
    """The weights as PyTorch's functions take them, both biases or none."""
    w_ih, w_hh, b_ih, b_hh = weights[:4]
    if not b_ih and not b_hh:
        return f"({w_ih}, {w_hh})", False
    first = b_ih or f"torch.zeros_like({b_hh})"
    second = b_hh or f"torch.zeros_like({b_ih})"
    return f"({w_ih}, {w_hh}, {first}, {second})", True


def _packed(
    op: Recurrent, t: LoopContext, call: Call, source: str, y: str, ends: Sequence[str]
) -> list[str]:
    packed = t.fresh("packed")
    lines = [
        f"{packed} = nn.utils.rnn.pack_padded_sequence(",
        f"    {source}, {call.lengths}.clamp(min=1).cpu(), batch_first=True, enforce_sorted=False",
        ")",
    ]
    if t.layer is not None:
        start = [f"{s}[None]" for s in call.states]
        lines += _call(op, t, (), packed, start, packed, ends)
    else:  # the function knows rows in falling order of length only
        data, order = t.fresh("data"), f"{packed}.sorted_indices"
        start = ", ".join(f"{s}[{order}][None]" for s in call.states)
        first = start if len(ends) == 1 else f"({start})"
        held, has_bias = _held(call.weights)
        lines += [
            f"{data}, {', '.join(ends)} = torch.{op.torch_function}(",
            f"    {packed}.data, {packed}.batch_sizes, {first},",
            f"    {held},",
            f"    {has_bias}, 1, 0.0, self.training, False,",
            ")",
            *(f"{end} = {end}[:, {packed}.unsorted_indices]" for end in ends),
            f"{packed} = nn.utils.rnn.PackedSequence(",
            f"    {data}, {packed}.batch_sizes, {order}, {packed}.unsorted_indices",
            ")",
        ]
    return [
        *lines,
        f"{y}, _ = nn.utils.rnn.pad_packed_sequence(",
        f"    {packed}, batch_first=True, total_length={call.x}.shape[1]",
        ")",
    ]


# --- a loop ---------------------------------------------------------------------------------------


def _in_a_loop(op: Recurrent, t: LoopContext, call: Call) -> list[str]:
    """A loop over the steps; what x adds to the gates is computed for all of them before."""
    weights = [w or "None" for w in call.weights]
    z, z_t, now = t.fresh("z"), t.fresh("z_t"), t.fresh("now")
    kept = t.fresh("steps")
    following = [t.fresh(f"{s}_next") for s in op.carries]
    turn = "[::-1]" if op.reverse else ""
    variables, sources = z_t, f"{z}.unbind(1){turn}"
    if call.valid:
        variables = f"{z_t}, {now}"
        sources = f"zip({z}.unbind(1){turn}, {call.valid}.unbind(1){turn}, strict=True)"
    inner = op.torch_gates(t, weights, z_t, call.states, following)
    if call.valid:
        inner += [
            f"{s} = torch.where({now}[:, None], {f}, {s})"
            for s, f in zip(call.states, following, strict=True)
        ]
    else:
        inner += [f"{s} = {f}" for s, f in zip(call.states, following, strict=True)]
    wanted = call.outputs[0] != "_"
    if wanted:
        shown = f".masked_fill(~{now}[:, None], 0)" if call.valid else ""
        inner.append(f"{kept}.append({call.states[0]}{shown})")
    lines = [f"{z} = F.linear({call.x}, {weights[0]}, {weights[2]})"]
    lines += [f"{kept} = []"] if wanted else []
    lines += [f"for {variables} in {sources}:", *(f"    {i}" for i in inner)]
    if wanted:
        lines.append(f"{call.outputs[0]} = torch.stack({kept}{turn}, 1)")
    return lines + [
        f"{target} = {s}"
        for target, s in zip(call.outputs[1:], call.states, strict=True)
        if target != "_"
    ]
