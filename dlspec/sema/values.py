"""The kinds of values that expressions have: tensors, and everything known at compile time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeGuard

import numpy as np
from numpy.typing import NDArray

from dlspec.dims import Dim
from dlspec.ir.data_plan import VocabularyPlan
from dlspec.ir.graph import Initializer, Value
from dlspec.ir.plan import OptimizerPlan, Quantity, Schedule
from dlspec.ops.base import Op
from dlspec.source import Span
from dlspec.syntax import ast


class Poisoned(Exception):
    """The value of a statement that failed is read: its mistake is told already, so this one stays
    silent.
    """


POISON = object()
"""Stands for the value of a statement that failed."""


@dataclass(frozen=True)
class Tensor:
    """A tensor of the graph under construction."""

    value: Value


@dataclass(frozen=True)
class Range:
    """`first..last`, both included."""

    first: int
    last: int

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.first, self.last + 1))

    def __len__(self) -> int:
        return max(0, self.last - self.first + 1)


@dataclass(frozen=True)
class Vocabulary:
    """Names of ids: `vocabulary(0..9)`, or `vocabulary(lines.en, size = 4000)`, whose words only
    the data tells."""

    words: tuple[str, ...]
    fitted: VocabularyPlan | None = None

    @property
    def size(self) -> int:
        """How many ids there are."""
        return len(self.words) if self.fitted is None else self.fitted.size

    @property
    def classes(self) -> tuple[str, ...] | None:
        """The names of the ids, where the spec has them."""
        return self.words if self.fitted is None else None


@dataclass(frozen=True)
class Initial:
    """An initialiser as a value: `normal(0, 0.1)`, `zeros`."""

    init: Initializer


@dataclass
class Record:
    """What an application gives: every name of its body, and what stands for it where a tensor is
    wanted.

    ``rounds`` holds, for names bound in a `for`, the value of each round by the round's name.
    """

    of: str
    names: Mapping[str, Any]
    outputs: tuple[str, ...] = ()
    result: Any = None
    rounds: Mapping[str, Mapping[tuple[str, ...], Any]] = field(
        default_factory=dict[str, Mapping[tuple[str, ...], Any]]
    )


@dataclass
class Family:
    """The values of a name bound in a `for`, by round; alone it stands for the last one."""

    name: str
    rounds: Mapping[tuple[str, ...], Any]
    last: Any


@dataclass
class Layer:
    """A definition or an op with its settings filled in, which waits for its inputs.

    ``path`` is set once the layer is planted: bound to a name, and from then on one layer wherever
    it is used. ``settings`` hold value and place; ``tensors`` inputs given before the others.
    """

    definition: ast.Definition | type[Op]
    settings: dict[str, tuple[Any, Span]]
    path: str | None = None
    span: Span | None = None

    @property
    def name(self) -> str:
        """The definition's name: what its parameters are called by when the layer has no name."""
        return self.definition.name


@dataclass(frozen=True)
class Choice:
    """A choice of parameters by path: a layer within, or a pattern with ``*``."""

    prefix: str
    pattern: str | None
    text: str


@dataclass(frozen=True)
class Builtin:
    """A function on compile-time values; arguments of these ``names`` may be given by name."""

    name: str
    function: Callable[..., Any]
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Form:
    """A function of the language on tensors and layers that is no op: `scan`, `each`, `last`."""

    name: str


@dataclass(frozen=True)
class Choose:
    """How `generate` chooses what it feeds next: `greedy`, `sample(temperature = 0.8)`, `beam(4)`,
    `same`."""

    kind: Literal["greedy", "sample", "beam", "same"]
    temperature: float = 1.0
    width: int = 1


@dataclass(frozen=True)
class Like:
    """As many steps as a tensor with time has: `steps = like(x)`."""

    value: Value


@dataclass(frozen=True)
class Namespace:
    """An imported file under a name, or a data definition: names behind a dot."""

    name: str
    names: Mapping[str, Any]


Number = int | float


def is_number(value: Any) -> TypeGuard[int | float]:
    """Whether a value is an int or a float (booleans are not)."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_tensor_like(value: Any) -> bool:
    """Whether a value is given as an input rather than as a setting: a tensor, an application, a
    literal array.
    """
    return isinstance(value, (Tensor, Record, Family, np.ndarray))


def describe(value: Any) -> str:
    """A value in the words of a message: `a number`, `the layer dense`."""
    if value is None:
        return "`none`"
    if isinstance(value, bool):
        return "true" if value else "false"
    if is_number(value):
        return f"the number {value:g}" if isinstance(value, float) else f"the number {value}"
    if isinstance(value, Dim):
        return f"the size {value}"
    if isinstance(value, str):
        return f'the text "{value}"'
    if isinstance(value, (list, tuple)):
        return "a list"
    if isinstance(value, Tensor):
        return f"a tensor {value.value.type}"
    if isinstance(value, Record):
        return f"the value of `{value.of}`"
    if isinstance(value, Family):
        return f"the rounds of `{value.name}`"
    if isinstance(value, Layer):
        return f"the layer `{value.path or value.name}`"
    if isinstance(value, type) and issubclass(value, Op):
        return f"the op `{value.name}`"
    if isinstance(value, ast.Definition):
        return f"the {value.kind} `{value.name}`"
    if isinstance(value, (Builtin, Form)):
        return f"the function `{value.name}`"
    if isinstance(value, Namespace):
        return f"`{value.name}`"
    if isinstance(value, (ast.Data, ast.Recipe)):
        kind = "data" if isinstance(value, ast.Data) else "recipe"
        return f"the {kind} `{value.name}`"
    kinds: dict[type, str] = {
        Range: "a range",
        Vocabulary: "a vocabulary",
        Initial: "an initialiser",
        Schedule: "a schedule",
        Quantity: "a number with a unit",
        OptimizerPlan: "an optimiser",
        Choice: "a choice of parameters",
        np.ndarray: "an array",
    }
    return kinds.get(type(value), "an imported file")


def written(value: Any) -> str:
    """A setting's value as a spec would write it, as far as that is short."""
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    if is_number(value):
        return f"{value:g}" if isinstance(value, float) else str(value)
    if isinstance(value, (list, tuple)) and len(value) <= MAX_WRITTEN and _rank(value) <= 2:
        items = ", ".join(written(v) for v in value)
        return f"[{items}]" if isinstance(value, list) else f"({items})"
    if isinstance(value, Layer):
        return value.path or value.name
    if isinstance(value, type) and issubclass(value, Op):
        return value.name
    if isinstance(value, (ast.Definition, Builtin, Form)):
        return value.name
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, Vocabulary):
        return f"vocabulary of {value.size}"
    return describe(value)


MAX_WRITTEN = 16
MAX_RANK = 8
"""Lists within lists that still are an array."""


def literal_array(value: Any) -> NDArray[Any] | None:
    """The array of a number or of nested lists of numbers; None where it is no such thing, or the
    rows differ.
    """
    if isinstance(value, np.ndarray):
        return value
    if isinstance(value, bool) or is_number(value):
        return np.asarray(value)
    if not isinstance(value, (list, tuple)) or _rank(value) > MAX_RANK:
        return None
    return _stacked(value)


def _rank(value: Any) -> int:
    """How deep lists are nested, counted along the first items."""
    rank = 0
    while isinstance(value, (list, tuple)) and value and rank <= MAX_RANK:
        value, rank = value[0], rank + 1
    return rank


def _stacked(value: Sequence[Any], left: int = MAX_RANK) -> NDArray[Any] | None:
    if not value or not left:
        return None
    if all(isinstance(v, (int, float)) for v in value):
        return np.asarray(value)
    parts: list[NDArray[Any]] = []
    for item in value:
        if isinstance(item, (list, tuple)):
            part = _stacked(item, left - 1)
        else:
            part = literal_array(item)
        if part is None or (parts and part.shape != parts[0].shape):
            return None
        parts.append(part)
    return np.stack(parts)
