"""PyTorch's optimisers, fused, one a group of parameters; their state by parameter name.

sgd:  v ← momentum · v + g + decay · w;  w ← w - lr · v  (nesterov: w ← w - lr · (g + momentum · v))
adam: Kingma & Ba 2015, arXiv:1412.6980, as `torch.optim.Adam` (``decay`` is added to the gradient)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.train import BadOptimizerSetting
from dlspec.ir.plan import GroupPlan, OptimizerPlan, Schedule
from dlspec.train.schedules import Curve, curve_of

if TYPE_CHECKING:
    import torch

_DEFAULTS: dict[str, dict[str, float | bool]] = {
    "sgd": {"lr": 0.01, "momentum": 0.0, "decay": 0.0, "nesterov": False},
    "adam": {"lr": 0.001, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "decay": 0.0},
}
_BOUNDS: dict[str, tuple[float, float, str]] = {
    "lr": (0.0, float("inf"), "a number from 0"),
    "momentum": (0.0, 1.0, "a number from 0 to 1"),
    "beta1": (0.0, 1.0, "a number from 0 up to 1"),
    "beta2": (0.0, 1.0, "a number from 0 up to 1"),
    "epsilon": (0.0, float("inf"), "a number from 0"),
    "decay": (0.0, float("inf"), "a number from 0"),
}


class GroupOptimizer:
    """One optimiser over its named parameters, with the schedules of its settings."""

    def __init__(
        self,
        group: GroupPlan,
        parameters: Mapping[str, torch.nn.Parameter],
        steps_per_epoch: int,
        total_steps: int | None,
    ) -> None:
        import torch

        plan = group.optimizer
        self.names = list(group.parameters)
        self._parameters = [parameters[n] for n in self.names]
        settings = _checked(plan)
        curves = {
            name: curve_of(value, steps_per_epoch, total_steps, plan.span)
            for name, value in settings.items()
            if isinstance(value, Schedule)
        }
        start: dict[str, Any] = {
            name: curves[name](0) if name in curves else value for name, value in settings.items()
        }
        fused = self._parameters[0].device.type in ("cpu", "cuda", "mps")
        if plan.kind == "sgd":
            self.torch: torch.optim.Optimizer = torch.optim.SGD(
                self._parameters,
                lr=start["lr"],
                momentum=start["momentum"],
                weight_decay=start["decay"],
                nesterov=start["nesterov"],
                fused=fused,
            )
        else:
            self.torch = torch.optim.Adam(
                self._parameters,
                lr=start["lr"],
                betas=(start["beta1"], start["beta2"]),
                eps=start["epsilon"],
                weight_decay=start["decay"],
                fused=fused,
            )
        self._scheduled = [
            _setter(self.torch.param_groups[0], name, c) for name, c in curves.items()
        ]
        self.scheduled = bool(self._scheduled)

    def schedule(self, step: int) -> None:
        """Set the settings that have a schedule to their values at a step."""
        for set_at in self._scheduled:
            set_at(step)

    def state(self) -> dict[str, torch.Tensor]:
        """The optimiser's tensors as `<parameter>/<slot>`."""
        import torch

        found: dict[str, torch.Tensor] = {}
        for name, parameter in zip(self.names, self._parameters, strict=True):
            for slot, value in self.torch.state.get(parameter, {}).items():
                if isinstance(value, torch.Tensor):
                    found[f"{name}/{slot}"] = value
        return found

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        """Take the tensors of `state` back."""
        by_name = dict(zip(self.names, self._parameters, strict=True))
        for key, value in state.items():
            name, _, slot = key.rpartition("/")
            parameter = by_name[name]
            self.torch.state[parameter][slot] = value.to(parameter.device)


def _setter(group: dict[str, Any], name: str, curve: Curve) -> Callable[[int], None]:
    if name in ("beta1", "beta2"):
        place = 0 if name == "beta1" else 1

        def set_beta(step: int) -> None:
            betas = list(group["betas"])
            betas[place] = curve(step)
            group["betas"] = tuple(betas)

        return set_beta
    key = {"decay": "weight_decay", "epsilon": "eps"}.get(name, name)

    def set_value(step: int) -> None:
        group[key] = curve(step)

    return set_value


def _checked(plan: OptimizerPlan) -> dict[str, float | bool | Schedule]:
    defaults = _DEFAULTS[plan.kind]
    settings: dict[str, float | bool | Schedule] = {**defaults, **plan.settings}
    for name, value in settings.items():
        if name not in defaults:
            known = "one of " + ", ".join(defaults)
            raise DlspecError(BadOptimizerSetting(plan.span, plan.kind, name, "set", known))
        if isinstance(value, Schedule) or name not in _BOUNDS:
            continue
        low, high, expected = _BOUNDS[name]
        if not low <= value <= high or (name.startswith("beta") and value == 1):
            raise DlspecError(
                BadOptimizerSetting(plan.span, plan.kind, name, f"{value:g}", expected)
            )
    if settings.get("nesterov") and not settings["momentum"]:
        expected = "false where there is no momentum"
        raise DlspecError(BadOptimizerSetting(plan.span, plan.kind, "nesterov", "true", expected))
    return settings
