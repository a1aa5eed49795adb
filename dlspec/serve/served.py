"""A model as the protocol shows it: its names, its metadata, and bodies of requests answered."""

from __future__ import annotations

import re
from collections.abc import Sequence
from time import perf_counter
from typing import Any

import numpy as np

from dlspec.bundle.manifest import InputSpec, OutputSpec
from dlspec.runtime import Model
from dlspec.serve.datatypes import NAMES
from dlspec.serve.request import Names, read_request
from dlspec.serve.response import write_response

DIRECT_SECONDS = 1e-3
"""Requests that take less than this are answered on the event loop itself: handing one to a thread
costs about 50 µs, three times what a small network computes."""

DIRECT_BYTES = 64 * 1024
"""Larger requests always go to a thread."""


class ServedModel:
    """A loaded model under a name.

    ``respond`` is a function from bytes to bytes that any thread may call; ``is_quick`` tells
    whether the event loop may.
    """

    def __init__(self, name: str, model: Model) -> None:
        self.name = name
        self.model = model
        self.version: str = model.manifest.version
        inputs = {i.name: _datatype(i) for i in model.inputs}
        known = {o.name for o in model.outputs}
        symbols = {s for i in model.inputs for d in i.dims for s in re.findall(r"[^\W\d]\w*", d)}
        self.names = Names(
            inputs, tuple(o.name for o in model.outputs), frozenset(symbols - inputs.keys() - known)
        )
        self.labels = {o.name: c for o in model.outputs if (c := _labels(o, model.outputs))}
        # where a parameter can set a size, the body's length says nothing about the time it takes
        self._predictable = all(i.origin == "data" for i in model.inputs)
        self._seconds: dict[int, float] = {}

    def respond(self, body: bytes, header_length: int | None) -> tuple[bytes, int | None]:
        """The body of the answer to a body, and the length of its JSON part if more follows.

        Raises:
            DlspecError: for what is wrong with the request.
        """
        begin = perf_counter()
        request = read_request(body, header_length, self.names)
        answer = self.model({**request.sizes, **request.feeds}, seed=request.seed)
        response = write_response(
            self.name, self.version, request, answer, self.labels, answer.seed
        )
        # the least of late: a wait for the processor or another thread is not the model's time
        key = len(body).bit_length()
        seconds = perf_counter() - begin
        self._seconds[key] = min(seconds, 1.05 * self._seconds.get(key, seconds))
        return response

    def is_quick(self, size: int) -> bool:
        """Whether a body of this many bytes is answered at once, as those of about its size
        were."""
        if size > DIRECT_BYTES or not self._predictable:
            return False
        return self._seconds.get(size.bit_length(), 1.0) < DIRECT_SECONDS

    def metadata(self) -> dict[str, Any]:
        """The protocol's model metadata."""
        return {
            "name": self.name,
            "versions": [self.version],
            "platform": "onnxruntime_onnx"
            if self.model.record.target in ("onnxruntime", "cuda")
            else "tensorrt_plan",
            "inputs": [_tensor(i) for i in self.model.inputs],
            "outputs": [_tensor(o) for o in self.model.outputs],
            **({"parameters": self.reservations} if self.reservations else {}),
        }

    @property
    def reservations(self) -> dict[str, Any]:
        """What a client should know before it trusts the answers."""
        less = self.model.manifest.less
        return {
            **({"trained": False} if self.untrained else {}),
            **({"proved_less": less} if less else {}),
        }

    @property
    def untrained(self) -> bool:
        """Whether the answers are those of fresh weights."""
        return not self.model.trained and self.model.manifest.parameters > 0


def _datatype(port: InputSpec | OutputSpec) -> str:
    return NAMES[np.dtype(port.dtype)]


def _tensor(port: InputSpec | OutputSpec) -> dict[str, Any]:
    shape = [int(d) if d.isdigit() else -1 for d in port.dims]
    return {"name": port.name, "datatype": _datatype(port), "shape": shape}


def _labels(output: OutputSpec, outputs: Sequence[OutputSpec]) -> tuple[str, ...] | None:
    """The class names of an output's last axis: scores take those of the ids beside them, where
    there is one such output and the axis is as long."""
    named = [o.classes for o in outputs if o.classes is not None]
    if len(set(named)) == 1 and output.classes is None and output.dims:
        return named[0] if output.dims[-1] == str(len(named[0] or ())) else None
    return None
