"""Which engine of a bundle answers, and how it is opened on this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from dlspec.bundle.manifest import EngineRecord, Manifest
from dlspec.bundle.paths import file_in
from dlspec.late import LateModule
from dlspec.runtime.engine import Engine
from dlspec.runtime.golden import prove
from dlspec.runtime.host import fingerprint
from dlspec.runtime.ort import CUDA, OrtEngine, library

if TYPE_CHECKING:
    from dlspec.diagnostics import bundle as faults
else:
    faults = LateModule("dlspec.diagnostics.bundle")

TARGETS: dict[str, tuple[str, ...]] = {
    "cpu": ("onnxruntime",),
    "cuda": ("tensorrt", "tensorrt_rtx", "cuda"),
}
"""The targets that run on each device, best first."""


def choose(manifest: Manifest, engine: str | None, device: str | None) -> EngineRecord:
    """The record of the engine to load: by block, by target, or by both; else the device's first
    (the CPU's by default).

    Raises:
        DlspecError: DL645 where there is none of that name, DL646 where it is not fit, DL673 for an
            unknown device.
    """
    if device is not None and device not in TARGETS:
        raise faults.DlspecError(
            faults.BadOption(None, "device", f"`{device}`", " or ".join(TARGETS))
        )
    records = list(manifest.engines)
    if engine is not None:
        records = [r for r in records if engine in (r.label, r.name, r.target)]
        if not records:
            raise _unknown(manifest, engine)
    exact = engine is not None and any(engine in (r.label, r.target) for r in records)
    if device is not None or not exact:
        wanted = TARGETS[device or "cpu"]
        fitting = [r for t in wanted for r in records if r.target == t]
        if not fitting:
            place = device or "cpu"
            raise _unknown(manifest, f"{engine} for {place}" if engine else f"for {place}")
        records = fitting
    usable = [r for r in records if r.status in ("verified", "awaits-device")]
    if not usable:
        raise faults.DlspecError(faults.EngineNotFit(None, records[0].label, records[0].status))
    return usable[0]


def _unknown(manifest: Manifest, name: str) -> faults.DlspecError:
    labels = [r.label for r in manifest.engines]
    candidates = {n for r in manifest.engines for n in (r.label, r.name, r.target)}
    known = ", ".join(labels) or "none"
    return faults.DlspecError(
        faults.UnknownEngine(None, name, known, faults.did_you_mean(name, candidates))
    )


def files_of(record: EngineRecord) -> list[str]:
    """The files of the bundle that opening this engine reads."""
    return [record.file] if record.file == record.model else [record.file, record.model]


def open_engine(folder: Path, record: EngineRecord, threads: int | None) -> Engine:
    """The engine, opened and, where its builder could not vouch for this machine, proved.

    Raises:
        DlspecError: DL647 to DL659 for an engine that does not run here or does not answer as it
            should.
    """
    return _OPENERS[record.target](folder, record, threads)


def _onnxruntime(folder: Path, record: EngineRecord, threads: int | None) -> Engine:
    here = fingerprint("onnxruntime", library().__version__)
    at_home = record.device in ("", here)
    saved = at_home and record.file != record.model
    file = record.file if at_home else record.model
    engine = OrtEngine(
        file_in(folder, file),
        name=record.label,
        threads=threads,
        optimised=saved,
    )
    if record.status == "awaits-device" or not at_home:
        prove(engine, record, folder, here)
    return engine


def _cuda(folder: Path, record: EngineRecord, threads: int | None) -> Engine:
    engine = OrtEngine(
        file_in(folder, record.model),
        name=record.label,
        provider=CUDA,
        threads=threads,
        fallback=record.fallback == "cpu",
    )
    here = f"{fingerprint('onnxruntime', library().__version__)} {engine.provider}"
    if engine.provider == CUDA:
        from dlspec.runtime.cuda import device_name

        here += f" {device_name()}"
    if record.status == "awaits-device" or record.device not in ("", here):
        prove(engine, record, folder, here)
    return engine


def _tensorrt(folder: Path, record: EngineRecord, threads: int | None) -> Engine:
    from dlspec.runtime.host import cuda_missing
    from dlspec.runtime.tensorrt import TensorRTEngine

    if record.fallback == "cpu" and cuda_missing():
        engine = OrtEngine(file_in(folder, record.model), name=record.label, threads=threads)
        prove(engine, record, folder, fingerprint("onnxruntime", library().__version__))
        return engine
    plan = TensorRTEngine(
        file_in(folder, record.file), record.target, name=record.label, record=record
    )
    if record.status == "awaits-device" or record.device not in ("", plan.host):
        prove(plan, record, folder, plan.host)
    return plan


_OPENERS: dict[str, Callable[[Path, EngineRecord, int | None], Engine]] = {
    "onnxruntime": _onnxruntime,
    "cuda": _cuda,
    "tensorrt_rtx": _tensorrt,
    "tensorrt": _tensorrt,
}
