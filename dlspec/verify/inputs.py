"""Inputs to verify with: seeded draws from the declared types, and what hides at the edges of
them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlspec.ir.graph import Graph, Input
from dlspec.ir.types import DType
from dlspec.ops.ids import class_count
from dlspec.randomness import draw, generator
from dlspec.verify.sizes import Sizes, sweep

Array = NDArray[Any]

SCALES = (1.0, 0.05, 8.0)
"""Scales of float inputs: as networks expect them, nearly linear, saturating."""

Fill = Callable[[int, int], Array]
"""So many lengths up to the longest."""

LENGTHS: Mapping[str, Fill] = {
    "all 1": lambda count, longest: np.ones(count),
    "all 2": lambda count, longest: np.full(count, min(2, longest)),
    "all odd": lambda count, longest: np.full(count, max(1, (longest - 1) // 2 * 2 - 1)),
    "all the longest": lambda count, longest: np.full(count, longest),
    "falling": lambda count, longest: np.linspace(longest, 1, count).round(),
    "0 in turn": lambda count, longest: np.arange(count) % 2 * longest,
}
"""How lengths stand together, besides unsorted: engines take other ways for equal and for sorted
ones, and go wrong at the ends."""


@dataclass(frozen=True)
class Case:
    """One set of inputs, and what is said of it: `N = 3`, `N = 64, scale 8`, `example 2`.

    ``rows`` are the cases of one example each that a batch is made of, where the answers to them
    are known to be the answers to it.
    """

    label: str
    inputs: Mapping[str, Array]
    sizes: Mapping[str, int] = field(default_factory=dict[str, int])
    base: bool = False
    rows: tuple[Case, ...] = ()


def draw_cases(
    graph: Graph,
    bounds: Mapping[str, tuple[int, int]] | None = None,
    *,
    seed: int = 0,
    examples: Sequence[Mapping[str, Array]] = (),
    budget: int = 4_000_000,
) -> list[Case]:
    """The cases that a network is verified with.

    Every dynamic dimension is swept; at the base sizes inputs are drawn at all three scales, or
    twice where there is no scale (so that outputs that do not depend on the inputs show), the
    other sizes take a scale each in turn. Where examples have lengths these are unsorted; then
    come, at the base sizes, examples that are all of length 1, 2, an odd one and the longest, such
    as fall from first to last, and such of which every second has nothing. Real examples come
    last.
    """
    cases: list[Case] = []
    for number, sizes in enumerate(sweep(graph, bounds, budget=budget)):
        draws = SCALES if has_scale(graph) else SCALES[:2]
        scales = draws if number == 0 else (SCALES[number % len(SCALES)],)
        for scale in scales:
            inputs = draw_inputs(graph, sizes, seed=seed + len(cases), scale=scale)
            label = describe_sizes(sizes)
            if has_scale(graph):
                label = ", ".join(filter(None, (label, f"scale {scale:g}")))
            elif number == 0 and scale != 1:
                label = ", ".join(filter(None, (label, f"draw {SCALES.index(scale) + 1}")))
            cases.append(Case(label or "inputs", inputs, sizes, base=number == 0))
        if not graph.inputs:
            return cases[:1]
    cases += _other_lengths(graph, dict(cases[0].sizes), seed + len(cases))
    for number, example in enumerate(examples, 1):
        drawn = draw_inputs(graph, sizes_of(graph, example), seed=seed + len(cases))
        given = {k: np.asarray(v) for k, v in example.items()}
        cases.append(Case(f"example {number}", {**drawn, **given}, sizes_of(graph, example)))
    return cases


def _other_lengths(graph: Graph, sizes: Sizes, seed: int) -> list[Case]:
    """The base sizes once more for each way in which lengths may stand together."""
    known = [i.symbol for i in graph.inputs if i.origin == "lengths"]
    if not known:
        return []
    cases: list[Case] = []
    told: set[bytes] = set()
    for number, (name, fill) in enumerate(LENGTHS.items()):
        scale = SCALES[number % len(SCALES)]
        inputs = draw_inputs(graph, sizes, seed=seed + number, scale=scale, lengths=fill)
        drawn = b"".join(inputs[i.name].tobytes() for i in graph.inputs if i.origin == "lengths")
        if drawn not in told:
            told.add(drawn)
            label = f"{describe_sizes(sizes)}, lengths {name}"
            cases.append(Case(label, inputs, sizes))
    return cases


def draw_inputs(
    graph: Graph,
    sizes: Sizes,
    *,
    seed: int = 0,
    scale: float = 1.0,
    lengths: Fill | None = None,
) -> dict[str, Array]:
    """One draw of every input.

    Bytes cover 0..255 with both ends present, integers the range of their classes (or of what
    reads them) with both ends, floats are normal at ``scale``, noise has its distribution, lengths
    are unsorted with ties, 1 and the full length (or as ``lengths`` says), and what lies behind a
    length is NaN (or another number, for integers).
    """
    drawn: dict[str, Array] = {}
    for value in graph.inputs:
        shape = tuple(d.evaluate(sizes) for d in value.type.shape)
        array = np.asarray(_draw(graph, value, shape, sizes, seed, scale))
        if lengths is not None and value.origin == "lengths":
            count, longest = array.size, sizes.get(value.symbol or "", 1)
            array = lengths(count, longest).astype(np.int32).reshape(shape)
        drawn[value.name] = array
    _spoil_padding(graph, drawn)
    return drawn


def sizes_of(graph: Graph, inputs: Mapping[str, Array]) -> Sizes:
    """The sizes that the shapes of given arrays bind; 1 for symbols that no given input tells."""
    sizes: Sizes = {}
    for value in graph.inputs:
        if value.name not in inputs:
            continue
        for dim, size in zip(value.type.shape, np.shape(inputs[value.name]), strict=True):
            if dim.value is None and str(dim) in dim.symbols:
                sizes[str(dim)] = size
    return {s: sizes.get(s, 1) for s in graph.symbols}


def describe_sizes(sizes: Mapping[str, int]) -> str:
    """`N = 3, T = 5`."""
    return ", ".join(f"{s} = {n}" for s, n in sizes.items())


def has_scale(graph: Graph) -> bool:
    return any(i.type.dtype.is_float and i.origin in ("data", "state") for i in graph.inputs)


def _draw(
    graph: Graph,
    value: Input,
    shape: tuple[int, ...],
    sizes: Sizes,
    seed: int,
    scale: float,
) -> Array:
    rng = generator(seed, f"verify\0{value.name}")
    dtype = value.type.dtype
    if value.distribution is not None:
        return draw(value.distribution, value.name, shape, seed).astype(storage(dtype))
    if value.origin == "lengths":
        return _lengths(shape, sizes.get(value.symbol or "", 1), rng)
    if dtype is DType.bool_:
        return rng.random(shape) < 0.5
    if dtype.is_integer:
        return _integers(value, shape, class_count(graph, value), rng)
    return (rng.standard_normal(shape) * scale).astype(storage(dtype))


def storage(dtype: DType) -> np.dtype[Any]:
    """NumPy's type that holds a dtype (bfloat16 is held as float32)."""
    return np.dtype("float32" if dtype is DType.bfloat16 else dtype.value)


def _integers(
    value: Input, shape: tuple[int, ...], count: int | None, rng: np.random.Generator
) -> Array:
    dtype = storage(value.type.dtype)
    if count is not None:
        low, high = 0, count - 1
    elif dtype.itemsize == 1:
        info = np.iinfo(dtype)
        low, high = int(info.min), int(info.max)
    else:
        low, high = 0, 9
    drawn = rng.integers(low, high, shape, dtype=np.int64, endpoint=True)
    flat = drawn.reshape(-1)
    if flat.size > 1:
        flat[0], flat[-1] = low, high
    return drawn.astype(dtype)


def _lengths(shape: tuple[int, ...], longest: int, rng: np.random.Generator) -> Array:
    """Unsorted, with the full length, 1, a tie and 0 among them where there is room."""
    drawn = rng.integers(1, longest, shape, dtype=np.int64, endpoint=True)
    flat = drawn.reshape(-1)
    if flat.size:
        flat[flat.size // 2] = longest
    if flat.size > 1:
        flat[-1] = 1
    if flat.size > 3:
        flat[0] = flat[-2]
    if flat.size > 4:
        flat[1] = 0
    return drawn.astype(np.int32)


def _spoil_padding(graph: Graph, drawn: dict[str, Array]) -> None:
    """Overwrite what lies behind the lengths: no answer may depend on it."""
    lengths = {i.symbol: drawn[i.name] for i in graph.inputs if i.origin == "lengths"}
    for value in graph.inputs:
        array = drawn[value.name]
        for axis in value.type.ragged:
            length = lengths.get(str(value.type.shape[axis]))
            if length is None or array.shape[:axis] != length.shape:
                continue
            position = np.arange(array.shape[axis])
            behind = position >= length[..., None]
            behind = behind.reshape(*behind.shape, *[1] * (array.ndim - behind.ndim))
            if value.type.dtype.is_float:
                array[np.broadcast_to(behind, array.shape)] = np.nan
