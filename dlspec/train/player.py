"""One step of a recipe, ready to run: forward, backward, update of exactly its parameters."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dlspec.ir.optimizer_plan import ClipPlan
from dlspec.ir.plan import StepPlan
from dlspec.train.noise import NoiseSource, sizes_of
from dlspec.train.optimizers import GroupOptimizer
from dlspec.train.program import Method, Program

if TYPE_CHECKING:
    import torch

    Batch = Mapping[str, torch.Tensor]


class Caller:
    """Calls a method with a batch, and with noise drawn for a step."""

    def __init__(self, method: Method, seed: int, stream: str, device: torch.device) -> None:
        self._call = method.call
        self._fields = [(f, method.keywords[f]) for f in method.inputs]
        self._inputs = method.inputs
        self._noises = [
            (NoiseSource(n, seed, stream, device), method.keywords[n.name]) for n in method.noises
        ]

    def __call__(self, batch: Batch, step: int) -> Any:
        """What the method gives for a batch."""
        arguments = {keyword: batch[field] for field, keyword in self._fields}
        if self._noises:
            sizes = sizes_of(self._inputs, batch)
            for noise, keyword in self._noises:
                arguments[keyword] = noise(step, sizes)
        return self._call(**arguments)


class Precision:
    """Autocast of a recipe's precision, and loss scaling for float16 (Micikevicius et al. 2018,
    arXiv:1710.03740)."""

    def __init__(self, name: str, device: torch.device) -> None:
        import torch

        self._device = device.type
        self._dtype = None if name == "float32" else getattr(torch, name)
        self.scaler = torch.amp.GradScaler(self._device) if name == "float16" else None

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        """The context of a forward pass."""
        import torch

        if self._dtype is None:
            return contextlib.nullcontext()
        return torch.autocast(self._device, self._dtype)

    def state(self) -> dict[str, float]:
        """The scaler's numbers."""
        return dict(self.scaler.state_dict()) if self.scaler else {}

    def restore(self, state: dict[str, float]) -> None:
        """Take the numbers of `state` back."""
        if self.scaler and state:
            self.scaler.load_state_dict(state)


class Player:
    """A step's learning."""

    def __init__(
        self,
        index: int,
        program: Program,
        seed: int,
        steps_per_epoch: int,
        total_steps: int | None,
        precision: Precision,
    ) -> None:
        step: StepPlan = program.plan.steps[index]
        self.name = step.name
        self.times = step.times
        stream = "/".join(("learn", *filter(None, (program.stage,)), step.name))
        self._loss = Caller(program.learn[index], seed, stream, program.device)
        self._per = step.per.get("loss", "")
        self._accumulate = program.plan.accumulate
        turns = None if total_steps is None else total_steps * step.times
        self.optimizers = [
            GroupOptimizer(g, program.parameters, steps_per_epoch * step.times, turns)
            for g in step.groups
            if g.parameters
        ]
        self._torch = [o.torch for o in self.optimizers]
        self._scheduled = [o for o in self.optimizers if o.scheduled]
        mine = {n for g in step.groups for n in g.parameters}
        self._mine = [program.parameters[n] for n in sorted(mine)]
        changed = {n for s in program.plan.steps for g in s.groups for n in g.parameters}
        self._others = [program.parameters[n] for n in sorted(changed - mine)]
        self._alone = len(program.plan.steps) == 1
        self._plain = program.plan.precision == "float32"
        self._precision = precision
        self._clip = _clipper(program.plan.clip)

    def loss(self, batch: Batch, turn: int) -> torch.Tensor:
        """The loss of a batch, with a graph to the parameters of this step alone."""
        if not self._alone:
            for parameter in self._others:
                parameter.requires_grad_(False)
            for parameter in self._mine:
                parameter.requires_grad_(True)
        if self._plain:
            return self._loss(batch, turn)
        with self._precision.autocast():
            return self._loss(batch, turn)

    def forget(self) -> None:
        """Drop the gradients."""
        for parameter in self._mine:
            parameter.grad = None

    def turn(self, batches: Sequence[Batch], turn: int) -> torch.Tensor:
        """Learn from batches that make one update; the loss, still on the device. ``turn`` counts
        this step's own turns."""
        for optimizer in self._scheduled:
            optimizer.schedule(turn)
        scaler = self._precision.scaler
        losses: list[torch.Tensor] = []
        for position, (batch, share) in enumerate(zip(batches, self._shares(batches), strict=True)):
            loss = self.loss(batch, turn * self._accumulate + position)
            part = loss if share is None else loss * share
            (part if scaler is None else scaler.scale(part)).backward()
            losses.append(part.detach())
        if self._clip is not None:
            if scaler is not None:
                for optimizer in self._torch:
                    scaler.unscale_(optimizer)
            self._clip(self._mine)
        if scaler is None:
            for optimizer in self._torch:
                optimizer.step()
        else:
            for optimizer in self._torch:
                scaler.step(optimizer)
            scaler.update()
        self.forget()
        return losses[0] if len(losses) == 1 else sum(losses[1:], losses[0])

    def _shares(self, batches: Sequence[Batch]) -> Sequence[torch.Tensor | float | None]:
        """What each of several batches is of all: the loss of all is the mean over their examples,
        or over their steps where the loss is a mean over steps. None for a batch alone."""
        if len(batches) == 1:
            return [None]
        if self._per in batches[0]:
            steps = [batch[self._per].sum().float() for batch in batches]
            total = sum(steps[1:], steps[0])
            return [s / total for s in steps]
        counts = [len(next(iter(batch.values()))) for batch in batches]
        return [count / sum(counts) for count in counts]


def _clipper(plan: ClipPlan | None) -> Callable[[list[torch.nn.Parameter]], object] | None:
    """What is done to gradients before a step."""
    if plan is None:
        return None
    from torch.nn import utils

    limit = plan.limit
    if plan.kind == "norm":
        return lambda parameters: utils.clip_grad_norm_(parameters, limit, foreach=True)
    return lambda parameters: utils.clip_grad_value_(parameters, limit, foreach=True)
