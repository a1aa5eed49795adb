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

    Wrong (the recipe of a Python program; a spec has 10 epochs where nothing is said):
        >>> RecipePlan("learn", epochs=None, max_steps=None, stop=None, …)

    Right:
        >>> RecipePlan("learn", epochs=20, …)
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

    Wrong (a plan made by a program; in a spec it is DL442):
        >>> EarlyStop(watch="validation.acuracy")

    Right:
        >>> EarlyStop(watch="validation.accuracy")
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

    Wrong:
        data points {
            files = csv("points.csv")
            output x: float[N, 2] = stack(files.a, files.b)
            split = random(100%)
        }

    Right:
        data digits = mnist(validation = 5000)
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

    Wrong (a plan made by a program; in a spec it is DL442):
        >>> Schedule("exponential", (0.1, 0.5))

    Right:
        >>> Schedule("linear", (0.1, 0.01, Quantity(10, "epochs")))
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
    say).

    Wrong (a plan made by a program; in a spec it is DL442):
        >>> OptimizerPlan("adam", {"lr": -0.1})

    Right:
        >>> OptimizerPlan("adam", {"lr": 0.1})
    """

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

    Wrong (points.csv has the columns a, b and label):
        $ dlspec train points.dl         # its network has `input picture`

    Right (points.csv has the columns a, b and label):
        $ dlspec train points.dl         # its data has `output picture`
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
    """A field of the data does not have the element type or shape that the recipe reads.

    Wrong:
        $ dlspec train points.dl    # x: float[N, 3], read as float[N, 2]

    Right:
        $ dlspec train points.dl    # x: float[N, 2]
    """

    name: str
    has: str
    wants: str
    code = "DL406"
    title = "field `{name}` is {has}, the recipe reads {wants}"


@late_dataclass
class NoExamples(Diagnostic):
    """A part of the data is empty, so there is nothing to learn from.

    Wrong:
        $ dlspec train points.dl         # points.csv has a header and no rows

    Right:
        $ dlspec data show points.dl     # shows how many examples each part has
    """

    part: str
    code = "DL407"
    title = "the {part} set has no examples"
    help = "look at the data with `dlspec data`, and at the shares of its split"


@late_dataclass
class DeviceMissing(Diagnostic):
    """The device that was asked for is not on this machine, or PyTorch cannot use it.

    Wrong:
        $ dlspec train specs/lenet.dl --device cuda     # on a machine without a GPU

    Right:
        $ dlspec train specs/lenet.dl --device cpu
    """

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
    it).

    Wrong:
        $ dlspec train specs/lenet.dl    # without PyTorch

    Right:
        $ pip install 'dlspec[train]'
    """

    reason: str
    code = "DL409"
    title = "training needs PyTorch: {reason}"
    help = "pip install 'dlspec[train]'"


@late_dataclass
class NothingLearns(Diagnostic):
    """No parameter is changed by any step of the recipe.

    Wrong (the recipe's only goal is over a network without parameters):
        $ dlspec train specs/identity.dl

    Right:
        $ dlspec train specs/lenet.dl
    """

    recipe: str
    code = "DL410"
    title = "recipe `{recipe}` changes no parameter"
    note = "`over` names nothing that has parameters"


@late_dataclass
class LoadMissing(Diagnostic):
    """What a recipe loads weights from is not there. A relative path begins at the spec's folder.

    Wrong (where nothing has been built yet):
        $ dlspec train specs/transfer.dl

    Right:
        $ dlspec train specs/backbone.dl --out specs/build
        $ dlspec train specs/transfer.dl
    """

    source: str
    path: str
    near: str | None = None
    beside: str | None = None
    code = "DL411"
    title = "there are no weights at `{source}`"
    label = "nothing to load from"
    note = ("looked for `{path}`: paths begin at the spec's folder", "there are {near}")
    help = ("write `{beside}`, which is there",)


@late_dataclass
class LoadFitsNothing(Diagnostic):
    """No weight of a part has the name and shape of one in what it is loaded from.

    Names are compared below the part: `load net.encoder from "build/encoder"` takes `conv1.weight`
    for `net.encoder.conv1.weight`; where the source has a layer `encoder`, what lies in that.

    Wrong (where the bundle is of another network):
        $ dlspec train specs/transfer.dl

    Right:
        $ dlspec inspect build/resnet     # lists what it has
    """

    part: str
    path: str
    there: str | None = None
    shapes: str | None = None
    renamed: str | None = None
    code = "DL412"
    title = "nothing in `{path}` fits `{part}`"
    label = "no name and shape fits"
    note = ("there are {there}", "{shapes}")
    help = "renamed? {renamed}"


@late_dataclass
class LoadedPartly(Diagnostic):
    """Some weights of a part were not found where it is loaded from, and begin as fresh ones do.

    Wrong (where the bundle was built with another number of classes):
        $ dlspec train specs/transfer.dl

    Right:
        $ dlspec inspect build/resnet     # lists what it has
    """

    part: str
    path: str
    count: int
    fresh: str | None = None
    shapes: str | None = None
    renamed: str | None = None
    code = "DL413"
    severity = "warning"
    title = "not all of `{part}` could be loaded from `{path}`: {count} weights begin fresh"
    label = "only partly"
    note = ("these begin fresh: {fresh}", "{shapes}")
    help = "renamed? {renamed}"


# --- runs (DL685 to DL699)
# -------------------------------------------------------------------------


@late_dataclass
class RunBusy(Diagnostic):
    """Another process is training in this run directory.

    The lock belongs to a living process; one that was killed leaves none behind.

    Wrong:
        $ dlspec train specs/lenet.dl & dlspec train specs/lenet.dl

    Right:
        $ dlspec train specs/lenet.dl
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

    Wrong:
        $ dlspec train specs/lenet.dl --resume     # after a layer was changed

    Right:
        $ dlspec train specs/lenet.dl --init-from build/lenet
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

    Wrong:
        $ dlspec train specs/lenet.dl --resume     # the checkpoint is damaged

    Right:
        $ dlspec train specs/lenet.dl
    """

    path: str
    reason: str
    code = "DL692"
    title = "checkpoint `{path}` cannot be used: {reason}"
    help = (
        "train anew without `--resume`",
        "to keep what a published bundle has learnt: `--init-from build/<network>`",
    )


@late_dataclass
class NotFinite(Diagnostic):
    """A loss or a parameter became NaN or infinite, so training stopped there.

    The last checkpoint is from before; what was written is finite. Usual causes: a learning rate
    that is too high, a logarithm or a division of 0, NaN in the data, float16 overflow.

    Wrong:
        $ dlspec train specs/lenet.dl     # with `optimizer = sgd(1000)`

    Right:
        $ dlspec train specs/lenet.dl     # with `optimizer = sgd(0.1)`
    """

    what: str
    value: str
    step: int
    epoch: int
    checkpoint: str | None = None
    code = "DL693"
    title = "{what} became {value} at step {step:,} (epoch {epoch})"
    note = "the last good checkpoint is kept: {checkpoint}"
    help = (
        "try a lower learning rate, or `clip = norm(1)`",
        "look at the data and at `log`, `exp` and `/` in the loss",
    )


@late_dataclass
class Interrupted(Diagnostic):
    """Training was stopped by Ctrl-C or by the system, and everything it learnt is saved.

    Wrong:
        $ dlspec train specs/lenet.dl     # and Ctrl-C

    Right:
        $ dlspec train specs/lenet.dl --resume
    """

    step: int
    epoch: int
    path: str
    code = "DL694"
    title = "stopped at step {step:,} (epoch {epoch}); saved in `{path}`"
    help = "the same command with `--resume` goes on exactly from here"


@late_dataclass
class ResumeDiffers(Diagnostic):
    """A run goes on, but not bit for bit as one that was never stopped.

    Exactly equal weights need the same versions, device, instruction set, threads and precision;
    learning goes on just as well without.

    Wrong:
        $ dlspec train specs/lenet.dl --resume     # on another machine than the run began on

    Right:
        $ dlspec train specs/lenet.dl --resume     # on the same one
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

    Wrong:
        $ dlspec train specs/lenet.dl --init-from build/lenet     # `head` was renamed to `top`

    Right:
        $ dlspec train specs/lenet.dl --init-from build/lenet     # the same names
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
    """Nothing of the weights to start from fits this recipe's networks.

    Wrong:
        $ dlspec train specs/lenet.dl --init-from build/tiny

    Right:
        $ dlspec train specs/lenet.dl --init-from build/lenet
    """

    path: str
    reason: str
    renamed: str | None = None
    code = "DL697"
    title = "cannot start from `{path}`: {reason}"
    help = "renamed? {renamed}"


@late_dataclass
class NothingToResume(Diagnostic):
    """The run directory has no checkpoint yet, so the run starts from the beginning.

    Wrong:
        $ dlspec train specs/lenet.dl --resume     # before the first run

    Right:
        $ dlspec train specs/lenet.dl
    """

    path: str
    code = "DL698"
    severity = "warning"
    title = "no checkpoint in `{path}`: starting from the beginning"


@late_dataclass
class RunWasFinished(Diagnostic):
    """A run that is resumed had come to its end, so nothing was learnt; its bundle is made again.

    Wrong:
        $ dlspec train specs/lenet.dl --resume     # after all epochs

    Right:
        $ dlspec train specs/lenet.dl --resume --set epochs=30
    """

    path: str
    epochs: int
    code = "DL688"
    severity = "warning"
    title = "the run in `{path}` was finished after {epochs} epochs: nothing more is learnt"
    help = (
        "to go on, allow more: `--resume --set epochs=…`",
        "to learn anew: the same command without `--resume`",
    )


@late_dataclass
class ResumeOrBegin(Diagnostic):
    """A run either goes on from its checkpoint or begins with the weights of a bundle.

    Wrong:
        $ dlspec train specs/lenet.dl --resume --init-from build/lenet

    Right:
        $ dlspec train specs/lenet.dl --init-from build/lenet
    """

    code = "DL687"
    title = "`--resume` and `--init-from` exclude each other"
    note = "a resumed run has its weights already, those of its checkpoint"
    help = "leave one of them out"


@late_dataclass
class TextsUnsayable(Diagnostic):
    """Texts of the training data have more symbols than there are steps to say them by `ctc`.

    Each symbol takes a step, and two alike in a row want a blank between them. Such a text counts
    0 and teaches nothing, so that the loss says less than it seems to: a loss of 0 may mean that
    no text can be said at all.

    Wrong (a step is half a second, and a symbol is shorter):
        $ dlspec train speech.dl --set hop=8000

    Right (as many steps as a text may need):
        $ dlspec train speech.dl --set hop=160
    """

    count: str
    seen: str
    every: str | None = None
    code = "DL689"
    severity = "warning"
    title = "{count} of {seen} texts cannot be said in the steps that `ctc` gives them"
    label = "each symbol takes a step, and a repeated one a blank more"
    note = ("they count 0 and teach nothing", "with {every} of them the loss is 0 from the start")
    help = "give the scores more steps (smaller strides), or leave such examples out"


@late_dataclass
class EarlierRunKept(Diagnostic):
    """A run begins anew in the directory of an earlier one, whose files move to ``previous/``.

    Wrong:
        $ dlspec train specs/lenet.dl     # where the earlier run was to go on

    Right:
        $ dlspec train specs/lenet.dl --resume
    """

    path: str
    code = "DL686"
    severity = "warning"
    title = "beginning anew: the earlier run of `{path}` is kept in `{path}/previous`"
    note = "the next run that begins anew replaces what lies there"
    help = "to go on from its checkpoint instead: `--resume`"


@late_dataclass
class RunNotWritable(Diagnostic):
    """The run directory cannot be written: no space, no permission, or a file is in the way.

    Wrong:
        $ dlspec train specs/lenet.dl     # in a folder that cannot be written

    Right:
        $ cd ~/models; dlspec train lenet.dl
    """

    path: str
    reason: str
    code = "DL699"
    title = "cannot write `{path}`: {reason}"
    help = "make room or name another directory"
