"""Emitted source as a class."""

from __future__ import annotations

import os
import re
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


def load_module(source_text: str, path: str | os.PathLike[str]) -> type[nn.Module]:
    """The `nn.Module` class of emitted source.

    ``path`` is where tracebacks and debuggers point. The file is written (atomically) unless it
    holds this text already.

    Raises:
        ValueError: if there is no module class in the text.
    """
    place = Path(path)
    if not place.is_file() or place.read_text(encoding="utf-8") != source_text:
        place.parent.mkdir(parents=True, exist_ok=True)
        aside = place.with_name(f".{place.name}.{os.getpid()}")
        aside.write_text(source_text, encoding="utf-8")
        os.replace(aside, place)
    found = re.search(r"^class (\w+)\(nn\.Module\):", source_text, re.MULTILINE)
    if found is None:
        raise ValueError(f"{path} holds no nn.Module")
    module = ModuleType(place.stem)
    module.__file__ = str(place)
    # what is run is this package's own emission, no text of a user
    exec(compile(source_text, str(place), "exec"), module.__dict__)  # noqa: S102
    loaded: type[nn.Module] = getattr(module, found.group(1))
    return loaded
