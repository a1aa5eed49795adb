"""What must be the same for a run to be resumed, as texts by topic, so that a difference can be
named."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from dlspec.data.dataset import Dataset
from dlspec.ir.graph import Graph, Value
from dlspec.ir.plan import RecipePlan


def recipe_fingerprint(
    plan: RecipePlan, seed: int, dataset: Dataset, fields: list[str]
) -> dict[str, str]:
    """What may not change: stages, graphs, groups and kinds of optimisers, batch, precision, seed,
    training data."""
    found = {
        "precision": plan.precision,
        "seed": str(seed),
        **({"init": plan.init} if plan.init != "declared" else {}),
        "training data": _data(dataset, fields),
    }
    if not plan.stages:
        return found | _part(plan)
    found["stages"] = ", ".join(stage.name for stage in plan.stages)
    for stage in plan.stages:
        found |= {f"{topic} of stage `{stage.name}`": t for topic, t in _part(stage).items()}
    return found


def _part(plan: RecipePlan) -> dict[str, str]:
    """What may not change of a stage, or of a recipe without."""
    found = {
        "batch": str(plan.batch),
        **({"clip": f"{plan.clip.kind} {plan.clip.limit:g}"} if plan.clip is not None else {}),
        **({"buckets": str(plan.buckets)} if plan.buckets != 8 else {}),
        **({"accumulate": str(plan.accumulate)} if plan.accumulate != 1 else {}),
    }
    for step in plan.steps:
        found[f"network or loss of step `{step.name}`"] = _short("\n".join(_graph(step.learn)))
        kinds = ";".join(f"{g.optimizer.kind}:{','.join(g.parameters)}" for g in step.groups)
        found[f"optimizers of step `{step.name}`"] = (
            f"{'+'.join(g.optimizer.kind for g in step.groups)} {_short(kinds)}"
        )
        found[f"times of step `{step.name}`"] = str(step.times)
    return found


def changes(was: dict[str, str], now: dict[str, str]) -> list[str]:
    """What differs, in words."""
    found: list[str] = []
    for topic in [*was, *(t for t in now if t not in was)]:
        before, after = was.get(topic), now.get(topic)
        if before is None or after is None:
            found.append(f"{topic} ({'new' if before is None else 'gone'})")
        elif before != after:
            plain = len(before) <= 12 and len(after) <= 12
            found.append(f"{topic} ({before} before, {after} now)" if plain else topic)
    return found


def environment(device: Any, threads: int, matmul: str) -> dict[str, str]:
    """What weights depend on besides the recipe: versions, device, instruction set, threads,
    precision of products."""
    import torch

    from dlspec import __version__

    kind = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    return {
        "dlspec": __version__,
        "torch": str(torch.__version__),
        "device": kind,
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "threads": str(threads),
        "matmul precision": matmul,
    }


def graph_digest(graph: Graph) -> str:
    """A short text that differs where graphs compute something else."""
    return _short("\n".join(_graph(graph)))


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _data(dataset: Dataset, fields: list[str]) -> str:
    """Number of examples, and up to 256 of them spread over the set."""
    digest = hashlib.sha256()
    rows = np.unique(np.linspace(0, len(dataset) - 1, 256).astype(np.int64))
    taken = dataset.take(rows)
    for name in sorted(fields):
        digest.update(f"{name}:{taken[name].dtype}:{taken[name].shape};".encode())
        digest.update(np.ascontiguousarray(taken[name]).tobytes())
    return f"{len(dataset)} examples {digest.hexdigest()[:16]}"


def _graph(graph: Graph) -> list[str]:
    """The structure of a graph, without places in the source."""
    lines = [f"input {i} {i.origin} {i.distribution}" for i in graph.inputs]
    lines += [f"weight {w} {w.init} {_bytes(w.init.literal)}" for w in graph.weights]
    lines += [f"constant {c} {_bytes(c.value)}" for c in graph.constants]
    for node in graph.nodes:
        attributes = {f: _attribute(getattr(node.op, f)) for f in node.op.attributes()}
        inputs = [v.name if v is not None else "-" for v in node.inputs]
        lines.append(f"{node.op.name} {attributes} {inputs} -> {[str(v) for v in node.outputs]}")
    lines += [f"update {b.name} = {v.name}" for b, v in graph.updates]
    lines += [f"output {o.name} = {o.value.name}" for o in graph.outputs]
    return lines


def _attribute(value: Any) -> str:
    if isinstance(value, Graph):
        return "{" + "; ".join(_graph(value)) + "}"
    if isinstance(value, Value):
        return value.name
    if isinstance(value, np.ndarray):
        return _bytes(value)
    if isinstance(value, tuple | list):
        return f"({', '.join(_attribute(v) for v in value)})"  # type: ignore[reportUnknownVariableType]
    return repr(value)


def _bytes(array: Any) -> str:
    if array is None:
        return ""
    digest = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
    return f"{array.dtype}{array.shape}{digest[:16]}"
