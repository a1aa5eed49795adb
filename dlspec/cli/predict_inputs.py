"""What `dlspec predict` is given, as arrays: pictures, waves, arrays in files, `name=value`."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from dlspec.diagnostics.core import DlspecError, did_you_mean
from dlspec.diagnostics.serve import PredictFile, PredictName

if TYPE_CHECKING:
    from dlspec.bundle.manifest import InputSpec

Array = NDArray[Any]


@dataclass
class Question:
    """Arrays by input name for one call, what to call it, and what was done to the files."""

    title: str
    feeds: dict[str, object] = field(default_factory=dict[str, object])
    notes: list[str] = field(default_factory=list[str])


def questions(inputs: Sequence[InputSpec], given: Sequence[str]) -> Iterator[Question]:
    """One question for each file without a name; values with a name go with all of them.

    Raises:
        DlspecError: DL437 for a file that cannot be used, DL438 for a name.
    """
    data = {i.name: i for i in inputs}
    named = Question(", ".join(g for g in given if _is_named(g, data)))
    files: list[str] = []
    for text in given:
        if _is_named(text, data):
            name, _, value = text.partition("=")
            if name in named.feeds:
                reason = "is given twice; several examples are a list in JSON"
                raise DlspecError(PredictName(None, name, reason, _types(data)))
            _add(named, _input(name, data), value)
        else:
            files.append(text)
    if not files:
        yield named
        return
    for file in files:
        question = Question(file, dict(named.feeds), list(named.notes))
        if Path(file).suffix.lower() == ".npz" or _holds_names(file):
            for name, value in _members(file).items():
                spec = _input(name, data)
                question.feeds[name] = _batched(spec, value)
        else:
            _add(question, _only(data, named.feeds, file), file)
        yield question


def _is_named(text: str, data: Mapping[str, InputSpec]) -> bool:
    name, equals, _ = text.partition("=")
    return bool(equals) and (name in data or (name.isidentifier() and not os.path.exists(text)))


def _input(name: str, data: Mapping[str, InputSpec]) -> InputSpec:
    if name not in data:
        near = did_you_mean(name, data)
        raise DlspecError(PredictName(None, name, "is no input", _types(data), near))
    return data[name]


def _only(data: Mapping[str, InputSpec], taken: Mapping[str, object], file: str) -> InputSpec:
    free = [i for i in data.values() if i.origin == "data" and i.name not in taken]
    if len(free) == 1:
        return free[0]
    reason = "there is no input left for it"
    if free:
        reason = f"it may be for {', '.join(i.name for i in free)}; write `{free[0].name}={file}`"
    raise DlspecError(PredictName(None, file, reason, _types(data)))


def _types(data: Mapping[str, InputSpec]) -> str:
    return ", ".join(f"{i.name}: {i.type}" for i in data.values() if i.origin == "data")


def _add(question: Question, spec: InputSpec, value: str) -> None:
    path = Path(value)
    suffix = path.suffix.lower()
    if suffix == ".npy":
        question.feeds[spec.name] = _batched(spec, _numpy(value))
    elif suffix == ".json" and os.path.exists(value):
        question.feeds[spec.name] = _batched(spec, _read_json(value))
    elif spec.by is not None:
        question.feeds[spec.name] = _text(spec, value)
    elif os.path.exists(value) or (suffix and not _is_value(value)):
        array, note = (_sound if suffix == ".wav" else _picture)(value, spec)
        question.feeds[spec.name] = array
        if note:
            question.notes.append(f"{value}: {note}")
    else:
        try:
            plain: object = json.loads(value)
        except ValueError:
            plain = value  # the name of a class
        question.feeds[spec.name] = _batched(spec, plain)


def _text(spec: InputSpec, value: str) -> object:
    """A text as it stands, whatever files there are; several texts, and ids, are JSON lists."""
    try:
        found: Any = json.loads(value)
    except ValueError:
        return value
    return _batched(spec, cast(Any, found)) if isinstance(found, (list, str)) else value


def _all_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(v, str) for v in cast("list[Any]", value))


def _is_value(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _batched(spec: InputSpec, value: object) -> object:
    """A single example gets the batch axis that the network has in front; a file holds one or
    many. Texts in a list are many."""
    if spec.by is not None and _all_texts(value):
        return value
    try:
        rank = np.ndim(cast(Any, value))
    except ValueError:  # uneven lists: told by the runtime
        return value
    batched = bool(spec.dims) and not spec.dims[0].isdigit()
    if not batched or rank != len(spec.dims) - 1:
        return value
    return value[None] if isinstance(value, np.ndarray) else [value]


def _holds_names(file: str) -> bool:
    return Path(file).suffix.lower() == ".json" and isinstance(_read_json(file), dict)


def _members(file: str) -> dict[str, object]:
    if file.lower().endswith(".json"):
        return cast("dict[str, object]", _read_json(file))
    with _numpy(file) as loaded:
        return {name: loaded[name] for name in loaded.files}


def _numpy(file: str) -> Any:
    try:
        # np.load leaves a damaged archive's file open if it opens it itself
        return np.load(io.BytesIO(Path(file).read_bytes()), allow_pickle=False)
    except OSError as error:
        raise DlspecError(PredictFile(None, file, _why(error))) from error
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        reason = "it is damaged, or holds Python objects and no plain numbers"
        raise DlspecError(PredictFile(None, file, reason, "save it with `numpy.save`")) from error


def _read_json(file: str) -> object:
    try:
        return json.loads(Path(file).read_text("utf-8"))
    except OSError as error:
        raise DlspecError(PredictFile(None, file, _why(error))) from error
    except (ValueError, RecursionError) as error:
        raise DlspecError(PredictFile(None, file, f"it is not JSON ({error})")) from error


def _picture(file: str, spec: InputSpec) -> tuple[Array, str | None]:
    from dlspec.runtime import read_picture

    return read_picture(_found(file), spec)


def _sound(file: str, spec: InputSpec) -> tuple[Array, str | None]:
    from dlspec.cli.predict_sound import read_sound

    return read_sound(_found(file), spec)


def _found(file: str) -> Path:
    """The path of a file that is there."""
    path = Path(file)
    if not path.is_file():
        near = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        match = did_you_mean(path.name, near)
        fix = f"did you mean `{path.parent / match}`?" if match else None
        reason = "it is a folder" if path.is_dir() else "there is no such file"
        raise DlspecError(PredictFile(None, file, reason, fix))
    return path


def _why(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
