"""Weights to start from: taken by name and shape, with what does not fit said."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from dlspec.diagnostics import Diagnostic, DlspecError
from dlspec.diagnostics.train import NoWeightsFit, WeightsUnmatched
from dlspec.ir.plan import RecipePlan

Array = NDArray[Any]


def read_weights(path: Path) -> dict[str, Array]:
    """The weights of a bundle, a run directory, a checkpoint or a safetensors file.

    Raises:
        DlspecError: DL638 for a broken file, DL697 where there are no weights.
    """
    from dlspec.bundle import current_bundle, read_tensors, verify_hashes
    from dlspec.bundle.safetensors import read_tensors_and_metadata
    from dlspec.train import checkpoint

    if path.is_dir() and (path / "checkpoint.safetensors").is_file():
        path = path / "checkpoint.safetensors"
    if path.is_dir():
        folder = current_bundle(path)
        verify_hashes(folder)
        return read_tensors(folder / "weights.safetensors")
    if not path.exists():
        raise DlspecError(NoWeightsFit(None, str(path), "there is no such file"))
    tensors, metadata = read_tensors_and_metadata(path)
    return checkpoint.weights_of(path) if "dlspec.run" in metadata else tensors


def fitting(
    plan: RecipePlan,
    weights: Mapping[str, Array],
    wanted: Mapping[str, tuple[int, ...]],
    path: Path,
) -> tuple[dict[str, Array], Diagnostic | None]:
    """The weights that fit by name and shape, and a warning if that is not all.

    Names may carry their network (`lenet.conv1.weight`) or leave it out (`conv1.weight`, as a
    bundle does).

    Raises:
        DlspecError: DL697 where nothing fits.
    """
    taken: dict[str, Array] = {}
    used: set[str] = set()
    for name, shape in wanted.items():
        network = next((n for n in plan.networks if name.startswith(f"{n}.")), None)
        short = name[len(network) + 1 :] if network else name
        source = name if name in weights else short
        if source in weights and weights[source].shape == shape:
            taken[name] = weights[source]
            used.add(source)
    fresh = [n for n in wanted if n not in taken]
    unused = [n for n in weights if n not in used]
    other = renamed({n: wanted[n] for n in fresh}, {n: weights[n].shape for n in unused})
    if not taken:
        raise DlspecError(NoWeightsFit(None, str(path), "no name and shape fits", other))
    if not fresh and not unused:
        return taken, None
    return taken, WeightsUnmatched(
        None, str(path), len(taken), listed(fresh), listed(unused), other
    )


def renamed(
    fresh: Mapping[str, tuple[int, ...]], unused: Mapping[str, tuple[int, ...]]
) -> str | None:
    """Pairs of equal shape among what is left, most alike names first."""
    pairs: list[str] = []
    left = dict(unused)
    for name, shape in fresh.items():
        alike = [n for n, s in left.items() if s == shape]
        if alike:
            other = max(alike, key=lambda n: difflib.SequenceMatcher(None, n, name).ratio())
            del left[other]
            pairs.append(f"`{other}` is now `{name}`")
    return listed(pairs)


def listed(names: Sequence[str], most: int = 6) -> str | None:
    """Names with commas between, not too many; None without any."""
    if not names:
        return None
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
