"""What can be wrong with training: recipes (DL400 to DL419), runs and their checkpoints (DL690 to
DL699)."""

from __future__ import annotations

from dlspec.diagnostics.core import Diagnostic
from dlspec.late import late_dataclass

# --- the recipe (DL400 to DL419)
# -------------------------------------------------------------------


@late_dataclass
class NoEnd(Diagnostic):
    """A recipe says neither how long it learns nor when it stops.

    Wrong: ``minimize loss; batch = 100``. Right: ``minimize loss; batch = 100; epochs = 20``, or a
    ``stop = early(patience = 5, watch = validation.loss)``.
    """

    recipe: str
    code = "DL400"
    title = "recipe `{recipe}` never ends"
    label = "no `epochs`, no `stop`"
    help = "add `epochs = 20`, or `stop = early(patience = 5, watch = validation.loss)`"


@late_dataclass
class UnknownWatch(Diagnostic):
    """Early stop watches a value that this recipe does not measure.

    What is measured after each epoch: ``train.loss``, and of the validation examples the loss and
    the recipe's metrics (``validation.accuracy``). Test examples are measured once, at the end.
    """

    watch: str
    known: str
    suggestion: str | None = None
    code = "DL401"
    title = "`stop` watches `{watch}`, which is not measured"
    label = "not measured"
    note = "measured after each epoch: {known}"
    help = "did you mean `{suggestion}`?"


@late_dataclass
class NothingToValidate(Diagnostic):
    """Early stop watches the validation examples, but the data has none.

    Wrong: ``data d = npz("x.npz", split = none)``. Right: a split with a validation part,
    ``mnist(validation = 5000)``.
    """

    watch: str
    code = "DL402"
    title = "`stop` watches `{watch}`, but the data has no validation examples"
    help = "give the data a validation part, or watch `train.loss`"


@late_dataclass
class BadSchedule(Diagnostic):
    """A schedule has a kind or arguments that training does not know.

    ``linear(from, to, 10 epochs)`` goes straight from one value to the other and stays there;
    ``cosine(from)`` falls to 0 along half a cosine over the whole recipe, ``cosine(from, to, 500
    steps)`` over part of it; ``step(from, factor, 10 epochs)`` multiplies by the factor every 10
    epochs.
    """

    kind: str
    reason: str
    code = "DL403"
    title = "schedule `{kind}`: {reason}"
    help = (
        "schedules: linear(from, to, 10 epochs), cosine(from[, to][, 10 epochs]), "
        "step(from, factor, 10 epochs)"
    )


@late_dataclass
class BadOptimizerSetting(Diagnostic):
    """A setting of an optimiser is outside of what has a meaning (a negative learning rate,
    say)."""

    kind: str
    name: str
    value: str
    expected: str
    code = "DL404"
    title = "`{name}` of `{kind}` is {value}"
    label = "expected {expected}"
    note = "expected {expected}"


@late_dataclass
class FieldMissing(Diagnostic):
    """The recipe reads a field that the data does not have.

    Wrong: data with ``output picture`` for a network with ``input image``. Right: name them alike,
        or bind ``image = digits.picture`` in the recipe.
    """

    name: str
    known: str
    suggestion: str | None = None
    code = "DL405"
    title = "the data has no field `{name}`"
    note = "its fields: {known}"
    help = "did you mean `{suggestion}`?"


@late_dataclass
class FieldUnfit(Diagnostic):
    """A field of the data does not have the element type or shape that the recipe reads."""

    name: str
    has: str
    wants: str
    code = "DL406"
    title = "field `{name}` is {has}, the recipe reads {wants}"


@late_dataclass
class NoExamples(Diagnostic):
    """A part of the data is empty, so there is nothing to learn from."""

    part: str
    code = "DL407"
    title = "the {part} set has no examples"
    help = "look at the data with `dlspec data`, and at the shares of its split"


@late_dataclass
class DeviceMissing(Diagnostic):
    """The device that was asked for is not on this machine, or PyTorch cannot use it."""

    device: str
    reason: str
    code = "DL408"
    title = "cannot train on `{device}`: {reason}"
    help = (
        "`--device auto` takes the best that there is; `dlspec doctor` says what this machine has"
    )


@late_dataclass
class TorchMissing(Diagnostic):
    """Training needs PyTorch, which is not installed (running and serving a bundle do not need
    it)."""

    reason: str
    code = "DL409"
    title = "training needs PyTorch: {reason}"
    help = "pip install 'dlspec[train]'"


@late_dataclass
class NothingLearns(Diagnostic):
    """No parameter is changed by any step of the recipe."""

    recipe: str
    code = "DL410"
    title = "recipe `{recipe}` changes no parameter"
    note = "`over` names nothing that has parameters"


# --- runs (DL690 to DL699)
# -------------------------------------------------------------------------


@late_dataclass
class RunBusy(Diagnostic):
    """Another process is training in this run directory.

    The lock belongs to a living process; one that was killed leaves none behind.
    """

    path: str
    owner: str
    code = "DL690"
    title = "another training holds the run directory `{path}`"
    note = "held by {owner}"
    help = "wait for it, or train into another directory"


@late_dataclass
class RecipeChanged(Diagnostic):
    """A run cannot be resumed, for the recipe is not the one that it began with.

    ``epochs``, ``stop``, metrics and the numbers of an optimiser may change between; the network,
    the loss, the data, ``batch``, ``precision``, the seed and the kind of optimiser may not, for
    the result would be neither the old recipe's nor the new one's.
    """

    path: str
    changes: str
    code = "DL691"
    title = "cannot resume `{path}`: the recipe has changed"
    note = "changed: {changes}"
    help = (
        "undo the change, or train anew without `--resume`",
        "to start from the weights learnt so far: `--init-from {path}`",
    )


@late_dataclass
class CheckpointBroken(Diagnostic):
    """The checkpoint of a run cannot be read, or was written by a newer dlspec.

    Checkpoints are replaced as a whole, so one that is damaged was damaged from outside.
    """

    path: str
    reason: str
    code = "DL692"
    title = "checkpoint `{path}` cannot be used: {reason}"
    help = "train anew without `--resume`"


@late_dataclass
class NotFinite(Diagnostic):
    """A loss or a parameter became NaN or infinite, so training stopped there.

    The last checkpoint is from before; what was written is finite. Usual causes: a learning rate
    that is too high, a logarithm or a division of 0, NaN in the data, float16 overflow.
    """

    what: str
    value: str
    step: int
    epoch: int
    checkpoint: str | None = None
    code = "DL693"
    title = "{what} became {value} at step {step} (epoch {epoch})"
    note = "the last good checkpoint is kept: {checkpoint}"
    help = "try a lower learning rate; look at the data and at `log`, `exp` and `/` in the loss"


@late_dataclass
class Interrupted(Diagnostic):
    """Training was stopped by Ctrl-C or by the system, and everything it learnt is saved."""

    step: int
    epoch: int
    path: str
    code = "DL694"
    title = "stopped at step {step} (epoch {epoch}); saved in `{path}`"
    help = "the same command with `--resume` goes on exactly from here"


@late_dataclass
class ResumeDiffers(Diagnostic):
    """A run goes on, but not bit for bit as one that was never stopped.

    Exactly equal weights need the same versions, device, instruction set, threads and precision;
    learning goes on just as well without.
    """

    changes: str
    code = "DL695"
    severity = "warning"
    title = "resumed elsewhere than begun: it goes on, but not bit for bit"
    note = "differs: {changes}"


@late_dataclass
class WeightsUnmatched(Diagnostic):
    """Weights to start from do not all fit: names and shapes decide, never positions.

    Parameters with no counterpart start fresh; weights with no counterpart are left out.
    """

    path: str
    matched: int
    fresh: str | None = None
    unused: str | None = None
    renamed: str | None = None
    code = "DL696"
    severity = "warning"
    title = "{matched} tensors of `{path}` fit by name and shape, others do not"
    note = ("these start fresh: {fresh}", "these were not used: {unused}")
    help = "renamed? {renamed}"


@late_dataclass
class NoWeightsFit(Diagnostic):
    """Nothing of the weights to start from fits this recipe's networks."""

    path: str
    reason: str
    renamed: str | None = None
    code = "DL697"
    title = "cannot start from `{path}`: {reason}"
    help = "renamed? {renamed}"


@late_dataclass
class NothingToResume(Diagnostic):
    """The run directory has no checkpoint yet, so the run starts from the beginning."""

    path: str
    code = "DL698"
    severity = "warning"
    title = "no checkpoint in `{path}`: starting from the beginning"


@late_dataclass
class RunNotWritable(Diagnostic):
    """The run directory cannot be written: no space, no permission, or a file is in the way."""

    path: str
    reason: str
    code = "DL699"
    title = "cannot write `{path}`: {reason}"
    help = "make room or name another directory"
