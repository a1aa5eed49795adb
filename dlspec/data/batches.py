"""The order of examples in an epoch, and its cut into batches: functions of seed and epoch alone.

Nothing is drawn from a running generator, so a resumed run needs only the number of the epoch and
of the batch to see the very batches that an uninterrupted one sees.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dlspec.data.streams import permutation


def epoch_order(n: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """The order in which epoch ``epoch`` visits n examples: a permutation, int64[n]."""
    return permutation(n, seed, "epoch", epoch)


def bucketed_order(
    lengths: NDArray[np.int32], size: int, seed: int, epoch: int, buckets: int
) -> NDArray[np.int64]:
    """An epoch's order in which examples of similar length stand together in batches of ``size``.

    The random order is cut into stretches of ``buckets`` batches, each is sorted by length, and the
    whole batches are put into a random order again: a batch is padded little, and still is a random
    choice (Khomenko et al. 2016).
    """
    order = epoch_order(len(lengths), seed, epoch)
    if buckets <= 1:
        return order
    whole = len(order) // size * size
    stretch = size * buckets
    parts = [order[i : i + stretch] for i in range(0, whole, stretch)]
    parts[-1:] = [parts[-1][: whole - stretch * (len(parts) - 1)]] if parts else []
    ordered = [part[np.argsort(lengths[part], kind="stable")] for part in parts]
    if not ordered:
        return order
    batched = np.concatenate(ordered).reshape(-1, size)
    mixed = batched[permutation(len(batched), seed, "batches", epoch)]
    return np.concatenate([mixed.reshape(-1), order[whole:]])


def batch_count(n: int, size: int, *, drop_last: bool) -> int:
    """How many batches an epoch over n examples has (at least one: see `batches`)."""
    return max(1, n // size) if drop_last else -(-n // size)


def batches(
    n: int, size: int, seed: int, epoch: int, *, drop_last: bool = False, start: int = 0
) -> Iterator[NDArray[np.int64]]:
    """The batches of an epoch as index arrays, from batch ``start`` on.

    ``drop_last`` leaves out the examples that do not fill a last batch; another epoch's order sees
    them. Learning may want it: every step then has one shape (a captured or compiled step needs
    that) and each example the same weight in its step's mean. Evaluation must not, for every
    example counts there. With fewer examples than ``size`` the one batch there is comes whole,
    rather than none.
    """
    if size < 1:
        raise ValueError(f"a batch of {size}")
    order = epoch_order(n, seed, epoch)
    for i in range(start, batch_count(n, size, drop_last=drop_last)):
        yield order[i * size : (i + 1) * size]
