"""Built engines, kept by content: the same model, options, versions and device never build twice,
and another never hits.

An entry is `<key>.engine` and `<key>.json`; the key is the hash of everything that the engine
depends on. Beside them lies, for each engine's name, what it was last built from, so that a rebuild
can say what has changed.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from dlspec.runtime.host import cache_folder


class EngineCache:
    """``parts`` are the texts that the engine depends on, by name: ``model`` (a hash), ``options``,
    ``versions``, ``device``."""

    def __init__(self, label: str, parts: Mapping[str, str], folder: Path | None = None) -> None:
        self._folder = folder or cache_folder() / "engines"
        self._parts = dict(parts)
        text = json.dumps(self._parts, sort_keys=True)
        self.key = hashlib.sha256(text.encode()).hexdigest()[:40]
        self._last = self._folder / f"last-{hashlib.sha256(label.encode()).hexdigest()[:16]}.json"

    def get(self) -> tuple[bytes, dict[str, Any]] | None:
        """The engine and what is known of it; None where it is not there, or was damaged."""
        try:
            data = (self._folder / f"{self.key}.engine").read_bytes()
            about = json.loads((self._folder / f"{self.key}.json").read_bytes())
        except (OSError, ValueError):
            return None
        if about.get("sha256") != hashlib.sha256(data).hexdigest():
            return None
        return data, cast("dict[str, Any]", about["about"])

    def why(self) -> str:
        """Why there is no entry, compared with the last build of the same name."""
        try:
            last = cast("dict[str, str]", json.loads(self._last.read_bytes()))
        except (OSError, ValueError):
            return "built: not built before"
        changed = [n for n, text in self._parts.items() if last.get(n) != text]
        if not changed:
            return "rebuilt: the cached engine was removed or damaged"
        return f"rebuilt: changed since the last build: {', '.join(changed)}"

    def put(self, data: bytes, about: Mapping[str, Any]) -> None:
        """Keep an engine. A folder that cannot be written only costs the next build its time."""
        record = {"sha256": hashlib.sha256(data).hexdigest(), "about": dict(about)}
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            _write(self._folder / f"{self.key}.engine", data)
            _write(self._folder / f"{self.key}.json", json.dumps(record).encode())
            self.touch()
        except OSError:
            return

    def touch(self) -> None:
        """Remember that the engine of this name is now built from these parts."""
        try:
            _write(self._last, json.dumps(self._parts).encode())
        except OSError:
            return


def model_hash(model: Path | bytes) -> str:
    """The hash of a model with its external data (what lies beside it as
    ``weights.safetensors``)."""
    if isinstance(model, bytes):
        return hashlib.sha256(model).hexdigest()
    found = hashlib.sha256(model.read_bytes())
    weights = model.with_name("weights.safetensors")
    if weights.exists():
        with weights.open("rb") as file:
            found.update(hashlib.file_digest(file, "sha256").digest())
    return found.hexdigest()


def _write(path: Path, data: bytes) -> None:
    aside = path.with_name(f".{path.name}-{os.getpid()}")
    aside.write_bytes(data)
    os.replace(aside, path)
