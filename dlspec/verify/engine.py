"""Verify a network: an engine as it is deployed, its references, its checks, and every node
alone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dlspec.ir.plan import NetworkPlan
from dlspec.randomness import structural_weights
from dlspec.verify.checks import CheckResult, run_checks
from dlspec.verify.findings import findings
from dlspec.verify.inputs import Case
from dlspec.verify.local import NodeResult, bisect
from dlspec.verify.prefixes import Rebuild, first_wrong_prefix
from dlspec.verify.refusals import refusals
from dlspec.verify.result import Verification, versions
from dlspec.verify.study import Study
from dlspec.verify.verdict import Verdict, refusal

if TYPE_CHECKING:
    import onnx

Array = NDArray[Any]
Runner = Callable[[dict[str, Array]], Mapping[str, Array]]

LESS = "golden inputs only"
"""What is said of a verification that `--fast` asked for."""


def verify_network(
    plan: NetworkPlan,
    weights: Mapping[str, Array],
    engine_runner: Runner | None,
    *,
    precision: str = "float32",
    bounds: Mapping[str, tuple[int, int]] | None = None,
    tolerance: float | None = None,
    outputs: Collection[str] | None = None,
    examples: Sequence[Mapping[str, Array]] | None = None,
    use_torch: bool | None = None,
    fast: bool = False,
    golden: bool = False,
    seed: int = 0,
    engine: str = "engine",
    model: onnx.ModelProto | None = None,
    study: Study | None = None,
    rebuild: Rebuild | None = None,
) -> Verification:
    """Prove an engine, or say what is wrong with it.

    Args:
        plan: the network with its checks.
        weights: by name, as stored.
        engine_runner: the deployed engine: every input by name (noise and lengths too) to outputs
            by name. None where this machine cannot run it: then the references, the checks and
            every node are proved.
        precision: what it promises to compute in: float32, tf32, float16, bfloat16.
        bounds: (least, most) of the dynamic dimensions.
        tolerance: accepted error relative to an output's rms, in place of the derived bound.
        outputs: which of the network's outputs it has; all without.
        examples: real inputs, each a whole set by name.
        use_torch: whether PyTorch takes part; None: where it is installed, unless ``fast`` or
            ``golden``.
        fast: fewer elements at the largest sizes, local proof at one scale, no PyTorch unless
            asked for.
        golden: the golden inputs and the spec's checks only: what `dlspec compile --fast` asks for.
        seed: of inputs and probes; the same seed gives the same verdict.
        engine: what messages call it, `edge (onnxruntime)`.
        model: the unoptimised ONNX model that the engine is built from, before legalisation;
            emitted here without.
        study: of an earlier call for the same network, weights and bounds, so that references are
            made once; `Verification` does not keep it.
        rebuild: builds this engine from another model, to find the node where it goes wrong by
            itself.

    Returns:
        What was found; `raise_if_failed` turns failures into a DlspecError.
    """
    started = perf_counter()
    if study is None:
        study = Study(
            plan,
            weights,
            bounds=bounds,
            examples=examples or (),
            fast=fast,
            golden=golden,
            seed=seed,
            model=model,
        )
    before = dict(study.timings)
    expected = [n for n in study.outputs if outputs is None or n in outputs]
    found: list[Verdict] = []
    if engine_runner is not None:
        found = _run_cases(study, engine_runner, expected, precision, tolerance)
    torch_found, disagreement = _torch(study, use_torch, fast or golden)
    sides: dict[str, Runner] = (
        {"PyTorch in float32": torch_found.runner} if torch_found.runner else {}
    )
    checks = _checks(study, engine_runner, expected, sides, engine, precision, found)
    nodes = study.nodes
    changed = study.passes
    culprit = _bisect(study, found, nodes, precision, tolerance, rebuild)
    timings = {k: v - before.get(k, 0.0) for k, v in study.timings.items()}
    timings["total"] = perf_counter() - started
    result = Verification(
        network=plan.name,
        engine=engine,
        precision=precision,
        tolerance=tolerance,
        verdicts=tuple(found),
        references=tuple(torch_found.float64),
        torch=tuple(torch_found.float32),
        torch_nodes=() if torch_found.nodes is None else (torch_found.nodes,),
        checks=tuple(checks),
        nodes=tuple(nodes),
        bisection=tuple(culprit),
        passes=() if changed is None else (changed,),
        sizes=tuple(dict(c.sizes) for c in study.cases),
        timings=timings,
        versions=versions(),
        less=LESS if study.golden else "",
        unproven=tuple(_unproven(study, torch_found, expected)),
        golden=study.limits(expected, precision, tolerance),
    )
    result.diagnostics = tuple(findings(study.graph, result, disagreement))
    return result


# --- the engine -----------------------------------------------------------------------------------


def _run_cases(
    study: Study, runner: Runner, expected: Sequence[str], precision: str, tolerance: float | None
) -> list[Verdict]:
    found: list[Verdict] = []
    for case in study.cases:
        with study.timed("engine"):
            answers = _answers(runner, case, expected)
        if isinstance(answers, str):
            found += [refusal(name, case.label, answers) for name in expected]
            continue
        for name in expected:
            if name not in answers:
                found.append(refusal(name, case.label, "the engine has no such output", "missing"))
            else:
                found.append(study.compare(name, case, answers[name], precision, tolerance))
    dull = {n for n in expected if study.insensitive(n, precision, tolerance)}
    return [
        v.with_status("insensitive") if v.output in dull and v.status == "pass" else v
        for v in found
    ]


def _answers(runner: Runner, case: Case, expected: Sequence[str]) -> dict[str, Array] | str:
    """What the engine answers, or why it does not."""
    try:
        answers = runner({k: np.array(v) for k, v in case.inputs.items()})
    except refusals() as error:
        return str(error) or type(error).__name__
    return {n: np.asarray(answers[n]) for n in expected if n in answers}


def _bisect(
    study: Study,
    found: Sequence[Verdict],
    nodes: Sequence[NodeResult],
    precision: str,
    tolerance: float | None,
    rebuild: Rebuild | None,
) -> list[NodeResult]:
    """Where an end-to-end failure begins, with the real weights and inputs: in the model, else in
    the engine; nothing when there is none."""
    failed = next((v for v in found if v.status == "fail"), None)
    if failed is None or not study.graph.nodes or any(n.status == "fail" for n in nodes):
        return []
    case = next(c for c in study.cases if c.label == failed.case)
    # of a batch that is made of examples two do: a reference of all of it was never afforded
    inputs = {k: v[:2] for k, v in case.inputs.items()} if case.rows else case.inputs
    with study.timed("bisection"):
        table = bisect(study.graph, study.model, study.weights, inputs, seed=study.seed)
        if rebuild is None or tolerance is not None or any(n.status == "fail" for n in table):
            return table
        wrong = first_wrong_prefix(
            study.graph,
            study.model,
            study.weights,
            inputs,
            rebuild,
            precision=precision,
            seed=study.seed,
        )
    return table if wrong is None else [wrong if n.path == wrong.path else n for n in table]


# --- PyTorch --------------------------------------------------------------------------------------


class _Torch:
    """What PyTorch says; empty where it takes no part."""

    def __init__(self) -> None:
        self.float64: list[Verdict] = []
        self.float32: list[Verdict] = []
        self.nodes: NodeResult | None = None
        self.runner: Runner | None = None
        self.why = ""


def _torch(study: Study, use_torch: bool | None, fast: bool) -> tuple[_Torch, str | None]:
    """PyTorch's verdicts, and the first node on which the float64 references disagree."""
    from dlspec.verify.torch_reference import (
        agree_in_float64,
        first_disagreement,
        is_torch_here,
        prove_torch_nodes,
        stays_in_bound,
    )

    said = _Torch()
    wanted = use_torch if use_torch is not None else not fast
    if not wanted or not is_torch_here():
        said.why = "PyTorch is not installed" if wanted else "PyTorch was not asked"
        return said, None
    with study.timed("torch"):
        said.float64 = agree_in_float64(study)
        said.runner, said.float32 = stays_in_bound(study)
        said.nodes = prove_torch_nodes(
            study.graph,
            structural_weights(study.graph, study.seed),
            [c.inputs for c in study.opinions],
            seed=study.seed,
        )
        if said.nodes is not None:
            return said, said.nodes.path
        failed = next((v for v in said.float64 if v.status == "fail"), None)
        if failed is None:
            return said, None
        case = next(c for c in study.cases if c.label == failed.case)
        node = first_disagreement(study.graph, study.weights, case.inputs, seed=study.seed)
        return said, node


# --- checks ---------------------------------------------------------------------------------------


def _checks(
    study: Study,
    runner: Runner | None,
    expected: Collection[str],
    sides: Mapping[str, Runner],
    engine: str,
    precision: str,
    found: Sequence[Verdict],
) -> list[CheckResult]:
    checks = tuple(c for c in study.plan.checks if c.output in study.outputs)
    if not checks:
        return []
    with study.timed("checks"):
        common = tuple(c for c in checks if c.output not in expected)
        shared = tuple(c for c in checks if c.output in expected)
        broken = any(v.reason in ("refused", "missing") for v in found)
        mine = sides if runner is None or broken else {**sides, engine: runner}
        results = run_checks(
            study.graph, study.weights, shared, mine, precision=precision, seed=study.seed
        )
        return results + run_checks(study.graph, study.weights, common, sides, seed=study.seed)


# --- what is left open ----------------------------------------------------------------------------


def _unproven(study: Study, torch: _Torch, expected: Sequence[str]) -> list[str]:
    """What this verification does not tell, in words."""
    said: list[str] = []
    if torch.why:
        said.append(f"{torch.why}, so NumPy's float64 is the only reference")
    for symbol in study.graph.symbols:
        largest = max(c.sizes.get(symbol, 0) for c in study.cases)
        declared = study.bounds.get(symbol)
        if declared is None:
            said.append(f"{symbol} is unbounded; it was proved up to {largest}")
        elif declared[1] > largest:
            said.append(f"{symbol} is declared up to {declared[1]}; it was proved up to {largest}")
    left = [n for n in study.outputs if n not in expected]
    if left:
        said.append(f"the engine does not have {', '.join(left)}")
    return said
