"""Batches on the device: by index selection where the data fits there, else streamed ahead by
threads.

Learning leaves out the examples that do not fill an epoch's last batch (another epoch's order sees
them): every step then has one shape and each example the same weight. The order is
`dlspec.data.epoch_order`, a function of seed and epoch.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dlspec.data.batches import batch_count, bucketed_order, epoch_order
from dlspec.data.dataset import Dataset
from dlspec.data.sequences import Room, Sequences
from dlspec.diagnostics import DlspecError, did_you_mean
from dlspec.diagnostics.train import FieldMissing, FieldUnfit, NoExamples
from dlspec.ir.graph import Input
from dlspec.source import Span

if TYPE_CHECKING:
    import torch

Batch = dict[str, "torch.Tensor"]


class Feed:
    """One data set's batches; ``inputs`` are the fields that are read, with their types. ``rooms``
    are how long batches of a field are at least, where windows want that."""

    def __init__(
        self,
        dataset: Dataset,
        inputs: Mapping[str, Input],
        size: int,
        seed: int,
        device: torch.device,
        memory: int,
        part: str = "training",
        span: Span | None = None,
        buckets: int = 1,
        rooms: Mapping[str, Room] | None = None,
    ) -> None:
        import torch

        _check(dataset, inputs, part, span)
        self.examples = len(dataset)
        self.size = min(size, self.examples)
        self.per_epoch = batch_count(self.examples, size, drop_last=True)
        self._dataset = dataset
        self._inputs = dict(inputs)
        self._seed = seed
        self._device = device
        self.resident = _bytes(dataset, inputs) <= memory
        self._columns: Batch = {}
        self._steps: dict[str, Sequences] = {}
        self._buckets = buckets
        self._rooms = dict(rooms or {})
        for name, kind in self._inputs.items():
            if kind.origin != "lengths" and isinstance(column := dataset[name], Sequences):
                self._steps[name] = column
        for name, kind in self._inputs.items():
            if self.resident and kind.origin != "lengths":
                steps = self._steps.get(name)
                column = dataset[name] if steps is None else steps.store
                array = np.ascontiguousarray(_converted(column, kind))
                # PyTorch wants memory that it may write; only data mapped from disk has to be
                # copied for that
                array = array if array.flags.writeable else array.copy()
                self._columns[name] = torch.from_numpy(array).to(device)

    def learn(self, epoch: int, start: int) -> Generator[Batch, None, None]:
        """The batches of an epoch in its order, from batch ``start`` on."""
        if self._steps:
            lengths = next(iter(self._steps.values())).lengths
            order = bucketed_order(lengths, self.size, self._seed, epoch, self._buckets)
        else:
            order = epoch_order(self.examples, self._seed, epoch)
        return self._batches(order[: self.per_epoch * self.size], start)

    def evaluate(self) -> Generator[Batch, None, None]:
        """All examples in their own order; the last batch may be smaller."""
        return self._batches(np.arange(self.examples), 0)

    def _batches(self, order: NDArray[np.int64], start: int) -> Generator[Batch, None, None]:
        if self._steps and self.resident:
            return self._select_steps(order, start)
        return self._select(order, start) if self.resident else self._stream(order, start)

    def _select_steps(self, order: NDArray[np.int64], start: int) -> Generator[Batch, None, None]:
        """Batches of examples that differ in length: steps are gathered where they lie, so that a
        batch is as long as its longest example."""
        import torch

        for at in range(start * self.size, len(order), self.size):
            rows = order[at : at + self.size]
            taken: Batch = {}
            for name, column in self._columns.items():
                steps = self._steps.get(name)
                if steps is None:
                    taken[name] = column.index_select(0, torch.from_numpy(rows).to(self._device))
                    continue
                places, valid = steps.places(rows, self._rooms.get(name, (1, 1)))
                found = column[torch.from_numpy(places).to(self._device)]
                behind = torch.from_numpy(~valid).to(self._device)
                taken[name] = found.masked_fill_(
                    behind[(..., *[None] * (found.ndim - valid.ndim))], 0
                )
            for name in self._inputs:
                if name not in taken:
                    taken[name] = torch.from_numpy(self._lengths(name, rows)).to(self._device)
            yield taken

    def _lengths(self, name: str, rows: NDArray[np.int64]) -> NDArray[np.int32]:
        """What an input `T_lengths` is for some examples."""
        symbol = self._inputs[name].symbol
        for field, column in self._steps.items():
            shape = self._inputs[field].type.shape
            if shape[1].symbol == symbol:
                return column.lengths[rows]
            if len(shape) > 2 and shape[2].symbol == symbol and column.store is not column.values:
                return column.lengths_within(rows, self._rooms.get(field, (1, 1)))
        raise KeyError(name)

    def _select(self, order: NDArray[np.int64], start: int) -> Generator[Batch, None, None]:
        import torch

        columns = list(self._columns.items())
        for rows in torch.from_numpy(order[start * self.size :]).to(self._device).split(self.size):
            yield {name: column.index_select(0, rows) for name, column in columns}

    def _stream(self, order: NDArray[np.int64], start: int) -> Generator[Batch, None, None]:
        """Threads take batches ahead of the loop; NumPy's indexing and the disk run beside
        Python."""
        from collections import deque
        from concurrent.futures import Future, ThreadPoolExecutor

        ahead, workers = 8, 4
        pending: deque[Future[Batch]] = deque()
        with ThreadPoolExecutor(workers, "dlspec-data") as pool:
            try:
                for at in range(start * self.size, len(order), self.size):
                    pending.append(pool.submit(self._load, order[at : at + self.size]))
                    if len(pending) > ahead:
                        yield self._sent(pending.popleft().result())
                while pending:
                    yield self._sent(pending.popleft().result())
            finally:
                for future in pending:
                    future.cancel()

    def _load(self, rows: NDArray[np.int64]) -> Batch:
        import torch

        taken = self._dataset.take(rows, self._rooms)
        batch = {
            n: torch.from_numpy(_converted(taken[n], kind)) for n, kind in self._inputs.items()
        }
        return (
            {n: t.pin_memory() for n, t in batch.items()} if self._device.type == "cuda" else batch
        )

    def _sent(self, batch: Batch) -> Batch:
        return {n: t.to(self._device, non_blocking=True) for n, t in batch.items()}


def batch_sizes(inputs: Iterable[Input], fields: Mapping[str, NDArray[Any]]) -> dict[str, int]:
    """The sizes of the dynamic dimensions of a batch, by their symbols."""
    return {
        dim.symbol: size
        for i in inputs
        if i.name in fields
        for dim, size in zip(i.type.shape, fields[i.name].shape, strict=True)
        if dim.symbol is not None
    }


def memory_for_data(device: torch.device) -> int:
    """Half of what the device has free, in bytes."""
    import os

    import torch

    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0] // 2
    if hasattr(os, "sysconf") and "SC_AVPHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    return 2 << 30


def _bytes(dataset: Dataset, inputs: Mapping[str, Input]) -> int:
    total = 0
    for name, kind in inputs.items():
        if kind.origin != "lengths":
            column = dataset[name]
            count = len(column.store) if isinstance(column, Sequences) else len(dataset)
            total += count * int(np.prod(dataset.fields[name].shape)) * _numpy(kind).itemsize
    return total


def _numpy(kind: Input) -> np.dtype[Any]:
    return np.dtype(kind.type.dtype.value)


def _converted(column: NDArray[Any], kind: Input) -> NDArray[Any]:
    return column.astype(_numpy(kind), copy=False)


def _check(dataset: Dataset, inputs: Mapping[str, Input], part: str, span: Span | None) -> None:
    if not len(dataset):
        raise DlspecError(NoExamples(span, part))
    faults: list[FieldMissing | FieldUnfit] = []
    for name, kind in inputs.items():
        if kind.origin == "lengths":
            continue
        field = dataset.fields.get(name)
        if field is None:
            known = ", ".join(dataset.fields)
            faults.append(FieldMissing(span, name, known, did_you_mean(name, dataset.fields)))
            continue
        steps = (field.steps is not None) + (field.within is not None)
        sizes = [d.value for d in kind.type.shape[1 + steps :]]
        shape_fits = len(sizes) == len(field.shape) and all(
            want is None or want == has for want, has in zip(sizes, field.shape, strict=True)
        )
        numbers = field.dtype != "str"
        whole = numbers and np.dtype(field.dtype).kind in "iub"
        shape_fits = shape_fits and kind.type.ragged == frozenset(range(1, steps + 1))
        if not shape_fits or not numbers or (not kind.type.dtype.is_float and not whole):
            faults.append(FieldUnfit(span, name, str(field), str(kind.type)))
    if faults:
        raise DlspecError(*faults)
