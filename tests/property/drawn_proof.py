"""What verification says of a drawn network, and the smallest part of it that says the same."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.render import render
from dlspec.driver.phases import Compilation
from dlspec.ir.graph import Graph
from dlspec.randomness import initial_weights, structural_weights
from dlspec.source import SourceFile
from dlspec.targets.onnx import onnx_from_graph
from dlspec.verify.engine import verify_network
from dlspec.verify.refusals import refusals
from tests.verify.networks import Arrays, ort_engine

_STATEMENT = re.compile(r"^    (?!input )\S.*$", re.M)


@dataclass(frozen=True)
class Proof:
    """What is said of one network: of each output the status, and the messages of errors."""

    outputs: dict[str, str]
    errors: tuple[str, ...] = ()
    nodes: int = 0
    ops: frozenset[str] = frozenset()

    @property
    def is_alarm(self) -> bool:
        """Whether something is said to be wrong."""
        return bool(self.errors)


def compiled(text: str) -> Compilation:
    """The spec, checked.

    Raises:
        DlspecError: with its mistakes.
    """
    found = Compilation(SourceFile("drawn.dl", text))
    _ = found.networks
    return found


def corrected(text: str) -> tuple[str, list[str]]:
    """The spec without the statements in which the compiler finds a mistake (and those that read
    them); and what it said."""
    told: list[str] = []
    for _ in range(30):
        try:
            compiled(text)
        except DlspecError as error:
            first = error.diagnostics[0]
            told.append(render(first, colour=False))
            assert first.span is not None, told[-1]
            lines = text.split("\n")
            del lines[first.span.line - 1]
            text = "\n".join(lines)
            if "output " not in text:
                made = re.findall(r"^    (\w+\d+) =(?! dense)", text, re.M) or ["in0"]
                text = text.rstrip().removesuffix("}") + f"    output {made[-1]}\n}}\n"
            continue
        return text, told
    raise AssertionError("\n".join(told))


def drawn_weights(graph: Graph, seed: int) -> Arrays:
    """Fresh ones, such that hide nothing, or such as training might leave."""
    if seed % 3 == 0:
        return initial_weights(graph, seed)
    if seed % 3 == 1:
        return structural_weights(graph, seed)
    rng = np.random.default_rng(seed)
    fresh = initial_weights(graph, seed)
    return {
        n: (w * rng.uniform(0.5, 2, w.shape) + 0.05 * rng.uniform(0, 1, w.shape)).astype(w.dtype)
        for n, w in fresh.items()
    }


def prove(text: str, seed: int, *, use_torch: bool) -> Proof:
    """Compile a spec, build its engine, verify it."""
    (plan,) = compiled(text).networks.values()
    weights = drawn_weights(plan.graph, seed)
    ops = frozenset(n.op.name for n in plan.graph.nodes)
    try:
        model = onnx_from_graph(plan.graph, weights)
        engine = ort_engine(model)
    except refusals() as error:
        return Proof({}, (f"{type(error).__name__}: {error}",), len(plan.graph.nodes), ops)
    result = verify_network(plan, weights, engine, use_torch=use_torch, seed=seed, model=model)
    errors = [d for d in result.diagnostics if d.severity == "error"]
    told = tuple(render(d, colour=False) for d in errors)
    if result.status == "failed" and not told:
        told = (result.summary(),)
    return Proof(dict(result.outputs), told, len(plan.graph.nodes), ops)


def shrunk(text: str, fails: Callable[[str], bool]) -> str:
    """The text with as many statements left out as it still fails without."""
    changed = True
    while changed:
        changed = False
        for match in reversed(list(_STATEMENT.finditer(text))):
            smaller = text[: match.start()] + text[match.end() + 1 :]
            if "output " in smaller and fails(smaller):
                text, changed = smaller, True
                break
    return text


def still_fails(seed: int, *, use_torch: bool) -> Callable[[str], bool]:
    """Whether a smaller spec is correct and raises an alarm too."""

    def fails(text: str) -> bool:
        try:
            return prove(text, seed, use_torch=use_torch).is_alarm
        except DlspecError:
            return False

    return fails
