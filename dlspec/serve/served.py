"""A model as the protocol shows it: its names, its metadata, and bodies of requests answered."""

from __future__ import annotations

import re
from collections.abc import Sequence
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlspec.bundle.manifest import InputSpec, OutputSpec
from dlspec.runtime import Answer, Model
from dlspec.runtime.labels import labels_of
from dlspec.serve.batching import Batcher, are_independent, layout_of
from dlspec.serve.datatypes import BYTES, NAMES
from dlspec.serve.request import Names, Request, Wanted, read_request
from dlspec.serve.response import write_response
from dlspec.serve.texts import Manner, feed_of, is_text, said, told_of

Array = NDArray[Any]

DIRECT_SECONDS = 1e-3
"""Requests that take less than this are answered on the event loop itself: handing one to a thread
costs about 50 µs, three times what a small network computes."""

DIRECT_BYTES = 64 * 1024
"""Larger requests always go to a thread."""


class ServedModel:
    """A loaded model under a name.

    ``respond`` is a function from bytes to bytes that any thread may call; ``is_quick`` tells
    whether the event loop may. ``batch`` is how many examples of different requests are computed
    together at most; ``batcher`` does that, where the model allows it.
    """

    def __init__(self, name: str, model: Model, batch: int = 1, places: int = 1) -> None:
        self.name = name
        self.model = model
        self.version: str = model.manifest.version
        self.names = _names(model)
        self._inputs = {i.name: i for i in model.inputs}
        self._specs = {o.name: o for o in model.outputs}
        self._outputs = (*model.outputs, *_counts(model))
        self._made = _made(model.outputs)
        self.labels = labels_of(model.outputs)
        self.batcher = _batcher(model, batch, places)
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
        answer = self._answer(request)
        response = write_response(
            self.name,
            self.version,
            request,
            self._wanted(request, answer),
            self.labels,
            answer.seed,
        )
        # the least of late: a wait for the processor or another thread is not the model's time
        key = len(body).bit_length()
        seconds = perf_counter() - begin
        self._seconds[key] = min(seconds, 1.05 * self._seconds.get(key, seconds))
        return response

    def _answer(self, request: Request) -> Answer:
        feeds: dict[str, object] = dict(request.sizes)
        for name, array in request.feeds.items():
            feeds[name] = array
            if array.dtype.hasobject:
                ragged = name in self.names.lengths
                feeds[name] = feed_of(self._inputs[name], array, ragged=ragged)
        bound, seed = self.model.bind(feeds, request.seed)
        compute = self.model.engine.answers if self.batcher is None else self.batcher.answers
        return self.model.answered(bound, self._cut(compute(bound)), seed)

    def _cut(self, arrays: list[Array]) -> list[Array]:
        """Steps that none of the examples has are left out, where the network made them: how many
        there is room for is nothing that a client should see, or another request change."""
        if not self._made:
            return arrays
        found = list(arrays)
        for place, lengths in self._made:
            most = max(1, int(arrays[lengths].max(initial=0)))
            found[place] = arrays[place][:, :most]
        return found

    def _wanted(self, request: Request, answer: Answer) -> list[tuple[Wanted, Array]]:
        """The outputs that are wanted, as they are: numbers, texts or names."""
        wanted = request.wanted or [Wanted(o.name, request.binary) for o in self._outputs]
        ids = any(n in self.names.texts and not a.dtype.hasobject for n, a in request.feeds.items())
        found: list[tuple[Wanted, Array]] = []
        for want in wanted:
            spec = self._specs.get(want.name)
            if spec is None:
                found.append((want, answer.given[want.name]))
                continue
            manner = want.manner or _fitting(spec, request.manner, ids=ids)
            plain = want.classes or manner == "ids"
            found.append((want, answer[want.name] if plain else said(spec, answer, manner)))
        return found

    def is_quick(self, size: int) -> bool:
        """Whether a body of this many bytes is answered at once, as those of about its size
        were, and without waiting for others."""
        if size > DIRECT_BYTES or not self._predictable or self.batcher is not None:
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
            "inputs": [self._tensor(i, i.name in self.names.lengths) for i in self.model.inputs],
            "outputs": [self._tensor(o, is_text(o)) for o in self._outputs],
            **({"parameters": self.reservations} if self.reservations else {}),
        }

    def _tensor(self, port: InputSpec | OutputSpec, ragged: bool) -> dict[str, Any]:
        shape = [int(d) if d.isdigit() else -1 for d in port.dims]
        datatype = _datatype(port)
        told: dict[str, Any] = {}
        if ragged and port.by is not None and port.classes is not None:
            told = told_of(port, self.model.record.bounds) | {"ids": f"{datatype} {shape}"}
            datatype, shape = BYTES, shape[:1]
        elif isinstance(port, InputSpec) and port.origin == "lengths":
            told = {"optional": True}
        about = {"name": port.name, "datatype": datatype, "shape": shape}
        return {**about, "parameters": told} if told else about

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


def _names(model: Model) -> Names:
    inputs, outputs = model.inputs, model.outputs
    named = {p.name for p in (*inputs, *outputs)}
    symbols = {s for i in inputs for d in i.dims for s in re.findall(r"[^\W\d]\w*", d)}
    counts = {i.symbol: i.name for i in inputs if i.origin == "lengths"}
    lengths = {
        i.name: tuple(counts[d] for d in i.dims[1:] if d in counts)
        for i in inputs
        if i.origin == "data" and len(i.dims) > 1 and i.dims[1] in counts
    }
    return Names(
        {i.name: _datatype(i) for i in inputs},
        tuple(o.name for o in (*outputs, *_counts(model))),
        frozenset(symbols - named),
        frozenset(i.name for i in inputs if i.origin == "data" and i.classes is not None),
        lengths,
    )


def _counts(model: Model) -> list[OutputSpec]:
    """Lengths that are answered although the engine does not: those of inputs along which an output
    has steps, since who sends texts does not know them."""
    named = {o.name for o in model.outputs}
    axes = {d for o in model.outputs for d in o.dims}
    return [
        OutputSpec(i.name, i.dtype, i.dims)
        for i in model.inputs
        if i.origin == "lengths" and i.symbol in axes and i.name not in named
    ]


def _made(outputs: Sequence[OutputSpec]) -> list[tuple[int, int]]:
    """The places of outputs with steps that the network made, each with that of their lengths."""
    places = {o.name: place for place, o in enumerate(outputs)}
    return [
        (place, places[lengths])
        for place, o in enumerate(outputs)
        if len(o.dims) > 1 and (lengths := f"{o.dims[1]}_lengths") in places
    ]


def _batcher(model: Model, batch: int, places: int) -> Batcher | None:
    layout = layout_of(model) if batch > 1 else None
    if layout is None:
        return None
    most = min(batch, model.record.bounds.get(layout.batch, (1, batch))[1])
    if most < 2 or not are_independent(model, layout):
        return None
    return Batcher(model.engine.answers, layout, most, places)


def _fitting(spec: OutputSpec, asked: Manner | None, *, ids: bool) -> Manner:
    """How an output is answered that was not asked for by itself: texts as texts, except to who
    gave ids; what has no names as ids."""
    manner = asked or ("ids" if ids else "text")
    fits = is_text(spec) if manner == "text" else spec.classes is not None
    return manner if fits else "ids"


def _datatype(port: InputSpec | OutputSpec) -> str:
    return NAMES[np.dtype(port.dtype)]
