"""Find, read and check bundles. Needs NumPy at most, so that applications can embed it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from numpy.typing import NDArray

from dlspec.bundle.manifest import SCHEMA, Manifest, ManifestError, NewerSchema
from dlspec.bundle.paths import VERSION, file_in
from dlspec.late import LateModule

if TYPE_CHECKING:
    from dlspec.diagnostics import bundle as faults
else:
    faults = LateModule("dlspec.diagnostics.bundle")

Array = NDArray[Any]
MANIFEST = "manifest.json"
DIGEST = "manifest.sha256"
CURRENT = "current"
WEIGHTS = "weights.safetensors"
GOLDEN = "golden.safetensors"

QUICK_LIMIT = 8 * 2**20
"""Files up to this size (bytes) are hashed on every load: 8 MiB take a few milliseconds."""


def current_bundle(path: str | os.PathLike[str]) -> Path:
    """The version folder that ``build/lenet`` speaks of now; a version's own folder is itself.

    Raises:
        DlspecError: DL630 where neither is there.
    """
    folder = Path(path)
    if (folder / MANIFEST).is_file():
        return folder
    try:
        name = (folder / CURRENT).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise _missing(folder) from error
    if not VERSION.fullmatch(name):
        raise faults.DlspecError(
            faults.BundleMissing(None, str(folder), "its file `current` names no version")
        )
    version = folder / name
    if not (version / MANIFEST).is_file():
        reason = f"`current` names {name}, which is not there"
        raise faults.DlspecError(faults.BundleMissing(None, str(folder), reason))
    return version


def _missing(folder: Path) -> faults.DlspecError:
    near: list[str] = []
    for place in (folder, folder.parent):
        if place.is_dir():
            near = [str(c.parent) for c in sorted(place.glob("*/" + CURRENT))][:8]
        if near:
            break
    if not folder.exists():
        reason = "there is no such folder"
    elif folder.is_file():
        reason = "it is a file"
    else:
        reason = f"it has neither `{CURRENT}` nor `{MANIFEST}`"
    return faults.DlspecError(
        faults.BundleMissing(None, str(folder), reason, ", ".join(near) or None)
    )


def read_manifest(path: str | os.PathLike[str]) -> Manifest:
    """The manifest of a bundle (a network's folder or a version), checked against its own hash.

    Raises:
        DlspecError: DL630 no bundle, DL631 broken, DL632 newer, DL634 changed.
    """
    folder = current_bundle(path)
    file = folder / MANIFEST
    try:
        data = file.read_bytes()
    except OSError as error:
        raise faults.DlspecError(
            faults.ManifestBroken(None, str(file), str(error.strerror))
        ) from error
    try:
        manifest = Manifest.from_json(data)
    except NewerSchema as error:
        newer = faults.SchemaTooNew(None, str(file), error.schema, SCHEMA, error.writer)
        raise faults.DlspecError(newer) from error
    except ManifestError as error:
        raise faults.DlspecError(faults.ManifestBroken(None, str(file), str(error))) from error
    try:
        digest = (folder / DIGEST).read_bytes().decode("ascii")
    except FileNotFoundError as error:
        raise faults.DlspecError(faults.BundleFileMissing(None, str(folder), DIGEST)) from error
    except (OSError, UnicodeDecodeError) as error:
        reason = "it cannot be read as text"
        raise faults.DlspecError(
            faults.BundleFileChanged(None, str(folder), DIGEST, reason)
        ) from error
    if digest != digest_of(data):
        reason = f"its SHA-256 is not the one in {DIGEST}"
        raise faults.DlspecError(faults.BundleFileChanged(None, str(folder), MANIFEST, reason))
    return manifest


def verify_hashes(
    path: str | os.PathLike[str],
    level: Literal["quick", "full"] = "full",
    *,
    only: Iterable[str] | None = None,
    manifest: Manifest | None = None,
) -> Manifest:
    """Compare the files of a bundle with its manifest.

    Args:
        path: a network's folder or a version.
        level: ``quick`` looks at every size, and at the SHA-256 of files up to 8 MiB; ``full`` at
            every SHA-256, and also finds files that the manifest does not list.
        only: names of the files to hash (sizes are looked at for all); None for all.
        manifest: the bundle's manifest where it has been read already.

    Raises:
        DlspecError: DL633 for each missing and DL634 for each changed file, all of them together.
    """
    folder = current_bundle(path)
    manifest = manifest or read_manifest(folder)
    wanted = None if only is None else set(only)
    found: list[faults.BundleFileMissing | faults.BundleFileChanged] = []
    where = str(folder)
    for name, entry in manifest.files.items():
        file = file_in(folder, name)
        try:
            size = os.stat(file).st_size
        except OSError:
            found.append(faults.BundleFileMissing(None, where, name))
            continue
        if size != entry.size:
            reason = f"it has {size} bytes, the manifest says {entry.size}"
            found.append(faults.BundleFileChanged(None, where, name, reason))
        elif wanted is None or name in wanted:
            small = size <= QUICK_LIMIT
            if (small or level == "full") and sha256_of(file) != entry.sha256:
                found.append(faults.BundleFileChanged(None, where, name, "its SHA-256 differs"))
    if level == "full":
        listed = {*manifest.files, MANIFEST, DIGEST}
        for file in sorted(folder.rglob("*")):
            name = file.relative_to(folder).as_posix()
            if not file.is_dir() and name not in listed:
                found.append(
                    faults.BundleFileChanged(None, where, name, "the manifest does not list it")
                )
    if found:
        raise faults.DlspecError(*found)
    return manifest


def digest_of(manifest: bytes) -> str:
    """The text of ``manifest.sha256``, which ``sha256sum -c`` reads."""
    return f"{hashlib.sha256(manifest).hexdigest()}  {MANIFEST}\n"


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def trained_weights(
    network_root: str | os.PathLike[str],
) -> tuple[Manifest, dict[str, Array]] | None:
    """The manifest and weights of a network's current bundle if they are trained, else None.

    A compiler asks this first, so that trained weights are never replaced by fresh ones.

    Raises:
        DlspecError: where there is a bundle, but it is damaged.
    """
    root = Path(network_root)
    if not (root / CURRENT).exists() and not (root / MANIFEST).exists():
        return None
    folder = current_bundle(root)
    manifest = read_manifest(folder)
    if not manifest.trained:
        return None
    from dlspec.bundle.safetensors import read_tensors

    verify_hashes(folder, "full", only=[WEIGHTS], manifest=manifest)
    return manifest, read_tensors(file_in(folder, WEIGHTS))


@dataclass(frozen=True)
class GoldenCase:
    """Inputs, the float64 reference's answers to them, and for discrete outputs which elements are
    decided.

    ``decided`` masks are booleans of the output's shape; where an output has none, every element
    counts.
    """

    inputs: dict[str, Array]
    outputs: dict[str, Array]
    decided: dict[str, Array]


def golden_cases(path: str | os.PathLike[str]) -> list[GoldenCase]:
    """The golden cases of a bundle, in order; empty where it has none."""
    file = file_in(current_bundle(path), GOLDEN)
    if not file.exists():
        return []
    from dlspec.bundle.safetensors import read_tensors

    cases: dict[int, GoldenCase] = {}
    for key, array in read_tensors(file).items():
        number, part, name = key.split("/", 2)
        case = cases.setdefault(int(number), GoldenCase({}, {}, {}))
        {"input": case.inputs, "output": case.outputs, "decided": case.decided}[part][name] = array
    return [cases[n] for n in sorted(cases)]


def golden_tensors(cases: Iterable[GoldenCase]) -> dict[str, Array]:
    """The tensors of ``golden.safetensors``: `0/input/image`, `0/output/logits`,
    `0/decided/digit`."""
    tensors: dict[str, Array] = {}
    for number, case in enumerate(cases):
        for part, arrays in (
            ("input", case.inputs),
            ("output", case.outputs),
            ("decided", case.decided),
        ):
            tensors.update({f"{number}/{part}/{n}": a for n, a in arrays.items()})
    return tensors
