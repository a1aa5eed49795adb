"""Settings of ops, drawn: from a table where values make a difference, else from the op's own
samples."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from dlspec.ops import REGISTRY
from tests.property.drawn_draft import Draft, Variable


def settings_of(draft: Draft, name: str, operands: list[Variable]) -> dict[str, Any] | None:
    """Settings of an op: drawn where the table knows how, else from a sample of the op."""
    rng = draft.random
    rank = operands[0].type.rank
    if name in TABLE:
        return TABLE[name](rng, rank, operands)
    attributes = REGISTRY[name].attributes()
    if not attributes:
        return {}
    if "axis" in attributes and set(attributes) <= {"axis", "keep"}:
        return _reduction(rng, rank, operands) if "keep" in attributes else _axis(rng, rank)
    sample, _ = rng.choice(REGISTRY[name].samples)
    found = {k: v for k, v in sample.items() if _is_plain(v)}
    if len(found) < len(sample) or "training" in found:
        return None
    return {k.rstrip("_") if k == "from_" else k: v for k, v in found.items() if k != "from_"}


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(isinstance(v, (int, float)) for v in value)
    return value is None or isinstance(value, (int, float, bool, str))


def _axis(rng: random.Random, rank: int) -> dict[str, Any]:
    return {"axis": rng.choice([-1, *range(1, rank)])} if rank > 1 and rng.random() < 0.7 else {}


def _reduction(rng: random.Random, rank: int, _: object) -> dict[str, Any] | None:
    if rank < 2:
        return None
    found: dict[str, Any] = _axis(rng, rank)
    if rank > 2 and rng.random() < 0.3:
        found["axis"] = tuple(sorted(rng.sample(range(1, rank), 2)))
    if rng.random() < 0.3:
        found["keep"] = True
    return found


def _window(rng: random.Random, rank: int, names: str) -> dict[str, Any]:
    """Kernel, stride, pad and dilation, one for all axes or one each."""
    axes = rank - 2

    def one(low: int, high: int) -> Any:
        if rng.random() < 0.3 and axes > 1:
            return tuple(rng.randint(low, high) for _ in range(axes))
        return rng.randint(low, high)

    found: dict[str, Any] = {names: one(1, 4)}
    if rng.random() < 0.5:
        found["stride"] = one(1, 3)
    if rng.random() < 0.5:
        found["pad"] = one(0, 2)
    return found


def _conv(rng: random.Random, rank: int, operands: list[Variable]) -> dict[str, Any] | None:
    if rank < 3 or operands[0].type.shape[1].value is None:
        return None
    found = {"channels": rng.randint(1, 6), **_window(rng, rank, "kernel")}
    if rng.random() < 0.3:
        found["dilation"] = rng.randint(1, 2)
    if rng.random() < 0.3:
        found["groups"] = rng.choice((2, 3))
        found["channels"] = rng.randint(1, 2) * found["groups"]
    if rng.random() < 0.2:
        found["bias"] = None
    return found


def _pool(rng: random.Random, rank: int, _: object) -> dict[str, Any] | None:
    return _window(rng, rank, "size") if rank >= 3 else None


def _pool_ceil(rng: random.Random, rank: int, _: object) -> dict[str, Any] | None:
    found = _pool(rng, rank, _)
    if found is not None and rng.random() < 0.3:
        found["ceil"] = True
    return found


def _avg_pool(rng: random.Random, rank: int, _: object) -> dict[str, Any] | None:
    found = _pool_ceil(rng, rank, _)
    if found is not None and rng.random() < 0.3:
        found["count_include_pad"] = False
    return found


def _dense(rng: random.Random, rank: int, _: object) -> dict[str, Any]:
    return {"units": rng.randint(1, 9), **({"bias": None} if rng.random() < 0.2 else {})}


def _clip(rng: random.Random, rank: int, operands: list[Variable]) -> dict[str, Any]:
    low, high = sorted((rng.randint(-8, 3), rng.randint(0, 9)))
    scale = 4 if operands[0].type.dtype.is_float else 1
    found: dict[str, Any] = {"low": low / scale, "high": high / scale}
    if rng.random() < 0.3:
        del found[rng.choice(("low", "high"))]
    return found


def _reshape(rng: random.Random, rank: int, operands: list[Variable]) -> dict[str, Any] | None:
    size = 1
    for dim in operands[0].type.shape[1:]:
        if dim.value is None:
            return None
        size *= dim.value
    first = rng.choice([n for n in range(1, size + 1) if size % n == 0])
    return {"shape": rng.choice([(first, size // first), (first, -1), (size,)])}


def _unflatten(rng: random.Random, rank: int, operands: list[Variable]) -> dict[str, Any] | None:
    size = operands[0].type.shape[-1].value
    if size is None or rank < 2:
        return None
    first = rng.choice([n for n in range(1, size + 1) if size % n == 0])
    return {"shape": (first, size // first)}


def _transpose(rng: random.Random, rank: int, _: object) -> dict[str, Any] | None:
    if rank < 3:
        return None
    first, second = rng.sample(range(1, rank), 2)
    return {"first": first, "second": second} if rng.random() < 0.6 else {}


def _permute(rng: random.Random, rank: int, _: object) -> dict[str, Any] | None:
    return {"order": (0, *rng.sample(range(1, rank), rank - 1))} if rank > 2 else None


def _join(rng: random.Random, rank: int, _: object) -> dict[str, Any] | None:
    return _axis(rng, rank) if rank > 1 else None


def _ids(rng: random.Random, rank: int, operands: list[Variable]) -> dict[str, Any]:
    return {"count": operands[-1].count, "size": rng.randint(2, 6)}


def _one_hot(rng: random.Random, rank: int, operands: list[Variable]) -> dict[str, Any]:
    return {"size": operands[-1].count}


def _pick(rng: random.Random, rank: int, operands: list[Variable]) -> dict[str, Any] | None:
    size = operands[0].type.shape[-1].value
    return {} if size is not None and size >= (operands[1].count or 99) else None


def _gather(rng: random.Random, rank: int, operands: list[Variable]) -> dict[str, Any] | None:
    axis = rng.randint(1, max(1, rank - 1))
    size = operands[0].type.shape[axis].value if rank > axis else None
    return {"axis": axis} if size is not None and size >= (operands[1].count or 99) else None


def _squeeze(rng: random.Random, rank: int, operands: list[Variable]) -> dict[str, Any] | None:
    ones = [a for a in range(1, rank) if operands[0].type.shape[a].value == 1]
    return {"axis": rng.choice(ones)} if ones else None


def _unsqueeze(rng: random.Random, rank: int, _: object) -> dict[str, Any] | None:
    return {"axis": rng.randint(1, rank)} if rank < 5 else None


def _cast(rng: random.Random, rank: int, operands: list[Variable]) -> dict[str, Any]:
    if operands[0].type.dtype.is_float:
        return {"dtype": "float32"}  # what becomes an integer is cut off, and rounding decides
    return {"dtype": rng.choice(("float32", "int64"))}


def _slope(rng: random.Random, rank: int, _: object) -> dict[str, Any]:
    return {"slope": rng.choice((0.01, 0.1, 0.25))}


def _epsilon(rng: random.Random, rank: int, _: object) -> dict[str, Any]:
    return {"epsilon": rng.choice((1e-5, 1e-3, 1e-2))}


def _axis_only(rng: random.Random, rank: int, _: object) -> dict[str, Any] | None:
    return _axis(rng, rank) if rank > 1 else None


def _split(rng: random.Random, rank: int, operands: list[Variable]) -> dict[str, Any] | None:
    axis = rng.randint(1, max(1, rank - 1))
    size = operands[0].type.shape[axis].value if rank > axis else None
    if size is None or size < 2:
        return None
    first = rng.randint(1, size - 1)
    return {"sizes_": (first, size - first), "axis": axis}


def _chunk(rng: random.Random, rank: int, operands: list[Variable]) -> dict[str, Any] | None:
    found = _split(rng, rank, operands)
    return None if found is None else {"count": 2, "axis": found["axis"]}


def _top_k(rng: random.Random, rank: int, operands: list[Variable]) -> dict[str, Any] | None:
    found = _split(rng, rank, operands)
    if found is None:
        return None
    return {"count": found["sizes_"][0], "axis": found["axis"], "largest": rng.random() < 0.5}


TABLE: dict[str, Callable[..., dict[str, Any] | None]] = {
    "conv": _conv,
    "conv_transpose": _conv,
    "max_pool": _pool_ceil,
    "avg_pool": _avg_pool,
    "lp_pool": _pool_ceil,
    "dense": _dense,
    "clip": _clip,
    "reshape": _reshape,
    "unflatten": _unflatten,
    "transpose": _transpose,
    "permute": _permute,
    "concat": _join,
    "stack": _join,
    "embed": _ids,
    "one_hot": _one_hot,
    "pick": _pick,
    "gather": _gather,
    "squeeze": _squeeze,
    "unsqueeze": _unsqueeze,
    "cast": _cast,
    "leaky_relu": _slope,
    "batch_norm": _epsilon,
    "instance_norm": _epsilon,
    "softmax": _axis_only,
    "log_softmax": _axis_only,
    "argmax": _axis_only,
    "argmin": _axis_only,
    "split": _split,
    "chunk": _chunk,
    "top_k": _top_k,
}
