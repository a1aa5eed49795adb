"""Write a bundle aside, and publish it whole or not at all.

What is written lies in ``build/<network>/.writing-…`` until `BundleWriter.publish` has flushed it
to the disk, renames that folder to its version and replaces the file ``current``. A process that
dies on the way leaves what was published before; the next writer sweeps up after it.
"""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from dlspec.bundle.lock import FileLock, try_lock
from dlspec.bundle.manifest import FileEntry, Manifest
from dlspec.bundle.paths import VERSION, checked_name
from dlspec.bundle.reader import (
    CURRENT,
    DIGEST,
    GOLDEN,
    MANIFEST,
    WEIGHTS,
    GoldenCase,
    digest_of,
    golden_tensors,
    sha256_of,
)
from dlspec.bundle.safetensors import Slot, write_tensors
from dlspec.late import LateModule

if TYPE_CHECKING:
    from dlspec.diagnostics import bundle as faults
else:
    faults = LateModule("dlspec.diagnostics.bundle")

Array = NDArray[Any]
_PREFIX = ".writing-"
_OWNER = ".owner"
_LOCK = ".lock"


class BundleWriter:
    """Collects the files of one bundle and publishes them.

    ::

        with BundleWriter(Path("build"), "lenet") as bundle:
            bundle.add_bytes("model.onnx", model.SerializeToString())
            bundle.add_weights(weights)
            folder = bundle.publish(manifest)

    Leaving the block without `publish`, or by an exception, removes everything that was written.
    ``folder`` is where the files lie meanwhile; engines may be built into it directly.

    Raises:
        DlspecError: DL637 where the folder cannot be written, DL639 for a bad name, DL636 when
            another publisher does not finish.
    """

    def __init__(self, root: str | os.PathLike[str], network: str) -> None:
        checked_name(network)
        self.root = Path(root) / network
        self.folder = Path()
        self._owner: int | None = None

    def __enter__(self) -> BundleWriter:
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            _sweep(self.root)
            # under the lock, so that no sweeper meets a folder whose owner is not locked yet
            with FileLock(self.root / _LOCK):
                self.folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=self.root))
                self._owner = os.open(self.folder / _OWNER, os.O_RDWR | os.O_CREAT, 0o644)
                try_lock(self._owner)
            os.chmod(self.folder, 0o755)
        except OSError as error:
            raise self._unwritable(error) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._disown()
        if self.folder.name.startswith(_PREFIX):
            shutil.rmtree(self.folder, ignore_errors=True)
        if isinstance(error, OSError) and self._concerns(error):
            raise self._unwritable(error) from error

    def _disown(self) -> None:
        if self._owner is not None:
            os.close(self._owner)
            self._owner = None

    def _concerns(self, error: OSError) -> bool:
        """Whether an error in the block is about this folder; a full disk names no file."""
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        return full or str(self.root) in str(error.filename)

    def _unwritable(self, error: OSError) -> faults.DlspecError:
        return faults.DlspecError(
            faults.BundleNotWritable(None, str(self.root), error.strerror or str(error))
        )

    # --- adding -----------------------------------------------------------------------------------

    def path(self, name: str) -> Path:
        """The path of a file to be written into the bundle by other means; its folder exists
        afterwards."""
        path = self.folder / checked_name(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def add_bytes(self, name: str, data: bytes) -> None:
        """Add a file."""
        self.path(name).write_bytes(data)

    def add_text(self, name: str, text: str) -> None:
        """Add a text file, in UTF-8 with plain line ends."""
        self.add_bytes(name, text.encode())

    def add_json(self, name: str, value: object) -> None:
        """Add a JSON file."""
        self.add_text(name, json.dumps(value, indent=1, ensure_ascii=False) + "\n")

    def add_weights(self, weights: Mapping[str, Array], name: str = WEIGHTS) -> Mapping[str, Slot]:
        """Add tensors as safetensors; where each lies in the file, for ONNX external data."""
        with self.path(name).open("wb") as file:
            return write_tensors(file, weights)

    def add_golden(self, cases: Iterable[GoldenCase]) -> None:
        """Add the golden inputs and answers that an engine is proved by on a new machine."""
        self.add_weights(golden_tensors(cases), GOLDEN)

    # --- publishing -------------------------------------------------------------------------------

    def publish(self, manifest: Manifest) -> Path:
        """Make the bundle the network's current one; the folder of the new version.

        ``files``, ``version`` and ``created`` of the manifest are filled in here.
        """
        try:
            return self._publish(manifest)
        except OSError as error:
            raise self._unwritable(error) from error

    def _publish(self, manifest: Manifest) -> Path:
        files: dict[str, FileEntry] = {}
        for path in sorted(self.folder.rglob("*")):
            name = path.relative_to(self.folder).as_posix()
            if path.is_file() and name != _OWNER:
                files[checked_name(name)] = FileEntry(path.stat().st_size, sha256_of(path))
                _flush(path)
        manifest = dataclasses.replace(manifest, files=files, version="", created="")
        content = hashlib.sha256(manifest.to_json().encode()).hexdigest()[:8]
        with FileLock(self.root / _LOCK):
            version = f"{_last_number(self.root) + 1:04d}-{content}"
            now = datetime.now(UTC).isoformat(timespec="seconds")
            text = dataclasses.replace(manifest, version=version, created=now).to_json().encode()
            for name, data in ((MANIFEST, text), (DIGEST, digest_of(text).encode())):
                (self.folder / name).write_bytes(data)
                _flush(self.folder / name)
            self._disown()
            (self.folder / _OWNER).unlink()
            for folder in [p for p in self.folder.rglob("*") if p.is_dir()]:
                _flush(folder)
            _flush(self.folder)
            target = self.root / version
            os.rename(self.folder, target)
            self.folder = target
            _flush(self.root)
            _replace_text(self.root / CURRENT, version + "\n")
        return target


def prune(root: str | os.PathLike[str], keep: int = 5) -> list[Path]:
    """Remove all but the ``keep`` newest versions of a network's folder, and never the current one;
    what was removed."""
    folder = Path(root)
    with FileLock(folder / _LOCK):
        current = (
            (folder / CURRENT).read_text("utf-8").strip() if (folder / CURRENT).exists() else ""
        )
        old = _versions(folder)[: -keep if keep > 0 else None]
        removed = [v for v in old if v.name != current]
        for version in removed:
            # renamed first: a version is whole or gone
            aside = folder / (_PREFIX + version.name)
            os.rename(version, aside)
            shutil.rmtree(aside)
    return removed


def _versions(root: Path) -> list[Path]:
    found = [p for p in root.iterdir() if VERSION.fullmatch(p.name) and p.is_dir()]
    return sorted(found, key=lambda p: (int(p.name.split("-")[0]), p.name))


def _last_number(root: Path) -> int:
    return max((int(p.name.split("-")[0]) for p in _versions(root)), default=0)


def _sweep(root: Path) -> None:
    """Remove what dead writers left: folders whose owner file nobody locks."""
    with FileLock(root / _LOCK):
        for folder in root.glob(_PREFIX + "*"):
            owner = folder / _OWNER
            if not owner.exists():
                shutil.rmtree(folder, ignore_errors=True)
                continue
            descriptor = os.open(owner, os.O_RDWR)
            dead = try_lock(descriptor)
            os.close(descriptor)
            if dead:
                shutil.rmtree(folder, ignore_errors=True)
        for aside in root.glob(f".{CURRENT}-*"):
            aside.unlink(missing_ok=True)


def _replace_text(path: Path, text: str) -> None:
    aside = path.with_name(f".{path.name}-{os.getpid()}")
    aside.write_text(text, "utf-8")
    _flush(aside)
    os.replace(aside, path)
    _flush(path.parent)


def _flush(path: Path) -> None:
    if os.name == "nt" and path.is_dir():
        return  # Windows has no handles on folders
    descriptor = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
