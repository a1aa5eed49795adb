"""Values and limits: declared types, settings of recipes and engines, checks (DL35x, DL44x)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from dlspec.diagnostics.core import Diagnostic, Label, Severity
from dlspec.late import late_dataclass
from dlspec.source import Span

SHORT = 30
"""A text of so many characters can stand in a title."""


@late_dataclass
class DeclaredType(Diagnostic):
    """A value does not have the type that is declared for it. Arithmetic on whole numbers of
    pixels gives floats.

    Wrong:
        network n { input x: float[N, 4]; output y: float[N, 3] = x -> dense(2) }

    Right:
        network n { input x: float[N, 4]; output y: float[N, 2] = x -> dense(2) }
    """

    code: ClassVar[str] = "DL351"
    title: ClassVar[str] = "`{name}` is declared {declared}, but is {actual}"
    label: ClassVar[str] = "{actual}"
    name: str
    declared: str
    actual: str
    place: Span | None = None

    @property
    def helps(self) -> list[str]:
        """How pixels stay pixels."""
        whole = self.declared.startswith(("uint8", "int"))
        if whole and self.actual.startswith("float") and self.declared[5:] in self.actual:
            wanted = self.declared.partition("[")[0]
            return [
                f'arithmetic makes floats; `cast(…, "{wanted}")` makes them whole again',
                f"or compute inside the network, or declare `{self.name}: float[…]` there",
            ]
        return super().helps

    def labels(self) -> Iterable[Label]:
        """The declaration."""
        if self.place is not None:
            yield Label(self.place, "declared here")


@late_dataclass
class SharedLayer(Diagnostic):
    """A named layer is one layer; where it is used again, its parameters must fit.

    Wrong:
        network n { input x: float[N, 4]; f = dense(3); output y = x -> f -> f }

    Right (two layers):
        network n { input x: float[N, 4]; output y = x -> dense(3) -> dense(3) }
    """

    code: ClassVar[str] = "DL352"
    title: ClassVar[str] = "the shared layer `{layer}` does not fit here"
    label: ClassVar[str] = "here `{parameter}` would be {actual}"
    help: ClassVar[tuple[str, ...]] = (
        "a layer that is not named gets parameters of its own at each place",
    )
    layer: str
    parameter: str
    actual: str
    first_type: str
    first: Span | None = None

    def labels(self) -> Iterable[Label]:
        """Where its parameters were made."""
        if self.first is not None:
            yield Label(self.first, f"first applied here: `{self.parameter}` is {self.first_type}")


@late_dataclass
class CheckedShape(Diagnostic):
    """A `check` on a shape does not hold.

    Wrong:
        network n { input x: float[N, 4]; output y = x -> dense(2) }
        check n(x = zeros(1, 4)).y : [1, 3]

    Right:
        network n { input x: float[N, 4]; output y = x -> dense(2) }
        check n(x = zeros(1, 4)).y : [1, 2]
    """

    code: ClassVar[str] = "DL353"
    title: ClassVar[str] = "check fails: the shape is {actual}, not {expected}"
    label: ClassVar[str] = "this is {actual}"
    actual: str
    expected: str


@late_dataclass
class CheckedCount(Diagnostic):
    """A `check` on the number of parameters does not hold.

    Wrong:
        network n { input x: float[N, 4]; output y = x -> dense(2) }
        check n.parameters == 8

    Right (a bias for each unit):
        network n { input x: float[N, 4]; output y = x -> dense(2) }
        check n.parameters == 10

    It counts what the engine has and training may change: not the running statistics of a norm, and
    not what is there `when training` only. `n.parameters` is of the network as it is built, with
    the settings that a recipe gives; `n(depth = 9).parameters` and `n().parameters` are of the
    network with these settings and with its defaults.
    """

    code: ClassVar[str] = "DL355"
    title: ClassVar[str] = "check fails: `{name}` has {actual} parameters, not {expected}"
    label: ClassVar[str] = "there are {actual}"
    note: ClassVar[tuple[str, ...]] = ("the difference is {difference}", "{layers}")
    name: str
    actual: str
    expected: str
    layers: str | None = None
    difference: str | None = None


@late_dataclass
class BadInputValue(Diagnostic):
    """A value given to a network's input does not fit its declared type.

    Wrong:
        network n { input x: float[N, 2]; output y = 2 * x }
        check n(x = [[1, 2, 3]]).y == [[2, 4]]

    Right:
        network n { input x: float[N, 2]; output y = 2 * x }
        check n(x = [[1, 2]]).y == [[2, 4]]
    """

    code: ClassVar[str] = "DL354"
    title: ClassVar[str] = "`{name}` is declared {declared}; {actual} does not fit"
    label: ClassVar[str] = "{actual}"
    name: str
    declared: str
    actual: str


@late_dataclass
class TooDeep(Diagnostic):
    """Definitions apply each other without end, or deeper than is allowed.

    Wrong:
        block f(x; n) { return x -> relu -> f(n - 1) }
        network n { input x: float[N, 4]; output y = x -> f(3) }

    Right:
        block f(x; n) {
            if n == 0 { return x }
            return x -> relu -> f(n - 1)
        }
        network n { input x: float[N, 4]; output y = x -> f(3) }
    """

    code: ClassVar[str] = "DL440"
    title: ClassVar[str] = "`{name}` is applied more than {most} deep"
    label: ClassVar[str] = "the innermost application"
    help: ClassVar[tuple[str, ...]] = ("a block that applies itself needs an `if` that ends it",)
    name: str
    most: int


@late_dataclass
class TooLarge(Diagnostic):
    """A spec stays under fixed limits, so that compiling one from a stranger is safe.

    Wrong:
        network n { input x: float[N, 4]; h = x; for i in 1..10000000 { h = h + 1 }; output y = h }

    Right:
        network n { input x: float[N, 4]; output y = x + 10000000 }
    """

    code: ClassVar[str] = "DL441"
    title: ClassVar[str] = "too large: {what}"
    label: ClassVar[str] = "here it passes the limit"
    what: str


@late_dataclass
class TooManyMistakes(Diagnostic):
    """So many mistakes have one cause; the rest of the definition is not looked at.

    Wrong (each round is another mistake, a hundred are told):
        network n {
            input x: float[N, 4]
            for i in 1..200 { h = x -> reshape(i + 4) }
            output y = x
        }

    Right:
        network n {
            input x: float[N, 4]
            for i in 1..200 { x = x -> relu }
            output y = x
        }
    """

    code: ClassVar[str] = "DL450"
    title: ClassVar[str] = "{most} mistakes are told already"
    label: ClassVar[str] = "what follows is not looked at"
    most: int


@late_dataclass
class BadValue(Diagnostic):
    """A value that is not possible at this place.

    Wrong:
        network n {
            input image: uint8[N, 28, 28]
            output logits = image / 255 -> flatten -> dense(10)
        }
        recipe r for n on mnist() {
            minimize cross_entropy(logits, label) with adam(0.001)
            batch = 0
        }

    Right:
        network n {
            input image: uint8[N, 28, 28]
            output logits = image / 255 -> flatten -> dense(10)
        }
        recipe r for n on mnist() {
            minimize cross_entropy(logits, label) with adam(0.001)
            batch = 100
        }
    """

    code: ClassVar[str] = "DL442"
    title: ClassVar[str] = "`{name}` cannot be {value}"
    label: ClassVar[str] = "expected {expected}"
    help: ClassVar[tuple[str, ...]] = ("{advice}",)
    name: str
    value: str
    expected: str
    advice: str | None = None

    def facts(self) -> dict[str, object]:
        """A short value is shown as it is written; of a name it is said what it is."""
        found = super().facts()
        if self.value in ("a range", "a list") and self.span and len(self.span.text) < SHORT:
            written = self.span.text
            named = written.isidentifier()
            found["value"] = f"`{written}`, {self.value}" if named else written
        return found

    @property
    def helps(self) -> list[str]:
        """An optimiser of another framework in a spec's words."""
        if self.name == "optimizer":
            from dlspec.diagnostics.peer_calls import optimizer_advice

            advice = optimizer_advice(self.value)
            if advice:
                return [advice]
        return super().helps


@late_dataclass
class Impossible(Diagnostic):
    """An operation on compile-time values that has no result.

    Wrong:
        const half = 1 / 0

    Right:
        const half = 1 / 2
    """

    code: ClassVar[str] = "DL443"
    title: ClassVar[str] = "this has no value: {reason}"
    label: ClassVar[str] = "here"
    reason: str


@late_dataclass
class NoGoal(Diagnostic):
    """A recipe must say what to minimize or maximize.

    Wrong:
        network n {
            input image: uint8[N, 28, 28]
            output logits = image / 255 -> flatten -> dense(10)
        }
        recipe r for n on mnist() { optimizer = adam(0.001) }

    Right:
        network n {
            input image: uint8[N, 28, 28]
            output logits = image / 255 -> flatten -> dense(10)
        }
        recipe r for n on mnist() { minimize cross_entropy(logits, label); optimizer = adam(0.001) }
    """

    code: ClassVar[str] = "DL444"
    title: ClassVar[str] = "recipe `{name}` has no goal"
    label: ClassVar[str] = "nothing is minimized"
    help: ClassVar[tuple[str, ...]] = (
        "add `minimize …`, such as `minimize cross_entropy(logits, label)`",
    )
    name: str


@late_dataclass
class SeveralGoals(Diagnostic):
    """A recipe has one goal, or one in each `step`.

    Wrong:
        network n {
            input image: uint8[N, 28, 28]
            output logits = image / 255 -> flatten -> dense(10)
        }
        recipe r for n on mnist() {
            minimize cross_entropy(logits, label)
            minimize mean(logits ** 2)
            optimizer = adam(0.001)
        }

    Right:
        network n {
            input image: uint8[N, 28, 28]
            output logits = image / 255 -> flatten -> dense(10)
        }
        recipe r for n on mnist() {
            minimize cross_entropy(logits, label) + mean(logits ** 2, axis = 1)
            optimizer = adam(0.001)
        }
    """

    code: ClassVar[str] = "DL445"
    title: ClassVar[str] = "a second goal"
    label: ClassVar[str] = "one goal too many"
    help: ClassVar[tuple[str, ...]] = (
        "add the losses up, or put each goal into a `step` of its own",
    )
    first: Span | None = None

    def labels(self) -> Iterable[Label]:
        """The first goal."""
        if self.first is not None:
            yield Label(self.first, "the first goal")


@late_dataclass
class NoOptimizer(Diagnostic):
    """A goal without an optimiser.

    Wrong:
        network n {
            input image: uint8[N, 28, 28]
            output logits = image / 255 -> flatten -> dense(10)
        }
        recipe r for n on mnist() { minimize cross_entropy(logits, label) }

    Right:
        network n {
            input image: uint8[N, 28, 28]
            output logits = image / 255 -> flatten -> dense(10)
        }
        recipe r for n on mnist() { minimize cross_entropy(logits, label) with adam(0.001) }
    """

    code: ClassVar[str] = "DL446"
    title: ClassVar[str] = "which optimiser?"
    label: ClassVar[str] = "this goal has none"
    help: ClassVar[tuple[str, ...]] = ("add `optimizer = adam(0.001)` to the recipe",)


@late_dataclass
class ChoosesNothing(Diagnostic):
    """A choice of parameters that no parameter fits.

    Wrong:
        network n {
            input image: uint8[N, 28, 28]
            output logits = image / 255 -> flatten -> dense(10)
        }
        recipe r for n on mnist() {
            minimize cross_entropy(logits, label) over n["*.wieght"] with adam(0.001)
        }

    Right:
        network n {
            input image: uint8[N, 28, 28]
            output logits = image / 255 -> flatten -> dense(10)
        }
        recipe r for n on mnist() {
            minimize cross_entropy(logits, label) over n["*.weight"] with adam(0.001)
        }
    """

    code: ClassVar[str] = "DL447"
    title: ClassVar[str] = "`{choice}` chooses no parameter"
    label: ClassVar[str] = "nothing fits"
    note: ClassVar[tuple[str, ...]] = ("the parameters are {known}",)
    help: ClassVar[tuple[str, ...]] = ("did you mean `{suggestion}`?",)
    choice: str
    known: str | None = None
    suggestion: str | None = None


@late_dataclass
class UnboundedDimension(Diagnostic):
    """A target that plans its memory ahead needs the least and the most of every free dimension.

    Wrong:
        network n { input x: float[N, T]; output y = relu(x) }
        engine e for n { targets = tensorrt_rtx }

    Right:
        network n { input x: float[N, T]; output y = relu(x) }
        engine e for n { targets = tensorrt_rtx; batch = 1..8; T = 1..200 }
    """

    code: ClassVar[str] = "DL448"
    title: ClassVar[str] = "engine `{engine}` needs bounds for `{symbol}`"
    label: ClassVar[str] = "`{target}` plans ahead for each size"
    help: ClassVar[tuple[str, ...]] = ("add `{symbol} = 1..64` to the engine",)
    engine: str
    symbol: str
    target: str


@late_dataclass
class NotMean(Diagnostic):
    """A goal or a metric that is no number for each example.

    Wrong:
        network n {
            input image: uint8[N, 28, 28]
            output logits = image / 255 -> flatten -> dense(10)
        }
        recipe r for n on mnist() { minimize label with adam(0.001) }

    Right:
        network n {
            input image: uint8[N, 28, 28]
            output logits = image / 255 -> flatten -> dense(10)
        }
        recipe r for n on mnist() { minimize cross_entropy(logits, label) with adam(0.001) }
    """

    code: ClassVar[str] = "DL449"
    title: ClassVar[str] = "{what} must be a float, not {actual}"
    label: ClassVar[str] = "this is {actual}"
    what: str
    actual: str


@late_dataclass
class ProbabilitiesAsLogits(Diagnostic):
    """`cross_entropy` gets probabilities. It takes logits, any numbers, and has the softmax in it:
    after a second one learning is slow, and the loss never comes near 0.

    Wrong:
        network n {
            input image: uint8[N, 28, 28]
            output logits = image / 255 -> flatten -> dense(10) -> softmax
        }
        recipe r for n on mnist() {
            minimize cross_entropy(logits, label) with adam(0.001)
            epochs = 5
        }

    Right:
        network n {
            input image: uint8[N, 28, 28]
            output logits = image / 255 -> flatten -> dense(10)
        }
        recipe r for n on mnist() {
            minimize cross_entropy(logits, label) with adam(0.001)
            epochs = 5
        }
    """

    code: ClassVar[str] = "DL451"
    severity: ClassVar[Severity] = "warning"
    title: ClassVar[str] = "`cross_entropy` takes logits, and these are probabilities"
    label: ClassVar[str] = "has a softmax of its own"
    help: ClassVar[str] = (
        "give it what goes into `{maker}`, and keep `{maker}` for an output of its own: "
        "`output probability = softmax(logits)`"
    )
    maker: str
    made: Span

    def labels(self) -> Iterable[Label]:
        """Where they become probabilities."""
        yield Label(self.made, f"`{self.maker}` makes probabilities here")


@late_dataclass
class RectifiedLogits(Diagnostic):
    """`cross_entropy` gets what comes out of a rectifier, so no logit can be below 0: a class whose
    unit dies is never unlikely again.

    Wrong:
        network n {
            input image: uint8[N, 28, 28]
            output logits = image / 255 -> flatten -> dense(10) -> relu
        }
        recipe r for n on mnist() {
            minimize cross_entropy(logits, label) with adam(0.001)
            epochs = 5
        }

    Right:
        network n {
            input image: uint8[N, 28, 28]
            output logits = image / 255 -> flatten -> dense(10)
        }
        recipe r for n on mnist() {
            minimize cross_entropy(logits, label) with adam(0.001)
            epochs = 5
        }
    """

    code: ClassVar[str] = "DL452"
    severity: ClassVar[Severity] = "warning"
    title: ClassVar[str] = "the logits of `cross_entropy` are never negative"
    label: ClassVar[str] = "takes any numbers"
    help: ClassVar[str] = "leave out the `relu` after the last `dense`"
    made: Span

    def labels(self) -> Iterable[Label]:
        """The rectifier."""
        yield Label(self.made, "they are rectified here")


@late_dataclass
class DropoutAtTheEnd(Diagnostic):
    """The last thing before the loss is dropout, which sets logits to 0 at random while learning.

    Wrong:
        network n {
            input image: uint8[N, 28, 28]
            output logits = image / 255 -> flatten -> dense(10) -> dropout(0.5)
        }
        recipe r for n on mnist() {
            minimize cross_entropy(logits, label) with adam(0.001)
            epochs = 5
        }

    Right:
        network n {
            input image: uint8[N, 28, 28]
            output logits = image / 255 -> flatten -> dropout(0.5) -> dense(10)
        }
        recipe r for n on mnist() {
            minimize cross_entropy(logits, label) with adam(0.001)
            epochs = 5
        }
    """

    code: ClassVar[str] = "DL453"
    severity: ClassVar[Severity] = "warning"
    title: ClassVar[str] = "dropout sets the logits themselves to 0"
    label: ClassVar[str] = "the loss of what is left"
    help: ClassVar[str] = "put `dropout` before the last `dense`"
    made: Span

    def labels(self) -> Iterable[Label]:
        """The dropout."""
        yield Label(self.made, "these come out of `dropout`")
