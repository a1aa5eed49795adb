"""Optimisers and how steps are taken with them: what a spec may say, and the plan it becomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from dlspec.source import Span


@dataclass(frozen=True)
class OptimizerSetting:
    """A setting: its default, and from where to where its numbers go (``below``: the end itself is
    too much; ``above``: so is the beginning)."""

    default: float | bool
    least: float = 0.0
    most: float = float("inf")
    above: bool = False
    below: bool = False

    @property
    def expected(self) -> str:
        """What a value must be, in words."""
        if isinstance(self.default, bool):
            return "true or false"
        if self.most < float("inf"):
            return f"from {self.least:g} up to{', not including,' * self.below} {self.most:g}"
        return f"above {self.least:g}" if self.above else f"at least {self.least:g}"

    def accepts(self, value: object) -> bool:
        """Whether a value fits."""
        if isinstance(self.default, bool) or isinstance(value, bool):
            return isinstance(value, bool) and isinstance(self.default, bool)
        if not isinstance(value, (int, float)):
            return False
        if value < self.least or value > self.most:
            return False
        return not (self.above and value == self.least) and not (self.below and value == self.most)


def _rate(value: float) -> OptimizerSetting:
    return OptimizerSetting(value, above=True)


def _unit(value: float) -> OptimizerSetting:
    return OptimizerSetting(value, most=1.0, below=True)


_ZERO = OptimizerSetting(0.0)

OPTIMIZERS: Mapping[str, Mapping[str, OptimizerSetting]] = {
    "sgd": {
        "lr": _rate(0.01),
        "momentum": _unit(0.0),
        "nesterov": OptimizerSetting(False),
        "decay": _ZERO,
    },
    "adam": {
        "lr": _rate(0.001),
        "beta1": _unit(0.9),
        "beta2": _unit(0.999),
        "epsilon": OptimizerSetting(1e-8),
        "decay": _ZERO,
    },
    "adamw": {
        "lr": _rate(0.001),
        "beta1": _unit(0.9),
        "beta2": _unit(0.999),
        "epsilon": OptimizerSetting(1e-8),
        "decay": OptimizerSetting(0.01),
    },
    "rmsprop": {
        "lr": _rate(0.01),
        "alpha": _unit(0.99),
        "epsilon": OptimizerSetting(1e-8),
        "momentum": _unit(0.0),
        "decay": _ZERO,
    },
    "adagrad": {
        "lr": _rate(0.01),
        "epsilon": OptimizerSetting(1e-10),
        "decay": _ZERO,
    },
}
"""By name: the settings in their order, with PyTorch's defaults."""


@dataclass(frozen=True)
class ClipPlan:
    """`clip = norm(1)`: gradients of a step are scaled so that their common norm is at most so
    much (Pascanu et al. 2013); `value(0.5)`: each of their numbers is cut off there."""

    kind: Literal["norm", "value"]
    limit: float
    span: Span | None = None
