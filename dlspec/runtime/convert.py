"""What an application gives, as an array of the input's element type, exactly or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from dlspec.bundle.manifest import InputSpec
from dlspec.late import LateModule
from dlspec.text import UNKNOWN

if TYPE_CHECKING:
    from dlspec.diagnostics import bundle as faults
else:
    faults = LateModule("dlspec.diagnostics.bundle")

Array = NDArray[Any]


def converted(spec: InputSpec, value: object, dtype: np.dtype[Any]) -> Array:
    """``value`` in the element type ``dtype``.

    An array is converted where that is exact for its type (uint8 to int64, float16 to float32), and
    integers to any integer type that holds their values. Python numbers and lists take the input's
    type. Names of classes become their ids; those that a vocabulary has not, its id for others.

    Raises:
        DlspecError: DL662 for a type that would lose something, DL663 for a value that does not
            fit, DL669 for what is no array, DL670 for a name that is no class.
    """
    is_array = hasattr(value, "__array__") or hasattr(value, "__array_interface__")
    try:
        array = np.asarray(value)
    except (ValueError, TypeError) as error:  # rows of different lengths
        raise _no_array(spec, value) from error
    kind = array.dtype.kind
    if kind in "US" and spec.classes is not None:
        return _ids(spec, array, dtype)
    if kind not in "biuf":
        if array.dtype == dtype:
            return array
        raise _no_array(spec, value)
    if array.dtype == dtype or np.can_cast(array.dtype, dtype, "safe"):
        return array.astype(dtype, copy=False)
    if dtype.kind in "iu" and kind in "iu":
        return _integers(spec, array, dtype)
    if dtype.kind == "f" and not is_array:
        with np.errstate(over="ignore"):
            narrow = array.astype(dtype)
        wrong = np.isfinite(array) & ~np.isfinite(narrow)
        if wrong.any():
            top = float(np.finfo(dtype).max)
            raise faults.DlspecError(
                faults.FeedRange(
                    None,
                    spec.name,
                    f"{array[wrong].flat[0]:g}",
                    f"{-top:g}",
                    f"{top:g}",
                    str(dtype),
                )
            )
        return narrow
    raise faults.DlspecError(faults.FeedType(None, spec.name, str(array.dtype), str(dtype)))


def _integers(spec: InputSpec, array: Array, dtype: np.dtype[Any]) -> Array:
    limits = np.iinfo(dtype)
    if array.size:
        for end in (int(array.min()), int(array.max())):
            if not int(limits.min) <= end <= int(limits.max):
                least, most = str(int(limits.min)), str(int(limits.max))
                raise faults.DlspecError(
                    faults.FeedRange(None, spec.name, str(end), least, most, str(dtype))
                )
    return array.astype(dtype)


_SHOWN = 12
"""So many class names are told of."""


def _ids(spec: InputSpec, array: Array, dtype: np.dtype[Any]) -> Array:
    classes = spec.classes or ()
    index = {name: i for i, name in enumerate(classes)}
    found = np.empty(array.shape, dtype)
    for place, name in np.ndenumerate(array):
        text = str(name)
        if text not in index and spec.by is not None:
            found[place] = UNKNOWN
            continue
        if text not in index:
            near = faults.did_you_mean(text, classes)
            known = ", ".join(classes[:_SHOWN]) + (", …" if len(classes) > _SHOWN else "")
            raise faults.DlspecError(faults.UnknownClass(None, spec.name, text, near, known))
        found[place] = index[text]
    return found


def _no_array(spec: InputSpec, value: object) -> faults.DlspecError:
    received = f"a {type(value).__name__}"
    if isinstance(value, (list, tuple)):
        items = cast("list[object]", value)
        lengths = {len(cast("list[object]", v)) for v in items if isinstance(v, (list, tuple))}
        mixed = len(lengths) > 1 or any(
            np.shape(cast(Any, v)) != () for v in items[:8] if _sized(v)
        )
        received += " with rows of different lengths" if mixed else " that holds no numbers"
    elif isinstance(value, str):
        received = "a text"
    why = None
    if spec.by is not None and spec.classes is None:
        why = "its vocabulary is made of what is learnt from: texts are taken once it is trained"
    return faults.DlspecError(faults.FeedNotArray(None, spec.name, received, spec.type, why))


def _sized(value: object) -> bool:
    return isinstance(value, np.ndarray)
