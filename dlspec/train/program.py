"""A recipe as live PyTorch: the emitted module, its players' methods, initial weights.

With one step the module has the methods `learn` and `evaluate`; with several, `learn_<step>` and
`evaluate_<step>`; with stages, `learn_<stage>` or `learn_<stage>_<step>`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dlspec.ir.graph import Graph, Input
from dlspec.ir.least import rooms
from dlspec.ir.plan import RecipePlan, StepPlan
from dlspec.targets.torch_source import argument_name

if TYPE_CHECKING:
    import torch

Array = NDArray[Any]


@dataclass(frozen=True)
class Method:
    """A method of the module and what it is called with: `keywords` maps each graph input to the
    argument's name."""

    call: Callable[..., Any]
    keywords: Mapping[str, str]
    inputs: Mapping[str, Input]
    noises: tuple[Input, ...]

    @staticmethod
    def of(module: torch.nn.Module, name: str, graph: Graph) -> Method:
        """The method that was emitted for a graph."""
        keywords = {i.name: argument_name(i.name) for i in graph.inputs}
        fields = {i.name: i for i in graph.inputs if i.origin != "noise"}
        return Method(getattr(module, name), keywords, fields, tuple(graph.noise_inputs))


@dataclass(frozen=True)
class Program:
    """A module on its device with weights in it, and its methods by step, of all stages or (named
    ``stage``) of one."""

    plan: RecipePlan
    module: torch.nn.Module
    learn: tuple[Method, ...]
    evaluate: tuple[Method, ...]
    parameters: Mapping[str, torch.nn.Parameter]
    tensors: Mapping[str, torch.Tensor]
    device: torch.device
    stage: str = ""

    def part(self, number: int) -> Program:
        """The program of a stage, counted from 0; of a recipe without stages, the whole."""
        plan = self.plan
        if not plan.stages:
            return self
        begin = sum(len(p.steps) for p in plan.parts[:number])
        chosen = plan.parts[number]
        end = begin + len(chosen.steps)
        return replace(
            self,
            plan=chosen,
            learn=self.learn[begin:end],
            evaluate=self.evaluate[begin:end],
            stage=chosen.name,
        )

    def open(self) -> None:
        """Let exactly those parameters have gradients that a goal is over."""
        changed = {n for s in self.plan.all_steps for g in s.groups for n in g.parameters}
        for name, parameter in self.parameters.items():
            parameter.requires_grad_(name in changed)
            parameter.grad = None

    @property
    def fields(self) -> dict[str, Input]:
        """The fields of the data that any step reads."""
        return {n: i for m in (*self.learn, *self.evaluate) for n, i in m.inputs.items()}

    @property
    def rooms(self) -> dict[str, tuple[int, int]]:
        """How long batches of a field are at least, so that windows fit in."""
        return rooms(*(g for s in self.plan.all_steps for g in (s.learn, s.evaluate)))

    def load(self, weights: Mapping[str, Array]) -> None:
        """Copy weights in, by name."""
        import torch

        with torch.no_grad():
            for name, array in weights.items():
                # of its own, writable memory: PyTorch refuses to look into read-only arrays
                self.tensors[name].copy_(torch.from_numpy(np.array(array)))

    def weights(self) -> dict[str, Array]:
        """A copy of all parameters and buffers, by name."""
        return {n: t.detach().cpu().numpy().copy() for n, t in self.tensors.items()}


def method_names(plan: RecipePlan) -> list[tuple[str, str]]:
    """The names of each step's two methods, stage by stage."""
    if not plan.stages:
        if len(plan.steps) == 1:
            return [("learn", "evaluate")]
        return [(f"learn_{s.name}", f"evaluate_{s.name}") for s in plan.steps]
    found: dict[str, None] = {}
    for stage in plan.stages:
        for step in stage.steps:
            own = () if len(stage.steps) == 1 else (step.name,)
            name = re.sub(r"\W+", "_", "_".join((stage.name, *own))).strip("_")
            while name in found:
                name += "_"
            found[name] = None
    return [(f"learn_{name}", f"evaluate_{name}") for name in found]


def emitted(plan: RecipePlan) -> str:
    """The source of the module that is trained."""
    from dlspec.targets.torch_source import module_source

    methods: dict[str, Graph] = {}
    for step, (learn, evaluate) in zip(plan.all_steps, method_names(plan), strict=True):
        methods[learn] = step.learn
        methods[evaluate] = step.evaluate
    return module_source(plan.name, methods)


def program_of(plan: RecipePlan, path: Path, seed: int, device: torch.device) -> Program:
    """Write the module's source to a path, load it from there, and give it its initial weights."""
    from dlspec.targets.torch_source import load_module

    module = load_module(emitted(plan), path)()
    program = bind(plan, module, device)
    program.load(initial(plan, seed))
    return program


def bind(plan: RecipePlan, module: torch.nn.Module, device: torch.device) -> Program:
    """A program over a module that has the recipe's methods."""
    module = module.to(device)
    names = method_names(plan)
    steps = plan.all_steps
    graphs = [g for s in steps for g in (s.learn, s.evaluate)]
    known = {w.name for g in graphs for w in g.weights}
    parameters = dict(module.named_parameters())
    tensors = {n: t for n, t in module.state_dict(keep_vars=True).items() if n in known}
    made = Program(
        plan,
        module,
        tuple(Method.of(module, n[0], s.learn) for s, n in zip(steps, names, strict=True)),
        tuple(Method.of(module, n[1], s.evaluate) for s, n in zip(steps, names, strict=True)),
        parameters,
        tensors,
        device,
    )
    made.open()
    return made


def initial(plan: RecipePlan, seed: int) -> dict[str, Array]:
    """The weights that a recipe begins with: each a function of its name and the seed.

    A network that learns alone begins as it does without a recipe. Where several learn, their
    names count, for two of one definition must not begin as twins.
    """
    from dlspec.randomness import initial_weights

    prefix = f"{next(iter(plan.networks))}." if len(plan.networks) == 1 else ""
    found: dict[str, Array] = {}
    for step in plan.all_steps:
        for graph in (step.learn, step.evaluate):
            found |= initial_weights(graph, seed, prefix)
    return found


def by_network(plan: RecipePlan, weights: Mapping[str, Array]) -> dict[str, dict[str, Array]]:
    """Weights under their networks: `lenet.conv1.weight` is `conv1.weight` of `lenet`. The
    recipe's own stand under ""."""
    found: dict[str, dict[str, Array]] = {name: {} for name in plan.networks}
    prefixes = sorted(plan.networks, key=len, reverse=True)
    for name, array in weights.items():
        owner = next((p for p in prefixes if name.startswith(f"{p}.")), "")
        found.setdefault(owner, {})[name[len(owner) + 1 :] if owner else name] = array
    return found


def flat(weights: Mapping[str, Mapping[str, Array]]) -> dict[str, Array]:
    """The other way of `by_network`."""
    return {f"{n}.{k}" if n else k: a for n, keys in weights.items() for k, a in keys.items()}


def metric_names(step: StepPlan) -> list[str]:
    """The names of what a step's evaluation gives: `loss` first."""
    return [output.name for output in step.evaluate.outputs]
