"""The artefact on disk: `build/<network>/<version>/`, immutable once published, and the file
`current` beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlspec.bundle.manifest import (
    SCHEMA,
    EngineRecord,
    FileEntry,
    InputSpec,
    Manifest,
    Noise,
    OutputSpec,
    SpecSource,
)
from dlspec.bundle.reader import (
    GoldenCase,
    current_bundle,
    golden_cases,
    read_manifest,
    trained_weights,
    verify_hashes,
)

if TYPE_CHECKING:
    from dlspec.bundle.safetensors import Slot, layout_of, read_tensors, write_tensors
    from dlspec.bundle.writer import BundleWriter, prune

__all__ = [
    "SCHEMA",
    "BundleWriter",
    "EngineRecord",
    "FileEntry",
    "GoldenCase",
    "InputSpec",
    "Manifest",
    "Noise",
    "OutputSpec",
    "Slot",
    "SpecSource",
    "current_bundle",
    "golden_cases",
    "layout_of",
    "prune",
    "read_manifest",
    "read_tensors",
    "trained_weights",
    "verify_hashes",
    "write_tensors",
]


_LATE = {
    "BundleWriter": "writer",
    "prune": "writer",
    "Slot": "safetensors",
    "layout_of": "safetensors",
    "read_tensors": "safetensors",
    "write_tensors": "safetensors",
}


def __getattr__(name: str) -> object:
    # applications only read manifests, and start faster without the rest
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"dlspec.bundle.{_LATE[name]}"), name)
