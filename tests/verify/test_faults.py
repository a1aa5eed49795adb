"""Every fault is caught, on fresh and on trained weights, and the node that has it is named."""

from __future__ import annotations

import copy
from functools import cache

import onnx
import pytest

from dlspec.diagnostics import Diagnostic
from dlspec.targets.onnx import onnx_from_graph
from dlspec.verify.engine import verify_network
from dlspec.verify.refusals import refusals
from dlspec.verify.result import Verification
from dlspec.verify.study import Study
from tests.verify.faults import FAULTS, Fault
from tests.verify.networks import Arrays, Runner
from tests.verify.subjects import SUBJECTS, Kind

CASES = [(f, k) for f in FAULTS for k in SUBJECTS[f.subject].kinds]


@cache
def right(name: str, kind: Kind) -> Study:
    """What is known of a network without faults."""
    subject = SUBJECTS[name]
    study = Study(subject.plan, subject.weights(kind), fast=True, seed=5)
    study.reference(study.cases[0])
    assert all(n.status == "pass" for n in study.nodes)
    return study


def known(fault: Fault, kind: Kind, model: onnx.ModelProto) -> Study | None:
    """What of it still holds with a fault, so that it is not computed again."""
    if fault.where in ("pass", "meaning"):
        return None
    study = copy.copy(right(fault.subject, kind))
    if fault.where in ("onnx", "model"):
        vars(study).update(_model=model)
        for name in ("model", "nodes"):
            vars(study).pop(name, None)
    return study


def verified(fault: Fault, kind: Kind) -> tuple[Verification, set[str]]:
    """What verification says of a network with a fault, and which nodes have it."""
    subject = SUBJECTS[fault.subject]
    weights = subject.weights(kind)
    right(fault.subject, kind)
    with fault.patch():
        plan = subject.plan
        if fault.where == "pass":
            (plan,) = subject.compile().networks.values()
        model = onnx_from_graph(plan.graph, weights)
        if fault.where == "model":
            fault.edit(model)
        result = verify_network(
            plan,
            weights,
            session(fault, model),
            use_torch=fault.where == "torch",
            fast=True,
            seed=5,
            model=model,
            study=known(fault, kind, model),
            rebuild=fault.session,
        )
    return result, fault.spoiled(plan.meant or plan.graph)


def session(fault: Fault, model: object) -> Runner:
    """The engine, or where it cannot be made one that refuses."""
    try:
        return fault.session(model)  # type: ignore[arg-type]
    except refusals() as error:
        told = str(error)

        def refusing(_: object) -> Arrays:
            raise RuntimeError(told)

        return refusing


def named(diagnostic: Diagnostic) -> str | None:
    """The node that a message names, if its place is the node's line in the spec."""
    return getattr(diagnostic, "node", None)


if __name__ == "__main__":
    import sys
    import time

    for fault, kind in CASES:
        if len(sys.argv) > 1 and sys.argv[1] not in str(fault):
            continue
        t = time.time()
        result, spoiled = verified(fault, kind)
        errors = [d for d in result.diagnostics if d.severity == "error"]
        names = [named(d) for d in errors]
        ok = bool(errors) and names[0] in spoiled
        if result.status != "failed" or not ok or "-v" in sys.argv:
            print(
                result.status,
                fault,
                kind,
                names,
                spoiled,
                [d.code for d in errors],
                f"{time.time() - t:.2f}",
            )
