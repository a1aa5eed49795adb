"""Requests that wait are computed together: an engine that steps through texts answers eight of
them in half the time that it takes for one after the other.

Nothing is waited for. While all of the engine's places are taken, requests queue up; whoever gets a
place takes those that fit along. Examples of different lengths are padded to the longest, and their
lengths say so, so that each request has the answer that it would have alone, but for the last
bits of floats.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlspec.bundle.manifest import InputSpec, OutputSpec
from dlspec.diagnostics.core import DlspecError
from dlspec.runtime import Model
from dlspec.runtime.sizes import dim_of

Array = NDArray[Any]
Compute = Callable[[Mapping[str, Array]], list[Array]]
Size = Callable[[Mapping[str, int]], int]

RELATIVE, ABSOLUTE = 1e-3, 1e-5
"""How far the answers of a trial may differ: far more than rounding does, and far less than another
example's influence."""


@dataclass(frozen=True)
class Layout:
    """Which axes of a model's inputs and outputs grow when requests are put together.

    Attributes:
        batch: the symbol of all first axes.
        ragged: symbols of axes whose lengths are inputs.
        inputs: the dimensions of each input.
        outputs: of each output the sizes of its axes from 1 on; None where only its lengths tell.
    """

    batch: str
    ragged: frozenset[str]
    inputs: Mapping[str, tuple[str, ...]]
    outputs: tuple[tuple[Size | None, ...], ...]

    def sizes(self, bound: Mapping[str, Array]) -> dict[str, int]:
        """The size of each symbol in bound arrays."""
        return {
            dim: bound[name].shape[axis]
            for name, dims in self.inputs.items()
            for axis, dim in enumerate(dims)
        }


def layout_of(model: Model) -> Layout | None:
    """How a model's requests are put together; None where they cannot be: it draws noise, its
    examples are not along one first axis everywhere, or sizes do not follow from the inputs."""
    inputs, outputs = model.inputs, model.outputs
    ports: Sequence[InputSpec | OutputSpec] = (*inputs, *outputs)
    if not inputs or any(i.origin == "noise" for i in inputs) or any(not p.dims for p in ports):
        return None
    batch = inputs[0].dims[0]
    along = all(p.dims[0] == batch for p in ports)
    within = any(batch in _symbols(d) for p in ports for d in p.dims[1:])
    if batch.isdigit() or not along or within:
        return None
    ragged = frozenset(i.symbol for i in inputs if i.origin == "lengths" and i.symbol is not None)
    known = {s for i in inputs for d in i.dims for s in _symbols(d)}
    if any(_symbols(d) and not d.isidentifier() for i in inputs for d in i.dims):
        return None
    counted = {o.name for o in outputs}
    sizes: list[tuple[Size | None, ...]] = []
    for output in outputs:
        row: list[Size | None] = []
        for axis, dim in enumerate(output.dims[1:], 1):
            if _symbols(dim) <= known:
                row.append(dim_of(dim).evaluate)
            elif axis == 1 and f"{dim}_lengths" in counted:
                row.append(None)
            else:
                return None
        sizes.append(tuple(row))
    return Layout(batch, ragged, {i.name: i.dims for i in inputs}, tuple(sizes))


@dataclass(eq=False)
class _Job:
    """A request that waits until it is woken: with its answer, or to compute ``group``."""

    bound: Mapping[str, Array]
    rows: int
    key: tuple[tuple[str, int], ...]
    woken: Event = field(default_factory=Event)
    group: list[_Job] | None = None
    arrays: list[Array] | None = None
    error: Exception | None = None


class Batcher:
    """Answers bound arrays, those of several callers at once where they come together. Threads call
    `answers`, and wait there.

    Args:
        compute: the engine's function from arrays by name to its outputs.
        layout: how requests are put together.
        most: the most examples of one run; requests with more are computed by themselves.
        places: how many runs there are at once.
    """

    def __init__(self, compute: Compute, layout: Layout, most: int, places: int) -> None:
        self.compute = compute
        self._layout = layout
        self._most = most
        self._lock = Lock()
        self._free = places
        self._waiting: list[_Job] = []
        self.runs = 0

    def answers(self, bound: Mapping[str, Array]) -> list[Array]:
        """The engine's outputs in its order.

        Raises:
            DlspecError: DL658 where the engine fails at these arrays.
        """
        sizes = self._layout.sizes(bound)
        grow = {self._layout.batch, *self._layout.ragged}
        key = tuple((s, n) for s, n in sizes.items() if s not in grow and not s.isdigit())
        job = _Job(bound, sizes[self._layout.batch], key)
        with self._lock:
            self._waiting.append(job)
            if self._free:
                self._free -= 1
                self._give_place(job)
        job.woken.wait()
        if job.group is not None:
            self._run(job.group)
            with self._lock:
                if self._waiting:
                    self._give_place(self._waiting[0])
                else:
                    self._free += 1
        if job.error is not None:
            raise job.error
        assert job.arrays is not None
        return job.arrays

    @property
    def waiting(self) -> int:
        """How many requests wait for a place."""
        return len(self._waiting)

    def _give_place(self, first: _Job) -> None:
        """Have a job that waits compute itself and those that fit beside it."""
        group, rows = [first], first.rows
        for job in self._waiting:
            if job is not first and job.key == first.key and rows + job.rows <= self._most:
                group.append(job)
                rows += job.rows
        for job in group:
            self._waiting.remove(job)
        self.runs += 1
        first.group = group
        first.woken.set()

    def _run(self, jobs: list[_Job]) -> None:
        try:
            found = together(self._layout, self.compute, [j.bound for j in jobs])
            for job, arrays in zip(jobs, found, strict=True):
                job.arrays = arrays
        except Exception as error:  # noqa: BLE001 - each waits, and is told its own
            if len(jobs) == 1:
                jobs[0].error = error
            else:  # whose fault it was: by itself nobody else is harmed
                for job in jobs:
                    self._run([job])
        for job in jobs:
            job.woken.set()


def together(
    layout: Layout, compute: Compute, requests: Sequence[Mapping[str, Array]]
) -> list[list[Array]]:
    """The outputs of each request, of one run for all of them.

    Args:
        layout: of the model.
        compute: the engine's function from arrays by name to its outputs.
        requests: bound arrays; symbols that are not ragged have one size in all of them.
    """
    if len(requests) == 1:
        return [compute(requests[0])]
    sizes = [layout.sizes(r) for r in requests]
    rows = [s[layout.batch] for s in sizes]
    ends = np.cumsum(rows).tolist()
    merged = {n: _joined([r[n] for r in requests]) for n in layout.inputs}
    outputs = compute(merged)
    found: list[list[Array]] = []
    for count, end, own in zip(rows, ends, sizes, strict=True):
        known = {s: n for s, n in own.items() if not s.isdigit()}
        cut = [
            tuple(slice(None) if s is None else slice(s(known)) for s in dims)
            for dims in layout.outputs
        ]
        found.append([a[(slice(end - count, end), *c)] for a, c in zip(outputs, cut, strict=True)])
    return found


def are_independent(model: Model, layout: Layout) -> bool:
    """Whether examples do not change each other's answers, by a trial with drawn ones: a network
    may well compute with the mean of its batch."""
    rng = np.random.default_rng(0)
    try:
        requests = [model.bind(_drawn(model, layout, rng, steps))[0] for steps in (2, 3)]
        alone = [model.engine.answers(r) for r in requests]
        both = together(layout, model.engine.answers, requests)
    except DlspecError:
        return False
    for own, beside in zip(alone, both, strict=True):
        for one, other in zip(own, beside, strict=True):
            shared = tuple(map(slice, np.minimum(one.shape, other.shape)))
            x, y = (a[shared].astype(np.float64) for a in (one, other))
            scale = float(np.abs(x[np.isfinite(x)]).max(initial=0))
            if not np.allclose(x, y, RELATIVE, ABSOLUTE + RELATIVE * scale, equal_nan=True):
                return False
    return True


def _drawn(model: Model, layout: Layout, rng: np.random.Generator, steps: int) -> dict[str, Array]:
    """One example of drawn values, of so many steps as the bounds allow."""
    bounds = model.record.bounds

    def size(dim: str) -> int:
        if dim.isdigit():
            return int(dim)
        low, high = bounds.get(dim, (1, 64))
        low = max(low, model.manifest.least.get(dim, 1))
        wanted = low if dim == layout.batch else low + steps if dim in layout.ragged else low + 1
        return min(wanted, high)

    found: dict[str, Array] = {}
    for spec in model.inputs:
        if spec.origin == "data":
            dtype = np.dtype(spec.dtype)
            shape = [size(d) for d in spec.dims]
            if dtype.kind == "f":
                found[spec.name] = rng.normal(size=shape).astype(dtype)
            else:
                top = len(spec.classes) if spec.classes else 256 if dtype == np.uint8 else 2
                found[spec.name] = rng.integers(0, top, shape).astype(dtype)
    return found


def _joined(arrays: Sequence[Array]) -> Array:
    """Arrays behind one another along the first axis, 0 behind what is shorter in the others."""
    shape = tuple(np.max([a.shape[1:] for a in arrays], axis=0).astype(int))
    if all(a.shape[1:] == shape for a in arrays):
        return np.concatenate(arrays)
    found = np.zeros((sum(len(a) for a in arrays), *shape), arrays[0].dtype)
    begin = 0
    for array in arrays:
        found[(slice(begin, begin + len(array)), *map(slice, array.shape[1:]))] = array
        begin += len(array)
    return found


def _symbols(dim: str) -> frozenset[str]:
    return frozenset(dim_of(dim).symbols)
