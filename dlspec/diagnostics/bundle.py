"""What can be wrong with bundles and engines (DL630 to DL659), and with inputs (`inputs`)."""

from __future__ import annotations

from dlspec.diagnostics.core import Diagnostic as Diagnostic
from dlspec.diagnostics.core import DlspecError as DlspecError
from dlspec.diagnostics.core import did_you_mean as did_you_mean
from dlspec.diagnostics.inputs import (
    BadOption as BadOption,
)
from dlspec.diagnostics.inputs import (
    EmptyFeed as EmptyFeed,
)
from dlspec.diagnostics.inputs import (
    ExampleTooLong as ExampleTooLong,
)
from dlspec.diagnostics.inputs import (
    FeedDim as FeedDim,
)
from dlspec.diagnostics.inputs import (
    FeedNotArray as FeedNotArray,
)
from dlspec.diagnostics.inputs import (
    FeedRange as FeedRange,
)
from dlspec.diagnostics.inputs import (
    FeedRank as FeedRank,
)
from dlspec.diagnostics.inputs import (
    FeedType as FeedType,
)
from dlspec.diagnostics.inputs import (
    LengthOutOfRange as LengthOutOfRange,
)
from dlspec.diagnostics.inputs import (
    LengthsDiffer as LengthsDiffer,
)
from dlspec.diagnostics.inputs import (
    MissingInput as MissingInput,
)
from dlspec.diagnostics.inputs import (
    OutOfBounds as OutOfBounds,
)
from dlspec.diagnostics.inputs import (
    SizeMissing as SizeMissing,
)
from dlspec.diagnostics.inputs import (
    SizeTooSmall as SizeTooSmall,
)
from dlspec.diagnostics.inputs import (
    SymbolsDiffer as SymbolsDiffer,
)
from dlspec.diagnostics.inputs import (
    UnknownClass as UnknownClass,
)
from dlspec.diagnostics.inputs import (
    UnknownInput as UnknownInput,
)
from dlspec.diagnostics.inputs import (
    UnknownOutput as UnknownOutput,
)
from dlspec.late import late_dataclass

# --- the bundle on disk (DL630 to DL644)
# -----------------------------------------------------------


@late_dataclass
class BundleMissing(Diagnostic):
    """There is no bundle at this path.

    A bundle is the folder of a network, ``build/lenet``, with its file ``current``, or one version
    in it, ``build/lenet/0003-1a2b3c4d``, with its ``manifest.json``. ``dlspec compile
    specs/lenet.dl`` makes one.

    Wrong:
        $ dlspec predict build/lent image=seven.png

    Right:
        $ dlspec predict build/lenet image=seven.png
    """

    path: str
    reason: str
    found: str | None = None
    code = "DL630"
    title = "no bundle at `{path}`: {reason}"
    note = "bundles near it: {found}"
    help = "`dlspec compile SPEC` makes a bundle in `build/<network>`"


@late_dataclass
class ManifestBroken(Diagnostic):
    """A bundle's ``manifest.json`` cannot be read: it is damaged, cut short, or not dlspec's.

    Copy the bundle again or compile it again; manifests are not edited by hand.

    Wrong:
        $ dlspec predict build/lenet image=seven.png     # manifest.json was edited by hand

    Right:
        $ dlspec compile specs/lenet.dl
    """

    path: str
    reason: str
    code = "DL631"
    title = "`{path}` is not a dlspec manifest: {reason}"
    help = "copy the whole bundle again, or compile it again"


@late_dataclass
class SchemaTooNew(Diagnostic):
    """A bundle was written by a newer dlspec, in a form that this one does not know.

    Bundles of older versions stay readable; newer ones need a newer dlspec.

    Wrong:
        $ dlspec predict build/lenet image=seven.png     # compiled by a newer dlspec

    Right:
        $ pip install --upgrade dlspec
    """

    path: str
    schema: int
    known: int
    writer: str
    code = "DL632"
    title = "`{path}` has manifest schema {schema}; this dlspec reads up to {known}"
    note = "it was written by dlspec {writer}"
    help = "install dlspec {writer} or newer"


@late_dataclass
class BundleFileMissing(Diagnostic):
    """A file that the manifest lists is not in the bundle.

    Wrong:
        $ cp build/lenet/0003-1a2b3c4d/manifest.json elsewhere/

    Right:
        $ cp -r build/lenet elsewhere/
    """

    path: str
    file: str
    code = "DL633"
    title = "`{file}` is missing from the bundle `{path}`"
    note = "the manifest lists it, so the bundle was copied in part"
    help = "copy the whole bundle again, or compile it again"


@late_dataclass
class BundleFileChanged(Diagnostic):
    """A file of a bundle is not what was published: its size or SHA-256 differs from the manifest.

    Bundles are immutable. A copy that broke off, a bad disk or an edit by hand shows here.

    Wrong:
        $ dlspec predict build/lenet image=seven.png     # model.onnx was changed

    Right:
        $ dlspec compile specs/lenet.dl
    """

    path: str
    file: str
    reason: str
    code = "DL634"
    title = "`{file}` in the bundle `{path}` was changed or damaged: {reason}"
    help = "copy the whole bundle again, or compile it again"


@late_dataclass
class PathLeavesBundle(Diagnostic):
    """A name in a manifest leads out of the bundle, by ``..``, an absolute path or a symbolic link.

    Such a bundle did not come from dlspec; nothing of it was opened.

    Wrong (manifest.json):
        {"files": {"../../etc/passwd": …}}

    Right (manifest.json):
        {"files": {"model.onnx": …}}
    """

    path: str
    file: str
    code = "DL635"
    title = "`{file}` leads out of the bundle `{path}`"
    note = "files of a bundle are ordinary files inside it, named by relative paths"
    help = "do not use this bundle: dlspec did not write it so"


@late_dataclass
class BundleBusy(Diagnostic):
    """Another process is publishing into the same network's folder, and did not finish in time.

    Wrong:
        $ dlspec compile specs/lenet.dl & dlspec compile specs/lenet.dl     # and one waits too long

    Right:
        $ dlspec compile specs/lenet.dl
    """

    path: str
    seconds: float
    code = "DL636"
    title = "another process is publishing into `{path}` (waited {seconds:g} s)"
    help = "wait for it, or give this one another folder"


@late_dataclass
class BundleNotWritable(Diagnostic):
    """The bundle could not be written: no space, no permission, or the path is a file.

    What had been published before is untouched.

    Wrong:
        $ dlspec compile specs/lenet.dl --out /proc

    Right:
        $ dlspec compile specs/lenet.dl --out build
    """

    path: str
    reason: str
    code = "DL637"
    title = "cannot write the bundle in `{path}`: {reason}"
    note = "what was published before is untouched"
    help = "make room or name another folder"


@late_dataclass
class TensorFileBroken(Diagnostic):
    """A ``.safetensors`` file is cut short, damaged, or not in that format.

    The format: 8 bytes of header length (little endian), a JSON header, then the tensors' bytes.

    Wrong:
        $ dlspec predict build/lenet image=seven.png     # weights.safetensors is cut short

    Right:
        $ cp -r backup/lenet build/
    """

    path: str
    reason: str
    code = "DL638"
    title = "`{path}` cannot be read as safetensors: {reason}"
    help = "copy the file again, or write it again"


@late_dataclass
class BadBundleName(Diagnostic):
    """A name that cannot be a file of a bundle, or a network's folder.

    Wrong:
        >>> writer.add("../model.onnx", model)

    Right:
        >>> writer.add("model.onnx", model)
    """

    name: str
    reason: str
    code = "DL639"
    title = "`{name}` cannot be a name in a bundle: {reason}"


# --- engines (DL645 to DL659)
# ----------------------------------------------------------------------


@late_dataclass
class UnknownEngine(Diagnostic):
    """The bundle has no such engine.

    An engine is named by its block (``edge``), by its target (``tensorrt_rtx``), or by both
    (``edge/tensorrt_rtx``); ``dlspec.load(path).manifest.engines`` lists them.

    Wrong:
        >>> dlspec.load("build/lenet", engine="edgee")

    Right:
        >>> dlspec.load("build/lenet", engine="edge")
    """

    name: str
    known: str
    suggestion: str | None = None
    code = "DL645"
    title = "the bundle has no engine `{name}`"
    note = "engines: {known}"
    help = "did you mean `{suggestion}`?"


@late_dataclass
class EngineNotFit(Diagnostic):
    """The engine failed verification, or was never verified, so it is not run.

    ``report.html`` in the bundle shows what differed.

    Wrong:
        >>> dlspec.load("build/lenet", engine="edge")        # it failed verification

    Right:
        >>> dlspec.load("build/lenet")                       # takes one that is verified
    """

    name: str
    status: str
    code = "DL646"
    title = "the engine `{name}` is {status}, so it is not loaded"
    note = "an engine answers only after it was verified against the reference"
    help = "read report.html in the bundle, mend the spec and compile again"


@late_dataclass
class EngineNotHere(Diagnostic):
    """This machine cannot run the engine that was asked for.

    There is no silent fallback: what was asked for runs, or this error says why not. An engine
    block may say ``fallback = cpu``. ``dlspec doctor`` lists what this machine can do.

    Wrong:
        >>> dlspec.load("build/lenet", engine="tensorrt_rtx")    # on a machine without a GPU

    Right:
        >>> dlspec.load("build/lenet", engine="onnxruntime")
    """

    name: str
    reason: str
    fix: str | None = None
    code = "DL647"
    title = "the engine `{name}` cannot run on this machine: {reason}"
    help = ("{fix}", "`dlspec doctor` shows what this machine can do")


@late_dataclass
class GoldenMismatch(Diagnostic):
    """On this machine the engine does not give the answers that travel with the bundle.

    An engine that its builder could not run is proved on the first load on each machine: it answers
    the golden inputs, and must come within the bound of the reference. This one did not, so it is
    not used here.

    Wrong:
        >>> dlspec.load("build/lenet", engine="tensorrt_rtx")    # wrong on this GPU

    Right:
        >>> dlspec.load("build/lenet", engine="onnxruntime")
    """

    name: str
    output: str
    difference: str
    bound: str
    code = "DL648"
    title = (
        "`{name}` fails on this machine: `{output}` differs from the golden answer by {difference}"
    )
    note = "the bound is {bound}; the answers in golden.safetensors come from the float64 reference"
    help = "load another engine, or compile the spec on this machine"


@late_dataclass
class EngineLibraryMissing(Diagnostic):
    """The library that builds or runs this target is not installed.

    Wrong:
        $ dlspec compile specs/lenet.dl  # `targets = tensorrt_rtx`, which is not installed

    Right:
        $ pip install 'dlspec[rtx]'
    """

    target: str
    module: str
    reason: str
    install: str
    code = "DL649"
    title = "the target `{target}` needs the Python module `{module}`: {reason}"
    help = "install it: {install}"


@late_dataclass
class EngineBuildFailed(Diagnostic):
    """The engine's own builder refused the model.

    The message is the library's. The node is named as in the graph (``maps``, ``y.dense2``), with
    the place in the spec that it comes from where that is known.

    Wrong:
        engine e for n { targets = tensorrt_rtx }            # which lacks a kernel for an op of n

    Right:
        engine e for n { targets = onnxruntime }
    """

    target: str
    reason: str
    node: str | None = None
    place: str | None = None
    code = "DL650"
    title = "`{target}` cannot build this network: {reason}"
    label = "this becomes the node that it refuses"
    note = ("the node is `{node}`", "it comes from {place}")

    @property
    def helps(self) -> list[str]:
        """ONNX Runtime has kernels of every op, though not for every element type."""
        if self.target == "onnxruntime":
            return ['compute in an element type that it has: `x -> cast("float32")`']
        return ["another target may build it: `targets = onnxruntime` builds every op"]


@late_dataclass
class BoundMissing(Diagnostic):
    """A target that plans memory ahead needs bounds for each dynamic dimension.

    Wrong (asked of a target by a program; in a spec it is DL448):
        engine e for n { targets = tensorrt_rtx }            # the input is float[N, T]

    Right:
        engine e for n { targets = tensorrt_rtx; T = 1..200 }
    """

    target: str
    symbol: str
    setting: str
    code = "DL651"
    title = "`{target}` needs bounds for the dimension `{symbol}`"
    label = "no bounds for `{symbol}` here"
    help = "write `{setting} = 1..64` (your own least and most) in the engine block"


@late_dataclass
class ProfileRefused(Diagnostic):
    """TensorRT does not accept the bounds of the dynamic dimensions for this network.

    Wrong:
        engine e for n { targets = tensorrt_rtx; T = 1..100000000 }

    Right:
        engine e for n { targets = tensorrt_rtx; T = 1..200 }
    """

    target: str
    profile: str
    reason: str | None = None
    code = "DL652"
    title = "`{target}` refuses the bounds {profile}"
    label = "of these bounds"
    note = "{reason}"
    help = "the least must not exceed the most, and both must fit the network's fixed dimensions"


@late_dataclass
class PrecisionNotBuilt(Diagnostic):
    """The engine that was built does not compute in the precision that was asked for.

    Newer TensorRT takes precision from the model alone and would build float32 with one warning;
    dlspec reads the real types of the built engine instead.

    Wrong:
        engine e for n { targets = tensorrt_rtx(precision = bfloat16) }

    Right:
        engine e for n { targets = tensorrt_rtx(precision = float16) }
    """

    target: str
    wanted: str
    found: str
    code = "DL653"
    title = "`{target}` was to compute in {wanted}, but the built engine has {found}"
    label = "asked for here"
    help = "take `precision = float32`, or another target"


@late_dataclass
class TargetUnknown(Diagnostic):
    """There is no such engine target.

    Wrong (asked for by a program; in a spec it is DL442):
        >>> build_engine("tensorrtx", model)

    Right:
        >>> build_engine("tensorrt_rtx", model)
    """

    target: str
    known: str
    code = "DL654"
    title = "there is no target `{target}`"
    label = "not a target"
    note = "targets: {known}"


@late_dataclass
class PlanForeign(Diagnostic):
    """A TensorRT plan was built by another version, or for other devices, and cannot be read
    here.

    Wrong:
        >>> dlspec.load("build/lenet", engine="tensorrt_rtx")    # of another TensorRT

    Right:
        $ dlspec compile specs/lenet.dl  # with the version that is here
    """

    name: str
    built: str
    here: str
    reason: str
    code = "DL655"
    title = "the plan of `{name}` cannot be read here: {reason}"
    note = "built for {built}; this machine has {here}"
    help = "compile the spec on this machine, or install the version that built the plan"


@late_dataclass
class NoGolden(Diagnostic):
    """An engine must be proved on this machine, but the bundle holds no golden answers or bounds
    for it.

    Wrong:
        >>> dlspec.load("build/lenet", engine="tensorrt_rtx")    # compiled by an old dlspec

    Right:
        $ dlspec compile specs/lenet.dl
    """

    name: str
    missing: str
    code = "DL656"
    title = "`{name}` cannot be proved on this machine: the bundle has no {missing}"
    help = "compile the spec again with this version of dlspec"


@late_dataclass
class NotInPlace(Diagnostic):
    """A provider was asked for, but ONNX Runtime would compute some nodes elsewhere.

    ONNX Runtime falls back to the CPU with a log line; dlspec looks at where each node really runs.

    Wrong:
        engine e for n { targets = onnxruntime(provider = cuda) }

    Right:
        engine e for n { targets = onnxruntime(provider = cuda); fallback = cpu }
    """

    name: str
    provider: str
    reason: str
    code = "DL657"
    title = "`{name}` would not run on {provider}: {reason}"
    help = (
        "`fallback = cpu` in the engine block allows it",
        "`dlspec doctor` shows what this machine can do",
    )


@late_dataclass
class EngineRunFailed(Diagnostic):
    """The engine failed while answering. The message is the library's; the node names are the
    graph's.

    Wrong:
        >>> model(image=pixels)                              # the GPU's memory is full

    Right:
        >>> model(image=pixels[:8])
    """

    name: str
    reason: str
    code = "DL658"
    title = "the engine `{name}` failed: {reason}"


@late_dataclass
class EngineUnreadable(Diagnostic):
    """The engine's file cannot be loaded by its library.

    Wrong:
        >>> dlspec.load("build/lenet", engine="tensorrt_rtx")    # the plan is of another library

    Right:
        $ dlspec compile specs/lenet.dl
    """

    name: str
    file: str
    reason: str
    code = "DL659"
    title = "the engine `{name}` cannot be loaded from `{file}`: {reason}"
    help = "compile the spec again with the libraries of this machine"
