"""`-` on the command line of `predict`: what standard input holds, put into a file of its kind."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from dlspec.diagnostics.core import Diagnostic, DlspecError
from dlspec.diagnostics.serve import PredictFile

_KINDS = ((b"\x93NUMPY", ".npy"), (b"PK\x03\x04", ".npz"), (b"RIFF", ".wav"))


NAME = "standard input"


def with_standard_input(
    given: Sequence[str],
    content: bytes,
    folder: Path,
    takes_texts: Callable[[str], bool] = lambda name: False,
) -> list[str]:
    """The arguments with `-` and `name=-` replaced by a file in ``folder`` that holds ``content``;
    of an input that ``takes_texts`` each line is a text, `-` as many examples, `name=-` a list.

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
    name, equals, _ = given[places[0]].rpartition("=")
    if takes_texts(name) and (lines := _lines(content)) is not None:
        if not name:  # in quotes, so that none is taken for a file or a `name=value`
            texts = [json.dumps(line, ensure_ascii=False) for line in lines]
            return [*given[: places[0]], *texts, *given[places[0] + 1 :]]
        content = json.dumps(lines).encode()
    path = folder / f"{NAME}{_suffix(content)}"
    path.write_bytes(content)
    return [*given[: places[0]], f"{name}{equals}{path}", *given[places[0] + 1 :]]


def is_standard_input(text: str) -> bool:
    """Whether an argument says that the input comes in on standard input."""
    return text == "-" or text.endswith("=-")


def _lines(content: bytes) -> list[str] | None:
    """The lines of a text that is no JSON; None of anything else."""
    if content.startswith(tuple(start for start, _ in _KINDS)):
        return None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    try:
        is_json = isinstance(json.loads(text), (list, dict, str))
    except ValueError:
        is_json = False
    return None if is_json else text.splitlines()


def as_it_came_in(text: str, folder: Path) -> str:
    """A text that names the file, with the name that people know it by."""
    for suffix in (".json", ".png", *(s for _, s in _KINDS)):
        text = text.replace(str(folder / f"{NAME}{suffix}"), NAME)
    return text


def told(found: Diagnostic, folder: Path) -> Diagnostic:
    """A diagnostic that says nothing of the file."""
    facts = {n: v for n, v in found.facts().items() if isinstance(v, str)}
    return dataclasses.replace(found, **{n: as_it_came_in(v, folder) for n, v in facts.items()})


def _suffix(content: bytes) -> str:
    for start, suffix in _KINDS:
        if content.startswith(start):
            return suffix
    first = content.lstrip()[:1]
    return ".json" if first in b'[{0123456789-"' and first else ".png"
