"""How a node reads: its op as a spec would say it, counts in few characters."""

from __future__ import annotations

import dataclasses
from typing import Any

from dlspec.dims import Dim
from dlspec.ir.graph import Graph, Node, Value


def op_text(node: Node) -> str:
    """`conv(6, kernel = 5, pad = 2)`: the op with the settings that differ from their defaults."""
    op = node.op
    told: list[str] = []
    for position, field in enumerate(type(op).attributes().values()):
        value = getattr(op, field.name)
        if isinstance(value, Graph) or field.name == "captures":
            continue
        required = field.default is dataclasses.MISSING and (
            field.default_factory is dataclasses.MISSING
        )
        if not required and value == field.default:
            continue
        name = field.name.rstrip("_")
        if field.name == op.variadic and isinstance(value, tuple):
            items: tuple[Any, ...] = value
            told += [setting_text(v) for v in items]
        elif (position == 0 and required and not told) or name == "dtype":
            told.append(setting_text(value, bare=True))
        else:
            told.append(f"{name} = {setting_text(value)}")
    slots = op.rule.parameters
    given = node.inputs[len(node.inputs) - len(slots) :] if slots else ()
    told += [
        f"{slot.name} = none"
        for slot, value in zip(slots, given, strict=False)
        if slot.optional and value is None and _is_setting(op.name, slot.name)
    ]
    return f"{op.name}({', '.join(told)})" if told else op.name


def _is_setting(op: str, slot: str) -> bool:
    """Whether a spec turns this parameter off: a convolution's bias, a norm's scale."""
    return slot in ("bias", "weight") and op not in ("rnn", "gru", "lstm")


def setting_text(value: Any, *, bare: bool = False) -> str:
    """A setting as the language writes it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        items: tuple[Any, ...] = value
        return f"({', '.join(setting_text(v) for v in items)})"
    if isinstance(value, str):
        return str(value) if bare else f'"{value}"'
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Value):
        return value.name
    return str(value) if isinstance(value, (int, Dim)) else type(value).__name__


def count_text(number: int) -> str:
    """`61,706`, `25.6 M`: at most seven characters."""
    return f"{number:,}" if number < 1_000_000 else short(number)


def short(number: float) -> str:
    """`4.09 G`: three digits and a unit."""
    for unit, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= 0.9995 * size:
            return f"{_three(number / size)} {unit}"
    return f"{number:g}"


def flops_text(number: float) -> str:
    """`853 kFLOPs`, `84 FLOPs`."""
    return f"{short(number)}{'' if number >= 999.5 else ' '}FLOPs"


def bytes_text(count: float) -> str:
    """`0.25 MB`: in units of a thousand."""
    if count >= 0.9995e9:
        return f"{_three(count / 1e9)} GB"
    return f"{_three(count / 1e6)} MB" if count >= 1e4 else f"{_three(count / 1e3)} kB"


def _three(number: float) -> str:
    return f"{number:.2f}" if number < 10 else f"{number:.1f}" if number < 100 else f"{number:.0f}"
