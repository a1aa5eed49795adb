"""PyTorch's optimisers, fused, one a group of parameters; their state by parameter name.

sgd:  v ← momentum · v + g + decay · w;  w ← w - lr · v  (nesterov: w ← w - lr · (g + momentum · v))
adam: Kingma & Ba 2015, arXiv:1412.6980, as `torch.optim.Adam` (``decay`` is added to the gradient)
adamw: Loshchilov & Hutter 2019, arXiv:1711.05101 (``decay`` shrinks the weights themselves)
rmsprop: Hinton 2012, lecture 6e:  s ← alpha · s + (1 - alpha) · g²;  w ← w - lr · g / (√s + ε)
adagrad: Duchi et al. 2011:  s ← s + g²;  w ← w - lr · g / (√s + ε)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.train import BadOptimizerSetting
from dlspec.ir.optimizer_plan import OPTIMIZERS
from dlspec.ir.plan import GroupPlan, OptimizerPlan, Schedule
from dlspec.train.schedules import Curve, curve_of

if TYPE_CHECKING:
    import torch


class GroupOptimizer:
    """One optimiser over its named parameters, with the schedules of its settings."""

    def __init__(
        self,
        group: GroupPlan,
        parameters: Mapping[str, torch.nn.Parameter],
        steps_per_epoch: int,
        total_steps: int | None,
    ) -> None:

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
        self.torch: torch.optim.Optimizer = _made(plan.kind, self._parameters, start)
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
    known = OPTIMIZERS.get(plan.kind)
    if known is None:
        raise DlspecError(
            BadOptimizerSetting(plan.span, plan.kind, "kind", "unknown", ", ".join(OPTIMIZERS))
        )
    settings: dict[str, float | bool | Schedule] = {n: k.default for n, k in known.items()}
    settings |= plan.settings
    for name, value in settings.items():
        if name not in known:
            listed = "one of " + ", ".join(known)
            raise DlspecError(BadOptimizerSetting(plan.span, plan.kind, name, "set", listed))
        # a rate of 0 learns nothing, and is no mistake in a plan made in Python
        still = name == "lr" and value == 0 and not isinstance(value, bool)
        if isinstance(value, Schedule) or known[name].accepts(value) or still:
            continue
        shown = f"{value:g}" if not isinstance(value, bool) else str(value).lower()
        raise DlspecError(
            BadOptimizerSetting(plan.span, plan.kind, name, shown, known[name].expected)
        )
    if settings.get("nesterov") and not settings["momentum"]:
        expected = "false where there is no momentum"
        raise DlspecError(BadOptimizerSetting(plan.span, plan.kind, "nesterov", "true", expected))
    return settings


def _made(
    kind: str, parameters: list[torch.nn.Parameter], start: Mapping[str, Any]
) -> torch.optim.Optimizer:
    """PyTorch's optimiser, its fused kernel where it has one."""
    import torch

    fused = parameters[0].device.type in ("cpu", "cuda", "mps")
    decay = start["decay"]
    if kind == "sgd":
        return torch.optim.SGD(
            parameters,
            lr=start["lr"],
            momentum=start["momentum"],
            weight_decay=decay,
            nesterov=start["nesterov"],
            fused=fused,
        )
    if kind == "rmsprop":
        return torch.optim.RMSprop(
            parameters,
            lr=start["lr"],
            alpha=start["alpha"],
            eps=start["epsilon"],
            momentum=start["momentum"],
            weight_decay=decay,
        )
    if kind == "adagrad":
        fused = parameters[0].device.type == "cpu"
        return torch.optim.Adagrad(
            parameters, lr=start["lr"], eps=start["epsilon"], weight_decay=decay, fused=fused
        )
    adam = torch.optim.AdamW if kind == "adamw" else torch.optim.Adam
    return adam(
        parameters,
        lr=start["lr"],
        betas=(start["beta1"], start["beta2"]),
        eps=start["epsilon"],
        weight_decay=decay,
        fused=fused,
    )
