"""Time: lengths, cells, states, loops (DL36x, DL37x)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from dlspec.diagnostics.core import Diagnostic, Label
from dlspec.late import late_dataclass
from dlspec.source import Span


@late_dataclass
class LengthsNotTaken(Diagnostic):
    """A value whose examples have lengths of their own is given where every example is full.

    Wrong:
        block middle(x: float[N, T, D]) { return mean(x, axis = T) }
        network n { input x: float[N, <=T, 4]; output y = middle(x) }

    Right (`<=T` takes both):
        block middle(x: float[N, <=T, D]) { return mean(x, axis = T) }
        network n { input x: float[N, <=T, 4]; output y = middle(x) }
    """

    code: ClassVar[str] = "DL360"
    title: ClassVar[str] = "`{name}` takes no lengths, and {actual} has some"
    label: ClassVar[str] = "this is {actual}"
    help: ClassVar[str] = "declare it with `<=`: then it takes both"
    name: str
    actual: str
    declared: Span | None = None

    def labels(self) -> Iterable[Label]:
        """Where the dimension is declared."""
        if self.declared is not None and self.declared != self.span:
            yield Label(self.declared, "declared without lengths")


@late_dataclass
class CellOutsideLoop(Diagnostic):
    """A cell is applied where there is no time: it needs a loop that steps it.

    Wrong:
        network n { input x: float[N, <=T, 4]; output y = x -> lstm(8) }

    Right:
        network n { input x: float[N, <=T, 4]; output y = x -> scan(lstm(8)) }
    """

    code: ClassVar[str] = "DL361"
    title: ClassVar[str] = "`{name}` is a cell: it takes one step"
    label: ClassVar[str] = "nothing steps it here"
    help: ClassVar[str] = "`x -> scan({name}(…))` steps it over the time of x"
    name: str


@late_dataclass
class NoNextState(Diagnostic):
    """A state of a cell has no next value.

    Wrong:
        cell count { input x: float[N]; state s: float[N] = 0; output y = s + x }
        network n { input x: float[N, <=T]; output y = x -> scan(count()) }

    Right:
        cell count { input x: float[N]; state s: float[N] = 0; s' = s + x; output s' }
        network n { input x: float[N, <=T]; output y = x -> scan(count()) }
    """

    code: ClassVar[str] = "DL362"
    title: ClassVar[str] = "the state `{name}` has no next value"
    label: ClassVar[str] = "declared here"
    help: ClassVar[str] = "`{name}' = …` gives it; `{name}' = {name}` keeps it"
    name: str


@late_dataclass
class NotAState(Diagnostic):
    """A prime stands after a name that is no state of the cell, or its next value is given twice.

    Wrong:
        cell f { input x: float[N]; state s: float[N] = 0; s' = x; s' = x; output s' }
        network n { input x: float[N, <=T]; output y = x -> scan(f()) }

    Right:
        cell f { input x: float[N]; state s: float[N] = 0; s' = x; output s' }
        network n { input x: float[N, <=T]; output y = x -> scan(f()) }
    """

    code: ClassVar[str] = "DL363"
    title: ClassVar[str] = "`{name}'` {reason}"
    label: ClassVar[str] = "here"
    note: ClassVar[str] = "a prime is the next value of a state: `state h: …`, `h' = …`"
    help: ClassVar[str] = "the states here are {known}"
    name: str
    reason: str
    known: str | None = None


@late_dataclass
class StateChanges(Diagnostic):
    """A state's start or next value has another type than the state.

    Wrong:
        cell f { input x: float[N, 3]; state s: float[N, 2] = 0; s' = x; output s' }
        network n { input x: float[N, <=T, 3]; output y = x -> scan(f()) }

    Right:
        cell f { input x: float[N, 3]; state s: float[N, 3] = 0; s' = s + x; output s' }
        network n { input x: float[N, <=T, 3]; output y = x -> scan(f()) }
    """

    code: ClassVar[str] = "DL364"
    title: ClassVar[str] = "the {what} of the state `{name}` is {actual}, not {declared}"
    label: ClassVar[str] = "this is {actual}"
    name: str
    what: str
    actual: str
    declared: str
    place: Span | None = None

    def labels(self) -> Iterable[Label]:
        """Where the state is declared."""
        if self.place is not None and self.place != self.span:
            yield Label(self.place, f"`{self.name}` is declared {self.declared}")


@late_dataclass
class StepRank(Diagnostic):
    """A cell's input gets a tensor that is neither one value a step nor one for all steps.

    Wrong:
        cell f { input x: float[N, 3]; state s: float[N, 3] = 0; s' = s + x; output s' }
        network n { input x: float[N, 3, <=T, 2]; output y = x -> scan(f()) }

    Right (one axis more than declared, after N, is time):
        cell f { input x: float[N, 3]; state s: float[N, 3] = 0; s' = s + x; output s' }
        network n { input x: float[N, <=T, 3]; output y = x -> scan(f()) }
    """

    code: ClassVar[str] = "DL365"
    title: ClassVar[str] = "`{name}` is {actual}; the cell declares {declared}"
    label: ClassVar[str] = "{rank} axes"
    note: ClassVar[str] = (
        "one axis more than declared, after N, is stepped; as many as declared are held"
    )
    name: str
    actual: str
    declared: str
    rank: int


@late_dataclass
class NothingStepped(Diagnostic):
    """A scan has no input with time.

    Wrong:
        cell f { input x: float[N, 3]; state s: float[N, 3] = 0; s' = s + x; output s' }
        network n { input x: float[N, 3]; output y = x -> scan(f()) }

    Right:
        cell f { input x: float[N, 3]; state s: float[N, 3] = 0; s' = s + x; output s' }
        network n { input x: float[N, <=T, 3]; output y = x -> scan(f()) }
    """

    code: ClassVar[str] = "DL366"
    title: ClassVar[str] = "nothing of `{name}` has time"
    label: ClassVar[str] = "no input has one axis more than the cell declares"
    help: ClassVar[str] = "the cell declares {declared}"
    name: str
    declared: str | None = None


@late_dataclass
class TimesDiffer(Diagnostic):
    """The stepped inputs of a scan have different times.

    Wrong:
        cell f {
            input a: float[N]; input b: float[N]; state s: float[N] = 0
            s' = s + a * b; output s'
        }
        network n {
            input a: float[N, <=T]; input b: float[N, <=S]
            output y = scan(f(), a = a, b = b)
        }

    Right:
        cell f {
            input a: float[N]; input b: float[N]; state s: float[N] = 0
            s' = s + a * b; output s'
        }
        network n {
            input a: float[N, <=T]; input b: float[N, <=T]
            output y = scan(f(), a = a, b = b)
        }
    """

    code: ClassVar[str] = "DL367"
    title: ClassVar[str] = "`{name}` has the time {actual}, and `{other}` has {expected}"
    label: ClassVar[str] = "this is {type}"
    name: str
    type: str
    actual: str
    other: str
    expected: str


@late_dataclass
class NoTime(Diagnostic):
    """A function of time gets a tensor that has none.

    Wrong:
        network n { input x: float[N]; output y = x -> last }

    Right:
        network n { input x: float[N, <=T]; output y = x -> last }
    """

    code: ClassVar[str] = "DL368"
    title: ClassVar[str] = "`{name}` works along time, and {actual} has none"
    label: ClassVar[str] = "this is {actual}"
    help: ClassVar[str] = "time is the axis after N"
    name: str
    actual: str


@late_dataclass
class NotOneFed(Diagnostic):
    """A generation feeds its cell's one input that is not given; there are none or several.

    Wrong:
        cell writer(words) {
            input word: int[N]; state h: float[N, 4] = 0
            h' = tanh(h + (word -> embed(words, 4))); output scores = h' -> dense(words)
        }
        network n {
            input h: float[N, 4]; input w: int[N]
            output said = generate(writer(9), word = w, h = h, start = 1, at_most = 5).word
        }

    Right:
        cell writer(words) {
            input word: int[N]; state h: float[N, 4] = 0
            h' = tanh(h + (word -> embed(words, 4))); output scores = h' -> dense(words)
        }
        network n {
            input h: float[N, 4]
            output said = generate(writer(9), h = h, start = 1, at_most = 5).word
        }
    """

    code: ClassVar[str] = "DL369"
    title: ClassVar[str] = "`generate` feeds the one input of `{name}` that is not given"
    label: ClassVar[str] = "not given: {left}"
    name: str
    left: str


@late_dataclass
class NoClassForBlank(Diagnostic):
    """The scores of `ctc` have one class for each id of the text, and the blank behind them.

    Wrong:
        const letters = vocabulary(0..9)
        network n {
            input x: float[N, <=T, 4]; input text: int[N, <=L] of letters
            output y = x -> dense(letters.size) -> ctc(text)
        }

    Right:
        const letters = vocabulary(0..9)
        network n {
            input x: float[N, <=T, 4]; input text: int[N, <=L] of letters
            output y = x -> dense(letters.size + 1) -> ctc(text)
        }
    """

    code: ClassVar[str] = "DL370"
    title: ClassVar[str] = "the scores have {classes} classes, and the text {size} symbols"
    label: ClassVar[str] = "the last of {classes} classes is the blank"
    help: ClassVar[str] = "`ctc` wants {wanted}: one for each symbol, and the blank behind them"
    classes: int
    size: int
    wanted: int
