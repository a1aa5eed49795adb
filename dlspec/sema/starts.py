"""Starting values of parameters as a spec writes them: `orthogonal(1.4)`, `normal(0, 0.1)`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.meaning import BadValue
from dlspec.ir.graph import Initializer
from dlspec.ir.types import TensorType
from dlspec.sema.values import Builtin, Initial, is_number
from dlspec.source import Span


class ArgumentError(Exception):
    """A function got something that it cannot take; the text says what it wants."""


@dataclass(frozen=True)
class Start:
    """An initialiser's settings, in the order in which they may be given by position."""

    kind: str
    numbers: tuple[str, ...] = ()
    least: int = 0
    """How many numbers a call by position must have, if it has any: `normal(0.1)` may mean either
    of two things."""
    has_fan: bool = False

    def __call__(self, *values: Any, **named: Any) -> Initial:
        if values and len(values) < self.least:
            example = ", ".join(f"{n} = …" for n in self.numbers)
            raise ArgumentError(f"{self._wanted}, or one by its name: `{example}`")
        if len(values) > len(self.numbers) or set(self.numbers[: len(values)]) & set(named):
            raise ArgumentError(self._wanted)
        found: dict[str, Any] = dict(zip(self.numbers, values, strict=False)) | named
        fan = found.pop("fan", "in")
        if fan not in ("in", "out"):
            raise ArgumentError('`fan = "in"` or `fan = "out"`')
        if not all(is_number(v) for v in found.values()):
            raise ArgumentError(self._wanted)
        if self.kind == "constant" and not found:
            raise ArgumentError("a number")
        if found.get("std", 0) < 0:
            raise ArgumentError("a `std` that is not negative")
        if found.get("low", 0.0) > found.get("high", max(1.0, found.get("low", 0.0))):
            raise ArgumentError("a `low` that is not above `high`")
        arguments = {name: float(value) for name, value in found.items()}
        if fan == "out":
            arguments["fan_out"] = 1.0
        return Initial(Initializer(self.kind, arguments))

    @property
    def _wanted(self) -> str:
        return f"numbers: {', '.join(self.numbers)}" if self.numbers else "no arguments"

    @property
    def settings(self) -> tuple[str, ...]:
        """What may be given by name."""
        return (*self.numbers, *(("fan",) if self.has_fan else ()))


@dataclass(frozen=True)
class StartFunction(Builtin):
    """An initialiser as a function of a spec."""

    settings: tuple[str, ...] = ()


def _functions(starts: Mapping[str, Start]) -> dict[str, Builtin]:
    return {n: StartFunction(n, start, settings=start.settings) for n, start in starts.items()}


_NORMAL = ("mean", "std")
INITIALIZERS: dict[str, Builtin] = _functions(
    {
        "constant": Start("constant", ("value",)),
        "normal": Start("normal", _NORMAL, 2),
        "uniform": Start("uniform", ("low", "high"), 2),
        "truncated": Start("truncated_normal", _NORMAL, 2),
        "truncated_normal": Start("truncated_normal", _NORMAL, 2),
        "xavier": Start("xavier_uniform", ("gain",)),
        "xavier_uniform": Start("xavier_uniform", ("gain",)),
        "xavier_normal": Start("xavier_normal", ("gain",)),
        "kaiming": Start("kaiming_uniform", ("slope",), has_fan=True),
        "kaiming_uniform": Start("kaiming_uniform", ("slope",), has_fan=True),
        "kaiming_normal": Start("kaiming_normal", ("slope",), has_fan=True),
        "fan_in_uniform": Start("fan_in_uniform"),
        "orthogonal": Start("orthogonal", ("gain",)),
        "identity": Start("identity", ("gain",)),
    }
)
"""Starting values of parameters; `zeros` and `ones` without a shape are initialisers too."""

_OF_MATRICES = ("xavier", "kaiming", "fan_in", "orthogonal", "identity")


def fitting(init: Initializer, kind: TensorType, span: Span, name: str) -> Initializer:
    """The initialiser, if a parameter of this type can begin so.

    Raises:
        DlspecError: DL442, for one that speaks of inputs and outputs, which a vector has not.
    """
    if kind.rank < 2 and init.kind.startswith(_OF_MATRICES) and "fan_in" not in init.arguments:
        raise DlspecError(
            BadValue(
                span,
                name,
                f"{init} for {kind}",
                "a start that needs no inputs and outputs",
                "a vector begins with a number, `zeros`, `normal(0, 0.1)` or `uniform(-1, 1)`",
            )
        )
    return init
