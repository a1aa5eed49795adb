"""Correct networks, drawn: a seed gives a spec as text.

Statements are added one by one. Each applies an op of the registry, with settings from a table or
from the op's own samples, to values that are there; the op's shape rule says whether it fits, and
what it gives. So a new op is drawn as soon as it is registered.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from typing import Any

from dlspec.diagnostics import DlspecError
from dlspec.ir.types import TensorType
from dlspec.ops import REGISTRY
from dlspec.ops.base import Op
from tests.property.drawn_draft import BOOL, BYTE, FLOAT, INT, Draft, Variable
from tests.property.drawn_settings import settings_of

LARGEST = 600
"""Elements of a value for one example."""

_INFIX = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "maximum": None,
    "minimum": None,
    "equal": "==",
    "not_equal": "!=",
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
    "logical_and": "and",
    "logical_or": "or",
    "matmul": "@",
}
_GUARDED = {
    "exp": "exp(clip({0}, -3, 3))",
    "expm1": "expm1(clip({0}, -3, 2))",
    "log": "log(abs({0}) + 0.5)",
    "log1p": "log1p(abs({0}))",
    "sqrt": "sqrt(abs({0}) + 0.1)",
    "rsqrt": "rsqrt(abs({0}) + 0.5)",
    "reciprocal": "reciprocal(abs({0}) + 0.5)",
    "div": "{0} / (1 + abs({1}))",
    "pow": "(abs({0}) + 0.2) ** 1.5",
    "mod": "{0} % 3",
    "floor_div": "{0} // 3",
    "asin": "asin(clip({0}, -0.9, 0.9))",
    "acos": "acos(clip({0}, -0.9, 0.9))",
    "atanh": "atanh(clip({0}, -0.9, 0.9))",
    "acosh": "acosh(abs({0}) + 1.25)",
    "tan": "tan(clip({0}, -1, 1))",
    "sinh": "sinh(clip({0}, -2, 2))",
    "cosh": "cosh(clip({0}, -2, 2))",
    "square": "square(clip({0}, -4, 4))",
    "prod": "prod(clip({0}, -1.5, 1.5))",
}
"""Ops that are kept in their domain; of integers `%` and `//` too."""

_SEVERAL = {"split": "[{0}]", "chunk": "[{0}]", "top_k": ".{1}"}
"""Ops of several results, and how one of them is chosen."""

_LEFT_OUT = {"accuracy", "masked", "full", "scan", "generate", "rnn", "gru", "lstm"}
_WHOLE = ("mod", "floor_div")


def spec_text(seed: int) -> str:
    """The spec of one network, `drawn<seed>`."""
    draft = Draft(f"drawn{seed}", random.Random(seed))
    _inputs(draft)
    for _ in range(draft.random.randint(3, 12)):
        _statement(draft)
    outputs = [v for v in draft.variables if not v.used and not v.name.startswith("in")]
    made = [v for v in draft.variables if not v.name.startswith("in")]
    while not made:
        _statement(draft)
        made = [v for v in draft.variables if not v.name.startswith("in")]
    chosen = outputs or made[-1:]
    lines = [*draft.lines, *(f"output {v.name}" for v in chosen)]
    body = "\n".join(f"    {line}" for line in lines)
    return "\n".join([*draft.tops, f"network {draft.name} {{", body, "}", ""])


def _inputs(draft: Draft) -> None:
    rng = draft.random
    for number in range(rng.choice((1, 1, 2, 2, 3))):
        name = f"in{number}"
        shape = rng.choice(
            [
                (rng.randint(1, 9),),
                (rng.randint(2, 6), rng.randint(1, 7)),
                (rng.randint(1, 4), rng.randint(4, 9), rng.randint(3, 8)),
                (rng.randint(1, 4), rng.randint(5, 12)),
                ("T", rng.randint(2, 6)),
                (2, 3, 4, 3) if rng.random() < 0.3 else (5,),
            ]
        )
        dims = ", ".join(map(str, ("N", *shape)))
        match rng.choice(("float", "float", "float", "uint8", "int", "ids")):
            case "uint8":
                kind, text, count = BYTE, f"uint8[{dims}]", None
            case "int":
                kind, text, count = INT, f"int[{dims}]", None
            case "ids":
                count = rng.randint(3, 9)
                draft.tops.append(f"const words{number} = vocabulary(0..{count - 1})")
                kind, text = INT, f"int[{dims}] of words{number}"
            case _:
                kind, text, count = FLOAT, f"float[{dims}]", None
        made = TensorType.of(kind, "N", *shape)
        draft.add(name, made, f"input {name}: {text}", count)


def _statement(draft: Draft) -> None:
    """One more statement, if one of several tries fits."""
    for _ in range(12):
        form = draft.random.random()
        if form < 0.07:
            done = _loop(draft)
        elif form < 0.14:
            done = _block(draft)
        elif form < 0.22:
            done = _shared(draft)
        elif form < 0.27:
            done = _residual(draft)
        elif form < 0.32:
            done = _part(draft)
        else:
            done = _application(draft)
        if done:
            return


# --- one op ---------------------------------------------------------------------------------------


def _application(draft: Draft) -> bool:
    rng = draft.random
    name = rng.choice(_NAMES)
    op = REGISTRY[name]
    slots = [s.name for s in op.rule.tensors]
    count = rng.randint(2, 3) if op.many else len(slots)
    ids = name in ("embed", "one_hot", "gather", "pick")
    operands: list[Variable] = []
    for position in range(count):
        last = ids and position == count - 1

        def fits(v: Variable, last: bool = last) -> bool:
            if last:
                return v.count is not None
            return not operands or v.type.dtype is operands[0].type.dtype or name in ("where",)

        if name == "where" and position == 0:
            chosen = draft.pick(lambda v: v.type.dtype is BOOL)
        elif operands and not last and rng.random() < 0.8:
            alike = [v for v in draft.variables if v.type.shape == operands[-1].type.shape]
            chosen = draft.pick(lambda v, alike=alike: v in alike and fits(v)) or draft.pick(fits)
        else:
            chosen = draft.pick(fits)
        if chosen is None:
            return False
        operands.append(chosen)
    guard = _GUARDED.get(name, "")
    if "." in guard and not operands[0].type.dtype.is_float:
        return False
    settings = settings_of(draft, name, operands)
    if settings is None:
        return False
    results = _results(op, settings, operands)
    at = rng.randrange(len(results)) if results and name in _SEVERAL else 0
    if not results or not _is_small(results[at]):
        return False
    kind = results[at]
    made = draft.fresh()
    text = _text(draft, name, settings, [v.name for v in operands])
    if name in _SEVERAL:
        text = f"({text}){_SEVERAL[name].format(at, *(('values', 'indices')[at : at + 1]))}"
    classes: int | None = None
    if name in ("argmax", "argmin"):
        size = operands[0].type.shape[settings.get("axis", -1)].value
        classes = size if size is not None and size > 1 else None
    draft.add(made, kind, f"{made} = {text}", classes)
    return True


def _results(
    op: type[Op], settings: Mapping[str, Any], operands: list[Variable]
) -> tuple[TensorType, ...]:
    """What the op gives, if it takes these; else nothing."""
    types = [v.type for v in operands]
    if op.promotion != "none" and any(t.dtype is BOOL for t in types):
        return ()
    if op.promotion == "float" or (
        op.promotion == "common" and any(t.dtype.is_float or t.dtype is BYTE for t in types)
    ):
        types = [t.with_dtype(FLOAT) for t in types]
    slots = {s.name for s in op.rule.parameters}
    try:
        made = op(**{k: v for k, v in settings.items() if k not in slots})
        known = made.parameter_types(*types) if slots else {}
        parameters = [
            None if settings.get(s.name, 0) is None else known.get(s.name)
            for s in op.rule.parameters
        ]
        results = made.infer(*types, *parameters)
    except DlspecError:
        return ()
    return results if len(results) == 1 or op.name in _SEVERAL else results[: len(op.buffers) > 0]


def _is_small(kind: TensorType) -> bool:
    """Whether N comes first and one example is not large."""
    if not kind.shape or str(kind.shape[0]) != "N" or kind.rank > 5:
        return False
    sizes = [5 if d.value is None else d.value for d in kind.shape[1:]]
    return all(sizes) and math.prod(sizes) <= LARGEST


def _text(draft: Draft, name: str, settings: Mapping[str, Any], operands: list[str]) -> str:
    rng = draft.random
    if name in _GUARDED and (name in _WHOLE or rng.random() < 0.97):
        return _GUARDED[name].format(*operands)
    sign = _INFIX.get(name)
    if sign is not None and rng.random() < 0.8:
        return f"{operands[0]} {sign} {operands[1]}"
    given = [_setting(k, v) for k, v in settings.items()]
    variadic = REGISTRY[name].variadic
    if variadic is not None and variadic in settings:
        rest = [_setting(k, v) for k, v in settings.items() if k != variadic]
        value = settings[variadic]
        given = [*(_value(v) for v in (value if isinstance(value, tuple) else (value,))), *rest]
    first, *others = operands
    inner = ", ".join([*others, *given])
    if rng.random() < 0.6 and name not in ("logical_not",):
        return f"{first} -> {name}({inner})" if inner else f"{first} -> {name}"
    return f"{name}({', '.join([first, *others, *given])})"


def _setting(name: str, value: Any) -> str:
    return f"{name.rstrip('_')} = {_value(value)}"


def _value(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return f"({', '.join(map(_value, value))})"
    return f'"{value}"' if isinstance(value, str) else f"{value:g}"


# --- forms of several ops -------------------------------------------------------------------------

_BENT = ("relu", "tanh", "sigmoid", "gelu", "softplus", "leaky_relu(0.1)", "softsign", "silu")


def _wide(v: Variable) -> bool:
    """Floats with a last axis of a known size."""
    kind = v.type
    return kind.dtype is FLOAT and kind.rank >= 2 and kind.shape[-1].value is not None


def _loop(draft: Draft) -> bool:
    """`for i in 1..3 { h = h -> dense(5) -> relu }`."""
    chosen = draft.pick(_wide)
    if chosen is None:
        return False
    rng = draft.random
    size = chosen.type.shape[-1]
    made = draft.fresh("loop")
    bend = rng.choice(_BENT)
    rest = f" + {made}" if rng.random() < 0.4 else ""
    draft.lines.append(f"{made} = {chosen.name}")
    body = f"{made} = ({made} -> dense({size}) -> {bend}){rest}"
    draft.add(made, chosen.type, f"for i in 1..{rng.randint(1, 3)} {{ {body} }}")
    return True


def _block(draft: Draft) -> bool:
    """A block of its own at the top of the file, or one of the library, applied once or twice."""
    chosen = draft.pick(_wide)
    if chosen is None:
        return False
    rng = draft.random
    size = chosen.type.shape[-1]
    made = draft.fresh()
    match rng.choice(("own", "own", "highway", "maxout")):
        case "own":
            block = draft.fresh("block")
            draft.tops.append(
                f"block {block}(x: float[..., D]; units, bend = relu) {{\n"
                "    inner = x -> dense(units) -> bend\n"
                "    return x + (inner -> dense(D))\n"
                "}"
            )
            bend = rng.choice(("relu", "tanh", "sigmoid"))
            call = f"{block}({rng.randint(1, 5)}, bend = {bend})"
        case "highway":
            call = f"highway(activation = {rng.choice(('relu', 'tanh'))})"
        case _:
            call = f"maxout({size}, pieces = {rng.randint(1, 3)})"
    again = f" -> {call}" if rng.random() < 0.3 else ""
    draft.add(made, chosen.type, f"{made} = {chosen.name} -> {call}{again}")
    return True


def _shared(draft: Draft) -> bool:
    """One layer for two values, or a weight used twice."""
    first = draft.pick(_wide)
    if first is None:
        return False
    rng = draft.random
    size = first.type.shape[-1]
    second = draft.pick(lambda v: _wide(v) and v.type.shape[-1] == size)
    assert second is not None
    layer, one, two = draft.fresh("layer"), draft.fresh(), draft.fresh()
    units = rng.randint(1, 6)
    draft.lines.append(f"{layer} = dense({units})")
    kinds = [
        TensorType(FLOAT, (*v.type.shape[:-1], first.type.shape[-1] * 0 + units))
        for v in (first, second)
    ]
    draft.add(one, kinds[0], f"{one} = {first.name} -> {layer}")
    if rng.random() < 0.5:
        draft.add(two, kinds[1], f"{two} = {second.name} -> {layer} -> {rng.choice(_BENT)}")
    else:
        draft.add(
            two, kinds[1], f"{two} = {second.name} -> dense({units}, weight = {layer}.weight)"
        )
    return True


def _residual(draft: Draft) -> bool:
    """`x + (x -> norm -> dense -> bend)`."""
    chosen = draft.pick(_wide)
    if chosen is None:
        return False
    rng = draft.random
    made = draft.fresh()
    size = chosen.type.shape[-1]
    inner = [f"dense({size})", rng.choice(_BENT)]
    rng.shuffle(inner)
    sign = rng.choice(("+", "-", "*"))
    draft.add(
        made,
        chosen.type,
        f"{made} = {chosen.name} {sign} ({chosen.name} -> {' -> '.join(inner)})",
    )
    return True


def _part(draft: Draft) -> bool:
    """A slice: `x[:, 1:3]`."""
    chosen = draft.pick(lambda v: v.type.rank >= 2 and (v.type.shape[1].value or 0) >= 2)
    if chosen is None:
        return False
    rng = draft.random
    size = chosen.type.shape[1].value or 0
    made = draft.fresh()
    if rng.random() < 0.3:
        at = rng.randint(-size, size - 1)
        shape = (chosen.type.shape[0], *chosen.type.shape[2:])
        draft.add(
            made,
            TensorType(chosen.type.dtype, shape),
            f"{made} = {chosen.name}[:, {at}]",
            chosen.count,
        )
        return True
    first = rng.randint(0, size - 1)
    last = rng.randint(first + 1, size)
    shape = (
        chosen.type.shape[0],
        chosen.type.shape[1] * 0 + (last - first),
        *chosen.type.shape[2:],
    )
    text = f"{first or ''}:{last if last < size else ''}"
    draft.add(
        made,
        TensorType(chosen.type.dtype, shape),
        f"{made} = {chosen.name}[:, {text}]",
        chosen.count,
    )
    return True


_NAMES = sorted(
    name
    for name, op in REGISTRY.items()
    if not op.internal
    and name not in _LEFT_OUT
    and not op.__module__.endswith("loss")
    and "loss" not in op.__module__
)
_NAMES += ["dense"] * 8 + ["conv"] * 6 + ["max_pool", "avg_pool", "batch_norm", "relu"] * 3
_NAMES += ["concat", "add", "embed", "matmul", "where", "tanh", "flatten"] * 3
