"""What semantics makes of a spec: plans, which later phases carry out without looking at the text
again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dlspec.ir.data_plan import DataPlan
from dlspec.ir.figures import Figure
from dlspec.ir.graph import Graph
from dlspec.ir.optimizer_plan import ClipPlan
from dlspec.source import Span


@dataclass(frozen=True)
class Quantity:
    """A number with a unit, `20 epochs`."""

    value: float
    unit: str


@dataclass(frozen=True)
class Schedule:
    """A number that changes while training: `linear(0.5, 0, 10 epochs)`. ``arguments`` are numbers
    and quantities.
    """

    kind: str
    arguments: tuple[float | Quantity, ...]


@dataclass(frozen=True)
class ScheduleForm:
    """How a schedule is written: how many numbers and durations, and the duration's name.
    ``by_factor``: its second number is no value, but what a value is multiplied by."""

    numbers: tuple[int, ...]
    lengths: tuple[int, ...]
    example: str
    named: tuple[str, ...] = ("over",)
    by_factor: bool = False


SCHEDULES: Mapping[str, ScheduleForm] = {
    "linear": ScheduleForm((2,), (1,), "linear(from, to, 10 epochs)"),
    "cosine": ScheduleForm((1, 2), (0, 1), "cosine(from)"),
    "step": ScheduleForm((2,), (1,), "step(from, 0.5, 10 epochs)", by_factor=True),
    "exponential": ScheduleForm((2,), (1,), "exponential(from, 0.5, 10 epochs)", by_factor=True),
    "warm_up": ScheduleForm((1,), (1,), "warm_up(to, 400 steps)"),
    "inverse_sqrt": ScheduleForm(
        (1,), (1,), "inverse_sqrt(peak, warm_up = 400 steps)", ("warm_up",)
    ),
    "one_cycle": ScheduleForm((1,), (0, 1), "one_cycle(peak)"),
}
"""Numbers that change while training, by name; `dlspec.train.schedules` has the formulas."""


@dataclass(frozen=True)
class OptimizerPlan:
    """`adam(0.001)`: kind and all its settings with defaults filled in, by name, as
    `dlspec.ir.optimizer_plan.OPTIMIZERS` lists them."""

    kind: str
    settings: Mapping[str, float | bool | Schedule]
    span: Span | None = None


@dataclass(frozen=True)
class GroupPlan:
    """Parameters (keys in the step's graphs) that one optimiser changes."""

    parameters: tuple[str, ...]
    optimizer: OptimizerPlan


@dataclass(frozen=True)
class StepPlan:
    """One player's turn on a batch.

    ``learn`` and ``evaluate`` are objective graphs. Their data inputs are named as the fields of
    the data; noise inputs by path. The output ``loss`` (a float scalar, to be minimised; `maximize`
    is already negated) comes first, then the metrics: scalars, each the mean over the batch's
    examples, or vectors of sums over them. Parameters and buffers are named ``<network>.<key of the
    network>``. ``learn`` has only the loss and the buffer updates; ``evaluate`` has the loss and
    the metrics, and no updates.
    ``per`` names the input of lengths of those that are means over steps, not over examples;
    ``figures`` says of metrics that are no plain means what `dlspec.ir.figures` makes of the sums.
    ``answers`` names the values of ``evaluate`` that are a network's outputs for the data as it is,
    by `<network>.<output>`: the output, then its new lengths, one for each ragged axis ("" where
    they are given).
    ``meant`` is ``learn`` as the spec says it, where a pass has changed it.
    """

    name: str
    learn: Graph
    evaluate: Graph
    groups: tuple[GroupPlan, ...]
    times: int = 1
    per: Mapping[str, str] = field(default_factory=dict[str, str])
    figures: Mapping[str, Figure] = field(default_factory=dict[str, Figure])
    answers: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    meant: Graph | None = None


@dataclass(frozen=True)
class EarlyStop:
    """Stop after ``patience`` epochs without a better value of ``watch`` (`validation.loss`), and
    restore the best.
    """

    patience: int
    watch: str
    mode: Literal["min", "max"]


@dataclass(frozen=True)
class LoadPlan:
    """Weights to begin with: the parameters and buffers ``keys`` (below the layer ``part``) come
    from the bundle at ``source``, as it is written.
    """

    part: str
    keys: tuple[str, ...]
    source: str
    span: Span | None = None


@dataclass(frozen=True)
class RecipePlan:
    """How networks learn.

    ``stages`` follow one another, each a plan of its own over the same networks and data, whose
    name is the stage's: it goes on with the weights of the one before, with optimisers, schedules
    and early stop of its own. A plan of stages has the steps, metrics and settings of the last one,
    by which the result is judged. The gradients of ``accumulate`` batches make one update.
    ``networks`` maps the prefix of the keys in the step graphs to the network plan. Examples that
    differ in length are put into batches of similar ones, sorted within ``buckets`` batches at a
    time. ``init``: layers whose start the networks leave open begin as declared by their ops, or by
    LSUV on the first batch.
    """

    name: str
    networks: Mapping[str, NetworkPlan]
    data: DataPlan | None
    steps: tuple[StepPlan, ...]
    batch: int = 32
    epochs: int | None = None
    max_steps: int | None = None
    stop: EarlyStop | None = None
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    seed: int = 0
    clip: ClipPlan | None = None
    buckets: int = 8
    init: Literal["declared", "lsuv"] = "declared"
    metrics: tuple[str, ...] = ()
    accumulate: int = 1
    stages: tuple[RecipePlan, ...] = ()
    loads: tuple[LoadPlan, ...] = ()
    span: Span | None = None

    @property
    def parts(self) -> tuple[RecipePlan, ...]:
        """What is carried out one after the other: the stages, or the recipe alone."""
        return self.stages or (self,)

    @property
    def all_steps(self) -> tuple[StepPlan, ...]:
        """The steps of all stages."""
        return tuple(step for part in self.parts for step in part.steps)


@dataclass(frozen=True)
class TargetPlan:
    """An engine to build: `onnxruntime`, `cuda` (ONNX Runtime's CUDA provider), `tensorrt_rtx`,
    `tensorrt`.
    """

    kind: Literal["onnxruntime", "cuda", "tensorrt_rtx", "tensorrt"]
    precision: Literal["float32", "float16", "bfloat16"] = "float32"
    fallback: Literal["cpu"] | None = None
    span: Span | None = None


@dataclass(frozen=True)
class EnginePlan:
    """`engine edge for …`: targets, bounds of the dynamic dimensions (symbol to (least, most)),
    outputs (None = all), the tolerance (relative to the output's rms; None = derived), and the
    ``recipe`` that it is for (None: for the network, whatever it learnt from)."""

    name: str
    targets: tuple[TargetPlan, ...]
    bounds: Mapping[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    outputs: tuple[str, ...] | None = None
    tolerance: float | None = None
    span: Span | None = None
    recipe: str | None = None


@dataclass(frozen=True)
class CheckPlan:
    """An example that travels with the model.

    kind ``value``: for ``inputs`` the output ``output`` compares as ``comparison`` with
    ``expected``, for == and != up to ``within``. kind ``metric``: after training, the metric
    ``output`` (`test.accuracy`) of ``recipe`` compares with ``expected`` (a scalar). (A check on
    shapes is done at compile time and leaves no plan.)
    """

    kind: Literal["value", "metric"]
    text: str
    output: str
    comparison: Literal["==", "!=", "<", "<=", ">", ">="]
    expected: NDArray[Any]
    within: float = 0.0
    inputs: Mapping[str, NDArray[Any]] = field(default_factory=dict[str, np.ndarray])
    span: Span | None = None
    recipe: str | None = None


@dataclass(frozen=True)
class NetworkPlan:
    """A network with its settings filled in: what becomes one bundle.

    ``graph`` is the inference graph. Parameters that only training reads (auxiliary classifiers)
    are in the recipe's step graphs alone: they are initialised and checkpointed, but are no part of
    the engine. ``meant`` is the graph as the spec says it, where ``graph`` is what passes made of
    it.
    """

    name: str
    graph: Graph
    engines: tuple[EnginePlan, ...] = ()
    checks: tuple[CheckPlan, ...] = ()
    recipe: RecipePlan | None = None
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    span: Span | None = None
    meant: Graph | None = None
