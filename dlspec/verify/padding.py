"""What lies behind the lengths of a ragged output is no answer: it is not compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlspec.ir.graph import Graph, Value

Array = NDArray[Any]


def without_padding(
    graph: Graph, value: Value, array: Array, inputs: Mapping[str, Array], sizes: Mapping[str, int]
) -> Array:
    """The array with 0 behind the lengths of its ragged axes.

    A ragged axis whose dimension is an expression of a symbol has the lengths mapped by that
    expression.
    """
    if not value.type.ragged or array.ndim != value.type.rank:
        return array
    lengths = {i.symbol: np.asarray(inputs[i.name]) for i in graph.inputs if i.origin == "lengths"}
    kept = np.ones(array.shape, bool)
    for axis in value.type.ragged:
        dim = value.type.shape[axis]
        for symbol in dim.symbols:
            length = lengths.get(symbol)
            if length is None or length.ndim > axis or length.shape != array.shape[: length.ndim]:
                continue
            flat = [dim.evaluate({**sizes, symbol: int(n)}) for n in length.reshape(-1)]
            mapped = np.array(flat, np.int64).reshape(length.shape)
            position = np.arange(array.shape[axis]).reshape(
                [-1 if a == axis else 1 for a in range(array.ndim)]
            )
            kept &= position < mapped.reshape(*length.shape, *[1] * (array.ndim - length.ndim))
    return np.where(kept, array, np.zeros((), array.dtype))
