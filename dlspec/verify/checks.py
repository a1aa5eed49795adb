"""The spec's own checks, run on the reference, on PyTorch in float32 and on the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from dlspec.ir.graph import Graph
from dlspec.ir.plan import CheckPlan
from dlspec.source import Span
from dlspec.verify.bound import FACTOR, reference
from dlspec.verify.inputs import draw_inputs, sizes_of, storage

Array = NDArray[Any]

Runner = Callable[[dict[str, Array]], Mapping[str, Array]]


@dataclass(frozen=True)
class CheckResult:
    """How a check came out on one side."""

    text: str
    side: str
    holds: bool
    output: str
    found: str
    comparison: str
    expected: str
    span: Span | None = None


def run_checks(
    graph: Graph,
    weights: Mapping[str, Array],
    checks: tuple[CheckPlan, ...],
    sides: Mapping[str, Runner],
    *,
    precision: str = "float32",
    seed: int = 0,
) -> list[CheckResult]:
    """Every value check on the reference and on each side.

    What a spec writes in decimals is compared up to the check's own `within`; a side that rounds
    gets its bound on top, so that `==` means equal up to what its precision can tell.
    """
    results: list[CheckResult] = []
    for check in checks:
        if check.kind != "value":
            continue
        inputs = check_inputs(graph, check, seed)
        name = graph.output(check.output).value.name
        exact = reference(graph, inputs, weights, [name], precision=precision, seed=seed)
        r, bound = exact.values[name], exact.bounds[name]
        written = 2.0**-23 * float(np.abs(check.expected).max(initial=0.0))
        results.append(_result(check, "the float64 reference", r, written))
        for side, runner in sides.items():
            answer = np.asarray(runner(dict(inputs))[check.output])
            slack = written + FACTOR * bound.largest if r.dtype.kind == "f" else 0.0
            results.append(_result(check, side, answer, slack))
    return results


def check_inputs(graph: Graph, check: CheckPlan, seed: int = 0) -> dict[str, Array]:
    """A check's inputs in the types that the network declares; noise is drawn and lengths are full
    where they are left out."""
    types = {i.name: i for i in graph.inputs}
    given = {k: np.asarray(v).astype(storage(types[k].type.dtype)) for k, v in check.inputs.items()}
    sizes = sizes_of(graph, given)
    drawn = draw_inputs(graph, sizes, seed=seed)
    for value in graph.inputs:
        if value.origin == "lengths" and value.name not in given:
            drawn[value.name] = np.full_like(drawn[value.name], sizes.get(value.symbol or "", 1))
    return {**drawn, **given}


def _result(check: CheckPlan, side: str, found: Array, slack: float) -> CheckResult:
    return CheckResult(
        check.text,
        side,
        _holds(check, found, slack),
        check.output,
        brief(found),
        check.comparison,
        brief(check.expected) + (f" within {check.within:g}" if check.within else ""),
        check.span,
    )


def _holds(check: CheckPlan, found: Array, slack: float) -> bool:
    expected = check.expected
    try:
        found, expected = np.broadcast_arrays(found, expected)
    except ValueError:
        return check.comparison == "!="
    a, b = found.astype(np.float64), expected.astype(np.float64)
    near = np.abs(a - b) <= check.within + slack
    near |= a == b
    match check.comparison:
        case "==":
            return bool(near.all())
        case "!=":
            return not bool((np.abs(a - b) <= check.within).all())
        case "<":
            return bool((a < b + slack).all())
        case "<=":
            return bool((a <= b + slack).all())
        case ">":
            return bool((a > b - slack).all())
        case ">=":
            return bool((a >= b - slack).all())


def brief(array: Array, most: int = 8) -> str:
    """An array as short text: `[[0.62, 0.83]]`, with … for what is left out."""
    if array.size > most:
        inner = ", ".join(f"{x:.6g}" for x in array.reshape(-1)[:most].tolist())
        return f"[{inner}, …] of shape {list(array.shape)}"
    return _nested(array.tolist())


def _nested(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_nested, cast('list[Any]', value)))}]"
    return str(value) if isinstance(value, bool) else f"{value:.6g}"
