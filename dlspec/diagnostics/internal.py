"""Usage, files and what should never happen (DL6xx of the command line, DL9xx)."""

from __future__ import annotations

from typing import ClassVar

from dlspec.diagnostics.core import Diagnostic, Severity
from dlspec.late import late_dataclass


@late_dataclass
class InternalError(Diagnostic):
    """A bug of dlspec itself. The message says where in the spec it was at work; please report it
    with the spec.
    """

    code: ClassVar[str] = "DL901"
    title: ClassVar[str] = "internal error: {kind}: {what}"
    note: ClassVar[tuple[str, ...]] = ("dlspec {version}, in {place}",)
    help: ClassVar[tuple[str, ...]] = (
        "this is a bug of dlspec, not of your spec; please report it with the spec",
        "`DLSPEC_TRACEBACK=1` shows the whole traceback",
    )
    kind: str
    what: str
    version: str
    place: str


@late_dataclass
class SpecNotReadable(Diagnostic):
    """The spec's file cannot be read.

    Wrong:
        dlspec check lenet.txt        # there is no such file

    Right:
        dlspec check specs/lenet.dl
    """

    code: ClassVar[str] = "DL902"
    title: ClassVar[str] = "cannot read `{path}`: {reason}"
    help: ClassVar[tuple[str, ...]] = ("did you mean `{suggestion}`?", "{advice}")
    path: str
    reason: str
    suggestion: str | None = None
    advice: str | None = None


@late_dataclass
class WhichOne(Diagnostic):
    """A command without an argument takes the only spec, or the newest bundle, of this folder; here
    there is none, or a choice.

    Wrong:
        dlspec train                  # with two specs here

    Right:
        dlspec train specs/lenet.dl
    """

    code: ClassVar[str] = "DL903"
    title: ClassVar[str] = "which {what}?"
    note: ClassVar[tuple[str, ...]] = ("{found}",)
    help: ClassVar[tuple[str, ...]] = ("{advice}",)
    what: str
    found: str | None = None
    advice: str | None = None


@late_dataclass
class BadOption(Diagnostic):
    """A command-line option has a value that it cannot have.

    Wrong:
        dlspec train specs/lenet.dl --set epochs

    Right:
        dlspec train specs/lenet.dl --set epochs=30
    """

    code: ClassVar[str] = "DL904"
    title: ClassVar[str] = "`{option}` cannot be `{value}`"
    note: ClassVar[tuple[str, ...]] = ("expected {expected}",)
    help: ClassVar[tuple[str, ...]] = ("{advice}",)
    option: str
    value: str
    expected: str
    advice: str | None = None


@late_dataclass
class MissingPackage(Diagnostic):
    """Something was asked for that needs a package which is not installed.

    Wrong:
        dlspec train specs/lenet.dl   # without torch

    Right:
        pip install 'dlspec[train]'
    """

    code: ClassVar[str] = "DL905"
    title: ClassVar[str] = "{what} needs `{package}`, which is not installed"
    help: ClassVar[tuple[str, ...]] = ("`pip install 'dlspec[{extra}]'`",)
    what: str
    package: str
    extra: str


@late_dataclass
class TrainedWeightsStay(Diagnostic):
    """The current bundle is trained, and the spec no longer fits its weights. Compiling would
    replace what was learned by fresh weights, which `compile` never does.

    Wrong:
        dlspec compile specs/lenet.dl           # after a layer was changed

    Right:
        dlspec train specs/lenet.dl --init-from build/lenet     # learn again, from what still fits
        dlspec compile specs/lenet.dl --out elsewhere           # or compile it fresh beside
    """

    code: ClassVar[str] = "DL906"
    title: ClassVar[str] = "`{bundle}` is trained, and its weights do not fit this spec"
    note: ClassVar[tuple[str, ...]] = ("{difference}",)
    help: ClassVar[tuple[str, ...]] = (
        "train again: `dlspec train {spec} --init-from {bundle}` keeps what still fits",
        "or compile beside it: `dlspec compile {spec} --out elsewhere`",
    )
    bundle: str
    spec: str
    difference: str


@late_dataclass
class NothingToDo(Diagnostic):
    """The spec has nothing of the kind that the command works on.

    Wrong:
        dlspec train specs/tiny.dl    # it has no recipe

    Right:
        dlspec compile specs/tiny.dl
    """

    code: ClassVar[str] = "DL907"
    title: ClassVar[str] = "`{spec}` has no {what}"
    help: ClassVar[tuple[str, ...]] = ("{advice}",)
    spec: str
    what: str
    advice: str | None = None


@late_dataclass
class CheckFailed(Diagnostic):
    """A `check` of the spec does not hold for the trained model.

    Wrong:
        check learn.test.accuracy > 99.9%       # with one epoch

    Right:
        check learn.test.accuracy > 97.5%
    """

    code: ClassVar[str] = "DL908"
    title: ClassVar[str] = "check fails: {output} is {actual}, not {comparison} {expected}"
    label: ClassVar[str] = "this check"
    note: ClassVar[tuple[str, ...]] = (
        "nothing was published; the run keeps its weights and its checkpoint",
    )
    help: ClassVar[tuple[str, ...]] = (
        "the same command with `--resume` and more `--set epochs=…` goes on from there",
    )
    output: str
    actual: str
    comparison: str
    expected: str


@late_dataclass
class CheckUnmeasured(Diagnostic):
    """A `check` looks at a part of the data that there is not, so it could never fail.

    Wrong:
        data points { …; split = random(90%, 10%) }         # nothing is left to test
        check learn.test.accuracy > 90%

    Right:
        data points { …; split = random(80%, 10%, 10%) }    # train, validation, test
        check learn.test.accuracy > 90%
    """

    code: ClassVar[str] = "DL909"
    title: ClassVar[str] = "check cannot be made: the data has no {part} examples for {output}"
    label: ClassVar[str] = "this check"
    help: ClassVar[tuple[str, ...]] = (
        "give the data such a part: `split = random(80%, 10%, 10%)` is train, validation, test",
    )
    output: str
    part: str


@late_dataclass
class TrainedOtherwise(Diagnostic):
    """The weights fit, but the network has changed since they were learnt: what was measured then
    need not hold.

    Wrong:
        dlspec compile specs/lenet.dl           # after `/ 255` became `/ 128`

    Right:
        dlspec train specs/lenet.dl --init-from build/lenet
    """

    code: ClassVar[str] = "DL910"
    severity: ClassVar[Severity] = "warning"
    title: ClassVar[str] = "the weights of `{network}` were learnt by another graph"
    note: ClassVar[tuple[str, ...]] = (
        "the spec has changed since; the weights still fit and are kept, the metrics are not",
    )
    help: ClassVar[tuple[str, ...]] = (
        "`dlspec evaluate` measures it as it is now; `dlspec train` learns again",
    )
    network: str
