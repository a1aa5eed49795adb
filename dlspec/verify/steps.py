"""Which node of a training step is wrong: every node alone, its results, its buffers' next values
and its gradients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlspec.interpreter import run
from dlspec.ir.graph import Buffer, Graph, Input, Node, Output, Value
from dlspec.randomness import generator
from dlspec.verify.bound import Bound, reference
from dlspec.verify.cut import given_inputs, severed
from dlspec.verify.torch_reference import TorchGraph, torch_faults
from dlspec.verify.verdict import compare

Array = NDArray[Any]

_STEP = 2.0**-17
_TRIES = 3


def first_wrong_step(
    graph: Graph, weights: Mapping[str, Array], inputs: Mapping[str, Array], *, seed: int = 0
) -> Node | None:
    """The first node whose emitted PyTorch computes, updates or differentiates something else than
    it means; None where each is right alone.

    Args:
        graph: a training or objective graph.
        weights, inputs: with which the step is wrong.
        seed: of directions and probes.
    """
    given = given_inputs(graph, inputs, weights)
    for node, cut in zip(graph.nodes, severed(graph).nodes, strict=True):
        if not _is_right(_alone(graph, node, cut), weights, given, seed):
            return node
    return None


def _alone(graph: Graph, node: Node, cut: Node) -> Graph:
    """A graph of one severed node, with the updates that it makes."""
    read = {v for v in cut.inputs if v is not None}
    twins = dict(zip(node.outputs, cut.outputs, strict=True))
    updates: list[tuple[Buffer, Value]] = [(b, twins[v]) for b, v in graph.updates if v in twins]
    moved = {v for _, v in updates}
    return replace(
        graph,
        kind="training",
        inputs=sorted((v for v in read if isinstance(v, Input)), key=lambda v: v.name),
        parameters=[p for p in graph.parameters if p in read],
        buffers=[b for b in graph.buffers if b in read],
        constants=[c for c in graph.constants if c in read],
        nodes=[cut],
        outputs=[Output(v.name, v) for v in cut.outputs if v not in moved],
        updates=updates,
    )


def _is_right(
    one: Graph, weights: Mapping[str, Array], given: Mapping[str, Array], seed: int
) -> bool:
    inputs = {i.name: given[i.name] for i in one.inputs}
    values = [o.value for o in one.outputs] + [v for _, v in one.updates]
    exact = reference(
        one, inputs, weights, [v.name for v in values], precision="float64", seed=seed
    )
    try:
        module = TorchGraph(one, weights, "float64")
        made = _tensors(module, inputs)
        answers = module.tensors(made)
    except torch_faults():
        return False
    after = module.buffers()
    found = {o.value.name: a.detach().numpy() for o, a in zip(one.outputs, answers, strict=True)}
    found |= {v.name: after[b.name] for b, v in one.updates}
    for value in values:
        known = exact.bounds[value.name]
        roomy = Bound(2 * known.largest, 2 * known.rms, known.floor, known.stable)
        verdict = compare(value.name, "alone", exact.values[value.name], found[value.name], roomy)
        if verdict.status == "fail":
            return False
    return _differentiates(one, weights, inputs, module, made, answers, seed)


def _tensors(module: TorchGraph, inputs: Mapping[str, Array]) -> dict[str, Any]:
    """The inputs as leaves that gradients flow into."""
    made = {name: module.tensor(array) for name, array in inputs.items()}
    for tensor in made.values():
        if tensor.is_floating_point():
            tensor.requires_grad_()
    return made


def _differentiates(
    one: Graph,
    weights: Mapping[str, Array],
    inputs: Mapping[str, Array],
    module: TorchGraph,
    made: Mapping[str, Any],
    answers: tuple[Any, ...],
    seed: int,
) -> bool:
    """Whether the gradient of a drawn projection of the results is that of central differences."""
    import torch

    shown = [(o, a) for o, a in zip(one.outputs, answers, strict=True) if a.is_floating_point()]
    leaves = {n: t for n, t in made.items() if t.requires_grad}
    leaves |= dict(module.module.named_parameters())
    if not shown or not leaves:
        return True
    rng = generator(seed, f"projection\0{one.nodes[0].path}")
    weight = {o.name: rng.standard_normal(tuple(a.shape)) for o, a in shown}
    total = sum((a * torch.from_numpy(weight[o.name])).sum() for o, a in shown)
    told: Any = total
    if not told.requires_grad:
        slopes: dict[str, Any] = dict.fromkeys(leaves)
    else:
        found: Any = torch.autograd.grad(told, list(leaves.values()), allow_unused=True)
        slopes = dict(zip(leaves, found, strict=True))
    wide = {**inputs, **{w.name: weights[w.name] for w in one.weights}}
    wide = {n: a.astype(np.float64) if a.dtype.kind == "f" else a for n, a in wide.items()}
    names = {i.name for i in one.inputs}

    def at(name: str, value: Array) -> float:
        changed = {**wide, name: value}
        with np.errstate(all="ignore"):
            outputs = run(
                one,
                {n: a for n, a in changed.items() if n in names},
                {n: a for n, a in changed.items() if n not in names},
            ).outputs
        return float(sum(np.sum(outputs[n] * w) for n, w in weight.items()))

    for name, slope in slopes.items():
        gradient = None if slope is None else slope.numpy()
        if not _agrees(name, wide[name], gradient, at, seed):
            return False
    return True


def _agrees(name: str, value: Array, gradient: Array | None, at: Any, seed: int) -> bool:
    """Whether along one of some directions the slopes are equal: only a wrong gradient is wrong
    along all. Where all of them begin at a kink (equal values in a pool) nothing is told."""
    here, told = at(name, value), False
    size = float(np.sqrt(np.mean(value * value))) if value.size else 0.0
    for attempt in range(_TRIES):
        direction = generator(seed, f"direction\0{name}", attempt).standard_normal(value.shape)
        step = _STEP * 2.0 ** (-3 * attempt) * max(size, 2.0**-4)
        ups = [at(name, value + k * step * direction) for k in (1, -1, 2, -2)]
        near, far = (ups[0] - ups[1]) / (2 * step), (ups[2] - ups[3]) / (4 * step)
        rounding = 64 * 2.0**-52 * max(map(abs, ups)) / step
        left, right = (here - ups[1]) / step, (ups[0] - here) / step
        if abs(left - right) > 1e-3 * max(abs(left), abs(right)) + 4 * rounding:
            continue
        told = True
        slope = 0.0 if gradient is None else float(np.sum(gradient * direction))
        accepted = 4 * abs(near - far) + rounding + 1e-6 * abs(near)
        if not np.isfinite(near) or abs(slope - near) <= accepted:
            return True
    return not told
