"""The error function."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from dlspec.ops.base import Array
from dlspec.ops.elementwise import Unary


def erf(x: Array) -> Array:
    """``2 / sqrt(π) ∫₀ˣ e ** -t² dt``, in float64."""
    return np.asarray(_erf(x)).astype(np.float64)


def erfc(x: Array) -> Array:
    """``1 - erf(x)``, with all digits where that is small."""
    return np.asarray(_erfc(x)).astype(np.float64)


_erf, _erfc = np.frompyfunc(math.erf, 1, 1), np.frompyfunc(math.erfc, 1, 1)


class Erf(Unary):
    """The error function, ``y = 2 / sqrt(π) ∫₀ˣ e ** -t² dt``, between -1 and 1."""

    name = "erf"
    word = "erf"
    kind = "Erf"
    range = 1.0

    def reference(self, *inputs: Any) -> Any:
        return erf(inputs[0]).astype(inputs[0].dtype)
