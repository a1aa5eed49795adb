"""What can be wrong with an experiment (DL480 to DL489)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from dlspec.diagnostics.core import Diagnostic, Label
from dlspec.late import late_dataclass
from dlspec.source import Span


@late_dataclass
class UnknownFactor(Diagnostic):
    """An experiment changes what is no setting of its recipe or of the networks that learn in it.

    Wrong:
        network n(units = 3) { input x: float[N, 4]; output y = x -> dense(units) }
        data d { file = npz("x.npz"); output x: float[N, 4] = file.x }
        recipe r for n on d { minimize mean(y ** 2) with adam(0.01); epochs = 2 }
        experiment sizes runs r { unit = 2, 4 }

    Right:
        network n(units = 3) { input x: float[N, 4]; output y = x -> dense(units) }
        data d { file = npz("x.npz"); output x: float[N, 4] = file.x }
        recipe r for n on d { minimize mean(y ** 2) with adam(0.01); epochs = 2 }
        experiment sizes runs r { units = 2, 4 }
    """

    code: ClassVar[str] = "DL480"
    title: ClassVar[str] = "`{recipe}` has no setting `{name}` that could change"
    label: ClassVar[str] = "not a setting"
    note: ClassVar[str] = "there are {known}"
    help: ClassVar[str] = "did you mean `{suggestion}`?"
    name: str
    recipe: str
    suggestion: str | None
    known: str


@late_dataclass
class AmbiguousFactor(Diagnostic):
    """Two networks of the recipe have a setting of this name.

    Wrong:
        network a(units = 3) { input x: float[N, 4]; output y = x -> dense(units) }
        network b(units = 3) { input x: float[N, 4]; output z = x -> dense(units) }
        data d { file = npz("x.npz"); output x: float[N, 4] = file.x }
        recipe r for a, b on d {
            minimize mean(a().y ** 2) + mean(b().z ** 2) with adam(0.01)
            epochs = 2
        }
        experiment sizes runs r { units = 2, 4 }

    Right:
        network a(units = 3) { input x: float[N, 4]; output y = x -> dense(units) }
        network b(units = 3) { input x: float[N, 4]; output z = x -> dense(units) }
        data d { file = npz("x.npz"); output x: float[N, 4] = file.x }
        recipe r for a, b on d {
            minimize mean(a().y ** 2) + mean(b().z ** 2) with adam(0.01)
            epochs = 2
        }
        experiment sizes runs r { a.units, b.units = (2, 2), (4, 4) }
    """

    code: ClassVar[str] = "DL481"
    title: ClassVar[str] = "several have a setting `{name}`"
    label: ClassVar[str] = "whose?"
    help: ClassVar[str] = "say whose: {known}"
    name: str
    known: str


@late_dataclass
class UnevenFactor(Diagnostic):
    """Settings that change together have one value each in every pair.

    Wrong:
        network n(units = 3, size = 1) { input x: float[N, 4]; output y = x -> dense(units) }
        data d { file = npz("x.npz"); output x: float[N, 4] = file.x }
        recipe r for n on d { minimize mean(y ** 2) with adam(0.01); epochs = 2 }
        experiment sizes runs r { units, size = (2, 1), 4 }

    Right:
        network n(units = 3, size = 1) { input x: float[N, 4]; output y = x -> dense(units) }
        data d { file = npz("x.npz"); output x: float[N, 4] = file.x }
        recipe r for n on d { minimize mean(y ** 2) with adam(0.01); epochs = 2 }
        experiment sizes runs r { units, size = (2, 1), (4, 2) }
    """

    code: ClassVar[str] = "DL482"
    title: ClassVar[str] = "{count} settings change together, and this gives {given}"
    label: ClassVar[str] = "{given} of {count}"
    help: ClassVar[str] = "each value of `{names}` is written `{example}`"
    names: str
    count: int
    given: str
    example: str


@late_dataclass
class FactorTwice(Diagnostic):
    """A setting changes in two lines of an experiment, or has a value twice.

    Wrong:
        network n(units = 3) { input x: float[N, 4]; output y = x -> dense(units) }
        data d { file = npz("x.npz"); output x: float[N, 4] = file.x }
        recipe r for n on d { minimize mean(y ** 2) with adam(0.01); epochs = 2 }
        experiment sizes runs r { units = 2, 4; units = 8 }

    Right:
        network n(units = 3) { input x: float[N, 4]; output y = x -> dense(units) }
        data d { file = npz("x.npz"); output x: float[N, 4] = file.x }
        recipe r for n on d { minimize mean(y ** 2) with adam(0.01); epochs = 2 }
        experiment sizes runs r { units = 2, 4, 8 }
    """

    code: ClassVar[str] = "DL483"
    title: ClassVar[str] = "`{name}` is given twice"
    label: ClassVar[str] = "again"
    help: ClassVar[str] = "write all values of a setting in one line, each once"
    name: str
    first: Span

    def labels(self) -> Iterable[Label]:
        """The first one."""
        yield Label(self.first, "the first")


@late_dataclass
class UnknownReport(Diagnostic):
    """An experiment reports what none of its runs measures.

    Wrong:
        network n(units = 3) { input x: float[N, 4]; output y = x -> dense(units) }
        data d { file = npz("x.npz"); output x: float[N, 4] = file.x }
        recipe r for n on d { minimize mean(y ** 2) with adam(0.01); epochs = 2 }
        experiment sizes runs r { units = 2, 4; report = test.accuracy }

    Right:
        network n(units = 3) { input x: float[N, 4]; output y = x -> dense(units) }
        data d { file = npz("x.npz"); output x: float[N, 4] = file.x }
        recipe r for n on d { minimize mean(y ** 2) with adam(0.01); epochs = 2 }
        experiment sizes runs r { units = 2, 4; report = test.loss }
    """

    code: ClassVar[str] = "DL484"
    title: ClassVar[str] = "`{recipe}` does not measure `{name}`"
    label: ClassVar[str] = "not measured"
    note: ClassVar[str] = "it measures {known}"
    help: ClassVar[str] = "did you mean `{suggestion}`?"
    name: str
    recipe: str
    suggestion: str | None
    known: str


@late_dataclass
class CombinationFails(Diagnostic):
    """A combination of an experiment's settings makes no network; the errors that follow say why.
    All combinations are compiled before the first one runs.

    Wrong:
        network n(units = 3) { input x: float[N, 4]; output y = x -> dense(units) }
        data d { file = npz("x.npz"); output x: float[N, 4] = file.x }
        recipe r for n on d { minimize mean(y ** 2) with adam(0.01); epochs = 2 }
        experiment sizes runs r { units = 2, 0 }

    Right:
        network n(units = 3) { input x: float[N, 4]; output y = x -> dense(units) }
        data d { file = npz("x.npz"); output x: float[N, 4] = file.x }
        recipe r for n on d { minimize mean(y ** 2) with adam(0.01); epochs = 2 }
        experiment sizes runs r { units = 2, 4 }
    """

    code: ClassVar[str] = "DL485"
    title: ClassVar[str] = "with `{combination}` the recipe cannot be compiled"
    label: ClassVar[str] = "this experiment"
    help: ClassVar[str] = "the errors that follow are those of this combination"
    combination: str


@late_dataclass
class ExperimentInterrupted(Diagnostic):
    """An experiment was stopped. All that is done is kept, and so is the run that was at work.

    Wrong:
        $ dlspec experiment specs/memories.dl     # and Ctrl-C

    Right:
        $ dlspec experiment specs/memories.dl     # again
    """

    code: ClassVar[str] = "DL486"
    title: ClassVar[str] = "stopped in run {run} of {runs}; kept in `{folder}`"
    help: ClassVar[str] = "the same command goes on exactly from here"
    run: int
    runs: int
    folder: str


@late_dataclass
class ExperimentChanged(Diagnostic):
    """The folder holds runs of an earlier text of the experiment, or with other settings, whose
    results would be mixed with those of the new one.

    Wrong:
        $ dlspec experiment specs/memories.dl     # after `epochs` was changed

    Right:
        $ dlspec experiment specs/memories.dl --fresh
    """

    code: ClassVar[str] = "DL487"
    title: ClassVar[str] = "`{folder}` holds a run of {which}"
    note: ClassVar[tuple[str, ...]] = ("it was made {made}", "what changed: {what}")
    help: ClassVar[tuple[str, ...]] = (
        "`--runs FOLDER` keeps what is here, and makes the others there",
        "`--fresh` begins anew in its place",
    )
    folder: str
    which: str
    made: str
    what: str
