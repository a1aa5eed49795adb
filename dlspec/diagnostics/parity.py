"""What verification finds (DL700 to DL749)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from dlspec.diagnostics.core import Diagnostic, Label, Severity
from dlspec.late import late_dataclass
from dlspec.source import Span


@late_dataclass
class EngineDiffers(Diagnostic):
    """An engine's answer is farther from the exact one than rounding explains.

    The exact answer is the network computed in float64; the bound is how far it moves when every
    weight, input and result is moved by half an ulp of the promised precision. An engine may err
    by eight times that. The place shown is the first node whose result differs, where that could
    be found.

    This is a fault of the engine, of its library, or of dlspec, and not of the spec: the engine is
    not published. Choose another target or library version, or report it with the bundle's
    report.html. Where less precision is meant, say so:

        engine e for n { targets = tensorrt_rtx(precision = float16); tolerance = 1% }
    """

    code: ClassVar[str] = "DL700"
    title: ClassVar[str] = "`{engine}` answers wrongly: output `{output}` of `{network}` {error}"
    label: ClassVar[str] = "{place}"
    note: ClassVar[tuple[str, ...]] = (
        "with {case} it answers {found} at {index}, exact is {expected}",
        "accepted is {limit} (8 times the derived bound); this is {ratio} times the bound",
        "accepted is {accepted} (the declared tolerance)",
        "first node that differs: `{node}`",
        "also wrong: {also}",
        "every node alone is right, so the fault is in the engine's own rewriting or kernels",
    )
    help: ClassVar[str] = (
        "the engine is not published; try another target or version of its library"
    )
    network: str
    engine: str
    output: str
    case: str
    error: str
    expected: str
    found: str
    index: str
    limit: str | None = None
    ratio: str | None = None
    accepted: str | None = None
    node: str | None = None
    also: str | None = None
    place: str = "computed here"

    @property
    def notes(self) -> list[str]:
        """The last note holds only where no node is to blame."""
        found = super().notes
        return found[:-1] if self.node is not None else found


@late_dataclass
class NodeDiffers(Diagnostic):
    """One node of the ONNX model does not compute what the op means.

    Each node is run alone, on weights of which none is 0 or 1 and on inputs at three scales, and
    is compared with the op's meaning in float64. This finds what depth, saturation and fresh
    weights hide.

    This is a fault of the engine's library or of dlspec, not of the spec.
    """

    code: ClassVar[str] = "DL701"
    title: ClassVar[str] = "`{node}` computes something else in the engine than it means"
    label: ClassVar[str] = "`{op}` gives {found}, exact is {expected}"
    note: ClassVar[tuple[str, ...]] = (
        "its error is {ratio} times the bound; up to 8 is rounding",
        "{detail}",
    )
    help: ClassVar[str] = (
        "the engine is not published; please report this with the bundle's report.html"
    )
    network: str
    node: str
    op: str
    expected: str
    found: str
    ratio: str | None = None
    detail: str | None = None


@late_dataclass
class CheckFails(Diagnostic):
    """A `check` of the spec does not hold.

    Wrong:
        network n { input x: float[N, 1]; output y = 2 * x }
        check n(x = [[2]]).y == [[5]]

    Right:
        network n { input x: float[N, 1]; output y = 2 * x }
        check n(x = [[2]]).y == [[4]]
    """

    code: ClassVar[str] = "DL702"
    title: ClassVar[str] = "check fails: {text}"
    label: ClassVar[str] = "`{output}` is {found}"
    note: ClassVar[tuple[str, ...]] = ("expected {comparison} {expected}", "computed by {side}")
    help: ClassVar[str] = "correct the expected value, or the network"
    text: str
    output: str
    found: str
    comparison: str
    expected: str
    side: str


@late_dataclass
class ReferencesDisagree(Diagnostic):
    """The two independent float64 references, NumPy and the emitted PyTorch, disagree.

    One of the two lowerings of an op is wrong. This is a fault of dlspec (or of an op that a
    package registers), and nothing that was verified against either can be trusted.
    """

    code: ClassVar[str] = "DL703"
    title: ClassVar[str] = "the NumPy and the PyTorch meaning of `{network}` disagree on `{output}`"
    label: ClassVar[str] = "first seen at `{node}`"
    note: ClassVar[str] = (
        "with {case}: NumPy {expected}, PyTorch {found} at {index}, {ratio} times float64's bound"
    )
    help: ClassVar[str] = "this is a fault of dlspec or of the op: please report it"
    network: str
    output: str
    case: str
    expected: str
    found: str
    index: str
    ratio: str
    node: str | None = None


@late_dataclass
class TorchDiffers(Diagnostic):
    """The emitted PyTorch in float32, which is what was trained, does not stay within the bound of
    the exact answer."""

    code: ClassVar[str] = "DL704"
    title: ClassVar[str] = (
        "PyTorch in float32 answers wrongly: output `{output}` of `{network}` {error}"
    )
    label: ClassVar[str] = "this output"
    note: ClassVar[str] = (
        "with {case}: exact {expected}, PyTorch {found} at {index}, {ratio} times the bound"
    )
    help: ClassVar[str] = (
        "this is a fault of dlspec or of PyTorch on this machine: please report it"
    )
    network: str
    output: str
    case: str
    error: str
    expected: str
    found: str
    index: str
    ratio: str


@late_dataclass
class EngineRefuses(Diagnostic):
    """An engine does not run for inputs that the spec declares, or answers in another shape or
    type.

    The usual cause is a size that got fixed while the engine was built (a batch of 1, the length
    of the example).
    """

    code: ClassVar[str] = "DL705"
    title: ClassVar[str] = "`{engine}` fails on inputs that `{network}` declares"
    label: ClassVar[str] = "`{output}` with {case}"
    note: ClassVar[tuple[str, ...]] = ("{detail}", "first node that fails: `{node}`")
    help: ClassVar[str] = "narrow the bounds in the engine block, or choose another target"
    network: str
    engine: str
    output: str
    case: str
    detail: str
    node: str | None = None


@late_dataclass
class TrainingDiffers(Diagnostic):
    """The loss, a buffer update or a gradient of the emitted PyTorch is not that of the
    objective's meaning in float64.

    Gradients are compared along random directions with central differences of the NumPy loss.
    """

    code: ClassVar[str] = "DL706"
    title: ClassVar[str] = "training `{network}` is wrong: {what} differs between NumPy and PyTorch"
    label: ClassVar[str] = "made here"
    note: ClassVar[tuple[str, ...]] = (
        "NumPy {expected}, PyTorch {found}, {ratio} times what is accepted",
        "first node that differs: `{node}`",
    )
    help: ClassVar[str] = "this is a fault of dlspec or of the op: please report it"
    network: str
    what: str
    expected: str
    found: str
    ratio: str
    node: str | None = None


@late_dataclass
class PassDiffers(Diagnostic):
    """A pass, which may rewrite the graph but not what it computes, changed a result.

    The graph as the spec says it and the graph that is lowered are computed side by side in
    float64, on weights of which none is 0 or 1. This is a fault of dlspec, not of the spec.
    """

    code: ClassVar[str] = "DL707"
    title: ClassVar[str] = "`{node}` computes something else after the passes than the spec says"
    label: ClassVar[str] = "`{op}` gives {found}, the spec means {expected}"
    note: ClassVar[tuple[str, ...]] = (
        "its error is {ratio} times float64's bound",
        "{detail}",
    )
    help: ClassVar[str] = "this is a fault of dlspec: please report it"
    network: str
    node: str
    op: str
    expected: str
    found: str
    ratio: str | None = None
    detail: str | None = None


@late_dataclass
class OutputUndetermined(Diagnostic):
    """Rounding alone moves an output so far that agreement tells nothing (the network is chaotic
    there).

    An iterated map that diverges, or a difference of nearly equal numbers, amplifies rounding to a
    quarter of the output and more. No engine of this precision can be right or wrong about it.
    """

    code: ClassVar[str] = "DL710"
    severity: ClassVar[Severity] = "warning"
    title: ClassVar[str] = (
        "`{output}` of `{network}` cannot be verified end to end: rounding alone moves it"
    )
    label: ClassVar[str] = "moved by {share} of its size"
    note: ClassVar[str] = "its nodes were proved one by one: {local}"
    help: ClassVar[str] = (
        "train the network, choose a higher precision, or declare a `tolerance` in the engine block"
    )
    network: str
    output: str
    share: str
    local: str


@late_dataclass
class OutputInsensitive(Diagnostic):
    """An output hardly depends on the inputs, so an engine that ignores them would agree as well.

    Fresh deep networks of sigmoids are so, and networks that have died in training.
    """

    code: ClassVar[str] = "DL711"
    severity: ClassVar[Severity] = "warning"
    title: ClassVar[str] = "`{output}` of `{network}` hardly depends on the inputs"
    label: ClassVar[str] = "always nearly the same"
    note: ClassVar[str] = "its nodes were proved one by one: {local}"
    help: ClassVar[str] = "train the network, or look whether it has died"
    network: str
    output: str
    local: str
    bound_at: Span | None = None

    def labels(self) -> Iterable[Label]:
        """Where the output is bound, if elsewhere."""
        if self.bound_at is not None:
            yield Label(self.bound_at, "computed here")
