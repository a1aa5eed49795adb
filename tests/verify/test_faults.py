"""Every fault is caught, on fresh and on trained weights, and the node that has it is named."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Generator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import onnx
import pytest

from dlspec.diagnostics import Diagnostic
from dlspec.ir.plan import NetworkPlan
from dlspec.randomness import structural_weights
from dlspec.targets.onnx import onnx_from_graph
from dlspec.verify.bound import evaluate
from dlspec.verify.discrete import on_grid
from dlspec.verify.engine import verify_network
from dlspec.verify.inputs import LENGTHS, SCALES, draw_inputs
from dlspec.verify.refusals import refusals
from dlspec.verify.study import Study
from dlspec.verify.torch_reference import TorchGraph, torch_faults
from tests.verify.faults import FAULTS, Fault
from tests.verify.memory import remembering
from tests.verify.networks import Arrays, Runner, ort_engine
from tests.verify.subjects import SUBJECTS, Kind, Subject

EVERY = [(f, k) for f in FAULTS for k in SUBJECTS[f.subject].kinds]
SLOW = [
    (f, k)
    for f, k in EVERY
    if f.subject == "memory" and f.where in ("torch", "meaning", "pass") and k == "trained"
]
CASES = [case for case in EVERY if case not in SLOW]
SEED = 5


@dataclass(frozen=True)
class Outcome:
    """What verification says of a network with a fault: its status, the nodes that messages name,
    whether the first message's place is that node's line, and which nodes have the fault."""

    status: str
    named: tuple[str | None, ...]
    placed: bool
    spoiled: frozenset[str]

    @property
    def is_right(self) -> bool:
        """Whether the first message names a node that has the fault, and its line."""
        return bool(self.named) and self.named[0] in self.spoiled and self.placed


@cache
def right(name: str, kind: Kind) -> Study:
    """What is known of a network without faults."""
    subject = SUBJECTS[name]
    study = Study(subject.plan, subject.weights(kind), seed=SEED)
    study.reference(study.cases[0])
    assert all(n.status == "pass" for n in study.nodes)
    assert study.passes is None
    return study


def known(fault: Fault, kind: Kind, model: onnx.ModelProto) -> Study | None:
    """What of it still holds with a fault, so that it is not computed again."""
    if fault.where in ("pass", "meaning"):
        return None
    study = copy.copy(right(fault.subject, kind))
    vars(study)["_model"] = model
    vars(study).pop("model", None)
    if fault.where in ("onnx", "model"):
        vars(study).pop("nodes", None)
    return study


def spoilt(fault: Fault, subject: Subject) -> NetworkPlan:
    """The network as it is compiled with the fault."""
    if fault.where != "pass":
        return subject.plan
    (plan,) = subject.compile().networks.values()
    return plan


@cache
def outcome(fault: Fault, kind: Kind) -> Outcome:
    """Verify a network with a fault."""
    subject = SUBJECTS[fault.subject]
    weights = subject.weights(kind)
    right(fault.subject, kind)
    known_still = fault.where not in ("pass", "meaning")
    with fault.patch(), remembering() if known_still else nullcontext():
        plan = spoilt(fault, subject)
        model = onnx_from_graph(plan.graph, weights)
        if fault.where == "model":
            fault.edit(model)
        result = verify_network(
            plan,
            weights,
            session(fault, model),
            use_torch=fault.where == "torch",
            seed=SEED,
            model=model,
            study=known(fault, kind, model),
            rebuild=fault.session,
        )
    errors = [d for d in result.diagnostics if d.severity == "error"]
    meant = plan.meant or plan.graph
    lines = {n.path: n.span.line for n in meant.nodes if n.span is not None}
    named = tuple(named_by(d) for d in errors)
    first = errors[0].span.line if errors and errors[0].span is not None else 0
    placed = bool(named) and named[0] is not None and lines.get(named[0]) == first
    spoiled = fault.spoiled(meant if fault.where == "pass" else plan.graph)
    return Outcome(result.status, named, placed, frozenset(spoiled))


def session(fault: Fault, model: onnx.ModelProto) -> Runner:
    """The engine, or where it cannot be made one that refuses."""
    try:
        return fault.session(model)
    except refusals() as error:
        told = str(error)

        def refusing(_: object) -> Arrays:
            raise RuntimeError(told)

        return refusing


def named_by(diagnostic: Diagnostic) -> str | None:
    """The node that a message names."""
    return getattr(diagnostic, "node", None)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Generator[None]:
    """PyTorch with one thread: networks this small are slower with more."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [*CASES, *(pytest.param(*case, marks=pytest.mark.slow) for case in SLOW)],
    ids=lambda v: str(v),
)
def test_it_is_caught(fault: Fault, kind: Kind) -> None:
    assert outcome(fault, kind).status == "failed"


def test_the_node_and_its_line_are_named() -> None:
    found = {case: outcome(*case) for case in CASES}
    wrong = [
        f"{fault} ({kind}): named {o.named}, at its line: {o.placed}, it is {sorted(o.spoiled)}"
        for (fault, kind), o in found.items()
        if not o.is_right
    ]
    print(f"{len(FAULTS)} faults, {len(CASES)} cases, {len(wrong)} misnamed", *wrong, sep="\n")
    assert len(wrong) <= 0.05 * len(CASES), "\n".join(wrong)


def test_there_are_faults_of_every_kind() -> None:
    counts = Counter(f.where for f in FAULTS)
    assert len(FAULTS) >= 120
    assert len({str(f) for f in FAULTS}) == len(FAULTS)
    assert min(counts[w] for w in ("onnx", "torch", "meaning", "pass", "model", "engine")) >= 5


# --- no fault is an equal in disguise -------------------------------------------------------------


@cache
def drawn(name: str) -> list[Arrays]:
    """Inputs of the declared types, at all scales, with ties, and nothing but zeros."""
    graph = SUBJECTS[name].graph
    sizes = {**dict.fromkeys(graph.symbols, 3), "T": 9}
    found = [draw_inputs(graph, sizes, seed=i, scale=s) for i, s in enumerate(SCALES)]
    if any(i.origin == "lengths" for i in graph.inputs):
        found += [draw_inputs(graph, sizes, lengths=fill) for fill in LENGTHS.values()]
    found.append({n: on_grid(a) for n, a in found[0].items()})
    found.append({n: np.zeros_like(a) for n, a in found[0].items()})
    return found


Answers = list[Mapping[str, Any] | None]


def answers(plan: NetworkPlan, fault: Fault, *, spoil: bool) -> Answers:
    """What comes out for these inputs with weights that hide nothing; None where it refuses."""
    weights = structural_weights(plan.graph, 1)
    graph = plan.graph
    run: Any
    try:
        if fault.where == "meaning":
            outputs = [o.value.name for o in graph.outputs]

            def run(inputs: Arrays) -> Arrays:
                return evaluate(graph, inputs, weights, outputs)
        elif fault.where == "torch":
            run = TorchGraph(graph, weights, "float64")
        else:
            model = onnx_from_graph(graph, weights)
            if spoil:
                fault.edit(model)
            run = ort_engine(model, optimised=False)
            run = fault.wrap(run) if spoil else run
    except torch_faults():
        return [None]
    found: Answers = []
    for inputs in drawn(fault.subject):
        try:
            found.append(run(inputs))
        except torch_faults():
            found.append(None)
    return found


@cache
def right_answers(name: str, how: str) -> Answers:
    """The answers without a fault."""
    fault = next(f for f in FAULTS if f.subject == name and side(f) == how)
    found = answers(SUBJECTS[name].plan, fault, spoil=False)
    assert None not in found
    return found


def side(fault: Fault) -> str:
    """Which of the three opinions has the fault."""
    return fault.where if fault.where in ("meaning", "torch") else "engine"


def differ(a: Mapping[str, Any] | None, b: Mapping[str, Any] | None, rounding: float) -> bool:
    """Whether answers differ by more than rounding."""
    if a is None or b is None:
        return (a is None) != (b is None)
    for name, x in a.items():
        y = b[name]
        if x.shape != y.shape or x.dtype.kind != y.dtype.kind:
            return True
        if x.dtype.kind != "f":
            if (x != y).any():
                return True
        elif not np.allclose(
            x, y, rtol=rounding, atol=rounding * np.nanmax(np.abs(x)), equal_nan=True
        ):
            return True
    return False


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_it_is_a_fault(fault: Fault) -> None:
    subject = SUBJECTS[fault.subject]
    good = right_answers(fault.subject, side(fault))
    with fault.patch():
        bad = answers(spoilt(fault, subject), fault, spoil=True)
    if len(bad) < len(good):  # it cannot even be loaded
        return
    rounding = 2e-7 if side(fault) == "engine" else 1e-12
    pairs = zip(good, bad, strict=True)
    assert any(differ(a, b, rounding) for a, b in pairs), "an equal in disguise"
