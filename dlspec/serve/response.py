"""An answer of the Open Inference Protocol v2, from arrays to bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlspec.diagnostics import serve as faults
from dlspec.diagnostics.core import DlspecError
from dlspec.serve.datatypes import BYTES, NAMES
from dlspec.serve.request import Request, Wanted, little_endian

Array = NDArray[Any]


def write_response(
    model: str,
    version: str,
    request: Request,
    answers: Iterable[tuple[Wanted, Array]],
    labels: Mapping[str, Sequence[str]],
    seed: int | None,
) -> tuple[bytes, int | None]:
    """The body of an answer, and the length of its JSON part where binary tensors follow it.

    ``answers`` are the outputs that are wanted, in their order; arrays of `str` objects are texts.
    ``labels`` are the class names of an output's last axis, for the classification extension. NaN
    and infinities, which JSON does not have, become null there; as binary they stay.

    Raises:
        DlspecError: DL422 where classes are asked of an output that has none.
    """
    import orjson

    outputs: list[dict[str, Any]] = []
    chunks: list[bytes] = []
    for want, given in answers:
        array = _classified(want, given, labels.get(want.name)) if want.classes else given
        texts = array.dtype.hasobject
        entry: dict[str, Any] = {
            "name": want.name,
            "shape": list(array.shape),
            "datatype": BYTES if texts else NAMES[array.dtype],
        }
        if want.binary:
            raw = _bytes_tensor(array) if texts else little_endian(array)
            entry["parameters"] = {"binary_data_size": len(raw)}
            chunks.append(raw)
        else:
            flat = np.ascontiguousarray(array).ravel()
            entry["data"] = flat.tolist() if texts else flat
        outputs.append(entry)
    body: dict[str, Any] = {"model_name": model, "model_version": version}
    if request.id is not None:
        body["id"] = request.id
    if seed is not None:
        body["parameters"] = {"seed": seed}
    body["outputs"] = outputs
    text = orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)
    return (text + b"".join(chunks), len(text)) if chunks else (text, None)


def _classified(want: Wanted, array: Array, labels: Sequence[str] | None) -> Array:
    """The best classes along the last axis as texts ``value:index`` or ``value:index:label``."""
    if array.ndim == 0 or array.dtype.kind not in "iuf" or array.shape[-1] == 0:
        expected = "asked of an output of scores, with an axis of classes at its end"
        where = f"the output `{want.name}`"
        raise DlspecError(
            faults.RequestField(None, where, "parameters.classification", "given", expected)
        )
    count = min(want.classes, array.shape[-1])
    rows = array.reshape(-1, array.shape[-1])
    order = np.argsort(-rows.astype(np.float64), axis=-1, kind="stable")[:, :count]
    texts = [
        f"{rows[r, i]:f}:{i}" + (f":{labels[i]}" if labels is not None else "")
        for r in range(len(rows))
        for i in order[r]
    ]
    return np.array(texts, dtype=object).reshape(*array.shape[:-1], count)


def _bytes_tensor(texts: Array) -> bytes:
    """Texts as the binary extension has them: each after its length in 4 bytes, little endian."""
    encoded = [str(t).encode() for t in texts.ravel()]
    return b"".join(len(t).to_bytes(4, "little") + t for t in encoded)
