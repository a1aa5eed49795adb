"""Training is proved too: loss, buffer updates and gradients of the emitted PyTorch against the
objective's meaning.

Masks and noise are inputs of an objective graph, so that both sides compute the same numbers.
NumPy has no gradients; along a random direction d of one parameter the central difference (L(w +
hd) - L(w - hd)) / 2h must equal the gradient times d.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlspec.diagnostics import Diagnostic, DlspecError
from dlspec.diagnostics.parity import TrainingDiffers
from dlspec.interpreter import Cuts, run
from dlspec.ir.graph import Graph, Parameter, Value
from dlspec.randomness import generator
from dlspec.source import Span
from dlspec.verify.bound import Bound, reference
from dlspec.verify.inputs import draw_inputs
from dlspec.verify.passes import prove_passes
from dlspec.verify.sizes import sweep
from dlspec.verify.steps import first_wrong_step
from dlspec.verify.torch_reference import TorchGraph
from dlspec.verify.verdict import Verdict, compare

Array = NDArray[Any]

_STEPS = (2.0**-17, 2.0**-17, 2.0**-17, 2.0**-21, 2.0**-25)
"""Of a central difference along each direction in turn, relative to the parameter's size. At first
about the cube root of float64's epsilon. A direction that crosses a kink of a rectifier says
nothing, and among the many rectifiers of a large network some are always near their kinks: hence
the smaller steps. A wrong gradient is wrong along all."""

_SHARP = 1e-3
"""What rounding may excuse of a small step's difference, relative to it."""


@dataclass(frozen=True)
class GradientResult:
    """One parameter's gradient along a direction; ``accepted`` is the error that the difference
    itself may have."""

    parameter: str
    torch: float
    numpy: float
    accepted: float
    span: Span | None = None

    @property
    def ratio(self) -> float:
        """Error over what is accepted."""
        error = abs(self.torch - self.numpy)
        return error / self.accepted if self.accepted > 0 else float("inf") if error else 0.0

    @property
    def holds(self) -> bool:
        """Whether they agree."""
        return bool(np.isfinite(self.torch)) and self.ratio <= 1.0


@dataclass(frozen=True)
class TrainingProof:
    """What was found of an objective graph: its outputs, the next values of its buffers, its
    gradients."""

    graph: str
    sizes: Mapping[str, int]
    outputs: tuple[Verdict, ...]
    updates: tuple[Verdict, ...]
    gradients: tuple[GradientResult, ...]
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether all agree."""
        return not self.diagnostics

    def raise_if_failed(self) -> None:
        """End here with what failed.

        Raises:
            DlspecError: with every error found.
        """
        if self.diagnostics:
            raise DlspecError(*self.diagnostics)


def verify_training(
    graph: Graph,
    weights: Mapping[str, Array],
    *,
    sizes: Mapping[str, int] | None = None,
    inputs: Mapping[str, Array] | None = None,
    meant: Graph | None = None,
    seed: int = 0,
) -> TrainingProof:
    """Prove an objective graph: NumPy and PyTorch in float64 agree on what a step computes.

    Args:
        graph: an objective (or training) graph; its first output is the loss, a scalar.
        meant: the graph as the spec says it, where passes have changed it: that is what NumPy runs.
        weights: of all networks in it, by name.
        sizes: of the dynamic dimensions; small odd ones without.
        inputs: real ones in place of drawn ones, noise and masks too.
        seed: of inputs and directions.
    """
    chosen = (
        dict(sizes) if sizes is not None else sweep(graph, dict.fromkeys(graph.symbols, (2, 16)))[0]
    )
    given = dict(inputs) if inputs is not None else draw_inputs(graph, chosen, seed=seed)
    results = {o.name: o.value for o in graph.outputs}
    updates = {buffer.name: value for buffer, value in graph.updates}
    want = sorted({v.name for v in (*results.values(), *updates.values())})
    exact = reference(meant or graph, given, weights, want, precision="float64", seed=seed)
    module = TorchGraph(graph, weights, "float64")
    answers = module.tensors(given)
    after = module.buffers()

    def against(name: str, value: Value, found: Array) -> Verdict:
        bound = exact.bounds[value.name]
        roomy = Bound(2 * bound.largest, 2 * bound.rms, bound.floor, bound.stable)
        return compare(name, "float64", exact.values[value.name], found, roomy)

    compared = tuple(
        against(name, value, answer.detach().numpy())
        for (name, value), answer in zip(results.items(), answers, strict=True)
    )
    updated = tuple(against(name, value, after[name]) for name, value in updates.items())
    gradients = tuple(_gradients(meant or graph, given, weights, module, answers[0], seed))
    found = tuple(_findings(graph, compared, updated, gradients))
    if found:
        node = first_wrong_step(graph, weights, given, seed=seed)
        if node is None and meant is not None:
            node = prove_passes(meant, graph, weights, given, seed=seed)
        if node is not None:
            found = tuple(replace(d, span=node.span or d.span, node=node.path) for d in found)
    return TrainingProof(graph.name, chosen, compared, updated, gradients, found)


# --- gradients ------------------------------------------------------------------------------------


def _gradients(
    graph: Graph,
    inputs: Mapping[str, Array],
    weights: Mapping[str, Array],
    module: TorchGraph,
    loss: Any,
    seed: int,
) -> Iterator[GradientResult]:
    import torch

    named = dict(module.module.named_parameters())
    unused: Any = [None] * len(named)  # torch's stubs do not know that an unused one has None
    if loss.requires_grad:
        unused = torch.autograd.grad(loss, list(named.values()), allow_unused=True)
    gradients = {k: None if g is None else g.numpy() for k, g in zip(named, unused, strict=True)}
    wide = {k: np.asarray(v, np.float64) if v.dtype.kind == "f" else v for k, v in weights.items()}
    name = graph.outputs[0].name

    cuts = Cuts()
    if _truncates(graph):
        run(graph, inputs, wide, cuts=cuts)

    def loss_at(parameter: str, value: Array) -> float:
        with np.errstate(all="ignore"):
            changed = {**wide, parameter: value}
            return float(run(graph, inputs, changed, cuts=cuts.again()).outputs[name])

    for parameter in graph.parameters:
        if parameter.type.dtype.is_float:
            gradient = gradients[parameter.name]
            yield _along_directions(parameter, wide[parameter.name], gradient, loss_at, seed)


def _truncates(graph: Graph) -> bool:
    """Whether gradients end somewhere in a loop."""
    return any(getattr(node.op, "truncate", 0) for node in graph.nodes)


def _along_directions(
    parameter: Parameter, value: Array, gradient: Array | None, loss_at: Any, seed: int
) -> GradientResult:
    """The first direction along which both agree, else the last."""
    result: GradientResult | None = None
    for attempt, relative in enumerate(_STEPS):
        rng = generator(seed, f"direction\0{parameter.name}", attempt)
        direction = rng.standard_normal(value.shape)
        size = float(np.sqrt(np.mean(value * value))) if value.size else 0.0
        step = relative * max(size, 2.0**-4)
        ups = [loss_at(parameter.name, value + k * step * direction) for k in (1, -1, 2, -2)]
        near, far = (ups[0] - ups[1]) / (2 * step), (ups[2] - ups[3]) / (4 * step)
        rounding = 64 * 2.0**-52 * max(map(abs, ups)) / step
        if relative < _STEPS[0] and rounding > _SHARP * abs(near):
            break
        accepted = 4 * abs(near - far) + rounding + 1e-7 * abs(near)
        slope = 0.0 if gradient is None else float(np.sum(gradient * direction))
        if abs(near - far) > 1e-3 * max(abs(near), abs(far)) + rounding:
            accepted = rounding + 1e-7 * abs(
                near
            )  # a kink lies between: this direction cannot excuse an error
        result = GradientResult(parameter.name, slope, near, accepted, parameter.span)
        if result.holds:
            return result
    assert result is not None
    return result


def _findings(
    graph: Graph,
    outputs: tuple[Verdict, ...],
    updates: tuple[Verdict, ...],
    gradients: tuple[GradientResult, ...],
) -> Iterator[TrainingDiffers]:
    places = {o.name: o.value.span for o in graph.outputs}
    places.update({buffer.name: value.span for buffer, value in graph.updates})
    words = [
        (v, f"the {v.output}" if v in outputs else f"the next value of `{v.output}`")
        for v in (*outputs, *updates)
    ]
    for verdict, what in words:
        if verdict.status == "fail":
            yield TrainingDiffers(
                places.get(verdict.output), graph.name, what, f"{verdict.expected}",
                f"{verdict.found}", f"{verdict.ratio / 8:.3g}",
            )  # fmt: skip
    for result in gradients:
        if not result.holds:
            yield TrainingDiffers(
                result.span, graph.name, f"the gradient of `{result.parameter}`",
                f"{result.numpy:.9g}", f"{result.torch:.9g}", f"{result.ratio:.3g}",
            )  # fmt: skip
