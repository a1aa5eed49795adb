"""The manifest: what a bundle says about itself, as plain data that any language can read.

``manifest.json`` holds exactly these dataclasses, field by field. Schema versions only ever grow; a
reader understands its own and all older ones, and refuses newer ones by name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Literal, cast, get_args

from dlspec.picture import Ground

SCHEMA = 1
"""The newest manifest schema that this dlspec writes and reads."""

Origin = Literal["data", "noise", "lengths"]
Status = Literal["verified", "failed", "awaits-device", "unverified"]
Json = dict[str, Any]


class ManifestError(ValueError):
    """A manifest is malformed; the text says which part, without the file's name."""


class NewerSchema(ManifestError):
    """A manifest has a schema number that this dlspec does not know."""

    def __init__(self, schema: int, writer: str) -> None:
        super().__init__(f"schema {schema}")
        self.schema = schema
        self.writer = writer


@dataclass(frozen=True)
class Noise:
    """What a noise input is drawn from: ``normal`` (mean, std), ``uniform`` (low, high),
    ``bernoulli`` (p), ``categorical`` (weights)."""

    kind: str
    arguments: tuple[float, ...] = ()


@dataclass(frozen=True)
class InputSpec:
    """What the application gives.

    ``dims`` are texts: an integer (`28`), a symbol (`N`), or an expression over symbols (`2*T + 1`;
    `//` is floor division and binds closer than `*`). ``classes`` names the ids of an integer
    input. ``origin`` is ``data``; ``noise`` (drawn from ``noise`` by the runtime where left out) or
    ``lengths`` of the ragged symbol ``symbol`` (the full length where left out). ``by`` says how a
    text becomes ids of the ``classes``: in which pieces (`dlspec.text`). ``rate`` is how many
    samples a second a wave has that the model was trained on, ``ground`` what its grey pictures lie
    on, where the data tell.
    """

    name: str
    dtype: str
    dims: tuple[str, ...]
    classes: tuple[str, ...] | None = None
    origin: Origin = "data"
    noise: Noise | None = None
    symbol: str | None = None
    by: str | None = None
    rate: int | None = None
    ground: Ground | None = None

    @property
    def type(self) -> str:
        """`uint8[N, 28, 28]`."""
        return f"{self.dtype}[{', '.join(self.dims)}]"


@dataclass(frozen=True)
class OutputSpec:
    """What the model answers; ``dims`` and ``classes`` as of an input. ``ids`` is the output that
    was chosen along the last axis of this one's scores: its classes are what they stand for."""

    name: str
    dtype: str
    dims: tuple[str, ...]
    classes: tuple[str, ...] | None = None
    by: str | None = None
    ids: str | None = None

    @property
    def type(self) -> str:
        """`float32[N, 10]`."""
        return f"{self.dtype}[{', '.join(self.dims)}]"


@dataclass(frozen=True)
class SpecSource:
    """The text that the bundle was made from: its copy in the bundle (``spec/lenet.dl``) and that
    file's SHA-256."""

    file: str
    sha256: str


@dataclass(frozen=True)
class FileEntry:
    """Size in bytes and SHA-256 of a file of the bundle."""

    size: int
    sha256: str


@dataclass(frozen=True)
class EngineRecord:
    """An engine in the bundle.

    Attributes:
        name: the engine block's name; with ``target`` it is unique.
        target: `onnxruntime`, `cuda`, `tensorrt_rtx` or `tensorrt`.
        precision: what it computes in.
        file: the engine itself (an optimised ONNX model, a TensorRT plan), relative to the bundle.
        model: the ONNX model that it was built from, runnable anywhere.
        status: `verified` on the builder's machine; `awaits-device`: proved on its first load on
            each machine by the golden answers; `failed` and `unverified` are never run.
        device: what the file is tied to, as `dlspec.runtime.host.fingerprint` says; empty for none.
            On another machine ``model`` is loaded instead of ``file`` where the target can, and
            proved first.
        bounds: (least, most) of each dynamic dimension; what is not listed is unbounded.
        outputs: names of the outputs that it computes, in its order.
        golden: for each float output the largest absolute difference from the golden answers that
            is accepted.
        verdicts: what verification found, for people and for `dlspec report`.
        options, versions: what it was built with.
        fallback: `cpu` where the spec allows that.
    """

    name: str
    target: str
    file: str
    precision: str = "float32"
    model: str = "model.onnx"
    status: Status = "unverified"
    device: str = ""
    bounds: Mapping[str, tuple[int, int]] = field(default_factory=dict[str, "tuple[int, int]"])
    outputs: tuple[str, ...] = ()
    golden: Mapping[str, float] = field(default_factory=dict[str, float])
    verdicts: Mapping[str, Any] = field(default_factory=dict[str, Any])
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    versions: Mapping[str, str] = field(default_factory=dict[str, str])
    fallback: str | None = None

    @property
    def label(self) -> str:
        """`edge/tensorrt_rtx`."""
        return f"{self.name}/{self.target}"


@dataclass(frozen=True)
class Manifest:
    """All that a bundle says about itself.

    ``less`` is all that `compile --fast` has proved of the engines (`golden inputs only`); it is
    empty otherwise. ``least`` is the least size of each dimension that cannot be 1, since a window
    is longer.

    ``training`` has ``recipe``, ``epochs``, ``metrics``, ``seed`` where
    ``trained``. ``files``, ``version`` and ``created`` (UTC, ISO 8601) are filled in when the
    bundle is published.
    """

    network: str
    dlspec: str
    spec: SpecSource | None = None
    inputs: tuple[InputSpec, ...] = ()
    outputs: tuple[OutputSpec, ...] = ()
    engines: tuple[EngineRecord, ...] = ()
    trained: bool = False
    training: Mapping[str, Any] = field(default_factory=dict[str, Any])
    parameters: int = 0
    versions: Mapping[str, str] = field(default_factory=dict[str, str])
    files: Mapping[str, FileEntry] = field(default_factory=dict[str, FileEntry])
    version: str = ""
    created: str = ""
    schema: int = SCHEMA
    less: str = ""
    least: Mapping[str, int] = field(default_factory=dict[str, int])

    def to_json(self) -> str:
        """The text of ``manifest.json``; the same manifest gives the same text."""
        return json.dumps(_plain(self), indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    @staticmethod
    def from_json(text: str | bytes) -> Manifest:
        """The manifest of a text.

        Raises:
            NewerSchema: if it was written by a newer dlspec.
            ManifestError: if it is not a manifest; the message says what is wrong.
        """
        try:
            raw: object = json.loads(text)
        except ValueError as error:
            raise ManifestError("it is not JSON, or was cut short") from error
        except RecursionError as error:
            raise ManifestError("it is nested too deeply") from error
        if not isinstance(raw, dict):
            raise ManifestError("it is not a JSON object")
        return _manifest(cast(Json, raw))


def _plain(value: Any) -> Any:
    fields: Mapping[str, Any] | None = getattr(value, "__dataclass_fields__", None)
    if fields is not None:
        return {name: _plain(getattr(value, name)) for name in fields}
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in cast("list[Any]", value)]
    if isinstance(value, float) and not isfinite(value):
        return str(value)  # JSON has no such numbers; verdicts may
    if isinstance(value, (str, int, float, bool)) or value is None:
        return value
    item = getattr(value, "item", None)
    if callable(item):  # a NumPy scalar
        return _plain(item())
    raise TypeError(f"a manifest cannot hold {type(value).__name__}")


# --- reading: each getter names the field that is wrong
# --------------------------------------------

_MISSING = object()


def _get(raw: Json, key: str, kind: type | tuple[type, ...], default: Any = _MISSING) -> Any:
    value = raw.get(key, default)
    if value is _MISSING:
        raise ManifestError(f"`{key}` is missing")
    if value is default and key not in raw:
        return value
    accepted = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
    if not accepted:
        raise ManifestError(f"`{key}` has the wrong type")
    return value


def _texts(raw: Json, key: str, default: Any = _MISSING) -> tuple[str, ...]:
    values = _get(raw, key, list, default)
    if not all(isinstance(v, str) for v in values):
        raise ManifestError(f"`{key}` must list texts")
    return tuple(values)


def _sizes(raw: Json, key: str) -> dict[str, int]:
    sizes = _get(raw, key, dict, {})
    if not all(type(n) is int for n in sizes.values()):
        raise ManifestError(f"`{key}` must hold integers")
    return sizes


def _objects(raw: Json, key: str) -> list[Json]:
    values = _get(raw, key, list, [])
    if not all(isinstance(v, dict) for v in values):
        raise ManifestError(f"`{key}` must list objects")
    return values


def _classes(raw: Json) -> tuple[str, ...] | None:
    return None if raw.get("classes") is None else _texts(raw, "classes")


def _optional_text(raw: Json, key: str) -> str | None:
    return None if raw.get(key) is None else _get(raw, key, str)


def _one_of(raw: Json, key: str, known: tuple[str, ...], default: str) -> Any:
    value = _get(raw, key, str, default)
    if value not in known:
        raise ManifestError(f"`{key}` is `{value}`, not one of {', '.join(known)}")
    return value


def _noise(raw: Json) -> Noise | None:
    if raw.get("noise") is None:
        return None
    noise = _get(raw, "noise", dict)
    arguments = _get(noise, "arguments", list, [])
    if not all(isinstance(a, (int, float)) for a in arguments):
        raise ManifestError("the arguments of a noise must be numbers")
    return Noise(_get(noise, "kind", str), tuple(float(a) for a in arguments))


def _input(raw: Json) -> InputSpec:
    return InputSpec(
        _get(raw, "name", str),
        _get(raw, "dtype", str),
        _texts(raw, "dims"),
        _classes(raw),
        _one_of(raw, "origin", get_args(Origin), "data"),
        _noise(raw),
        _optional_text(raw, "symbol"),
        _optional_text(raw, "by"),
        None if raw.get("rate") is None else _get(raw, "rate", int),
        None if raw.get("ground") is None else _one_of(raw, "ground", get_args(Ground), "black"),
    )


def _output(raw: Json) -> OutputSpec:
    return OutputSpec(
        _get(raw, "name", str),
        _get(raw, "dtype", str),
        _texts(raw, "dims"),
        _classes(raw),
        _optional_text(raw, "by"),
        _optional_text(raw, "ids"),
    )


def _bounds(raw: Json) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for symbol, pair in _get(raw, "bounds", dict, {}).items():
        if not (
            isinstance(pair, list) and [type(v) for v in cast("list[Any]", pair)] == [int, int]
        ):
            raise ManifestError(f"the bounds of `{symbol}` must be two integers")
        found[symbol] = (pair[0], pair[1])
    return found


def _golden(raw: Json) -> dict[str, float]:
    found: dict[str, float] = {}
    for output, bound in _get(raw, "golden", dict, {}).items():
        if isinstance(bound, bool) or not isinstance(bound, (int, float)):
            raise ManifestError(f"the bound of `{output}` must be a number")
        found[output] = float(bound)
    return found


def _engine(raw: Json) -> EngineRecord:
    return EngineRecord(
        _get(raw, "name", str),
        _get(raw, "target", str),
        _get(raw, "file", str),
        _get(raw, "precision", str, "float32"),
        _get(raw, "model", str, "model.onnx"),
        _one_of(raw, "status", get_args(Status), "unverified"),
        _get(raw, "device", str, ""),
        _bounds(raw),
        _texts(raw, "outputs", []),
        _golden(raw),
        _get(raw, "verdicts", dict, {}),
        _get(raw, "options", dict, {}),
        _get(raw, "versions", dict, {}),
        _optional_text(raw, "fallback"),
    )


def _file(name: str, raw: Any) -> FileEntry:
    if not isinstance(raw, dict):
        raise ManifestError(f"the entry of the file `{name}` is malformed")
    entry = cast(Json, raw)
    return FileEntry(_get(entry, "size", int), _get(entry, "sha256", str))


def _manifest(raw: Json) -> Manifest:
    schema = _get(raw, "schema", int)
    if schema > SCHEMA:
        raise NewerSchema(schema, str(raw.get("dlspec", "?")))
    if schema < 1:
        raise ManifestError(f"`schema` is {schema}")
    spec: Json | None = _get(raw, "spec", dict) if raw.get("spec") is not None else None
    return Manifest(
        network=_get(raw, "network", str),
        dlspec=_get(raw, "dlspec", str),
        spec=SpecSource(_get(spec, "file", str), _get(spec, "sha256", str)) if spec else None,
        inputs=tuple(_input(i) for i in _objects(raw, "inputs")),
        outputs=tuple(_output(o) for o in _objects(raw, "outputs")),
        engines=tuple(_engine(e) for e in _objects(raw, "engines")),
        trained=_get(raw, "trained", bool, False),
        training=_get(raw, "training", dict, {}),
        parameters=_get(raw, "parameters", int, 0),
        versions=_get(raw, "versions", dict, {}),
        files={n: _file(n, f) for n, f in _get(raw, "files", dict, {}).items()},
        version=_get(raw, "version", str, ""),
        created=_get(raw, "created", str, ""),
        schema=schema,
        less=_get(raw, "less", str, ""),
        least=_sizes(raw, "least"),
    )
