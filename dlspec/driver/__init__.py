"""From a spec to published bundles; this package alone knows the order of the phases."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path

from dlspec.driver.phases import Compilation

__all__ = ["Compilation", "compile", "open_spec"]


def open_spec(path: str | PathLike[str], settings: Mapping[str, str] | None = None) -> Compilation:
    """A spec on disk, ready to be compiled.

    Raises:
        DlspecError: DL902 if it cannot be read.
    """
    from dlspec.driver.files import read_spec

    place = Path(path)
    return Compilation(read_spec(place), place.resolve().parent, settings)


def compile(
    path: str | PathLike[str],
    out: str | PathLike[str] = "build",
    *,
    settings: Mapping[str, str] | None = None,
) -> list[Path]:
    """Compile and verify every network of a spec; the folders of the published bundles.

    Args:
        path: the spec.
        out: holds `<network>/<version>/`.
        settings: settings from outside, as text of the language.

    Raises:
        DlspecError: with every mistake of the spec, or what an engine got wrong; nothing wrong is
            published.
    """
    from dlspec.driver.build import (
        BuildOptions,
        build_network,
        fresh_or_trained,
        kept_training,
    )
    from dlspec.driver.emission import words_of

    compilation = open_spec(path, settings)
    options = BuildOptions(Path(out))
    folders: list[Path] = []
    for plan in compilation.networks.values():
        weights, kept = fresh_or_trained(plan, options, str(path))
        training, _ = kept_training(plan, kept)
        words = None if kept is None else words_of(plan.graph, kept)
        built = build_network(
            plan, weights, compilation.source, options, training=training, words=words
        )
        folders.append(built.folder)
    return folders
