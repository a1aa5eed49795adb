"""`dlspec.load`: a bundle as a function from arrays to arrays."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from numpy.typing import NDArray

from dlspec.bundle.manifest import EngineRecord, InputSpec, Manifest, OutputSpec
from dlspec.bundle.reader import current_bundle, read_manifest, verify_hashes
from dlspec.late import LateModule
from dlspec.runtime.answer import Answer
from dlspec.runtime.engine import Engine
from dlspec.runtime.feeds import Feeds
from dlspec.runtime.select import TARGETS, choose, files_of, open_engine
from dlspec.text import SPECIAL

if TYPE_CHECKING:
    from dlspec.diagnostics import bundle as faults
else:
    faults = LateModule("dlspec.diagnostics.bundle")


Array = NDArray[Any]


class UntrainedWarning(UserWarning):
    """The bundle's weights are fresh: it was compiled, but never trained."""


class ProvedLessWarning(UserWarning):
    """The bundle was compiled with `--fast`: its engines answered the golden inputs, no more."""


def load(
    path: str | os.PathLike[str],
    *,
    engine: str | None = None,
    device: Literal["cpu", "cuda"] | None = None,
    threads: int | None = None,
    verify: bool = False,
) -> Model:
    """Load a bundle.

    Args:
        path: a network's folder (``build/lenet``: its current version) or one version's.
        engine: an engine block (``edge``), a target (``tensorrt_rtx``) or both
            (``edge/tensorrt_rtx``); None takes the device's first.
        device: ``cpu`` or ``cuda``; None is what the engine asks for, else the CPU.
        threads: threads inside an operation; None is one a core.
        verify: hash every file. Otherwise the manifest is hashed, every file's size is looked at,
            and the files that are opened are hashed up to 8 MiB each, which costs milliseconds.

    Raises:
        DlspecError: DL630 to DL659, saying what is wrong with the bundle, or why the engine does
            not run here.
    """
    if threads is not None and threads < 1:
        raise faults.DlspecError(faults.BadOption(None, "threads", str(threads), "1 or more"))
    folder = current_bundle(path)
    manifest = read_manifest(folder)
    record = choose(manifest, engine, device)
    if record.target not in {t for targets in TARGETS.values() for t in targets}:
        reason = f"`{record.target}` is no target that this dlspec knows"
        raise faults.DlspecError(faults.ManifestBroken(None, str(folder), reason))
    if verify:
        verify_hashes(folder, "full", manifest=manifest)
    else:
        verify_hashes(folder, "quick", only=files_of(record), manifest=manifest)
    return Model(folder, manifest, record, open_engine(folder, record, threads))


class Model:
    """A loaded bundle: call it with arrays by input name. Safe to call from several threads.

    ``inputs`` and ``outputs`` say what it takes and answers, ``manifest`` all else; ``trained``
    whether it has learned.
    """

    def __init__(
        self, folder: Path, manifest: Manifest, record: EngineRecord, engine: Engine
    ) -> None:
        self.path = folder
        self.manifest = manifest
        self.record = record
        self.engine = engine
        self.inputs: tuple[InputSpec, ...] = manifest.inputs
        specs = {o.name: o for o in manifest.outputs}
        unknown = [name for name in engine.outputs if name not in specs]
        if unknown:
            reason = f"the engine `{record.label}` computes `{unknown[0]}`, which is no output"
            raise faults.DlspecError(faults.ManifestBroken(None, str(folder), reason))
        self._outputs = {name: specs[name] for name in engine.outputs}
        # an engine for some of the outputs may not read all inputs
        needed = getattr(engine, "inputs", None)
        taken = [i for i in manifest.inputs if needed is None or i.name in needed]
        self._feeds = Feeds(taken, record.bounds, record.label, manifest.least)
        self._bind = self._feeds.bind
        self._answers = engine.answers
        if not manifest.trained and manifest.parameters:
            text = f"{manifest.network} {manifest.version} is not trained: its weights are fresh"
            warnings.warn(text, UntrainedWarning, stacklevel=3)
        if manifest.less:
            text = (
                f"{manifest.network} {manifest.version} proved less (fast): {manifest.less}; "
                "compile it without `--fast` before it is used"
            )
            warnings.warn(text, ProvedLessWarning, stacklevel=3)

    def __call__(
        self,
        feeds: Mapping[str, object] | None = None,
        /,
        *,
        seed: int | None = None,
        **arrays: object,
    ) -> Answer:
        """Answer for arrays by input name: ``model(image=pixels)``, or ``model({"image":
        pixels})``.

        Noise that is left out is drawn from ``seed``, or from a fresh one that the answer tells;
        lengths that are left out are full. A dimension that no array tells is given by its name:
        ``model(N=4)``.

        Raises:
            DlspecError: DL660 to DL676 for what does not fit, DL658 where the engine fails.
        """
        if feeds is not None:
            if not isinstance(feeds, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
                from dlspec.diagnostics.bundle import DlspecError, MissingInput

                first = self.inputs[0] if self.inputs else None
                name, kind = (first.name, first.type) if first else ("…", "given by name")
                raise DlspecError(MissingInput(None, name, kind))
            arrays = {**feeds, **arrays}
        bound, used = self._bind(arrays, seed)
        return Answer(self._outputs, self._answers(bound), used, bound)

    def bind(
        self, feeds: Mapping[str, object], seed: int | None = None
    ) -> tuple[dict[str, Array], int | None]:
        """The engine's arrays for what is given, checked, and the seed of their noise: the first
        half of a call, for who puts calls together.

        Raises:
            DlspecError: DL660 to DL676 for what does not fit.
        """
        return self._bind(feeds, seed)

    def answered(
        self, bound: Mapping[str, Array], arrays: list[Array], seed: int | None = None
    ) -> Answer:
        """The answer to bound arrays, of what the engine gave for them, in its order."""
        return Answer(self._outputs, arrays, seed, bound)

    @property
    def outputs(self) -> tuple[OutputSpec, ...]:
        """What the loaded engine answers, in its order."""
        return tuple(self._outputs.values())

    @property
    def trained(self) -> bool:
        """Whether the weights have learned."""
        return self.manifest.trained

    def describe(self) -> str:
        """A few lines on what it is, what it takes and answers, and what runs it."""
        manifest, about = self.manifest, self.engine.describe()
        marks = ["not trained"] * (not self.trained)
        marks += [f"proved less (fast): {manifest.less}"] * bool(manifest.less)
        noted = f" ({'; '.join(marks)})" if marks else ""
        lines = [f"{manifest.network} {manifest.version}{noted}"]
        for word, ports in (("takes", self.inputs), ("answers", self.outputs)):
            for port in ports:
                lines.append(f"  {word:<8}{port.name}: {_told(port)}")
        where = about.get("provider") or about.get("device")
        status = self.record.status
        lines.append(
            f"  engine  {self.record.label} ({self.record.precision}, {status}): "
            f"{about['library']} {about['version']} on {where}"
        )
        return "\n".join(lines)

    def __repr__(self) -> str:
        return (
            f"<dlspec model {self.manifest.network} {self.manifest.version}, {self.record.label}>"
        )


def _told(port: InputSpec | OutputSpec) -> str:
    """`uint8[N, 28, 28]`, `int64[N] of 10 classes`; a text is told as one."""
    if port.classes is None:
        optional = isinstance(port, InputSpec) and port.origin == "lengths"
        return f"{port.type}, optional" if optional else port.type
    if port.by is None or len(port.dims) < 2:
        return f"{port.type} of {len(port.classes):,} classes"
    pieces = len(set(port.classes) - set(SPECIAL))
    return f"text[{port.dims[0]}] of {pieces:,} {port.by}, or their ids, {port.type}"
