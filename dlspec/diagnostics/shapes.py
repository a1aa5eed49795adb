"""Shapes and element types that do not fit (DL3xx).

An op raises these without a place; semantics adds the place of the call and where each operand came
from.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from dlspec.diagnostics.core import Diagnostic, Label, Severity
from dlspec.late import late_dataclass
from dlspec.source import Span


@late_dataclass
class Operand:
    """An operand as a message shows it: its name in the spec, its type, and where it was made."""

    name: str
    type: str
    span: Span | None
    history: str | None = None


@late_dataclass
class ShapeDiagnostic(Diagnostic):
    """Base of the messages about an op whose operands do not fit."""

    op: str
    rule: str = ""
    operands: tuple[Operand, ...] = ()

    def labels(self) -> Iterable[Label]:
        """Where each operand came from."""
        for operand in self.operands:
            if operand.span is not None and operand.span != self.span:
                yield Label(operand.span, f"`{operand.name}` is {operand.type}")

    @property
    def notes(self) -> list[str]:
        """The operands with their types, and the op's shape rule."""
        shown = [
            f"`{o.name}` is {o.type}"
            for o in self.operands
            if o.span is None or o.span == self.span
        ]
        shown += [f"how `{o.name}` got its shape:\n{o.history}" for o in self.operands if o.history]
        return shown + super().notes


@late_dataclass
class RankMismatch(ShapeDiagnostic):
    """An operand has too few or too many axes.

    Wrong:
        network n { input x: float[N, 28]; output y = x -> conv(6, kernel = 5) }

    Right (a convolution wants a channel axis):
        network n { input x: float[N, 28]; output y = x -> reshape(1, 28) -> conv(6, kernel = 5) }
    """

    code: ClassVar[str] = "DL301"
    title: ClassVar[str] = "`{op}` cannot take a tensor of {rank} axes"
    label: ClassVar[str] = "`{operand}` is {actual}; {expected} axes are wanted"
    note: ClassVar[tuple[str, ...]] = ("shape rule: {op}{rule}",)
    help: ClassVar[tuple[str, ...]] = ("{advice}",)
    operand: str = ""
    actual: str = ""
    rank: int = 0
    expected: str = ""
    advice: str = ""


@late_dataclass
class DimMismatch(ShapeDiagnostic):
    """Two sizes that must be equal are not.

    Wrong:
        network n { input a: float[N, 3, 4]; input b: float[N, 5, 6]; output y = a @ b }

    Right:
        network n { input a: float[N, 3, 4]; input b: float[N, 4, 6]; output y = a @ b }
    """

    code: ClassVar[str] = "DL302"
    title: ClassVar[str] = "dimension mismatch in `{op}`"
    label: ClassVar[str] = "`{dim}` of `{operand}` is {actual}, expected {expected}"
    note: ClassVar[tuple[str, ...]] = (
        "`{dim}` is {expected} from `{other}`",
        "shape rule: {op}{rule}",
    )
    help: ClassVar[tuple[str, ...]] = ("{advice}",)
    dim: str = ""
    operand: str = ""
    actual: str = ""
    expected: str = ""
    other: str | None = None
    advice: str = ""

    @property
    def helps(self) -> list[str]:
        """Several rows for each example: a `flatten` or a sum over steps was forgotten."""
        if self.dim == "*b" and self.expected.count(",") > self.actual.count(","):
            more = self.expected.strip("[]").split(", ")[self.actual.count(",") + 1 :]
            # A name is a number of steps, unknown here: flattened, no `dense` knows its size.
            if len(more) == 1 and more[0].isidentifier():
                return [
                    "one row for each example: put `last`, or "
                    f"`mean(axis = {more[0]})`, before the last `dense`"
                ]
            return ["one row for each example: put `flatten` before the last `dense`"]
        return super().helps


@late_dataclass
class DTypeMismatch(ShapeDiagnostic):
    """An operand has the wrong element type.

    Wrong:
        network n { input word: float[N]; output y = word -> embed(10, 4) }

    Right (ids are integers):
        network n { input word: int[N]; output y = word -> embed(10, 4) }
    """

    code: ClassVar[str] = "DL303"
    title: ClassVar[str] = "`{op}` cannot take {actual}"
    label: ClassVar[str] = "`{operand}` is {actual}, expected {expected}"
    note: ClassVar[tuple[str, ...]] = ("shape rule: {op}{rule}",)
    help: ClassVar[tuple[str, ...]] = ("{advice}",)
    operand: str = ""
    actual: str = ""
    expected: str = ""
    advice: str = ""

    @property
    def helps(self) -> list[str]:
        """Losses and metrics take the scores first, and no ids that were chosen of them."""
        if self.operand not in ("logits", "prediction", "scores") or "int" not in self.actual:
            return super().helps
        scores = next((o.name for o in self.operands if o.type.startswith("float")), None)
        if scores is None and len(self.operands) > 1:
            return [f"give the scores that `{self.operands[0].name}` was chosen of, not the ids"]
        second = "target" if self.operand == "prediction" else "label"
        return [f"the scores come first: `{self.op}({scores or self.operand}, {second})`"]


@late_dataclass
class BroadcastMismatch(ShapeDiagnostic):
    """Two tensors do not broadcast: from the last axis backwards, sizes must be equal or 1.

    Wrong:
        network n { input a: float[N, 3]; input b: float[N, 4]; output y = a + b }

    Right:
        network n { input a: float[N, 3]; input b: float[N, 4]; output y = concat(a, b) }
    """

    code: ClassVar[str] = "DL304"
    title: ClassVar[str] = "`{op}` of shapes that do not broadcast"
    label: ClassVar[str] = "{left} against {right}: axis {axis} is {left_dim} and {right_dim}"
    note: ClassVar[tuple[str, ...]] = (
        "counted from the last axis, two sizes must be equal, or one of them 1",
    )
    left: str = ""
    right: str = ""
    axis: int = 0
    left_dim: str = ""
    right_dim: str = ""

    @property
    def helps(self) -> list[str]:
        """Where one operand has the other's axes and one more, such as a loss of each step beside
        one of each example."""
        if self.op not in ("add", "sub", "mul", "div") or len(self.operands) != 2:
            return super().helps
        short, long = sorted(self.operands, key=lambda o: len(_sizes(o.type)))
        sizes = _sizes(short.type)
        if not sizes or _sizes(long.type)[:-1] != sizes or len(long.name + short.name) > 60:
            return super().helps
        last = len(sizes)
        return [
            f"`mean({long.name}, {last})` has the shape of `{short.name}`",
            f"`unsqueeze({short.name}, {last})` is the same along the last axis of `{long.name}`",
        ]


def _sizes(shown: str) -> list[str]:
    """`float32[N, 4]` as its sizes."""
    return shown.partition("[")[2].rstrip("]").split(", ") if "[" in shown else []


@late_dataclass
class InvalidAxis(ShapeDiagnostic):
    """An axis that the tensor does not have.

    Wrong:
        network n { input x: float[N, 3]; output y = softmax(x, axis = 2) }

    Right (axes count from 0, and from -1 backwards):
        network n { input x: float[N, 3]; output y = softmax(x, axis = 1) }
    """

    code: ClassVar[str] = "DL305"
    title: ClassVar[str] = "`{op}` along axis {axis} of a tensor of {rank} axes"
    label: ClassVar[str] = "the tensor is {actual}"
    axis: int = 0
    rank: int = 0
    actual: str = ""


@late_dataclass
class ImpossibleShape(ShapeDiagnostic):
    """The sizes and settings leave nothing, or do not divide.

    Wrong:
        network n { input x: float[N, 1, 4, 4]; output y = x -> conv(6, kernel = 5) }

    Right:
        network n { input x: float[N, 1, 4, 4]; output y = x -> conv(6, kernel = 5, pad = 2) }
    """

    code: ClassVar[str] = "DL306"
    title: ClassVar[str] = "`{op}` is impossible here: {reason}"
    label: ClassVar[str] = "the input is {actual}"
    help: ClassVar[tuple[str, ...]] = ("{advice}",)
    reason: str = ""
    actual: str = ""
    advice: str = ""


@late_dataclass
class InvalidSetting(ShapeDiagnostic):
    """A setting of an op has a value that it cannot have.

    Wrong:
        network n { input x: float[N, 1, 8, 8]; output y = x -> conv(6, kernel = 0) }

    Right:
        network n { input x: float[N, 1, 8, 8]; output y = x -> conv(6, kernel = 3) }
    """

    code: ClassVar[str] = "DL307"
    title: ClassVar[str] = "`{setting}` of `{op}` cannot be {value}"
    label: ClassVar[str] = "expected {expected}"
    setting: str = ""
    value: str = ""
    expected: str = ""


@late_dataclass
class RaggedRefused(ShapeDiagnostic):
    """An op that has no rule for lengths got a tensor with a ragged axis.

    Wrong:
        network n { input x: float[N, <=T, 4]; output y = x -> reshape(T * 4) }

    Right:
        network n { input x: float[N, <=T, 4]; output y = x -> mean(axis = T) }
    """

    code: ClassVar[str] = "DL308"
    title: ClassVar[str] = "`{op}` has no rule for lengths"
    label: ClassVar[str] = "`{operand}` is {actual}"
    note: ClassVar[tuple[str, ...]] = ("a ragged axis would let padding into the result",)
    operand: str = ""
    actual: str = ""


@late_dataclass
class DoubtfulAxes(ShapeDiagnostic):
    """A window slides over one axis of what looks like a picture without a channel axis.

    Wrong (28 channels of length 28):
        network n { input image: float[N, 28, 28]; output y = image -> conv(6, kernel = 5) }

    Right:
        network n {
            input image: float[N, 28, 28]
            output y = image -> reshape(1, 28, 28) -> conv(6, kernel = 5)
        }
    """

    code: ClassVar[str] = "DL309"
    severity: ClassVar[Severity] = "warning"
    title: ClassVar[str] = "`{op}` takes this for {size} channels of length {size}"
    label: ClassVar[str] = "the input is {actual}: N, channels, and one spatial axis"
    help: ClassVar[tuple[str, ...]] = (
        "for a picture, add a channel axis: `reshape(1, {size}, {size})`",
        "where one axis is meant, say so: `{setting} = [{value}]`",
    )
    size: int = 0
    actual: str = ""
    setting: str = ""
    value: str = ""


@late_dataclass
class BatchNotFirst(Diagnostic):
    """`N` is the batch: the axis of the examples, which is the first of everything that has it.

    Wrong:
        network n { input x: float[28, N]; output y = 2 * x }

    Right (the examples first, and another letter for another size):
        network n { input x: float[N, 28]; output y = 2 * x }
    """

    code: ClassVar[str] = "DL310"
    title: ClassVar[str] = "`N` is the batch, and stands first"
    label: ClassVar[str] = "axis {axis} of `{type}`"
    help: ClassVar[tuple[str, ...]] = (
        "write `{first}`",
        "a size of another kind has another letter: `{other}`",
    )
    axis: int
    type: str
    first: str | None
    other: str


@late_dataclass
class NoBatch(Diagnostic):
    """An engine bounds its `batch`, the dimension `N`, and no input of its network has one.

    Wrong:
        network n { input x: float[M, 4]; output y = 2 * x }
        engine e for n { batch = 1..64 }

    Right:
        network n { input x: float[N, 4]; output y = 2 * x }
        engine e for n { batch = 1..64 }
    """

    code: ClassVar[str] = "DL311"
    title: ClassVar[str] = "`batch` bounds `N`, and no input of `{network}` has it"
    label: ClassVar[str] = "there is no `N` to bound"
    note: ClassVar[str] = (
        "`N`, as in `float[N, 28, 28]`, is the batch; other letters are other sizes"
    )
    help: ClassVar[tuple[str, ...]] = (
        "call the first axis of the inputs `N`, or bound `{symbol}` itself: `{symbol} = 1..64`",
        "take this line away: all sizes are fixed",
    )
    network: str
    symbol: str | None

    @property
    def helps(self) -> list[str]:
        """What fits: there is another symbol, or none."""
        either = super().helps
        return either[:1] if self.symbol else either


@late_dataclass
class LengthsWithoutAxes(ShapeDiagnostic):
    """A tensor lost an axis along which its lengths differ.

    The lengths of a ragged axis differ along every axis before it: `float[N, 4, <=T]` has four
    lengths per example, and whatever takes the 4 away leaves no row that they could belong to.

    Wrong (a sequence has 4 features, and they share one length):
        network n { input x: float[N, 4, <=T]; output y = x -> mean(axis = 1) }

    Right (steps first, then features):
        network n { input x: float[N, <=T, 4]; output y = x -> mean(axis = 2) }
    """

    code: ClassVar[str] = "DL312"
    title: ClassVar[str] = "the lengths of `{dim}` fit no axes of this tensor"
    label: ClassVar[str] = "this is {actual}"
    note: ClassVar[tuple[str, ...]] = (
        "`{dim}` stands behind {axes}: each of these has a length of its own",
    )
    help: ClassVar[tuple[str, ...]] = (
        "where features share one length, they stand behind it, as in `float[N, <={dim}, 4]`; "
        "`transpose` swaps them",
    )
    dim: str = ""
    axes: str = ""
    actual: str = ""
