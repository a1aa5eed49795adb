"""Names, kinds and arguments (DL2xx), and what is not supported yet (DL8xx)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import field
from typing import ClassVar

from dlspec.diagnostics.core import Diagnostic, Label, Severity
from dlspec.late import late_dataclass
from dlspec.source import Span


@late_dataclass
class UnknownName(Diagnostic):
    """A name that nothing in reach defines. In a definition these are its own names, its settings
    and inputs, the definitions of the file, the library and the ops; nothing is captured from
    another definition.

    Wrong:
        network n { input image: float[N, 4]; output y = imgae -> dense(2) }

    Right:
        network n { input image: float[N, 4]; output y = image -> dense(2) }
    """

    code: ClassVar[str] = "DL201"
    title: ClassVar[str] = "there is no `{name}` here"
    label: ClassVar[str] = "not defined"
    help: ClassVar[tuple[str, ...]] = ("did you mean `{suggestion}`?", "{advice}")
    name: str
    suggestion: str | None = None
    advice: str | None = None

    @property
    def helps(self) -> list[str]:
        """A word without its quotes, and what a name of another framework is here, come before what
        is spelt alike."""
        from dlspec.diagnostics import peer_calls, words

        if self.span is None or self.span.text != self.name:
            return super().helps
        advice = words.word_advice(self.span) or peer_calls.name_advice(self.span)
        return [advice] if advice else super().helps


@late_dataclass
class ReadBeforeBound(Diagnostic):
    """A name is read above the statement that binds it. Text is read from top to bottom.

    Wrong:
        network n { input x: float[N, 4]; output y = h -> dense(2); h = x -> dense(3) }

    Right:
        network n { input x: float[N, 4]; h = x -> dense(3); output y = h -> dense(2) }
    """

    code: ClassVar[str] = "DL202"
    title: ClassVar[str] = "`{name}` is read before it is bound"
    label: ClassVar[str] = "not bound yet"
    help: ClassVar[tuple[str, ...]] = ("move this below the statement that binds `{name}`",)
    name: str
    bound: Span | None = None

    def labels(self) -> Iterable[Label]:
        """Where it is bound."""
        if self.bound is not None:
            yield Label(self.bound, "bound here")


@late_dataclass
class AbsentHere(Diagnostic):
    """A statement that always counts reads a name that is bound only `when training` or `when
    learning`.

    Wrong:
        network n { input x: float[N, 4]; z = x -> dense(2)  when training; output y = z }

    Right:
        network n { input x: float[N, 4]; z = x -> dense(2); output y = z }
    """

    code: ClassVar[str] = "DL203"
    title: ClassVar[str] = "`{name}` does not exist {mode}"
    label: ClassVar[str] = "read here without a condition"
    help: ClassVar[tuple[str, ...]] = (
        "add the same `when` to this statement, or bind `{name}` without one first",
    )
    name: str
    mode: str
    bound: Span | None = None

    def labels(self) -> Iterable[Label]:
        """Where it is bound, and under which condition."""
        if self.bound is not None:
            yield Label(self.bound, "bound under a condition here")


@late_dataclass
class Redefined(Diagnostic):
    """Two definitions, or two parameters of one, have the same name.

    Wrong:
        const n = 3
        const n = 4

    Right:
        const n = 3
        const m = 4
    """

    code: ClassVar[str] = "DL204"
    title: ClassVar[str] = "`{name}` is defined twice"
    label: ClassVar[str] = "defined again"
    name: str
    first: Span | None = None

    def labels(self) -> Iterable[Label]:
        """The first definition."""
        if self.first is not None:
            yield Label(self.first, "first defined here")


@late_dataclass
class UnknownSetting(Diagnostic):
    """A setting that does not exist. Nothing is ever ignored, so that a typing slip cannot change
    what is trained.

    Wrong:
        network n { input x: float[N, 1, 8, 8]; output y = x -> conv(6, kernal = 5) }

    Right:
        network n { input x: float[N, 1, 8, 8]; output y = x -> conv(6, kernel = 5) }
    """

    code: ClassVar[str] = "DL205"
    title: ClassVar[str] = "`{of}` has no setting `{name}`"
    label: ClassVar[str] = "unknown setting"
    note: ClassVar[tuple[str, ...]] = ("it takes {known}",)
    help: ClassVar[tuple[str, ...]] = ("did you mean `{suggestion}`?",)
    name: str
    of: str
    suggestion: str | None = None
    known: str | None = None

    @property
    def helps(self) -> list[str]:
        """What a setting of another framework is here comes before what is spelt alike."""
        from dlspec.diagnostics import peer_calls

        if self.span is None:
            return super().helps
        known = frozenset(re.findall(r"`([\w.]+)`", self.known)) if self.known else None
        advice = peer_calls.setting_advice(self.name, self.of, self.span, known)
        return [advice] if advice else super().helps


@late_dataclass
class MissingArgument(Diagnostic):
    """An input or a setting without a default was not given.

    Wrong:
        network n { input x: float[N, 1, 8, 8]; output y = x -> conv(6) }

    Right:
        network n { input x: float[N, 1, 8, 8]; output y = x -> conv(6, kernel = 3) }
    """

    code: ClassVar[str] = "DL206"
    title: ClassVar[str] = "`{of}` needs `{name}`"
    label: ClassVar[str] = "`{name}` is not given"
    note: ClassVar[tuple[str, ...]] = ("it takes {known}",)
    help: ClassVar[tuple[str, ...]] = ("{advice}",)
    name: str
    of: str
    known: str | None = None
    advice: str | None = None
    declared: Span | None = None

    def labels(self) -> Iterable[Label]:
        """Where it is declared."""
        if self.declared is not None and self.declared != self.span:
            yield Label(self.declared, f"`{self.of}` takes it")


@late_dataclass
class TooManyArguments(Diagnostic):
    """More arguments than there are inputs and settings.

    Wrong:
        network n { input x: float[N, 4]; output y = relu(x, 3) }

    Right:
        network n { input x: float[N, 4]; output y = relu(x) }
    """

    code: ClassVar[str] = "DL207"
    title: ClassVar[str] = "too many arguments for `{of}`, which takes {most}"
    label: ClassVar[str] = "one too many"
    note: ClassVar[tuple[str, ...]] = ("it takes {known}",)
    help: ClassVar[tuple[str, ...]] = ("{advice}",)
    of: str
    most: int
    known: str | None = None
    advice: str | None = None
    declared: Span | None = None

    def labels(self) -> Iterable[Label]:
        """Where what takes fewer is defined."""
        if self.declared is not None:
            yield Label(self.declared, f"`{self.of}` is defined here")


@late_dataclass
class RepeatedArgument(Diagnostic):
    """An argument is given twice, by position and by name, or by the arrow and in the parentheses.

    Wrong:
        network n { input x: float[N, 4]; output y = x -> dense(2, units = 3) }

    Right:
        network n { input x: float[N, 4]; output y = x -> dense(units = 3) }
    """

    code: ClassVar[str] = "DL208"
    title: ClassVar[str] = "`{name}` of `{of}` is given twice"
    label: ClassVar[str] = "given again"
    name: str
    of: str


@late_dataclass
class UnknownAttribute(Diagnostic):
    """What stands before the dot has nothing of that name.

    Wrong:
        const digits = vocabulary(0..9)
        network n { input x: float[N, 4]; output y = x -> dense(digits.sise) }

    Right:
        const digits = vocabulary(0..9)
        network n { input x: float[N, 4]; output y = x -> dense(digits.size) }
    """

    code: ClassVar[str] = "DL209"
    title: ClassVar[str] = "{what} has no `{name}`"
    label: ClassVar[str] = "unknown"
    note: ClassVar[tuple[str, ...]] = ("it has {known}",)
    help: ClassVar[tuple[str, ...]] = ("did you mean `{suggestion}`?",)
    name: str
    what: str
    suggestion: str | None = None
    known: str | None = None

    @property
    def helps(self) -> list[str]:
        """A method of a tensor elsewhere is a function here."""
        from dlspec.diagnostics import peer_calls

        if self.span is not None and self.what.startswith("a tensor"):
            advice = peer_calls.method_advice(self.name, self.span)
            if advice:
                return [advice]
        return super().helps


@late_dataclass
class NotCallable(Diagnostic):
    """Something that is no layer, block or function is called or stands after an arrow.

    Wrong:
        network n { input x: float[N, 4]; relu = x; output y = x -> relu }

    Right:
        network n { input x: float[N, 4]; h = x; output y = h -> relu }
    """

    code: ClassVar[str] = "DL210"
    title: ClassVar[str] = "{what} cannot be applied"
    label: ClassVar[str] = "this is {what}"
    help: ClassVar[tuple[str, ...]] = ("{advice}",)
    what: str
    advice: str | None = None


@late_dataclass
class WrongKind(Diagnostic):
    """A value of one kind stands where another is wanted: a tensor where a number is, a layer where
    a tensor is.

    Wrong:
        network n { input x: float[N, 4]; output y = x -> dense(x) }

    Right:
        network n { input x: float[N, 4]; output y = x -> dense(4) }
    """

    code: ClassVar[str] = "DL211"
    title: ClassVar[str] = "expected {expected}, found {actual}"
    label: ClassVar[str] = "this is {actual}"
    help: ClassVar[tuple[str, ...]] = ("{advice}",)
    expected: str
    actual: str
    advice: str | None = None

    @property
    def helps(self) -> list[str]:
        """A list that is no array has rows of different lengths."""
        if self.advice is None and self.actual == "a list" and "starting value" in self.expected:
            return ["write numbers in rows of one length: `[[1, 2], [3, 4]]`"]
        return super().helps


@late_dataclass
class SeveralOutputs(Diagnostic):
    """The value of an application with several outputs stands where one tensor is wanted.

    Wrong:
        network two { input x: float[N, 4]; output a = x; output b = x }
        network n { input x: float[N, 4]; output y = relu(two(x)) }

    Right:
        network two { input x: float[N, 4]; output a = x; output b = x }
        network n { input x: float[N, 4]; output y = relu(two(x).a) }
    """

    code: ClassVar[str] = "DL212"
    title: ClassVar[str] = "`{of}` has several outputs; which one?"
    label: ClassVar[str] = "one tensor is wanted here"
    help: ClassVar[tuple[str, ...]] = ("write one of {known}",)
    of: str
    known: str


@late_dataclass
class AmbiguousName(Diagnostic):
    """In a recipe a name is both a field of the data and an output of the network.

    Wrong:
        data d {
            files = mnist()
            output image: uint8[N, 28, 28]
            output digit: int[N] = files.label
        }
        network n {
            input image: uint8[N, 28, 28]
            output logits = image / 255 -> flatten -> dense(10)
            output digit = argmax(logits)
        }
        recipe r for n on d { minimize cross_entropy(logits, digit) with adam(0.001) }

    Right:
        data d {
            files = mnist()
            output image: uint8[N, 28, 28]
            output digit: int[N] = files.label
        }
        network n {
            input image: uint8[N, 28, 28]
            output logits = image / 255 -> flatten -> dense(10)
            output digit = argmax(logits)
        }
        recipe r for n on d { minimize cross_entropy(logits, d.digit) with adam(0.001) }
    """

    code: ClassVar[str] = "DL213"
    title: ClassVar[str] = "`{name}` is both a field of the data and an output of the network"
    label: ClassVar[str] = "which one?"
    help: ClassVar[tuple[str, ...]] = (
        "write `{field}` for the true value, `{output}` for the predicted one",
    )
    name: str
    field: str
    output: str


@late_dataclass
class UnreadName(Diagnostic):
    """A name in a recipe or in data that nobody reads: most often a mistyped setting.

    Wrong:
        network n {
            input image: uint8[N, 28, 28]
            output logits = image / 255 -> flatten -> dense(10)
        }
        recipe r for n on mnist() {
            minimize cross_entropy(logits, label) with adam(0.001)
            epoch = 20
        }

    Right:
        network n {
            input image: uint8[N, 28, 28]
            output logits = image / 255 -> flatten -> dense(10)
        }
        recipe r for n on mnist() {
            minimize cross_entropy(logits, label) with adam(0.001)
            epochs = 20
        }
    """

    code: ClassVar[str] = "DL214"
    title: ClassVar[str] = "nobody reads `{name}`"
    label: ClassVar[str] = "bound and never read"
    help: ClassVar[tuple[str, ...]] = ("did you mean the setting `{suggestion}`?",)
    name: str
    suggestion: str | None = None

    @property
    def helps(self) -> list[str]:
        """What the setting of another framework is here."""
        from dlspec.diagnostics import peer_calls

        if self.name in ("loss", "criterion", "objective", "cost"):
            return ["a loss is a goal: `minimize cross_entropy(logits, label)`"]
        if self.span is not None:
            advice = peer_calls.setting_advice(self.name, "a recipe", self.span, RECIPE)
            if advice:
                return [advice]
        return super().helps


RECIPE = frozenset(["batch", "epochs", "steps", "stop", "minimize", "optimizer", "metrics", "seed"])
"""Settings of recipes that have other names elsewhere."""


@late_dataclass
class UnreadInNetwork(Diagnostic):
    """A name in a network that nothing in the file reads. It costs nothing in the engine, but is
    probably a slip.

    Wrong:
        network n { input x: float[N, 4]; h = x -> dense(3); output y = x -> dense(2) }

    Right:
        network n { input x: float[N, 4]; h = x -> dense(3); output y = h -> dense(2) }
    """

    code: ClassVar[str] = "DL215"
    severity: ClassVar[Severity] = "warning"
    title: ClassVar[str] = "nothing reads `{name}`"
    label: ClassVar[str] = "bound and never read"
    help: ClassVar[tuple[str, ...]] = ("did you mean `{suggestion}`?",)
    name: str
    suggestion: str | None = None


@late_dataclass
class ImportFailed(Diagnostic):
    """An imported file cannot be used.

    Wrong:
        import "../other/vgg.dl"

    Right (files beside the spec or below its folder, or of the library):
        import "library/dropout.dl"
    """

    code: ClassVar[str] = "DL216"
    title: ClassVar[str] = "cannot import `{path}`: {reason}"
    label: ClassVar[str] = "imported here"
    help: ClassVar[tuple[str, ...]] = ("{advice}",)
    path: str
    reason: str
    advice: str | None = None


@late_dataclass
class NoOutput(Diagnostic):
    """A network without an output, or a block without a `return`, computes nothing.

    Wrong:
        network n { input x: float[N, 4]; y = x -> dense(2) }

    Right:
        network n { input x: float[N, 4]; output y = x -> dense(2) }
    """

    code: ClassVar[str] = "DL217"
    title: ClassVar[str] = "{kind} `{name}` has no {wanted}"
    label: ClassVar[str] = "nothing comes out of it"
    help: ClassVar[str] = "add `{example}`"
    kind: str
    name: str
    wanted: str

    def facts(self) -> dict[str, object]:
        """With an example of what is wanted."""
        example = "return x" if "return" in self.wanted else "output y = x"
        return {**super().facts(), "example": example}


@late_dataclass
class OutputTwice(Diagnostic):
    """Two `output` statements, one after the other, with one name: the first would go unseen.

    Wrong:
        network n {
            input x: float[N, 4]
            output y = x -> dense(2)
            output y = tanh(y)
        }

    Right:
        network n {
            input x: float[N, 4]
            y = x -> dense(2)
            output y = tanh(y)
        }
    """

    code: ClassVar[str] = "DL229"
    title: ClassVar[str] = "the output `{name}` is given twice"
    label: ClassVar[str] = "this would take its place"
    help: ClassVar[str] = "leave `output` out of the first, or give one another name"
    name: str
    first: Span

    def labels(self) -> Iterable[Label]:
        """Where it was given before."""
        yield Label(self.first, "given here")


@late_dataclass
class MisplacedStatement(Diagnostic):
    """A statement that this kind of definition cannot hold.

    Wrong:
        network n { input x: float[N, 4]; output y = x; minimize mean(y) }

    Right:
        network n { input image: uint8[N, 28, 28]; output y = image / 255 -> flatten -> dense(1) }
        recipe r for n on mnist() { minimize mean(y) with adam(0.001) }
    """

    code: ClassVar[str] = "DL218"
    title: ClassVar[str] = "`{statement}` cannot stand in a {where}"
    label: ClassVar[str] = "not here"
    help: ClassVar[tuple[str, ...]] = ("{advice}",)
    statement: str
    where: str
    advice: str | None = None


@late_dataclass
class UnknownType(Diagnostic):
    """An element type that does not exist.

    Wrong:
        network n { input x: flaot[N, 4]; output y = x }

    Right:
        network n { input x: float[N, 4]; output y = x }
    """

    code: ClassVar[str] = "DL219"
    title: ClassVar[str] = "there is no element type `{name}`"
    label: ClassVar[str] = "unknown type"
    note: ClassVar[tuple[str, ...]] = ("the types are {known}",)
    help: ClassVar[tuple[str, ...]] = ("did you mean `{suggestion}`?",)
    name: str
    known: str
    suggestion: str | None = None

    @property
    def helps(self) -> list[str]:
        """What the type is called here."""
        from dlspec.diagnostics.peers import TYPES

        ours = TYPES.get(self.name)
        return [f"write `{ours}`"] if ours else super().helps


@late_dataclass
class UnknownDimension(Diagnostic):
    """A lower-case name in a type must be a setting or a constant; dimensions start with a capital.

    Wrong:
        network n { input x: float[N, width]; output y = x }

    Right:
        network n { input x: float[N, W]; output y = x }
    """

    code: ClassVar[str] = "DL220"
    title: ClassVar[str] = "`{name}` in a type is neither a setting nor a constant"
    label: ClassVar[str] = "unknown size"
    help: ClassVar[tuple[str, ...]] = (
        "did you mean `{suggestion}`?",
        "a free dimension starts with a capital letter: `{capital}`",
    )
    name: str
    capital: str
    suggestion: str | None = None

    @property
    def helps(self) -> list[str]:
        """The letter that a common dimension has."""
        from dlspec.diagnostics import peer_calls

        advice = peer_calls.dimension_advice(self.name)
        return [advice] if advice else super().helps


@late_dataclass
class NotYet(Diagnostic):
    """Part of the language that this version reads, but cannot compile yet. It is told once for
    each part, at its first place.

    Wrong:
        network n { input x: float[N, 4]; output y = x -> mu_law }

    Right:
        network n { input x: float[N, 4]; output y = sign(x) * log(1 + 255 * abs(x)) / log(256) }
    """

    code: ClassVar[str] = "DL801"
    title: ClassVar[str] = "{what} cannot be compiled yet"
    label: ClassVar[str] = "understood, but not supported by this version"
    help: ClassVar[tuple[str, ...]] = ("{advice}",)
    span: Span | None = field(compare=False)
    what: str
    advice: str | None = None
