"""What is wrong with losses, gradients and buffers is caught, and the node is named."""

from __future__ import annotations

from functools import cache

import pytest

from dlspec.ir.graph import Graph
from dlspec.randomness import initial_weights, structural_weights
from dlspec.verify.training import verify_training
from tests.verify.faults import Fault
from tests.verify.faults.training import TRAINING_FAULTS
from tests.verify.networks import Arrays
from tests.verify.subjects import SUBJECTS, Kind

KINDS: tuple[Kind, ...] = ("fresh", "trained")
CASES = [(f, k) for f in TRAINING_FAULTS for k in KINDS]


@cache
def objective(name: str) -> Graph:
    """What a step of the recipe computes."""
    return SUBJECTS[name].step().learn


def weights_of(name: str, kind: Kind) -> Arrays:
    """Of the objective."""
    graph = objective(name)
    learnt = {f"{name}.{k}": w for k, w in SUBJECTS[name].weights(kind).items()}
    return {**initial_weights(graph, 3), **learnt}


@cache
def told(fault: Fault, kind: Kind) -> tuple[tuple[str | None, int], ...]:
    """The node that each message names, and its line."""
    graph = objective(fault.subject)
    with fault.patch():
        proof = verify_training(graph, weights_of(fault.subject, kind), sizes={"N": 2}, seed=1)
    return tuple(
        (getattr(d, "node", None), 0 if d.span is None else d.span.line) for d in proof.diagnostics
    )


@pytest.mark.parametrize("name", ["picture", "mixed", "sentence"])
def test_right_steps_hold(name: str) -> None:
    graph = objective(name)
    for weights in (structural_weights(graph, 1), *(weights_of(name, k) for k in KINDS)):
        proof = verify_training(graph, weights, sizes={"N": 3}, seed=1)
        assert proof.ok, proof.diagnostics


@pytest.mark.parametrize(("fault", "kind"), CASES, ids=str)
def test_it_is_caught(fault: Fault, kind: Kind) -> None:
    assert told(fault, kind)


def test_the_node_and_its_line_are_named() -> None:
    wrong: list[str] = []
    for fault, kind in CASES:
        graph = objective(fault.subject)
        spoiled = fault.spoiled(graph)
        lines = {n.path: n.span.line for n in graph.nodes if n.span is not None}
        found = told(fault, kind)
        if not found or found[0][0] not in spoiled or lines[str(found[0][0])] != found[0][1]:
            wrong.append(f"{fault} ({kind}): {found[:2]}, it is {sorted(spoiled)}")
    print(f"{len(TRAINING_FAULTS)} faults, {len(wrong)} of {len(CASES)} cases misnamed", *wrong)
    assert len(wrong) <= 0.05 * len(CASES), "\n".join(wrong)
