"""Ops that are told how many steps count: `ctc`, `ctc_decode`, `edit_distance`, …"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dlspec.dims import Dim
from dlspec.ir.graph import Value
from dlspec.ops.measured import Measured
from dlspec.sema.ragged import covered, lengths_of
from dlspec.source import Span

if TYPE_CHECKING:
    from dlspec.sema.context import Context


def measured(
    context: Context, op: Measured, values: Sequence[Value], path: str, span: Span
) -> tuple[Value, ...]:
    """The op's results; where the first has lengths of its own they are known from here on."""
    kinds = [v.type for v in values]
    lengths = [
        lengths_of(context, k.shape[1], k) if k.rank > 1 and 1 in k.ragged else None for k in kinds
    ]
    full = [
        v if count is None else covered(context, v, 1, 0.0, keep=False)
        for v, count in zip(values, lengths, strict=True)
    ]
    if op.renewed:
        symbol = fresh_symbol(context, f"{path.replace('.', '_')}_steps")
        op = dataclasses.replace(op, symbol=symbol)  # type: ignore[call-arg]
    outputs = context.builder.apply(op, *full, *lengths, path=path, span=span)
    if op.renewed:
        context.lengths[outputs[0].type.shape[1]] = outputs[1]
        return outputs[:1]
    return outputs


def fresh_symbol(context: Context, wanted: str) -> str:
    """A name of a step axis that no other one of this graph has."""
    symbol, ordinal = wanted, 1
    while Dim.of(symbol) in context.lengths:
        ordinal += 1
        symbol = f"{wanted}{ordinal}"
    return symbol
