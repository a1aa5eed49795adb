"""`-` on the command line of `predict`: what standard input holds, put into a file of its kind."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dlspec.diagnostics.core import DlspecError
from dlspec.diagnostics.serve import PredictFile

_KINDS = ((b"\x93NUMPY", ".npy"), (b"PK\x03\x04", ".npz"), (b"RIFF", ".wav"))


def with_standard_input(given: Sequence[str], content: bytes, folder: Path) -> list[str]:
    """The arguments with `-` and `name=-` replaced by a file in ``folder`` that holds ``content``.

    Raises:
        DlspecError: DL437 where nothing came in, or `-` is given twice.
    """
    places = [i for i, text in enumerate(given) if is_standard_input(text)]
    if len(places) != 1:
        reason = "standard input can be read once"
        raise DlspecError(PredictFile(None, "-", reason, "give the other inputs as files"))
    if not content:
        reason = "nothing came in on standard input"
        raise DlspecError(PredictFile(None, "-", reason, "`dlspec predict build/net - < x.json`"))
    path = folder / f"standard input{_suffix(content)}"
    path.write_bytes(content)
    name, equals, _ = given[places[0]].rpartition("=")
    return [*given[: places[0]], f"{name}{equals}{path}", *given[places[0] + 1 :]]


def is_standard_input(text: str) -> bool:
    """Whether an argument says that the input comes in on standard input."""
    return text == "-" or text.endswith("=-")


def _suffix(content: bytes) -> str:
    for start, suffix in _KINDS:
        if content.startswith(start):
            return suffix
    first = content.lstrip()[:1]
    return ".json" if first in b'[{0123456789-"' and first else ".png"
