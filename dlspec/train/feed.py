"""Batches on the device: by index selection where the data fits there, else streamed ahead by
threads.

Learning leaves out the examples that do not fill an epoch's last batch (another epoch's order sees
them): every step then has one shape and each example the same weight. The order is
`dlspec.data.epoch_order`, a function of seed and epoch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dlspec.data.batches import batch_count, epoch_order
from dlspec.data.dataset import Dataset
from dlspec.diagnostics import DlspecError, did_you_mean
from dlspec.diagnostics.train import FieldMissing, FieldUnfit, NoExamples
from dlspec.ir.graph import Input
from dlspec.source import Span

if TYPE_CHECKING:
    import torch

Batch = dict[str, "torch.Tensor"]


class Feed:
    """One data set's batches; ``inputs`` are the fields that are read, with their types."""

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
        if self.resident:
            for name, kind in self._inputs.items():
                array = np.ascontiguousarray(_converted(dataset[name], kind))
                # PyTorch wants memory that it may write; only data mapped from disk has to be
                # copied for that
                array = array if array.flags.writeable else array.copy()
                self._columns[name] = torch.from_numpy(array).to(device)

    def learn(self, epoch: int, start: int) -> Iterator[Batch]:
        """The batches of an epoch in its order, from batch ``start`` on."""
        order = epoch_order(self.examples, self._seed, epoch)[: self.per_epoch * self.size]
        return self._batches(order, start)

    def evaluate(self) -> Iterator[Batch]:
        """All examples in their own order; the last batch may be smaller."""
        return self._batches(np.arange(self.examples), 0)

    def _batches(self, order: NDArray[np.int64], start: int) -> Iterator[Batch]:
        return self._select(order, start) if self.resident else self._stream(order, start)

    def _select(self, order: NDArray[np.int64], start: int) -> Iterator[Batch]:
        import torch

        columns = list(self._columns.items())
        for rows in torch.from_numpy(order[start * self.size :]).to(self._device).split(self.size):
            yield {name: column.index_select(0, rows) for name, column in columns}

    def _stream(self, order: NDArray[np.int64], start: int) -> Iterator[Batch]:
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

        taken = self._dataset.take(rows)
        batch = {
            n: torch.from_numpy(_converted(taken[n], kind)) for n, kind in self._inputs.items()
        }
        return (
            {n: t.pin_memory() for n, t in batch.items()} if self._device.type == "cuda" else batch
        )

    def _sent(self, batch: Batch) -> Batch:
        return {n: t.to(self._device, non_blocking=True) for n, t in batch.items()}


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
    return sum(
        len(dataset) * int(np.prod(dataset.fields[n].shape)) * _numpy(kind).itemsize
        for n, kind in inputs.items()
    )


def _numpy(kind: Input) -> np.dtype[Any]:
    return np.dtype(kind.type.dtype.value)


def _converted(column: NDArray[Any], kind: Input) -> NDArray[Any]:
    return column.astype(_numpy(kind), copy=False)


def _check(dataset: Dataset, inputs: Mapping[str, Input], part: str, span: Span | None) -> None:
    if not len(dataset):
        raise DlspecError(NoExamples(span, part))
    faults: list[FieldMissing | FieldUnfit] = []
    for name, kind in inputs.items():
        field = dataset.fields.get(name)
        if field is None:
            known = ", ".join(dataset.fields)
            faults.append(FieldMissing(span, name, known, did_you_mean(name, dataset.fields)))
            continue
        sizes = [d.value for d in kind.type.shape[1:]]
        shape_fits = len(sizes) == len(field.shape) and all(
            want is None or want == has for want, has in zip(sizes, field.shape, strict=True)
        )
        numbers = field.dtype != "str"
        whole = numbers and np.dtype(field.dtype).kind in "iub"
        if not shape_fits or not numbers or (not kind.type.dtype.is_float and not whole):
            faults.append(FieldUnfit(span, name, str(field), str(kind.type)))
    if faults:
        raise DlspecError(*faults)
