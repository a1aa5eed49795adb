"""An inference request of the Open Inference Protocol v2, from bytes to arrays.

https://github.com/kserve/open-inference-protocol, with the extensions for binary tensors and for
classification of Triton Inference Server.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from numpy.typing import NDArray

from dlspec.diagnostics import serve as faults
from dlspec.diagnostics.core import DlspecError, did_you_mean
from dlspec.serve.datatypes import BYTES, DTYPES, array_of_bytes, array_of_json, kind_of
from dlspec.serve.texts import MANNERS, Manner, texts_of_bytes, texts_of_json

Array = NDArray[Any]
Json = dict[str, Any]

_REQUEST = ("id", "parameters", "inputs", "outputs")
_INPUT = ("name", "shape", "datatype", "parameters", "data")
_OUTPUT = ("name", "parameters")
_INPUT_PARAMETERS = ("binary_data_size",)
_OUTPUT_PARAMETERS = ("binary_data", "classification", "as")
_PARAMETERS = ("binary_data_output", "seed", "as")


@dataclass(frozen=True)
class Wanted:
    """An output that is asked for: as bytes or JSON, as its ``classes`` best classes (0: as
    numbers), and whether ids are answered as texts or names (None: as the request says)."""

    name: str
    binary: bool
    classes: int = 0
    manner: Manner | None = None


@dataclass(frozen=True)
class Request:
    """A request, checked as far as that needs no model: arrays by input name (those of texts hold
    `str` objects), what is wanted of the answer (None: every output, as ``binary`` says), and from
    its parameters how ids are answered, sizes of dimensions, and the seed of noise."""

    id: str | None
    feeds: Mapping[str, Array]
    wanted: tuple[Wanted, ...] | None
    binary: bool
    sizes: Mapping[str, int]
    seed: int | None
    manner: Manner | None = None


@dataclass(frozen=True)
class Names:
    """What a model takes and answers.

    Attributes:
        inputs: with their datatypes.
        outputs: by name.
        symbols: dimensions whose size may be given by name.
        texts: inputs that take texts as well.
        lengths: of inputs whose examples differ in length, the inputs that say so.
    """

    inputs: Mapping[str, str]
    outputs: tuple[str, ...]
    symbols: frozenset[str]
    texts: frozenset[str] = frozenset()
    lengths: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, "tuple[str, ...]"])


def read_request(body: bytes, header_length: int | None, names: Names) -> Request:
    """The request in a body.

    Args:
        body: JSON, and after its first ``header_length`` bytes the binary tensors.
        header_length: the header ``Inference-Header-Content-Length``; None: all of it is JSON.
        names: those of the model.

    Raises:
        DlspecError: DL420 to DL427, the first thing that is wrong.
    """
    header, rest = body, memoryview(b"")
    if header_length is not None:
        if header_length > len(body):
            reason = (
                f"its JSON part is to have {header_length} bytes, but all of it has {len(body)}"
            )
            raise DlspecError(faults.RequestBinary(None, reason))
        header, rest = body[:header_length], memoryview(body)[header_length:]
    raw = _json_object(header)
    _known_fields(raw, _REQUEST, "the request")
    number = raw.get("id")
    if number is not None and not isinstance(number, str):
        raise _field("the request", "id", number, "a text")
    parameters = _parameters(raw, "the request", (*_PARAMETERS, *names.symbols))
    binary = _flag(parameters, "binary_data_output", "the request") or False
    sizes = {n: _whole(parameters, n, "the request") for n in parameters if n in names.symbols}
    seed = _whole(parameters, "seed", "the request") if "seed" in parameters else None
    feeds = _feeds(raw, rest, names, header_length is not None)
    wanted = _wanted(raw, names, binary) if "outputs" in raw else None
    manner = _manner(parameters, "the request")
    return Request(number, feeds, wanted, binary, sizes, seed, manner)


def _json_object(text: bytes) -> Json:
    import orjson

    if not text.strip():
        raise DlspecError(faults.RequestNotJson(None, "it is empty"))
    try:
        raw: object = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise DlspecError(faults.RequestNotJson(None, str(error))) from error
    if not isinstance(raw, dict):
        raise DlspecError(faults.RequestNotJson(None, f"it is {kind_of(raw)} and no object"))
    return cast(Json, raw)


def _feeds(raw: Json, rest: memoryview, names: Names, has_header: bool) -> dict[str, Array]:
    tensors = raw.get("inputs", [] if not names.inputs else None)
    if not isinstance(tensors, list):
        raise _field("the request", "inputs", tensors, "a list of tensors", "inputs" not in raw)
    feeds: dict[str, Array] = {}
    begin = 0
    for index, tensor in enumerate(cast("list[object]", tensors)):
        where = f"`inputs[{index}]`"
        if not isinstance(tensor, dict):
            raise _field("the request", f"inputs[{index}]", tensor, "an object")
        entry = cast(Json, tensor)
        _known_fields(entry, _INPUT, where)
        name = _name(entry, where)
        if name not in names.inputs:
            near = did_you_mean(name, names.inputs)
            raise DlspecError(
                faults.RequestInputName(
                    None, name, "is not of this model", _list(names.inputs), near
                )
            )
        if name in feeds:
            raise DlspecError(
                faults.RequestInputName(None, name, "is given twice", _list(names.inputs))
            )
        shape = _shape(entry, where)
        datatype = _datatype(entry, where, name, names)
        parameters = _parameters(entry, where, _INPUT_PARAMETERS)
        if "binary_data_size" not in parameters:
            if "data" not in entry:
                raise _field(where, "data", None, "a list of values", True)
            if datatype == BYTES:
                feeds[name] = texts_of_json(name, entry["data"], shape)
            else:
                lengths = names.lengths.get(name, (None,))[0]
                feeds[name] = array_of_json(name, entry["data"], shape, datatype, lengths)
            continue
        if "data" in entry:
            reason = f"the input `{name}` has both `data` and `binary_data_size`"
            raise DlspecError(faults.RequestBinary(None, reason))
        if not has_header:
            reason = "the header `Inference-Header-Content-Length` is missing"
            raise DlspecError(faults.RequestBinary(None, reason))
        end = begin + _whole(parameters, "binary_data_size", where)
        if end > len(rest):
            reason = f"the input `{name}` ends at byte {end} of it, but it has {len(rest)}"
            raise DlspecError(faults.RequestBinary(None, reason))
        if datatype == BYTES:
            feeds[name] = texts_of_bytes(name, rest[begin:end], shape)
        else:
            feeds[name] = array_of_bytes(name, rest[begin:end], shape, datatype)
        begin = end
    if begin != len(rest):
        reason = f"it has {len(rest)} bytes, the inputs use {begin}"
        raise DlspecError(faults.RequestBinary(None, reason))
    _check_lengths(feeds, names)
    return feeds


def _check_lengths(feeds: Mapping[str, Array], names: Names) -> None:
    """Texts bring their lengths, which nobody else may know better."""
    for name, array in feeds.items():
        for lengths in names.lengths.get(name, ()) if array.dtype.hasobject else ():
            if lengths in feeds:
                reason = f"is not given beside texts: those of `{name}` tell it"
                known = _list(names.inputs)
                raise DlspecError(faults.RequestInputName(None, lengths, reason, known))


def _wanted(raw: Json, names: Names, binary: bool) -> tuple[Wanted, ...] | None:
    outputs = raw["outputs"]
    if not isinstance(outputs, list):
        raise _field("the request", "outputs", outputs, "a list of outputs")
    wanted: dict[str, Wanted] = {}
    for index, output in enumerate(cast("list[object]", outputs)):
        where = f"`outputs[{index}]`"
        if not isinstance(output, dict):
            raise _field("the request", f"outputs[{index}]", output, "an object")
        entry = cast(Json, output)
        _known_fields(entry, _OUTPUT, where)
        name = _name(entry, where)
        reason = "is not of this model" if name not in names.outputs else "is asked for twice"
        if name not in names.outputs or name in wanted:
            near = did_you_mean(name, names.outputs) if name not in names.outputs else None
            raise DlspecError(
                faults.RequestOutputName(None, name, reason, _list(names.outputs), near)
            )
        parameters = _parameters(entry, where, _OUTPUT_PARAMETERS)
        own = _flag(parameters, "binary_data", where)
        classes = (
            _whole(parameters, "classification", where) if "classification" in parameters else 0
        )
        manner = _manner(parameters, where)
        if classes and manner is not None:
            fault = ("given", "left out beside `classification`")
            raise DlspecError(faults.RequestField(None, where, "parameters.as", *fault))
        wanted[name] = Wanted(name, binary if own is None else own, classes, manner)
    return tuple(wanted.values()) or None


def _name(entry: Json, where: str) -> str:
    name = entry.get("name")
    if not isinstance(name, str):
        raise _field(where, "name", name, "a text", "name" not in entry)
    return name


def _shape(entry: Json, where: str) -> list[int]:
    shape = entry.get("shape")
    if not isinstance(shape, list):
        expected = "a list of whole numbers, 0 or more"
        raise _field(where, "shape", shape, expected, "shape" not in entry)
    for axis, size in enumerate(cast("list[object]", shape)):
        if type(size) is not int or not 0 <= size < 2**40:
            raise _field(where, f"shape[{axis}]", size, "a whole number, 0 or more")
    return cast("list[int]", shape)


def _datatype(entry: Json, where: str, name: str, names: Names) -> str:
    datatype = entry.get("datatype")
    if not isinstance(datatype, str):
        raise _field(where, "datatype", datatype, "a text such as FP32", "datatype" not in entry)
    if datatype not in DTYPES and not (datatype == BYTES and name in names.texts):
        known = ", ".join((*DTYPES, *([BYTES] if name in names.texts else [])))
        takes = names.inputs[name] + (" or BYTES" if name in names.texts else "")
        raise DlspecError(faults.RequestDatatype(None, name, datatype[:40], known, takes))
    return datatype


def _parameters(entry: Json, where: str, known: Iterable[str]) -> Json:
    parameters = entry.get("parameters", {})
    if not isinstance(parameters, dict):
        raise _field(where, "parameters", parameters, "an object")
    _known_fields(cast(Json, parameters), tuple(known), f"`parameters` of {where}")
    return cast(Json, parameters)


def _known_fields(entry: Json, known: tuple[str, ...], where: str) -> None:
    for name in entry:
        if name not in known:
            near = did_you_mean(name, known)
            raise DlspecError(
                faults.RequestUnknownField(None, where, name[:80], ", ".join(known), near)
            )


def _flag(parameters: Json, name: str, where: str) -> bool | None:
    value = parameters.get(name)
    if value is not None and not isinstance(value, bool):
        raise _field(where, f"parameters.{name}", value, "true or false")
    return value


def _manner(parameters: Json, where: str) -> Manner | None:
    value = parameters.get("as")
    if value is None or value in MANNERS:
        return value
    raise _field(where, "parameters.as", value, '"text", "names" or "ids"')


def _whole(parameters: Json, name: str, where: str) -> int:
    value = parameters[name]
    if type(value) is not int or not 0 <= value < 2**63:
        raise _field(where, f"parameters.{name}", value, "a whole number, 0 or more")
    return value


def _field(
    where: str, field: str, received: object, expected: str, missing: bool = False
) -> DlspecError:
    text = "missing" if missing else kind_of(received)
    return DlspecError(faults.RequestField(None, where, field, text, expected))


def _list(names: Iterable[str]) -> str:
    return ", ".join(f"`{n}`" for n in names) or "none"


def whole_header(text: bytes) -> int:
    """The number in the header ``Inference-Header-Content-Length``.

    Raises:
        DlspecError: DL425 where it is no number.
    """
    if not text.isdigit() or len(text) > 18:
        shown = text[:40].decode("latin-1")
        reason = f"`Inference-Header-Content-Length` is `{shown}` and no number"
        raise DlspecError(faults.RequestBinary(None, reason))
    return int(text)


def little_endian(array: Array) -> bytes:
    """The array's bytes as the protocol has them: little endian, row-major."""
    if sys.byteorder == "big":
        array = array.astype(array.dtype.newbyteorder("<"))
    return array.tobytes()
